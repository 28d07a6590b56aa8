// Errands at the shared store.
#include "remote_codes.h"

#include <algorithm>
#include <charconv>

#include "guard.h"
#include "src/reveal.h"

namespace cardscrub {

namespace {

constexpr int kTries = 64;  // aliases that are drawn for one code before its card has too many

Bytes word(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
Bytes word(const ParcelKey& key) { return word({key.data(), key.size()}); }

// A whole number as a word.
class Number {
 public:
  explicit Number(uint32_t value) : end_(std::to_chars(text_, text_ + sizeof text_, value).ptr) {}
  Bytes word() const { return cardscrub::word({text_, static_cast<size_t>(end_ - text_)}); }

 private:
  char text_[10]{};
  const char* end_;
};

// A code that may be seen again for a while. LT: the second time does not make it live longer.
constexpr std::string_view kTakeWithGrace =
    "local v = redis.call('GET', KEYS[1]) "
    "if v then redis.call('EXPIRE', KEYS[1], ARGV[1], 'LT') end "
    "return v";

// What Redis says when `maxmemory` is reached and its policy is to keep what it has, as it must be here.
bool is_full(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ERROR && std::string_view(reply.str, reply.len).starts_with("OOM ");
}

}  // namespace

Result<std::unique_ptr<RemoteStore>> RemoteStore::create(const KeyRing& ring, const RedisSettings& settings,
                                                         ngx_log_t* log) {
  Result<CodeParcels> parcels = CodeParcels::create(ring);
  if (!parcels) return Fault{parcels.message()};
  return std::unique_ptr<RemoteStore>(new RemoteStore(std::move(*parcels), settings, log));
}

RemoteCodes::~RemoteCodes() {
  for (const std::unique_ptr<Errand>& errand : errands_) {
    if (errand->call != nullptr) RedisPool::cancel(errand->call);
  }
}

void RemoteCodes::send(CodeErrands errands, const RawView& kept) {
  kept_ = kept;
  errands_.clear();
  for (CodeErrand& what : errands) {
    errands_.push_back(std::make_unique<Errand>(Errand{this, std::move(what)}));
  }
  for (const std::unique_ptr<Errand>& errand : errands_) {
    switch (errand->what.task) {
      case CodeErrand::Task::kPut:
        put(errand.get());
        break;
      case CodeErrand::Task::kKeep:
        ask(errand.get());
        break;
      case CodeErrand::Task::kTake:
        if (!is_taken_already(*errand)) take(errand.get());
        break;
    }
  }
}

void RemoteCodes::refuse(Errand* errand, Reason reason) { verdict_.refuse(reason, errand->what.field); }

void RemoteCodes::ask(Errand* errand) {
  ParcelKey key;
  switch (store_.parcels().key_of(errand->what.token, errand->what.alias, &key)) {
    case ParcelResult::kOk:
      break;
    case ParcelResult::kUnknown:
      return put_under_new_alias(errand);
    default:
      return refuse(errand, Reason::kFault);
  }
  const Bytes words[] = {word("EXISTS"), word(key)};
  errand->call = store_.pool().send(words, on_answer, errand);
  if (errand->call == nullptr) return refuse(errand, Reason::kStoreDown);
  ++open_;
}

void RemoteCodes::put(Errand* errand) {
  ParcelKey key;
  ParcelValue value;
  const CodeErrand& what = errand->what;
  if (store_.parcels().seal(what.token, what.alias, what.code, worker_.now, policy_.code_ttl, &key, &value) !=
      ParcelResult::kOk) {
    return refuse(errand, Reason::kFault);
  }
  const Number ttl(policy_.code_ttl);
  const Bytes words[] = {word("SET"), word(key), value, word("EX"), ttl.word(), word("NX")};
  errand->call = store_.pool().send(words, on_answer, errand);
  if (errand->call == nullptr) return refuse(errand, Reason::kStoreDown);
  ++open_;
}

void RemoteCodes::put_under_new_alias(Errand* errand) {
  CodeErrand& what = errand->what;
  if (++errand->tries > kTries || what.begin() < kept_.base || what.end() > kept_.end()) {
    return refuse(errand, Reason::kStoreFull);
  }
  Digits alias;
  if (!worker_.random.alias(what.code, &alias)) return refuse(errand, Reason::kFault);
  what.write(kept_, alias);
  if (what.task == CodeErrand::Task::kKeep) verdict_.count(Kind::kCode, Brand::kUnknown, Action::kAlias);
  what.task = CodeErrand::Task::kPut;
  put(errand);
}

// The same code twice in one request is taken once, and its answer serves both.
bool RemoteCodes::is_taken_already(const Errand& errand) const {
  for (const std::unique_ptr<Errand>& other : errands_) {
    if (other.get() == &errand) return false;
    if (other->what.token == errand.what.token && other->what.alias == errand.what.alias) return true;
  }
  return false;
}

void RemoteCodes::take(Errand* errand) {
  if (verdict_.refused()) return;  // a request that goes nowhere costs no code
  ParcelKey key;
  switch (store_.parcels().key_of(errand->what.token, errand->what.alias, &key)) {
    case ParcelResult::kOk:
      break;
    case ParcelResult::kUnknown:
      return refuse(errand, Reason::kAliasUnknown);
    default:
      return refuse(errand, Reason::kFault);
  }
  const Bytes once[] = {word("GETDEL"), word(key)};
  const Number grace(policy_.code_grace);
  const Bytes again[] = {word("EVAL"), word(kTakeWithGrace), word("1"), word(key), grace.word()};
  errand->call = policy_.code_grace == 0 ? store_.pool().send(once, on_answer, errand)
                                         : store_.pool().send(again, on_answer, errand);
  if (errand->call == nullptr) return refuse(errand, Reason::kStoreDown);
  ++open_;
}

void RemoteCodes::taken(Errand* errand, const redisReply& reply) {
  const CodeErrand& what = errand->what;
  if (reply.type != REDIS_REPLY_STRING && reply.type != REDIS_REPLY_NIL)
    return refuse(errand, Reason::kStoreDown);
  Digits code;
  StoreResult result = StoreResult::kUnknown;
  if (reply.type == REDIS_REPLY_STRING) {
    const Bytes value(reinterpret_cast<const uint8_t*>(reply.str), reply.len);
    const ParcelResult opened = store_.parcels().open(what.token, what.alias, value, worker_.now, &code);
    result = opened == ParcelResult::kOk        ? StoreResult::kOk
             : opened == ParcelResult::kExpired ? StoreResult::kExpired
                                                : StoreResult::kFault;
  }
  const Digits token = what.token;
  const Digits alias = what.alias;
  for (const std::unique_ptr<Errand>& each : errands_) {
    if (each->what.token == token && each->what.alias == alias && each->what.asked.empty()) {
      write_code(result, code, &each->what, kept_, &verdict_);
    }
  }
}

void RemoteCodes::on_answer(void* data, const redisReply* reply) {
  auto* errand = static_cast<Errand*>(data);
  RemoteCodes* owner = errand->owner;
  errand->call = nullptr;
  --owner->open_;
  try {
    owner->answered(errand, reply);
  } catch (...) {
    owner->refuse(errand, Reason::kFault);
  }
  if (owner->open_ == 0) owner->all_done_(owner->data_);
}

void RemoteCodes::answered(Errand* errand, const redisReply* reply) {
  if (reply == nullptr) return refuse(errand, Reason::kStoreDown);
  if (is_full(*reply)) return refuse(errand, Reason::kStoreFull);
  if (errand->what.task == CodeErrand::Task::kTake) return taken(errand, *reply);
  if (errand->what.task == CodeErrand::Task::kPut) {
    if (reply->type == REDIS_REPLY_STATUS) return;
    if (reply->type == REDIS_REPLY_NIL) return put_under_new_alias(errand);
  } else if (reply->type == REDIS_REPLY_INTEGER) {
    if (reply->integer == 0) put_under_new_alias(errand);
    return;
  }
  refuse(errand, Reason::kStoreDown);
}

}  // namespace cardscrub
