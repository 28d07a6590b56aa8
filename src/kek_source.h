// Where a key-encryption key, or one of its two components, comes from: one word of the configuration or the
// command line, never the key itself.
//
//   file:/path           a file of mode 0600 or 0400 that root or the caller owns
//   credential:NAME      $CREDENTIALS_DIRECTORY/NAME (systemd's LoadCredential=)
//   env:NAME             an environment variable; its value is wiped once it was read
//   command:/path a b    what a program prints; no shell, arguments at spaces
//   pkcs11:...           an RSA key pair in a token or HSM (RFC 7512), see pkcs11_key.h
//
// A key is 32 bytes as one line: base64url or base64 (43 or 44 characters) or hexadecimal (64); or the bytes
// themselves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "key_block.h"
#include "result.h"

namespace cardscrub {

struct KekSource {
  enum class Kind : uint8_t { kFile, kCredential, kEnvironment, kCommand, kPkcs11 };
  Kind kind = Kind::kFile;
  std::string name;                    // for sentences: the word without a command's arguments
  std::string target;                  // path, name, or the whole URI
  std::vector<std::string> arguments;  // of a command, its path first
};

// The fault says what is wrong with the word, and never repeats one that has no known beginning: it may be a
// key.
Result<KekSource> parse_kek_source(std::string_view word);

// The key; kPkcs11 has none to give. The fault names the source, never anything of what it gave.
Result<KeyBlock> read_kek_source(const KekSource& source);

// A key's text, see above.
Result<KeyBlock> parse_key_text(Bytes text);

// What came from the environment is kept, locked in memory, for as long as the process may read its
// configuration again. A worker calls this when it starts.
void forget_environment_keys();

}  // namespace cardscrub
