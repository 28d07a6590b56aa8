// A table with one place for each name.
#include "name_memo.h"

#include <algorithm>
#include <cstring>

#include "text.h"

namespace cardscrub {

// False: too long to be remembered.
bool NameMemo::write_key(const Path& path, Bytes leaf, Key* key) {
  auto* out = reinterpret_cast<uint8_t*>(key->words.data());
  size_t size = 0;
  const auto add = [&](Bytes name) {
    if (name.size() + 1 > sizeof key->words - size) return false;
    out[size++] = static_cast<uint8_t>(name.size());
    if (!name.empty()) std::memcpy(out + size, name.data(), name.size());
    size += name.size();
    return true;
  };
  for (size_t level = 0; level < path.depth(); ++level) {
    if (!add(path.name(level))) return false;
  }
  return add(leaf);
}

size_t NameMemo::slot(const Key& key) {
  uint64_t hash = 0;
  for (uint64_t word : key.words) hash = (hash ^ word) * 0x9E3779B97F4A7C15u ^ hash >> 29;
  return hash * 0x9E3779B97F4A7C15u >> (64 - kBits);
}

FieldMatch NameMemo::recall(const FieldNames& fields, const Path& path, Bytes leaf, bool* failed) {
  Key key;
  if (!write_key(path, leaf, &key)) return fields.match(path, leaf, failed);
  Entry& entry = entries_[slot(key)];
  if (entry.fields == fields.id() && entry.key == key) return entry.match;
  bool fault = false;
  const FieldMatch match = fields.match(path, leaf, &fault);
  *failed = *failed || fault;
  size_t digits = 0;
  for (size_t level = 0; level < path.depth(); ++level) {
    const Bytes name = path.name(level);
    digits += static_cast<size_t>(std::count_if(name.begin(), name.end(), is_digit));
  }
  digits += static_cast<size_t>(std::count_if(leaf.begin(), leaf.end(), is_digit));
  if (!fault && digits <= kDigits) entry = {key, fields.id(), match};
  return match;
}

}  // namespace cardscrub
