// KeyRing::parse: the JWK Set's text, without a key ever reaching the JSON library.
//
// A JSON parser copies strings into buffers that it does not wipe. So every run of 16 or more characters of
// base64url is taken out before: in its place stand as many DEL characters, among them the run's number.
//
//   "k":"u3Jx...43 characters..."   becomes   "k":"\x7f 0 \x7f\x7f\x7f..."
//
// Offsets stay the same, so that a fault names the right line.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base64url.h"
#include "key_file.h"
#include "key_ring.h"

namespace cardscrub {
namespace {

using Json = nlohmann::json;

constexpr size_t kRunMin = 16;
constexpr char kMark = '\x7f';

struct Masked {
  std::string text;
  std::vector<Bytes> runs;
};

Masked mask(Bytes json) {
  Masked out;
  out.text.reserve(json.size());
  for (size_t at = 0; at < json.size();) {
    size_t end = at;
    while (end < json.size() && is_base64url(json[end])) end++;
    const size_t size = end - at;
    if (size >= kRunMin) {
      std::string mark = kMark + std::to_string(out.runs.size());
      mark.resize(size, kMark);
      out.text += mark;
      out.runs.push_back(json.subspan(at, size));
      at = end;
    } else if (size > 0) {
      for (; at < end; at++) out.text.push_back(static_cast<char>(json[at]));
    } else {
      out.text.push_back(static_cast<char>(json[at++]));
    }
  }
  return out;
}

// The run that a value stands for; empty when it stands for none.
Bytes run_of(const Masked& masked, const std::string& value) {
  size_t number = 0;
  if (value.size() < kRunMin || value[0] != kMark) return {};
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data() + 1, end, number);
  const bool rest = std::all_of(stop, end, [](char c) { return c == kMark; });
  if (error != std::errc() || !rest || number >= masked.runs.size() ||
      masked.runs[number].size() != value.size()) {
    return {};
  }
  return masked.runs[number];
}

const std::string* string_member(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr : member->get_ptr<const std::string*>();
}

// Absent, or exactly this text.
bool is_or_absent(const Json& object, const char* name, std::string_view expected) {
  if (!object.contains(name)) return true;
  const std::string* value = string_member(object, name);
  return value != nullptr && *value == expected;
}

struct Parsed {
  uint8_t generation;
  bool active;
  int64_t created;
  SecretBuffer key;
};

Result<Parsed> parse_key(const Json& object, const Masked& masked) {
  if (!object.is_object()) return Fault{"is not an object"};
  Parsed out{};
  const std::string* type = string_member(object, "kty");
  if (type == nullptr || *type != "oct") return Fault{"member \"kty\" must be \"oct\""};
  if (!is_or_absent(object, "use", "enc")) return Fault{"member \"use\" must be \"enc\""};
  if (!is_or_absent(object, "alg", "A256KW")) return Fault{"member \"alg\" must be \"A256KW\""};

  const auto generation = object.find("generation");
  if (generation == object.end() || !generation->is_number_unsigned() || generation->get<uint64_t>() > 9) {
    return Fault{"member \"generation\" must be 9, 7 or 1"};
  }
  out.generation = generation->get<uint8_t>();
  if (!is_or_absent(object, "kid", std::to_string(out.generation))) {
    return Fault{"member \"kid\" must be the generation as a string"};
  }
  const auto created = object.find("iat");
  if (created == object.end() || !created->is_number_unsigned()) {
    return Fault{"member \"iat\" must be seconds since 1970"};
  }
  out.created = created->get<int64_t>();
  const std::string* state = string_member(object, "state");
  if (state == nullptr || (*state != "active" && *state != "live")) {
    return Fault{"member \"state\" must be \"active\" or \"live\""};
  }
  out.active = *state == "active";
  const std::string* key = string_member(object, "k");
  const Bytes run = key == nullptr ? Bytes{} : run_of(masked, *key);
  if (run.empty() || !base64url_decode(run, &out.key) || out.key.size() != KeyBlock::kSize) {
    return Fault{"member \"k\" must be 32 bytes in base64url (43 characters, no padding)"};
  }
  return out;
}

}  // namespace

Result<KeyRing> KeyRing::parse(Bytes json) {
  if (json.size() > kKeyFileMax) return Fault{"it is larger than 64 KiB"};
  if (std::find(json.begin(), json.end(), static_cast<uint8_t>(kMark)) != json.end()) {
    return Fault{"it is not JSON: it holds a control character"};
  }
  const Masked masked = mask(json);
  Json document;
  try {
    document = Json::parse(masked.text);
  } catch (const Json::exception& error) {
    const auto* where = dynamic_cast<const Json::parse_error*>(&error);
    const size_t size = std::min(masked.text.size(), where == nullptr ? 0 : where->byte);
    const auto line = 1 + std::count(masked.text.data(), masked.text.data() + size, '\n');
    return Fault{"line " + std::to_string(line) + " is not JSON"};
  }
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return Fault{"it is no JWK Set: member \"keys\" must be an array"};
  }
  KeyRing ring;
  size_t index = 0;
  for (const Json& object : document["keys"]) {
    const std::string place = "keys[" + std::to_string(index++) + "]: ";
    Result<Parsed> key = parse_key(object, masked);
    if (!key) return Fault{place + key.message()};
    Status added = ring.add(key->generation, key->active, key->created, key->key.span());
    if (!added) return Fault{place + added.message()};
  }
  if (ring.entries_.empty()) return Fault{"it holds no key"};
  if (ring.active_ == 0) return Fault{"no generation is \"active\"; set the newest one to \"active\""};
  return ring;
}

}  // namespace cardscrub
