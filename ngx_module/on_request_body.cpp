// The request body filter: in front of all others, so also of the one that writes bodies to temporary files.
//
//   buffers as they are read --> Body --> copies of what was held, then the rest in place --> next filter
//
//   with a shared code store, when security codes have been met:
//   scrubbing --errands--> waiting (what is scrubbed is kept, what comes is left unread) --answers-->
//   scrubbing
//
//   scrubbing --refused, buffered--> draining --end of body--> answered
//       |                               |
//       +--refused, unbuffered--+       +--too much to drain--+--> answered, connection closed
#include "filters/chooser.h"
#include "guard.h"
#include "header_lines.h"
#include "http2.h"
#include "moments.h"
#include "outgoing.h"
#include "process.h"
#include "request_body.h"
#include "request_context.h"
#include "upstream.h"
#include "wipe.h"

namespace cardscrub {

namespace {

ngx_http_request_body_filter_pt g_next_filter = nullptr;

// A refused body is read to its end, which keeps the connection usable, when no more than this is to come.
constexpr off_t kDrainMost = 1 << 20;

// ---- what the client says about its body

struct BodyHeaders {
  std::string_view type;
  std::string_view encoding;
  bool conflict = false;  // said twice: the application could believe the other one
};

BodyHeaders body_headers(const ngx_http_request_t* r) {
  BodyHeaders found;
  bool typed = false;
  bool encoded = false;
  for_each_line(r->headers_in.headers, [&](const ngx_table_elt_t& line) {
    if (is_named(line, "content-type")) {
      found.conflict = found.conflict || typed;
      typed = true;
      found.type = view(line.value);
    } else if (is_named(line, "content-encoding")) {
      found.conflict = found.conflict || encoded;
      encoded = true;
      found.encoding = view(line.value);
    }
  });
  return found;
}

// ---- the filter

// The answers of the shared store are there: nginx goes on reading, and comes by here.
void on_all_done(void* request) {
  ngx_event_t* event = static_cast<ngx_http_request_t*>(request)->connection->read;
  ngx_post_event(event, &ngx_posted_events);
}

// False: there is none in this worker.
bool use_shared_store(ngx_http_request_t* r, RequestContext* context, Worker& own, const Policy& policy) {
  RemoteStore* store = remote_store();
  if (store == nullptr) return false;
  context->remote = std::make_unique<RemoteCodes>(*store, own, context->verdict, policy, on_all_done, r);
  r->request_body->filter_need_buffering = 1;  // nginx stops reading while its buffers are not taken
  r->request_body_no_buffering = 0;            // it would not ask again for what is kept back
  return true;
}

// Decides about a body when its first bytes (or the question for them) come.
void begin(ngx_http_request_t* r, RequestContext* context) {
  context->body_begun = true;
  context->body_mode = context->mode;
  Worker* own = worker();
  if (own == nullptr) {
    if (context->mode == Mode::kOn) context->verdict.refuse(Reason::kFault, {});
    return;
  }
  BodyHeaders headers = body_headers(r);
  const Policy& policy = context->conf->body_policy(context->mode);
  const bool shared =
      main_conf(r)->redis != nullptr && context->mode == Mode::kOn && policy.code == Action::kAlias;
  if (shared && !use_shared_store(r, context, *own, policy)) {
    context->verdict.refuse(Reason::kFault, {});
    return;
  }
  context->body.emplace(policy, *own, context->verdict, context->name_space, context->observer(),
                        shared ? &context->errands : nullptr);
  Reason reason = context->body->start(headers.type, headers.encoding);
  if (context->mode == Mode::kMonitor) {
    if (reason != Reason::kNone)
      context->body.reset();  // cannot be looked at; monitoring stands in nobody's way
  } else if (headers.conflict && reason == Reason::kNone) {
    context->verdict.refuse(Reason::kBodyType, {});
  } else if (r->request_body_no_buffering && part_may_pass_for_whole(r)) {
    r->request_body_no_buffering = 0;  // nothing goes until the whole of it has been judged
  }
  if (context->mode == Mode::kOn && context->body->inflates()) {
    // Its length is known at the end only, and has to stand in the head that goes upstream.
    r->request_body_no_buffering = 0;
    if (!drop_request_lines(r, "content-encoding")) context->verdict.refuse(Reason::kFault, {});
  }
  // Its length is not known when it comes in chunks.
  if (context->body && !r->request_body_no_buffering &&
      r->headers_in.content_length_n <= static_cast<off_t>(limits::kGather)) {
    context->body->gather();
  }
}

bool worth_draining(const ngx_http_request_t* r, const RequestContext& context) {
  if (r->request_body_no_buffering)
    return false;  // an upstream may be waiting for bytes that will never come
  if (context.drained > static_cast<uint64_t>(kDrainMost)) return false;
#if (NGX_HTTP_V2)
  if (r->stream != nullptr) {
    off_t rest = r->headers_in.content_length_n - static_cast<off_t>(context.body_bytes);
    return r->headers_in.content_length_n < 0 || rest <= kDrainMost;
  }
#endif
  return r->headers_in.chunked || r->request_body->rest <= kDrainMost;
}

// Reads on without forwarding until the body ends, or gives up on it.
ngx_int_t drain(ngx_http_request_t* r, RequestContext* context) {
  // What earlier calls handed on must not wait in nginx's buffer: it is needed to read on, and nobody may
  // have it.
  ngx_http_request_body_t* body = r->request_body;
  for (ngx_chain_t* cl = body->bufs; cl != nullptr; cl = cl->next) {
    if (!ngx_buf_in_memory(cl->buf)) continue;
    wipe(cl->buf->pos, static_cast<size_t>(cl->buf->last - cl->buf->pos));
    cl->buf->pos = cl->buf->last;
  }
  body->bufs = nullptr;
  if (!context->body_ended && worth_draining(r, *context)) {
    context->draining = true;
    return NGX_OK;
  }
  return refuse_request(r, context);
}

// HTTP/2 and 3 may mark the end of a body after its last byte. Where bytes are forwarded as they come, the
// application would have the whole of it before the verdict.
bool is_complete(const ngx_http_request_t* r, const RequestContext& context) {
  return r->request_body_no_buffering && !r->headers_in.chunked && r->headers_in.content_length_n >= 0 &&
         context.body_bytes >= static_cast<uint64_t>(r->headers_in.content_length_n);
}

// `last`: the body ends with this buffer, which may or may not carry nginx's mark of the end.
ngx_int_t scrub_piece(RequestContext* context, ngx_buf_t* b, bool last, Outgoing* out) {
  auto size = static_cast<size_t>(b->last - b->pos);
  bool mark = b->last_buf;
  if (size != 0 && !ngx_buf_in_memory(b)) return NGX_ERROR;
  if (size == 0 && !last) return (b->flush || b->sync) && !out->add(b) ? NGX_ERROR : NGX_OK;

  Body::Output done = context->body->push({b->pos, size}, last);
  while (done.more && !context->verdict.refused()) {
    context->inflated_bytes += done.held.size();
    if (!out->add_copy(done.held, *b, false)) return NGX_ERROR;
    done = context->body->push({}, last);
  }
  if (context->verdict.refused()) {
    b->pos = b->last;  // wiped by the engine
    return NGX_OK;
  }
  context->inflated_bytes += done.held.size();
  bool piece_goes = !done.piece.empty() || (mark && done.held.empty());
  if (!done.held.empty()) {
    bool copied = out->add_copy(done.held, *b, mark && !piece_goes);
    wipe(done.held.data(), done.held.size());
    if (!copied) return NGX_ERROR;
  }
  if (piece_goes) {
    if (done.piece.empty()) {
      b->last = b->pos;
      b->temporary = 0;  // nothing but the mark of the end
    } else {
      b->pos = done.piece.data();
      b->last = done.piece.data() + done.piece.size();
    }
    return out->add(b) ? NGX_OK : NGX_ERROR;
  }
  b->last = b->pos;
  return NGX_OK;
}

ngx_int_t fail(ngx_http_request_t* r, RequestContext* context) {
  context->verdict.refuse(Reason::kFault, {});
  context->body.reset();
  return refuse_request(r, context);
}

// Hands on what was kept back. False: no memory.
bool release_kept(RequestContext* context, Outgoing* out) {
  SecretBuffer& kept = context->kept;
  if (!kept.empty() && !out->add_copy(kept.span(), ngx_buf_t{}, context->kept_last)) return false;
  if (kept.empty() && context->kept_last && !out->add_block({})) return false;
  kept.clear();
  context->kept_last = false;
  return true;
}

// Keeps back what has been scrubbed, for the answers may change it.
void run_errands(RequestContext* context, Outgoing* out) {
  SecretBuffer& kept = context->kept;
  context->kept_last = out->move_to(&kept);
  context->remote->send(std::move(context->errands), {kept.data(), context->handed_on, kept.size()});
  context->errands.clear();
}

ngx_int_t scrub_chain(ngx_http_request_t* r, RequestContext* context, ngx_chain_t* in) {
  Outgoing out(r->pool, &context->free, &context->busy);
  if (context->remote) {
    if (ngx_chain_add_copy(r->pool, &context->unread, in) != NGX_OK) return NGX_ERROR;
    if (context->remote->waiting()) return g_next_filter(r, nullptr);
    in = context->unread;
    context->unread = nullptr;
    if (!context->verdict.refused() && !release_kept(context, &out)) return NGX_ERROR;
  }
  for (ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
    ngx_buf_t* b = cl->buf;
    auto size = static_cast<size_t>(b->last - b->pos);
    context->body_bytes += size;
    const bool over = context->body_ended;
    context->body_ended = over || b->last_buf || is_complete(r, *context);
    if (context->verdict.refused()) {
      wipe(b->pos, size);
      b->pos = b->last;
      context->drained += size;
    } else if (over) {  // nginx's mark of the end, behind a body that was complete by its length
      b->temporary = 0;
      if (size != 0 || !out.add(b)) {
        out.discard();
        return fail(r, context);
      }
    } else if (scrub_piece(context, b, context->body_ended, &out) != NGX_OK) {
      out.discard();
      return fail(r, context);
    }
  }
  if (!context->errands.empty() && !context->verdict.refused()) {
    run_errands(context, &out);
    if (context->remote->waiting()) return g_next_filter(r, nullptr);
  }
  // Written before anything goes on that the events are about: of a buffered body that is its end.
  if (!context->verdict.refused() && (context->body_ended || r->request_body_no_buffering) &&
      !audit_commit(r, context)) {
    context->verdict.refuse(Reason::kAuditDown, {});
  }
  if (context->verdict.refused()) {
    out.discard();
    context->kept.clear();
    context->body.reset();
    return drain(r, context);
  }
  context->handed_on += out.size();
  if (context->body_ended && context->body) {
    if (context->body->inflates() && !set_body_length(r, static_cast<off_t>(context->inflated_bytes))) {
      out.discard();
      return fail(r, context);
    }
    context->body.reset();
    context->tally();
  }
  ngx_int_t rc = g_next_filter(r, out.chain());
  out.settle();
  return rc;
}

// The engine is shown copies and the buffers go on as they came, whatever becomes of the copies.
void monitor_chain(RequestContext* context, ngx_chain_t* in) {
  for (ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
    ngx_buf_t* b = cl->buf;
    auto size = static_cast<size_t>(b->last - b->pos);
    context->body_bytes += size;
    context->body_ended = context->body_ended || b->last_buf;
    if (!context->body || (size != 0 && !ngx_buf_in_memory(b)) || (size == 0 && !b->last_buf)) continue;
    context->monitor_copy.clear();
    context->monitor_copy.append({b->pos, size});
    (void)context->body->push(context->monitor_copy.span(), b->last_buf);
    if (context->verdict.refused()) context->body.reset();  // a limit; nothing more to learn
  }
  if (context->body_ended) {
    context->body.reset();
    context->tally();
  }
}

// Bytes that came before somebody read them. With HTTP/1 they stand in the head's buffer: nginx moves chunks
// together there, and keeps it for the next request.
void remember_preread(ngx_http_request_t* r, RequestContext* context, const ngx_chain_t* in) {
  if (is_http2(r)) return keep_early_body(r, &context->preread_begin, &context->preread_end);
  const ngx_buf_t* head = r->header_in;
  if (in == nullptr || head == nullptr || context->preread_begin != nullptr) return;
  if (in->buf->pos < head->start || in->buf->pos >= head->end) return;
  context->preread_begin = in->buf->pos;
  context->preread_end = head->pos;
}

// ---- reveal: the whole body is held, and goes on when all of it has been turned back

// What stands in the way of this body before it has been read.
Reason unfit_to_reveal(const ngx_http_request_t* r, const LocationConf& conf, const BodyHeaders& headers) {
  if (headers.conflict || (!has_named_fields(headers.type) && conf.reveal_sweep == 0))
    return Reason::kBodyType;
  const bool long_body = r->headers_in.content_length_n > static_cast<off_t>(conf.reveal_max_body);
  return long_body ? Reason::kLimitBody : Reason::kNone;
}

void begin_reveal(ngx_http_request_t* r, RequestContext* context) {
  context->body_begun = true;
  context->body_mode = Mode::kOn;
  // Nothing of it goes to a file, and nothing to the provider before the end has been seen.
  r->request_body->filter_need_buffering = 1;
  r->request_body_no_buffering = 0;
  r->request_body_in_file_only = 0;
  Worker* own = worker();
  const LocationConf& conf = *location_conf(r);
  // Whoever comes by another way than on_reveal() has not been let in.
  if (own == nullptr || context->reveal == nullptr || context->reveal->conf() != &conf) {
    return context->verdict.refuse(Reason::kFault, {});
  }
  const BodyHeaders headers = body_headers(r);
  const Reason unfit = unfit_to_reveal(r, conf, headers);
  if (unfit != Reason::kNone) return context->verdict.refuse(unfit, {});
  if (main_conf(r)->redis != nullptr && !use_shared_store(r, context, *own, conf.reveal_policy)) {
    return context->verdict.refuse(Reason::kFault, {});
  }
  context->body.emplace(conf.reveal_policy, *own, context->verdict, context->name_space, nullptr,
                        context->reveal->errands());
  (void)context->body->start(headers.type, headers.encoding);  // what is wrong is noted in the verdict
}

ngx_int_t reveal_chain(ngx_http_request_t* r, RequestContext* context, ngx_chain_t* in) {
  const bool had_ended = context->body_ended;
  for (ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
    ngx_buf_t* b = cl->buf;
    const auto size = static_cast<size_t>(b->last - b->pos);
    context->body_bytes += size;
    context->body_ended = context->body_ended || b->last_buf;
    if (size != 0 && !ngx_buf_in_memory(b)) return NGX_ERROR;
    if (context->verdict.refused()) {
      context->drained += size;
    } else if (!context->reveal->add({b->pos, size})) {
      context->verdict.refuse(Reason::kLimitBody, {});
    }
    wipe(b->pos, size);
    b->pos = b->last;
  }
  if (context->body_ended && !had_ended && !context->verdict.refused()) context->reveal->turn_back(context);
  if (context->remote && context->remote->waiting()) return g_next_filter(r, nullptr);
  const bool ends = context->body_ended && context->reveal != nullptr && !context->reveal->revealed();
  if (ends) context->reveal->complete(context);
  if (context->verdict.refused()) {
    context->body.reset();
    return drain(r, context);
  }
  if (!ends) return g_next_filter(r, nullptr);
  context->tally();
  Outgoing out(r->pool, &context->free, &context->busy);
  return out.add_block(context->reveal->body()) ? g_next_filter(r, out.chain()) : NGX_ERROR;
}

ngx_int_t reveal(ngx_http_request_t* r, RequestContext* context, ngx_chain_t* in) {
  if (context == nullptr || !context->body_begun) {
    context = enter_location(r, location_conf(r), Mode::kOn);
    if (context == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    begin_reveal(r, context);
  }
  if (context->answered) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  remember_preread(r, context, in);
  Stopwatch watch(r, context);
  wipe_between(r, *context, in);
  const ngx_int_t rc = reveal_chain(r, context, in);
  wipe_registers();
  return rc;
}

ngx_int_t filter(ngx_http_request_t* r, ngx_chain_t* in) {
  RequestContext* context = find_context(r);
  if (location_conf(r)->reveal != 0) return reveal(r, context, in);
  if (context == nullptr || !context->body_begun) {
    const LocationConf& conf = *location_conf(r);
    Mode mode = conf.mode == kWishOff ? Mode::kOff : conf.mode_of(r);
    if (mode == Mode::kOff) return g_next_filter(r, in);
    context = enter_location(r, &conf, mode);
    if (context == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    begin(r, context);
  }
  if (context->answered) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  remember_preread(r, context, in);
  Stopwatch watch(r, context);
  if (context->body_mode == Mode::kMonitor) {
    if (!guarded(r->connection->log, "monitoring a request body", [&] { monitor_chain(context, in); })) {
      context->body.reset();
    }
    if (context->body_ended) (void)audit_commit(r, context);
    return g_next_filter(r, in);
  }
  wipe_between(r, *context, in);
  ngx_int_t rc = scrub_chain(r, context, in);
  wipe_registers();
  return rc;
}

// What may have been scrubbed half is not forwarded.
ngx_int_t fail_closed(ngx_http_request_t* r) {
  return guard(r->connection->log, "refusing a request body", ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
               [&]() -> ngx_int_t {
                 drop_unread_body(r);
                 RequestContext* context = find_context(r);
                 return context == nullptr || context->answered ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                                                : fail(r, context);
               });
}

ngx_int_t on_request_body(ngx_http_request_t* r, ngx_chain_t* in) {
  ngx_int_t rc = guard(r->connection->log, "reading a request body", ngx_int_t{NGX_ERROR},
                       [&]() -> ngx_int_t { return filter(r, in); });
  // Never NGX_ERROR: nginx would let the request hang.
  return rc == NGX_ERROR ? fail_closed(r) : rc;
}

}  // namespace

void install_request_body_filter() {
  g_next_filter = ngx_http_top_request_body_filter;
  ngx_http_top_request_body_filter = on_request_body;
}

}  // namespace cardscrub
