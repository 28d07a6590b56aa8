// The code store's memory:
//
//   header (128 bytes) | bucket 0: 8 slots of 64 bytes | bucket 1 | ...
//
// An entry lies in one of two buckets, which the two halves of its name choose; it goes to the one with more
// room. So the first entry is refused when about three quarters of the slots hold codes (measured: 71 to 76 %
// of 8 MB); with one choice it would be about a quarter. A call looks at 16 slots at most. Name and cipher
// are computed outside the lock.
//
// A worker may die at any instruction, and nginx then opens the lock by force. So a slot's state is written
// last when it is filled, and first when it is emptied; what a slot says besides is proved by GCM's tag
// before it is believed.
#include "code_store.h"

#include <atomic>
#include <cstring>

#include "code_cipher.h"

namespace cardscrub {
namespace {

constexpr uint64_t kMagic = 0x3176'6263'7263'7363;
constexpr uint64_t kVersion = 2;
constexpr size_t kBucket = 8;          // slots
constexpr uint32_t kClocksApart = 60;  // seconds that two workers' clocks may differ by

enum SlotState : uint8_t { kFree, kLive, kTakenOnce, kSpent };

struct alignas(64) Slot {
  uint8_t state;
  uint8_t generation;  // the digit of the keys
  uint16_t reserved;
  uint32_t expiry;     // seconds since 1970
  uint32_t grace_end;  // kTakenOnce: until then it may be taken again
  CodeCipher::Index name;
  SealedCode sealed;
};
static_assert(sizeof(Slot) == 64);

struct alignas(64) Header {
  uint64_t magic, version, slots, cursor;
  CodeStoreCounters counters;
  uint8_t reserved[56];
};
static_assert(sizeof(Header) == 128 && std::is_trivially_copyable_v<Header>);

size_t buckets_in(size_t size) {
  return size < sizeof(Header) ? 0 : (size - sizeof(Header)) / (kBucket * sizeof(Slot));
}

// Release order: what was written before is there before the state says so.
void set_state(Slot* slot, SlotState state) {
  std::atomic_ref<uint8_t>(slot->state).store(state, std::memory_order_release);
}

bool holds_code(const Slot& slot) { return slot.state == kLive || slot.state == kTakenOnce; }

// Pages of slots that were never used stay unwritten.
bool is_wiped(const SealedCode& sealed) {
  static constexpr SealedCode kNothing{};
  return std::memcmp(&sealed, &kNothing, sizeof sealed) == 0;
}

void subtract(uint64_t* counter) {
  if (*counter > 0) --*counter;  // after the death of a worker the number may be off by one
}

class Locked {
 public:
  explicit Locked(StoreLock* lock) : lock_(lock) { lock_->lock(); }
  ~Locked() { lock_->unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  StoreLock* lock_;
};

// Seconds that fit the slot; false before 1970 and from 2106 on.
bool fits(int64_t now, uint32_t more) { return now >= 0 && now <= int64_t{UINT32_MAX} - more; }

}  // namespace

struct CodeStore::State {
  explicit State(CodeCiphers made) : ciphers(std::move(made)) {}

  CodeCiphers ciphers;
  Header* header = nullptr;
  Slot* slots = nullptr;
  size_t buckets = 0;  // from the size of the memory: what the header says is checked once and never used
  StoreLock* lock = nullptr;

  // Where an entry may lie.
  struct Place {
    CodeCipher* cipher;
    uint8_t generation;
    CodeCipher::Index index;
    Slot* bucket[2];
  };

  StoreResult place_of(const Digits& token, const Digits& alias, Place* out);
  static bool is(const Slot& slot, const Place& place);
  Slot* find(const Place& place) const;
  void refresh(Slot* slot, int64_t now);
  void spend(Slot* slot);
  void free(Slot* slot);
};

// kOk, kUnknown (not a generation of the ring) or kFault.
StoreResult CodeStore::State::place_of(const Digits& token, const Digits& alias, Place* out) {
  out->cipher = ciphers.of(token);
  if (out->cipher == nullptr) return StoreResult::kUnknown;
  out->generation = token[0];
  if (!out->cipher->index_of(token, alias, &out->index)) return StoreResult::kFault;
  uint64_t hash[2];
  static_assert(sizeof hash == sizeof out->index);
  std::memcpy(hash, out->index.data(), sizeof hash);
  size_t first = hash[0] % buckets, second = hash[1] % buckets;
  if (second == first) second = (first + 1) % buckets;
  out->bucket[0] = slots + first * kBucket;
  out->bucket[1] = slots + second * kBucket;
  return StoreResult::kOk;
}

bool CodeStore::State::is(const Slot& slot, const Place& place) {
  return slot.state != kFree && slot.generation == place.generation &&
         std::memcmp(slot.name.data(), place.index.data(), sizeof slot.name) == 0;
}

Slot* CodeStore::State::find(const Place& place) const {
  for (Slot* bucket : place.bucket) {
    for (Slot* slot = bucket; slot < bucket + kBucket; slot++) {
      if (is(*slot, place)) return slot;
    }
  }
  return nullptr;
}

// The code is gone, the knowledge that there was one stays.
void CodeStore::State::spend(Slot* slot) {
  if (holds_code(*slot)) subtract(&header->counters.entries);
  set_state(slot, kSpent);
  wipe(&slot->sealed, sizeof slot->sealed);
}

void CodeStore::State::free(Slot* slot) {
  if (holds_code(*slot)) subtract(&header->counters.entries);
  set_state(slot, kFree);
  wipe(slot, sizeof *slot);
}

// Brings a slot up to `now`: expired ones become free, those whose grace is over become spent. What was
// stored by a clock that ran ahead and has been put right since would stay for as long as it ran ahead.
void CodeStore::State::refresh(Slot* slot, int64_t now) {
  if (slot->state == kFree) return;
  if (now >= slot->expiry || slot->expiry - now > int64_t{kStoredCodeTtlMax} + kClocksApart) {
    if (holds_code(*slot)) header->counters.expired++;
    free(slot);
  } else if (slot->state == kTakenOnce && now > slot->grace_end) {
    spend(slot);
  }
}

void code_store_format(void* memory, size_t size) {
  const size_t buckets = buckets_in(size);
  if (buckets == 0) return;
  std::memset(memory, 0, size);
  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.slots = buckets * kBucket;
  std::memcpy(memory, &header, sizeof header);
}

size_t code_store_capacity(size_t size) { return buckets_in(size) * kBucket; }

Result<CodeStore> CodeStore::open(const KeyRing& ring, void* memory, size_t size, StoreLock* lock) {
  Result<CodeCiphers> ciphers = CodeCiphers::create(ring);
  if (!ciphers) return Fault{ciphers.message()};
  auto state = std::make_unique<State>(std::move(*ciphers));
  state->buckets = buckets_in(size);
  if (state->buckets == 0)
    return Fault{"the shared memory zone is too small for security codes; make cardscrub_zone larger"};
  if (reinterpret_cast<uintptr_t>(memory) % alignof(Slot) != 0) {
    return Fault{"the memory for security codes is not aligned to 64 bytes"};
  }
  state->header = static_cast<Header*>(memory);
  state->slots = reinterpret_cast<Slot*>(static_cast<uint8_t*>(memory) + sizeof(Header));
  state->lock = lock;
  const Header& header = *state->header;
  if (header.magic != kMagic || header.version != kVersion || header.slots != state->buckets * kBucket) {
    return Fault{"the shared memory zone holds no code store of this version and size; restart nginx"};
  }
  return CodeStore(std::move(state));
}

CodeStore::CodeStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
CodeStore::CodeStore(CodeStore&&) noexcept = default;
CodeStore& CodeStore::operator=(CodeStore&&) noexcept = default;
CodeStore::~CodeStore() = default;

StoreResult CodeStore::put(const Digits& token, const Digits& alias, const Digits& code, int64_t now,
                           uint32_t ttl) {
  if (ttl == 0 || ttl > kStoredCodeTtlMax || !fits(now, ttl)) return StoreResult::kFault;
  State::Place place;
  const StoreResult placed = state_->place_of(token, alias, &place);
  if (placed != StoreResult::kOk) return placed;
  const uint32_t expiry = static_cast<uint32_t>(now + ttl);
  SealedCode sealed;
  if (!place.cipher->seal(code, place.index, expiry, &sealed)) return StoreResult::kFault;

  const Locked locked(state_->lock);
  CodeStoreCounters& counters = state_->header->counters;
  Slot* chosen = nullptr;  // a slot of the same pair, or else one of the bucket with more room: a free one
                           // before a spent one
  size_t most_room = 0;
  for (Slot* bucket : place.bucket) {
    Slot* candidate = nullptr;
    size_t room = 0;
    for (Slot* slot = bucket; slot < bucket + kBucket; slot++) {
      state_->refresh(slot, now);
      if (State::is(*slot, place)) {
        if (holds_code(*slot)) return StoreResult::kTaken;
        state_->free(slot);
      }
      if (holds_code(*slot)) continue;
      room++;
      if (candidate == nullptr || (candidate->state != kFree && slot->state == kFree)) candidate = slot;
    }
    if (room > most_room) {
      chosen = candidate;
      most_room = room;
    }
  }
  if (chosen == nullptr) {
    counters.refused_full++;
    return StoreResult::kFull;
  }
  set_state(chosen, kFree);
  std::atomic_thread_fence(
      std::memory_order_seq_cst);  // no byte of the new entry before the old state is gone
  chosen->generation = place.generation;
  chosen->expiry = expiry;
  chosen->grace_end = 0;
  chosen->name = place.index;
  chosen->sealed = sealed;
  counters.entries++;
  counters.stored++;
  set_state(chosen, kLive);
  return StoreResult::kOk;
}

bool CodeStore::has(const Digits& token, const Digits& alias, int64_t now) {
  State::Place place;
  if (state_->place_of(token, alias, &place) != StoreResult::kOk) return false;
  const Locked locked(state_->lock);
  Slot* slot = state_->find(place);
  if (slot == nullptr) return false;
  state_->refresh(slot, now);
  return holds_code(*slot);
}

StoreResult CodeStore::take(const Digits& token, const Digits& alias, int64_t now, uint32_t grace,
                            Digits* code) {
  code->clear();
  State::Place place;
  const StoreResult placed = state_->place_of(token, alias, &place);
  if (placed != StoreResult::kOk) return placed;
  SealedCode sealed;
  uint32_t expiry = 0;
  {
    const Locked locked(state_->lock);
    Slot* slot = state_->find(place);
    if (slot == nullptr) return StoreResult::kUnknown;
    state_->refresh(slot, now);
    if (slot->state == kFree) return StoreResult::kExpired;
    const bool first = slot->state == kLive;
    const bool again = slot->state == kTakenOnce && grace > 0;
    sealed = slot->sealed;
    expiry = slot->expiry;
    if (first && grace > 0) {
      // Not above the expiry, so it fits; the slot expires then anyway.
      const int64_t end = now > int64_t{expiry} - grace ? int64_t{expiry} : now + grace;
      slot->grace_end = static_cast<uint32_t>(end < 0 ? 0 : end);
      set_state(slot, kTakenOnce);
    } else if (!again) {
      state_->spend(slot);
    }
    if (!first && !again) return StoreResult::kUsed;
    state_->header->counters.revealed++;
  }
  return place.cipher->open(sealed, place.index, expiry, code) ? StoreResult::kOk : StoreResult::kFault;
}

void CodeStore::sweep(int64_t now, size_t most) {
  constexpr size_t kStep = 256;  // slots a turn of the lock: a few microseconds
  const size_t slots = state_->buckets * kBucket;
  for (size_t left = most < slots ? most : slots; left > 0;) {
    const Locked locked(state_->lock);
    size_t at = state_->header->cursor % slots;
    size_t count = left < kStep ? left : kStep;
    left -= count;
    for (; count > 0; count--, at = at + 1 == slots ? 0 : at + 1) {
      Slot* slot = state_->slots + at;
      state_->refresh(slot, now);
      // A worker may have died between the word that a slot holds no code and its wiping, or while it filled
      // the slot.
      if (!holds_code(*slot) && !is_wiped(slot->sealed)) wipe(&slot->sealed, sizeof slot->sealed);
    }
    state_->header->cursor = at;
  }
}

CodeStoreCounters CodeStore::counters() const {
  const Locked locked(state_->lock);
  return state_->header->counters;
}

}  // namespace cardscrub
