// Redis for one worker: a few connections, driven by hiredis on nginx's event loop.
//
//   a connection:  down --timer--> connecting --answer to PING--> ready
//                   ^                 |                             |
//                   +-----------------+------- error, silence ------+     the pause doubles, up to kPauseMost
//
// Nothing waits for a connection: while none is ready (or on its first way to be) a command fails at once, so
// that the request is refused (503) instead of hanging, and when the server is back its first answer to PING
// opens the way again.
#pragma once

#include <hiredis/async.h>

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "redis_settings.h"

namespace cardscrub {

class RedisPool {
 public:
  // Called once for each command, from the event loop: `reply` lives during the call only; nullptr: the
  // server did not answer. Must not throw.
  using Answered = void (*)(void* data, const redisReply* reply);

  // A command on its way. Whoever sent it keeps the handle and cancels it when he no longer wants the answer;
  // after the answer the handle is void.
  struct Call {
    Answered answered;  // nullptr: cancelled
    void* data;
    ngx_msec_t deadline;
  };

  // `settings` outlive the pool. Connects at once.
  RedisPool(const RedisSettings& settings, ngx_log_t* log);
  ~RedisPool();
  RedisPool(const RedisPool&) = delete;
  RedisPool& operator=(const RedisPool&) = delete;

  // Sends a command (its words may hold any bytes); nullptr: no server, nothing was sent and `answered` will
  // not be called.
  Call* send(std::span<const Bytes> words, Answered answered, void* data);
  static void cancel(Call* call) { call->answered = nullptr; }

  // For Retry-After: seconds until the next attempt to connect, at least 1.
  unsigned retry_after() const;

 private:
  class Connection;
  void went_down(const char* reason);
  void came_up();

  const RedisSettings& settings_;
  ngx_log_t* log_;
  std::vector<std::unique_ptr<Connection>> connections_;
  bool said_down_ = false;
};

}  // namespace cardscrub
