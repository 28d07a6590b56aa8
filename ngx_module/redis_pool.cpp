// The pool of Redis connections.
#include "redis_pool.h"

#include <algorithm>

#include "guard.h"

namespace cardscrub {

namespace {

constexpr ngx_msec_t kPauseLeast = 100;  // ms
constexpr ngx_msec_t kPauseMost = 5000;

}  // namespace

class RedisPool::Connection {
 public:
  Connection(RedisPool* pool, const RedisSettings& settings) : pool_(pool), settings_(settings) {
    timer_.handler = on_timer;
    timer_.data = &timer_connection_;
    timer_.log = pool->log_;
    timer_.cancelable = 1;  // a worker may end while it waits for nobody
    timer_connection_.fd = static_cast<ngx_socket_t>(-1);
    timer_connection_.data = this;
    connect();
  }

  ~Connection() {
    closing_ = true;
    drop("");
    if (timer_.timer_set) {
      ngx_del_timer(&timer_);
    }
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Commands queue behind a first attempt to connect; after a failure only an answer makes it usable again.
  bool usable() const { return redis_ != nullptr && (ready_ || failures_ == 0); }
  size_t waiting() const { return calls_.size(); }
  ngx_msec_t pause() const { return pause_; }

  Call* send(std::span<const Bytes> words, Answered answered, void* data) {
    constexpr size_t kWordsMost = 8;
    const char* texts[kWordsMost];
    size_t sizes[kWordsMost];
    if (words.size() > kWordsMost) return nullptr;
    for (size_t i = 0; i < words.size(); ++i) {
      texts[i] = reinterpret_cast<const char*>(words[i].data());
      sizes[i] = words[i].size();
    }
    auto call = std::make_unique<Call>(Call{answered, data, ngx_current_msec + settings_.timeout});
    Call* handle = call.get();
    calls_.push_back(std::move(call));
    if (redisAsyncCommandArgv(redis_, on_reply, this, static_cast<int>(words.size()), texts, sizes) !=
        REDIS_OK) {
      calls_.pop_back();
      return nullptr;
    }
    if (!timer_.timer_set) ngx_add_timer(&timer_, settings_.timeout);
    return handle;
  }

 private:
  void connect();
  bool attach();
  void greet();
  void drop(const char* reason);
  void lose(const char* reason);
  void pause_before_next();

  // ---- hiredis calls these
  static void on_reply(redisAsyncContext*, void* reply, void* data);
  static void on_disconnect(const redisAsyncContext* redis, int);
  static void on_connect(const redisAsyncContext* redis, int status);
  static void on_greeting(void* data, const redisReply* reply);
  static void on_hello(void* data, const redisReply* reply);

  // ---- nginx calls these
  static Connection* of(const ngx_event_t* event) {
    return static_cast<Connection*>(static_cast<ngx_connection_t*>(event->data)->data);
  }
  static void on_readable(ngx_event_t* event) {
    Connection* self = of(event);
    if (self->redis_ != nullptr) redisAsyncHandleRead(self->redis_);
  }
  static void on_writable(ngx_event_t* event) {
    Connection* self = of(event);
    if (self->redis_ != nullptr) redisAsyncHandleWrite(self->redis_);
  }
  static void on_timer(ngx_event_t* event);

  RedisPool* pool_;
  const RedisSettings& settings_;
  redisAsyncContext* redis_ = nullptr;
  ngx_connection_t* socket_ = nullptr;
  std::deque<std::unique_ptr<Call>> calls_;  // in the order in which they will be answered
  ngx_event_t timer_{};                      // the oldest call's deadline, or the end of the pause
  ngx_connection_t timer_connection_{};
  ngx_msec_t pause_ = 0;
  unsigned failures_ = 0;  // since the last answer
  bool ready_ = false;
  bool closing_ = false;
  bool refused_ = false;  // the server answered, but not as one that can be used
};

// ---- hiredis on nginx's events: level-triggered, for hiredis reads a part at a time

bool RedisPool::Connection::attach() {
  socket_ = ngx_get_connection(redis_->c.fd, pool_->log_);
  if (socket_ == nullptr) return false;
  socket_->data = this;
  socket_->log = pool_->log_;
  socket_->read->log = pool_->log_;
  socket_->write->log = pool_->log_;
  socket_->read->handler = on_readable;
  socket_->write->handler = on_writable;
  redis_->data = this;
  redis_->ev.data = socket_;
  redis_->ev.addRead = [](void* data) {
    ngx_event_t* event = static_cast<ngx_connection_t*>(data)->read;
    if (!event->active) (void)ngx_add_event(event, NGX_READ_EVENT, NGX_LEVEL_EVENT);
  };
  redis_->ev.delRead = [](void* data) {
    ngx_event_t* event = static_cast<ngx_connection_t*>(data)->read;
    if (event->active) (void)ngx_del_event(event, NGX_READ_EVENT, 0);
  };
  redis_->ev.addWrite = [](void* data) {
    ngx_event_t* event = static_cast<ngx_connection_t*>(data)->write;
    if (!event->active) (void)ngx_add_event(event, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
  };
  redis_->ev.delWrite = [](void* data) {
    ngx_event_t* event = static_cast<ngx_connection_t*>(data)->write;
    if (event->active) (void)ngx_del_event(event, NGX_WRITE_EVENT, 0);
  };
  // hiredis closes the socket itself, right after this.
  redis_->ev.cleanup = [](void* data) {
    auto* socket = static_cast<ngx_connection_t*>(data);
    for (ngx_event_t* event : {socket->read, socket->write}) {
      if (event->posted) {
        ngx_delete_posted_event(event);
      }
      if (event->active) (void)ngx_del_event(event, event->write ? NGX_WRITE_EVENT : NGX_READ_EVENT, 0);
      event->closed = 1;
    }
    static_cast<Connection*>(socket->data)->socket_ = nullptr;
    ngx_free_connection(socket);
    socket->fd = static_cast<ngx_socket_t>(-1);
  };
  return redisAsyncSetConnectCallback(redis_, on_connect) == REDIS_OK &&
         redisAsyncSetDisconnectCallback(redis_, on_disconnect) == REDIS_OK;
}

// ---- the life of a connection

void RedisPool::Connection::connect() {
  refused_ = false;
  redis_ = settings_.path != nullptr ? redisAsyncConnectUnix(settings_.path)
                                     : redisAsyncConnect(settings_.address, settings_.port);
  if (redis_ == nullptr || redis_->err != 0 || !attach()) {
    return drop("no connection can be made");
  }
  greet();
}

// Sent before all else, in one go: who we are, which database, and whether somebody is there.
void RedisPool::Connection::greet() {
  static constexpr std::string_view kAuth = "AUTH", kSelect = "SELECT", kPing = "PING";
  auto word = [](std::string_view text) {
    return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  bool sent = true;
  if (!settings_.password.empty()) {
    std::vector<Bytes> words{word(kAuth)};
    if (settings_.user != nullptr) words.push_back(word(settings_.user));
    words.push_back(settings_.password.span());
    sent = send(words, on_hello, this) != nullptr;
  }
  if (sent && settings_.database != 0) {
    std::string number = std::to_string(settings_.database);
    Bytes words[] = {word(kSelect), word(number)};
    sent = send(words, on_hello, this) != nullptr;
  }
  Bytes words[] = {word(kPing)};
  sent = sent && send(words, on_greeting, this) != nullptr;
  if (!sent) drop("no command can be sent");
}

void RedisPool::Connection::on_hello(void* data, const redisReply* reply) {
  auto* self = static_cast<Connection*>(data);
  if (reply != nullptr && reply->type == REDIS_REPLY_ERROR) self->refused_ = true;
}

void RedisPool::Connection::on_greeting(void* data, const redisReply* reply) {
  auto* self = static_cast<Connection*>(data);
  if (reply == nullptr) return;  // lost; said there
  if (self->refused_ || reply->type == REDIS_REPLY_ERROR) {
    // Without a password, in another database, or while loading: whatever follows would not be kept.
    self->refused_ = true;
    redisAsyncDisconnect(self->redis_);
    return;
  }
  self->ready_ = true;
  self->failures_ = 0;
  self->pause_ = 0;
  self->pool_->came_up();
}

void RedisPool::Connection::on_connect(const redisAsyncContext* redis, int status) {
  // hiredis frees its context after this call, and the calls that wait are answered with nothing.
  auto* self = static_cast<Connection*>(redis->data);
  if (status != REDIS_OK && self->redis_ == redis) self->lose("no connection can be made");
}

void RedisPool::Connection::on_disconnect(const redisAsyncContext* redis, int) {
  auto* self = static_cast<Connection*>(redis->data);
  if (self->redis_ != redis) return;  // dropped by us, and said there
  self->lose(self->refused_ ? "it refuses our password or database, or is not ready"
                            : "the connection was closed");
}

// Ends the connection. The calls that wait are answered with nothing.
void RedisPool::Connection::drop(const char* reason) {
  redisAsyncContext* dropped = redis_;
  lose(reason);
  if (dropped != nullptr) redisAsyncFree(dropped);
}

// The context is gone, or about to go.
void RedisPool::Connection::lose(const char* reason) {
  redis_ = nullptr;
  ready_ = false;
  if (closing_) return;
  ++failures_;
  pause_before_next();
  pool_->went_down(reason);
}

void RedisPool::Connection::pause_before_next() {
  pause_ = std::min(std::max(pause_ * 2, kPauseLeast), kPauseMost);
  if (timer_.timer_set) {
    ngx_del_timer(&timer_);
  }
  // Workers that lost the server together do not come back together.
  ngx_add_timer(&timer_, pause_ + static_cast<ngx_msec_t>(ngx_random()) % (pause_ / 2));
}

void RedisPool::Connection::on_reply(redisAsyncContext*, void* reply, void* data) {
  auto* self = static_cast<Connection*>(data);
  if (self->calls_.empty()) return;
  std::unique_ptr<Call> call = std::move(self->calls_.front());
  self->calls_.pop_front();
  if (call->answered != nullptr) call->answered(call->data, static_cast<const redisReply*>(reply));
}

void RedisPool::Connection::on_timer(ngx_event_t* event) {
  Connection* self = of(event);
  (void)guarded(event->log, "talking to the code store", [&] {
    if (self->redis_ == nullptr) {
      if (!ngx_exiting && !ngx_terminate) self->connect();
      return;
    }
    if (self->calls_.empty()) return;
    auto left = static_cast<ngx_msec_int_t>(self->calls_.front()->deadline - ngx_current_msec);
    if (left > 0) {
      ngx_add_timer(event, static_cast<ngx_msec_t>(left));
      return;
    }
    self->drop("it does not answer in time");
  });
}

// ---- the pool

RedisPool::RedisPool(const RedisSettings& settings, ngx_log_t* log) : settings_(settings), log_(log) {
  for (ngx_uint_t i = 0; i < settings.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(this, settings));
  }
}

RedisPool::~RedisPool() = default;

RedisPool::Call* RedisPool::send(std::span<const Bytes> words, Answered answered, void* data) {
  Connection* best = nullptr;
  for (const std::unique_ptr<Connection>& each : connections_) {
    if (each->usable() && (best == nullptr || each->waiting() < best->waiting())) best = each.get();
  }
  return best == nullptr ? nullptr : best->send(words, answered, data);
}

unsigned RedisPool::retry_after() const {
  ngx_msec_t shortest = kPauseMost;
  for (const std::unique_ptr<Connection>& each : connections_) shortest = std::min(shortest, each->pause());
  return static_cast<unsigned>(shortest / 1000) + 1;
}

// Said once, however many requests meet it.
void RedisPool::went_down(const char* reason) {
  bool any = std::any_of(connections_.begin(), connections_.end(),
                         [](const std::unique_ptr<Connection>& each) { return each->usable(); });
  if (any || said_down_) return;
  said_down_ = true;
  ngx_log_error(NGX_LOG_ERR, log_, 0,
                "cardscrub: the code store %V is not available: %s; requests with security codes get 503",
                &settings_.name, reason);
}

void RedisPool::came_up() {
  if (!said_down_) return;
  said_down_ = false;
  ngx_log_error(NGX_LOG_WARN, log_, 0, "cardscrub: the code store %V is available again", &settings_.name);
}

}  // namespace cardscrub
