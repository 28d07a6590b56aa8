// The states of an answer, and the way of its buffers.
//
//   waiting --take--> changed in place, where that is allowed   --> next filter
//                     in a copy, kSlice bytes at a time
//                     inflated, a step at a time
//
// While kMost bytes of ours have not been sent, nothing is taken: whoever makes the answer waits.
#include "response_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "header_lines.h"
#include "process.h"
#include "request_context.h"
#include "response_head.h"
#include "zone.h"

namespace cardscrub {

namespace {

constexpr size_t kSlice = 32768;
constexpr size_t kMost = 131072;
// Of a connection's `buffered`: bits that no part of nginx uses.
constexpr unsigned kBuffered = 0x40;

std::string content_type(const ngx_http_headers_out_t& out) {
  std::string type(view(out.content_type));
  // As nginx writes it.
  if (out.charset.len != 0 && out.content_type_len == out.content_type.len) {
    type += "; charset=";
    type += view(out.charset);
  }
  return type;
}

std::string content_encoding(const ngx_http_headers_out_t& out) {
  std::string codings;
  for_each_line(out.headers, [&](const ngx_table_elt_t& line) {
    if (line.hash == 0 || !is_named(line, "content-encoding")) return;
    if (!codings.empty()) codings += ',';
    codings += view(line.value);
  });
  return codings;
}

// A part of something: card data may have been cut in two. Ranges have been taken out of the request.
bool is_partial(ngx_uint_t status) { return status == NGX_HTTP_PARTIAL_CONTENT; }

// "100 Continue" and "103 Early Hints" of an upstream: nginx takes them for the answer, and the answer behind
// them, head and all, for a body without a type. So it does with a "101" that nobody has asked for.
bool is_interim(const ngx_http_request_t* r) {
  const ngx_uint_t status = r->headers_out.status;
  return status < NGX_HTTP_OK && (status != NGX_HTTP_SWITCHING_PROTOCOLS || r->headers_in.upgrade == nullptr);
}

}  // namespace

ResponseStream::~ResponseStream() {
  Tally* counts = zone_->tally();
  if (policy_ == nullptr || counts == nullptr) return;
  count();
  Tally::Responses& responses = counts->responses;
  Tally::add(&responses.searched, 1);
  Tally::add(&responses.bytes, bytes_);
  Tally::add(&responses.found, found_ ? 1 : 0);
  Tally::add(&responses.rejected, refusal_.refused() ? 1 : 0);
  counts->add_verdict(refusal_);
}

// What has been found so far; the verdict begins anew.
void ResponseStream::count() {
  found_ = found_ || verdict_.findings() != 0;
  if (Tally* counts = zone_->tally()) {
    for (size_t i = 1; i < kKinds; ++i) {
      Tally::add(&counts->responses.kinds[i], verdict_.found(static_cast<Kind>(i)));
    }
  }
  verdict_ = {};
}

std::string_view ResponseStream::verdict_word() const {
  if (policy_ == nullptr) return "off";
  if (refusal_.refused()) return refusal_.status() == 500 ? "failed" : "rejected";
  if (!found_ && verdict_.findings() == 0) return "clean";
  return monitors() ? "found" : "scrubbed";
}

// ---- the head

ngx_int_t ResponseStream::head(const LocationConf& conf, Mode mode) {
  const bool page = state_ == State::kAnswering;
  const ResponsePlan& plan = *conf.response_plan;
  policy_ = mode == Mode::kMonitor ? &plan.monitor : page ? &plan.page : &plan.policy;
  // What was held of an answer that was refused, or that somebody took back before it went out.
  hold_.clear();
  body_.reset();
  waiting_ = nullptr;
  release_ = inflating_ = ended_ = false;
  Worker* own = worker();
  if (own == nullptr && monitors()) {
    policy_ = nullptr;
    return next_.header(r_);
  }
  if (own == nullptr || !token_name_space(r_, conf, &name_space_) || !search_head(*own)) {
    verdict_.refuse(Reason::kFault, {});
  } else if (!monitors() && (is_partial(r_->headers_out.status) || is_interim(r_))) {
    verdict_.refuse(Reason::kResponseUnreadable, {});
  } else {
    begin_body(*own);
  }
  if (verdict_.refused() && !monitors()) return page ? fail() : refuse();
  if (plan.rejects && !page && !monitors() && body_) {
    state_ = State::kHolding;
    return NGX_OK;
  }
  if (!page) state_ = State::kFlowing;
  return next_.header(r_);
}

bool ResponseStream::has_body() const {
  const ngx_uint_t status = r_->headers_out.status;
  return !r_->header_only && r_->method != NGX_HTTP_HEAD && status >= NGX_HTTP_OK &&
         status != NGX_HTTP_NO_CONTENT && status != NGX_HTTP_NOT_MODIFIED;
}

bool ResponseStream::search_head(Worker& own) {
  return ResponseHead(r_, *policy_, own, &verdict_, name_space_).headers();
}

void ResponseStream::begin_body(Worker& own) {
  const std::string coding = content_encoding(r_->headers_out);
  // A HEAD request is told of what a GET request would get.
  if (!has_body() && coding.empty()) return;
  body_.emplace(*policy_, own, verdict_, name_space_);
  const Reason why = body_->start(content_type(r_->headers_out), coding);
  if (monitors()) {
    if (why != Reason::kNone) body_.reset();  // monitoring stands in nobody's way
  } else if (why == Reason::kNone) {
    if (body_->inflates()) forward_inflated();
    // nginx cuts ranges out before they come here, and a range may cut a number in two.
    ngx_http_clear_accept_ranges(r_);
    keep_answer_off_disk(r_);
  }
  if (!has_body()) body_.reset();
  r_->main_filter_need_in_memory = 1;
  r_->filter_need_in_memory = 1;
}

void ResponseStream::forward_inflated() {
  for_each_line(r_->headers_out.headers, [](ngx_table_elt_t& line) {
    if (is_named(line, "content-encoding")) line.hash = 0;
  });
  r_->headers_out.content_encoding = nullptr;
  ngx_http_clear_content_length(r_);
  ngx_http_weak_etag(r_);
}

void keep_answer_off_disk(ngx_http_request_t* r) {
  ngx_http_upstream_t* u = r->upstream;
  if (u == nullptr || !u->buffering || u->store || u->cacheable || u->conf->max_temp_file_size == 0) return;
  auto* own = static_cast<ngx_http_upstream_conf_t*>(ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t)));
  if (own == nullptr) return;
  *own = *u->conf;
  own->max_temp_file_size = 0;
  u->conf = own;
}

// ---- the body

ngx_int_t ResponseStream::body(ngx_chain_t* in) {
  if (state_ == State::kRefused) return NGX_ERROR;
  if (!body_) {
    bool last = false;
    for (const ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) last = last || cl->buf->last_buf;
    ngx_int_t rc = next_.body(r_, in);
    if (last && state_ == State::kAnswering) state_ = State::kRefused;
    return rc;
  }
  if (monitors()) {
    monitor(in);
    return next_.body(r_, in);
  }
  if (in != nullptr && ngx_chain_add_copy(r_->pool, &waiting_, in) != NGX_OK) return fail();
  for (bool flush = in == nullptr;; flush = false) {
    if (!gather()) return refuse();
    ngx_int_t rc = send(flush);
    const bool more = waiting_ != nullptr || inflating_;
    if (more && rc != NGX_ERROR && body_ && buffers_.in_flight() < kMost) continue;
    unsigned buffered = r_->connection->buffered;
    buffered = more ? buffered | kBuffered : buffered & ~kBuffered;
    r_->connection->buffered = buffered & 0xffu;
    return rc;
  }
}

// False: refused.
bool ResponseStream::gather() {
  Stopwatch watch(r_, context_);
  while (!release_ && !ended_ && buffers_.in_flight() < kMost) {
    if (inflating_) {
      if (!inflate({})) return false;
      continue;
    }
    if (waiting_ == nullptr) break;
    const Taken taken = take(waiting_->buf);
    if (taken == Taken::kRefused) return false;
    if (taken == Taken::kPart) continue;
    ngx_chain_t* link = waiting_;
    waiting_ = link->next;
    ngx_free_chain(r_->pool, link);
  }
  if (!ended_) return true;
  Worker* own = worker();
  if (own == nullptr || !ResponseHead(r_, *policy_, *own, &verdict_, name_space_).trailers()) {
    verdict_.refuse(Reason::kFault, {});
  }
  return !verdict_.refused();
}

ResponseStream::Taken ResponseStream::take(ngx_buf_t* b) {
  const size_t size = ngx_buf_in_memory(b) ? static_cast<size_t>(b->last - b->pos) : 0;
  flush_ = b->flush;
  recycled_ = b->recycled;
  last_ = b->last_buf;
  if (size == 0 && b->in_file && b->file_last > b->file_pos) {
    verdict_.refuse(Reason::kFault, {});  // nobody has read it, though we asked for it
    return Taken::kRefused;
  }
  if (size == 0 && !last_) {
    // A mark. What is held back can still become card data; a flush does not change that.
    if (ngx_buf_special(b)) hand_on(b);
    return Taken::kAll;
  }
  if (body_->inflates()) return take_encoded(b);
  bytes_ += size;
  return b->temporary || size == 0 ? take_in_place(b) : take_copy(b);
}

ResponseStream::Taken ResponseStream::take_in_place(ngx_buf_t* b) {
  Body::Output out = body_->push({b->pos, static_cast<size_t>(b->last - b->pos)}, last_);
  if (verdict_.refused()) return Taken::kRefused;
  ended_ = last_;
  if (!out.held.empty()) emit(out.held, out.piece.empty());
  if (out.piece.empty()) {
    b->pos = b->last;
    if (out.held.empty()) hand_on_marks();
    return Taken::kAll;
  }
  b->in_file = 0;  // what was read of the file has been changed
  b->last = b->pos + out.piece.size();
  hand_on(b);
  return Taken::kAll;
}

ResponseStream::Taken ResponseStream::take_copy(ngx_buf_t* b) {
  const size_t size = std::min(kSlice, static_cast<size_t>(b->last - b->pos));
  ngx_buf_t* copy = buffers_.take(size);
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy->pos, b->pos, size);
  b->pos += size;
  const bool all = b->pos == b->last;
  Body::Output out = body_->push({copy->pos, size}, last_ && all);
  if (verdict_.refused()) return Taken::kRefused;
  ended_ = last_ && all;
  if (!out.held.empty()) emit(out.held, all && out.piece.empty());
  copy->last = copy->pos + out.piece.size();
  if (out.piece.empty()) {
    buffers_.give_back(copy);
    if (all && out.held.empty()) hand_on_marks();
  } else {
    copy->flush = all && flush_;
    copy->last_buf = copy->last_in_chain = ended_;
    copy->recycled = (all && recycled_) || buffers_.in_flight() + out.piece.size() >= kMost;
    hand_on(copy);
  }
  return all ? Taken::kAll : Taken::kPart;
}

ResponseStream::Taken ResponseStream::take_encoded(ngx_buf_t* b) {
  scratch_.clear();
  const size_t size = std::min(kSlice, static_cast<size_t>(b->last - b->pos));
  if (size != 0) scratch_.append({b->pos, size});
  b->pos += size;
  const bool all = b->pos == b->last;
  last_ = last_ && all;
  if (!inflate(scratch_.span())) return Taken::kRefused;
  return all ? Taken::kAll : Taken::kPart;
}

bool ResponseStream::inflate(MutableBytes piece) {
  Body::Output out = body_->push(piece, last_);
  if (verdict_.refused()) return false;
  bytes_ += out.held.size();
  inflating_ = out.more;
  ended_ = last_ && !inflating_;
  if (!out.held.empty()) {
    emit(out.held, !inflating_);
  } else if (!inflating_) {
    hand_on_marks();
  }
  return true;
}

// A copy of what lies in the engine's memory. final: the last that comes of the buffer that is being taken.
void ResponseStream::emit(Bytes bytes, bool final) {
  if (state_ == State::kHolding) {
    hold_.append(bytes);
    release_ = release_ || hold_.size() >= kHold || (final && (flush_ || ended_));
    return;
  }
  ngx_buf_t* copy = buffers_.append_copy(bytes);
  if (copy == nullptr) throw std::bad_alloc();
  copy->flush = final && flush_;
  copy->last_buf = copy->last_in_chain = final && ended_;
  // Whoever waits for this memory, ours or another's, wants it sent.
  copy->recycled = (final && recycled_) || buffers_.in_flight() >= kMost;
}

void ResponseStream::hand_on(ngx_buf_t* b) {
  if (state_ != State::kHolding) {
    if (!buffers_.append(b)) throw std::bad_alloc();
    return;
  }
  if (ngx_buf_in_memory(b)) {
    hold_.append({b->pos, static_cast<size_t>(b->last - b->pos)});
    b->pos = b->last;
    buffers_.reclaim(b);
  }
  // Who flushes wants it read now.
  release_ = release_ || hold_.size() >= kHold || b->flush || ended_;
}

// All of a buffer is held back, but not what it says: whoever wants memory back may be waiting for what went
// in front of it.
void ResponseStream::hand_on_marks() {
  if (state_ == State::kHolding) {
    release_ = release_ || flush_ || ended_;
    return;
  }
  if (!flush_ && !recycled_ && !ended_) return;
  // One buffer does for all flushes; the end has its own, for the other may still be on its way.
  ngx_buf_t* mark = ended_ ? nullptr : mark_;
  if (mark == nullptr) mark = static_cast<ngx_buf_t*>(ngx_calloc_buf(r_->pool));
  if (mark == nullptr) throw std::bad_alloc();
  mark->flush = 1;
  mark->last_buf = mark->last_in_chain = ended_;
  if (!ended_) mark_ = mark;
  hand_on(mark);
}

ngx_int_t ResponseStream::send(bool flush) {
  if (state_ == State::kHolding) {
    if (!release_) return NGX_OK;
    ngx_int_t rc = release();
    if (rc == NGX_ERROR || rc > NGX_OK) return NGX_ERROR;
  }
  const bool ended = ended_;
  if (ended) {
    body_.reset();
    state_ = state_ == State::kAnswering ? State::kRefused : State::kEnded;
  }
  ngx_int_t rc = NGX_OK;
  if (buffers_.chain() != nullptr || flush) rc = next_.body(r_, buffers_.chain());
  buffers_.settle();
  return rc;
}

// The head goes out, and behind it what was held.
ngx_int_t ResponseStream::release() {
  release_ = false;
  state_ = State::kFlowing;
  ngx_int_t rc = next_.header(r_);
  if (rc == NGX_ERROR || rc > NGX_OK) return rc;
  auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(r_->pool));
  if (b == nullptr) throw std::bad_alloc();
  if (!hold_.empty()) {
    b->start = b->pos = hold_.data();
    b->end = b->last = hold_.data() + hold_.size();
    b->temporary = 1;
  }
  b->flush = flush_;
  b->last_buf = b->last_in_chain = ended_;
  if (hold_.empty() && !ngx_buf_special(b)) return rc;
  if (!buffers_.append(b)) throw std::bad_alloc();
  return rc;
}

// The engine is shown copies; the answer goes on as it came.
void ResponseStream::monitor(const ngx_chain_t* in) {
  Stopwatch watch(r_, context_);
  for (const ngx_chain_t* cl = in; cl != nullptr && body_; cl = cl->next) {
    const ngx_buf_t* b = cl->buf;
    const size_t size = ngx_buf_in_memory(b) ? static_cast<size_t>(b->last - b->pos) : 0;
    bytes_ += size;
    scratch_.clear();
    if (size != 0) scratch_.append({b->pos, size});
    if (size != 0 || b->last_buf) (void)body_->push(scratch_.span(), b->last_buf);
    if (verdict_.refused() || b->last_buf) body_.reset();
  }
}

// ---- refusals

// Why, as the client is told it: the details are the operator's.
Reason ResponseStream::refusal_reason() const {
  Reason worst = Reason::kResponseCardData;
  for (const Problem& problem : verdict_.problems()) {
    switch (problem.reason) {
      case Reason::kFault:
      case Reason::kStoreFull:
      case Reason::kStoreDown:
        return Reason::kFault;
      case Reason::kPanForbidden:
      case Reason::kCodeForbidden:
      case Reason::kTrackForbidden:
      case Reason::kPanWrapped:
      case Reason::kFieldEncoding:
        break;
      default:
        worst = Reason::kResponseUnreadable;
    }
  }
  return worst;
}

ngx_int_t ResponseStream::refuse() {
  const Reason reason = refusal_reason();
  const bool unsent = state_ == State::kHead || state_ == State::kHolding;
  body_.reset();
  hold_.clear();
  count();
  refusal_.refuse(reason, {});
  ngx_str_t name = ngx_text(reason_name(reason));
  ngx_log_error(NGX_LOG_ERR, r_->connection->log, 0, "cardscrub: a response was %s, reason \"%V\"",
                unsent ? "refused" : "cut off", &name);
  if (!unsent) {
    state_ = State::kRefused;
    close_hard();
    return NGX_ERROR;
  }
  state_ = State::kAnswering;
  context_->refuse(r_, refusal_);
  // Whatever sub-requests were to add goes with the rest.
  r_->connection->data = r_;
  r_->postponed = nullptr;
  return ngx_http_filter_finalize_request(r_, &ngx_http_cardscrub_module, refusal_.status());
}

ngx_int_t ResponseStream::fail() {
  const bool unsent = state_ == State::kHead || state_ == State::kHolding;
  if (!unsent) state_ = State::kRefused;
  verdict_.refuse(Reason::kFault, {});
  return refuse();
}

// HTTP/1 without a length: only the way in which the connection ends tells that something is missing.
void ResponseStream::close_hard() {
  ngx_connection_t* c = r_->connection;
  if (r_->http_version >= NGX_HTTP_VERSION_20 || r_->chunked || r_->headers_out.content_length_n >= 0) return;
  const linger reset{1, 0};
  (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
#if (NGX_HTTP_SSL)
  if (c->ssl != nullptr) c->ssl->no_send_shutdown = 1;
#endif
}

}  // namespace cardscrub
