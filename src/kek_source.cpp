// Reading keys from where operators keep them.
#include "kek_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base64url.h"
#include "child.h"
#include "key_file.h"
#include "limits.h"

namespace cardscrub {
namespace {

constexpr size_t kHexSize = 2 * KeyBlock::kSize;

struct Scheme {
  std::string_view prefix;
  KekSource::Kind kind;
};
constexpr Scheme kSchemes[] = {
    {"file:", KekSource::Kind::kFile},       {"credential:", KekSource::Kind::kCredential},
    {"env:", KekSource::Kind::kEnvironment}, {"command:", KekSource::Kind::kCommand},
    {"pkcs11:", KekSource::Kind::kPkcs11},
};

std::map<std::string, KeyBlock>& environment_keys() {
  static std::map<std::string, KeyBlock> keys;
  return keys;
}

unsigned hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') return c - unsigned{'0'};
  const unsigned lower = c | 0x20u;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

bool decode_hex(Bytes text, SecretBuffer* out) {
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const unsigned high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high > 15 || low > 15) return false;
    const uint8_t byte = static_cast<uint8_t>(high << 4 | low);
    out->append({&byte, 1});
  }
  return true;
}

bool decode_base64(Bytes text, SecretBuffer* out) {
  SecretBuffer url;
  url.append(text);
  for (uint8_t& c : url.span()) c = c == '+' ? '-' : c == '/' ? '_' : c;
  if (url.size() == 44 && url.span().back() == '=') url.resize(43);
  return base64url_decode(url.span(), out);
}

bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }
bool is_printable(uint8_t c) { return c >= 0x20 && c < 0x7f; }

// A program that others may change would give the key, or the machine, away.
Status check_program(const std::string& path, const std::string& name) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return Fault{"cannot run " + name + ": " + std::strerror(errno)};
  }
  if (!S_ISREG(info.st_mode) || access(path.c_str(), X_OK) != 0) {
    return Fault{"cannot run " + name + ": it is no program; run: chmod 755 " + path};
  }
  if ((info.st_uid != 0 && info.st_uid != geteuid()) || (info.st_mode & 022) != 0) {
    return Fault{"will not run " + name + ": others may change it; run: chown root " + path +
                 " && chmod go-w " + path};
  }
  return Done{};
}

Result<SecretBuffer> run_command(const KekSource& source) {
  Status program = check_program(source.target, source.name);
  if (!program) return Fault{program.message()};
  std::vector<char*> arguments;
  for (const std::string& argument : source.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const auto replace_child = [&arguments](int fd) {
    dup2(fd, STDOUT_FILENO);
    execve(arguments[0], arguments.data(), environ);
    return 126;
  };
  ChildEnd end = run_child({limits::kKekOutput, limits::kKekSeconds}, replace_child);
  const std::string number = std::to_string(end.number);
  switch (end.how) {
    case ChildEnd::How::kExited:
      if (end.number == 0) return std::move(end.output);
      return Fault{source.name + " failed with exit status " + number};
    case ChildEnd::How::kKilled:
      return Fault{source.name + " was ended by signal " + number};
    case ChildEnd::How::kTimedOut:
      return Fault{source.name + " took longer than " + std::to_string(limits::kKekSeconds) +
                   " s and was ended"};
    case ChildEnd::How::kTooMuch:
      return Fault{source.name + " printed more than a key"};
    case ChildEnd::How::kFailed:
      break;
  }
  return Fault{"cannot run " + source.name + ": " + std::strerror(end.number)};
}

Result<SecretBuffer> read_credential(const KekSource& source) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || folder[0] != '/') {
    return Fault{
        "cannot read " + source.name +
        ": $CREDENTIALS_DIRECTORY is not set; add to the [Service] section of the unit: LoadCredential=" +
        source.target + ":/path/of/the/key"};
  }
  return read_key_file(std::string(folder) + "/" + source.target, kKekFile);
}

Fault in_source(const KekSource& source, const std::string& message) {
  return Fault{source.name + " gives no key: " + message};
}

Result<KeyBlock> read_environment(const KekSource& source) {
  const auto kept = environment_keys().find(source.target);
  if (kept != environment_keys().end()) return KeyBlock(kept->second.span());
  char* value = std::getenv(source.target.c_str());
  if (value == nullptr) {
    return Fault{"cannot read " + source.name + ": there is no such variable in the environment"};
  }
  const size_t size = std::strlen(value);
  Result<KeyBlock> key = parse_key_text({reinterpret_cast<const uint8_t*>(value), size});
  wipe(value, size);
  if (!key) return in_source(source, key.message());
  environment_keys().emplace(source.target, KeyBlock(key->span()));
  return key;
}

}  // namespace

Result<KekSource> parse_kek_source(std::string_view word) {
  KekSource out;
  const Scheme* scheme = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                      [word](const Scheme& known) { return word.starts_with(known.prefix); });
  if (scheme == std::end(kSchemes)) {
    return Fault{
        "a key-encryption key is named by its source: file:/path, credential:NAME, env:NAME, command:/path "
        "or "
        "pkcs11:...; the key itself is never written there"};
  }
  out.kind = scheme->kind;
  out.name = word;
  out.target = word.substr(scheme->prefix.size());
  switch (out.kind) {
    case KekSource::Kind::kFile:
      if (!out.target.starts_with('/')) return Fault{"file: needs an absolute path, such as file:/root/kek"};
      break;
    case KekSource::Kind::kCredential:
      if (out.target.empty() || out.target.find('/') != std::string::npos) {
        return Fault{"credential: needs the name that LoadCredential= of the systemd unit gives it"};
      }
      break;
    case KekSource::Kind::kEnvironment:
      if (out.target.empty() || out.target.find('=') != std::string::npos) {
        return Fault{"env: needs the name of an environment variable"};
      }
      break;
    case KekSource::Kind::kCommand:
      for (size_t at = 0; at < out.target.size();) {
        const size_t space = std::min(out.target.find(' ', at), out.target.size());
        if (space > at) out.arguments.push_back(out.target.substr(at, space - at));
        at = space + 1;
      }
      if (out.arguments.empty() || !out.arguments[0].starts_with('/')) {
        return Fault{"command: needs the absolute path of a program, such as command:/usr/local/bin/kek"};
      }
      out.target = out.arguments[0];
      out.name = "command:" + out.target;
      break;
    case KekSource::Kind::kPkcs11:
      out.target = word;
      out.name = word.substr(0, word.find('?'));
      break;
  }
  return out;
}

Result<KeyBlock> parse_key_text(Bytes text) {
  Bytes line = text;
  while (!line.empty() && is_line_end(line.back())) line = line.first(line.size() - 1);
  SecretBuffer key;
  bool good = false;
  if (line.size() == 43 || line.size() == 44) {
    good = decode_base64(line, &key);
  } else if (line.size() == kHexSize) {
    good = decode_hex(line, &key);
  } else if (text.size() == KeyBlock::kSize && !std::all_of(text.begin(), text.end(), is_printable)) {
    key.append(text);
    good = true;
  }
  if (!good || key.size() != KeyBlock::kSize) {
    return Fault{
        "it must be 32 bytes, in base64url, base64 or hexadecimal on one line; to make one run: cardscrub "
        "keys "
        "kek FILE"};
  }
  const auto same = [&key](uint8_t byte) { return byte == key.data()[0]; };
  if (std::all_of(key.data(), key.data() + key.size(), same)) return Fault{"it is no random key"};
  return KeyBlock(Bytes(key.span()).first<KeyBlock::kSize>());
}

Result<KeyBlock> read_kek_source(const KekSource& source) {
  Result<SecretBuffer> text = Fault{"the key of " + source.name + " cannot be read"};
  switch (source.kind) {
    case KekSource::Kind::kFile:
      text = read_key_file(source.target, kKekFile);
      break;
    case KekSource::Kind::kCredential:
      text = read_credential(source);
      break;
    case KekSource::Kind::kEnvironment:
      return read_environment(source);
    case KekSource::Kind::kCommand:
      text = run_command(source);
      break;
    case KekSource::Kind::kPkcs11:
      break;
  }
  if (!text) return Fault{text.message()};
  Result<KeyBlock> key = parse_key_text(text->span());
  if (!key) return in_source(source, key.message());
  return key;
}

void forget_environment_keys() { environment_keys().clear(); }

}  // namespace cardscrub
