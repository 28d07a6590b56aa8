// Security codes in a store that several nginx hosts share: what the scrubber left to be done (CodeErrand) is
// done there, on the event loop, while the body is kept back.
//
//   kPut   SET key value EX ttl NX --OK--> done      --nil--> another alias is written, SET again
//   kKeep  EXISTS key --1--> done                    --0--> an alias is written, as kPut
//   kTake  GETDEL key --value--> opened, the code is written      --nil--> refused: unknown, used or expired
//          with grace, GET key and EXPIRE key grace LT in one MULTI: the second time it finds what is left
//   kTake  GETDEL key --value--> opened, the code is written     --nil--> refused: unknown, used or expired
//          (with cardscrub_code_grace a script reads it and lets it live that long)
//   any    no answer, or an error --> the request is refused (503)
#pragma once

#include <vector>

#include "redis_pool.h"
#include "src/code_errands.h"
#include "src/code_parcel.h"
#include "src/policy.h"
#include "src/verdict.h"
#include "src/worker.h"

namespace cardscrub {

// One worker's way to the store.
class RemoteStore {
 public:
  static Result<std::unique_ptr<RemoteStore>> create(const KeyRing& ring, const RedisSettings& settings,
                                                     ngx_log_t* log);

  RedisPool& pool() { return pool_; }
  const RedisPool& pool() const { return pool_; }
  CodeParcels& parcels() { return parcels_; }

 private:
  RemoteStore(CodeParcels parcels, const RedisSettings& settings, ngx_log_t* log)
      : parcels_(std::move(parcels)), pool_(settings, log) {}
  CodeParcels parcels_;
  RedisPool pool_;
};

// The errands of one request. Destroying it cancels what has not been answered.
class RemoteCodes {
 public:
  using AllDone = void (*)(void* data);

  // References outlive the object. all_done: called from the event loop when the last answer has come.
  RemoteCodes(RemoteStore& store, Worker& worker, Verdict& verdict, const Policy& policy, AllDone all_done,
              void* data)
      : store_(store),
        worker_(worker),
        verdict_(verdict),
        policy_(policy),
        all_done_(all_done),
        data_(data) {}
  ~RemoteCodes();
  RemoteCodes(const RemoteCodes&) = delete;
  RemoteCodes& operator=(const RemoteCodes&) = delete;

  // Sends the errands; `kept` is the part of the body that is kept back and stays where it is until all are
  // done. Digits that lie in front of it cannot be changed any more: an alias there that is taken refuses the
  // request. Refusals are noted in the verdict.
  void send(CodeErrands errands, const RawView& kept);
  bool waiting() const { return open_ != 0; }

 private:
  struct Errand {
    RemoteCodes* owner;
    CodeErrand what;
    RedisPool::Call* call = nullptr;
    int tries = 0;
  };
  static void on_answer(void* data, const redisReply* reply);
  void answered(Errand* errand, const redisReply* reply);
  void ask(Errand* errand);
  void put(Errand* errand);
  void put_under_new_alias(Errand* errand);
  void take(Errand* errand);
  void taken(Errand* errand, const redisReply& reply);
  bool is_taken_already(const Errand& errand) const;
  void refuse(Errand* errand, Reason reason);

  RemoteStore& store_;
  Worker& worker_;
  Verdict& verdict_;
  const Policy& policy_;
  AllDone all_done_;
  void* data_;
  RawView kept_;
  std::vector<std::unique_ptr<Errand>> errands_;
  size_t open_ = 0;  // errands that wait for an answer
};

}  // namespace cardscrub
