// Errands at the shared store.
#include "remote_codes.h"

#include <charconv>

#include "guard.h"

namespace cardscrub {

namespace {

constexpr int kTries = 64;  // aliases that are drawn for one code before its card has too many

Bytes word(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
Bytes word(const ParcelKey& key) { return word({key.data(), key.size()}); }

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
    if (errand->what.task == CodeErrand::Task::kPut) {
      put(errand.get());
    } else {
      ask(errand.get());
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
  if (store_.parcels().seal(what.token, what.alias, what.code, worker_.now, ttl_, &key, &value) !=
      ParcelResult::kOk) {
    return refuse(errand, Reason::kFault);
  }
  char ttl[16];
  const char* end = std::to_chars(ttl, ttl + sizeof ttl, ttl_).ptr;
  const Bytes words[] = {
      word("SET"), word(key), value, word("EX"), word({ttl, static_cast<size_t>(end - ttl)}), word("NX")};
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
