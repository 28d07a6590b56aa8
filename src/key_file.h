// Files that hold keys: read and written so that nobody else sees them and no half of one is ever found.
#pragma once

#include <string>

#include "result.h"
#include "secret.h"

namespace cardscrub {

inline constexpr size_t kKeyFileMax = 65536;  // bytes; a ring of three keys takes about 500

// What a file holds, for the sentences of its faults.
struct KeyFileKind {
  const char* what;    // "key ring"
  const char* make;    // command that makes one, its path to be appended; nullptr: there is none
  const char* change;  // the same, for a file that exists; nullptr: there is none
};
inline constexpr KeyFileKind kKeyRingFile{"key ring", "cardscrub keys new --file ",
                                          "cardscrub keys rotate --file "};
inline constexpr KeyFileKind kKekFile{"key-encryption key", "cardscrub keys kek ", nullptr};
inline constexpr KeyFileKind kPinFile{"PIN file", nullptr, nullptr};
inline constexpr KeyFileKind kPasswordFile{"password file", nullptr, nullptr};

// The whole file. A fault, with the command that mends it, for: no such file, a symbolic link, not a regular
// file, mode other than 0600 or 0400, an owner other than root or the effective user, more than kKeyFileMax
// bytes. A file that is replaced while it is being read is read again.
Result<SecretBuffer> read_key_file(const std::string& path, const KeyFileKind& kind = kKeyRingFile);

// Temporary file in the same folder (O_EXCL, 0600), fsync, rename, fsync of the folder. With `replace` the
// bytes of the file that was there are overwritten once the new one stands; without, an existing file is a
// fault and stays as it is.
Status write_key_file(const std::string& path, Bytes content, bool replace,
                      const KeyFileKind& kind = kKeyRingFile);

// Descriptor of the file's folder, for the caller to close; below 0: it cannot be opened.
int open_key_folder(const std::string& path);

}  // namespace cardscrub
