// Holding, revealing and withdrawing one request.
#include "reveal_hold.h"

#include <ctime>

#include "filters/head.h"
#include "guard.h"
#include "header_lines.h"
#include "process.h"
#include "request_context.h"
#include "src/reveal.h"
#include "zone.h"

namespace cardscrub {

namespace {

constexpr ngx_msec_t kLookAgain = 5;  // a name server takes about as long

// Not for the application to put a card in, whatever the operator's patterns say.
bool is_left_alone(const ngx_table_elt_t& header) {
  for (std::string_view name :
       {"authorization", "proxy-authorization", "cookie", "content-length", "transfer-encoding", "host"}) {
    if (is_named(header, name)) return true;
  }
  return false;
}

uint64_t milliseconds() {
  const ngx_time_t* now = ngx_timeofday();
  return static_cast<uint64_t>(now->sec) * 1000 + static_cast<uint64_t>(now->msec);
}

std::string location_key(ngx_http_request_t* r) {
  const auto* core =
      static_cast<const ngx_http_core_loc_conf_t*>(ngx_http_get_module_loc_conf(r, ngx_http_core_module));
  const auto* server =
      static_cast<const ngx_http_core_srv_conf_t*>(ngx_http_get_module_srv_conf(r, ngx_http_core_module));
  return std::string(view(server->server_name)) + '\0' + std::string(view(core->name));
}

// Card numbers cost, so that one request with thousands is no way around it.
void take_rate(ngx_http_request_t* r, const LocationConf& conf, RequestContext* context) {
  Verdict& verdict = context->verdict;
  RateTable* rates = main_conf(r)->zone->rates();
  if (rates == nullptr) return verdict.refuse(Reason::kFault, {});
  const uint64_t cost = verdict.revealed.size();
  const std::string key = location_key(r);
  uint64_t wait = rates->take(key + '\0' + std::string(view(r->connection->addr_text)),
                              conf.reveal_rate.client, cost, milliseconds());
  if (wait == 0) wait = rates->take(key, conf.reveal_rate.total, cost, milliseconds());
  if (wait == 0) return;
  context->retry_after = wait == RateTable::kNever ? 0 : static_cast<unsigned>((wait + 999) / 1000);
  verdict.refuse(Reason::kLimitRate, {});
}

}  // namespace

bool find_named_headers(ngx_http_request_t* r, const FieldNames& fields,
                        std::vector<ngx_table_elt_t*>* found) {
  for_each_line(r->headers_in.headers, [&](ngx_table_elt_t& line) {
    if (line.value.len == 0 || is_left_alone(line)) return;
    const FieldMatch match = match_header(fields, view(line.key));
    if (!match.ambiguous && (match.kind == Kind::kPan || match.kind == Kind::kCode)) found->push_back(&line);
  });
  return !found->empty();
}

RevealHold::~RevealHold() {
  if (posted_.posted) {
    ngx_delete_posted_event(&posted_);
  }
  if (posted_.timer_set) ngx_del_timer(&posted_);
  forget_peer(request_);
  withdraw();
}

bool RevealHold::add(Bytes piece) {
  if (block_.size() + piece.size() > conf_->reveal_max_body) return false;
  block_.append(piece);
  return true;
}

void RevealHold::gather_headers() {
  body_size_ = block_.size();
  std::vector<ngx_table_elt_t*> lines;
  find_named_headers(request_, *conf_->body.fields, &lines);
  for (ngx_table_elt_t* line : lines) {
    headers_.push_back({line, line->value, block_.size()});
    block_.append(bytes(line->value));
  }
  tokens_.append(block_.span());
}

// False: not all of it came out in its place, which cannot be.
bool RevealHold::turn_back_all(RequestContext* context) {
  Worker& own = *worker();
  const Policy& policy = conf_->reveal_policy;
  Verdict& verdict = context->verdict;
  const Body::Output out = context->body->push(body(), true);
  if (verdict.refused()) return true;
  if (out.piece.size() != body_size_ || !out.held.empty()) return false;
  for (const Header& header : headers_) {
    const RawView value{block_.data() + header.at, header.at, header.original.len};
    reveal_header(view(header.line->key), value, policy, own, verdict, context->name_space, &errands_);
  }
  bind_codes(policy, &errands_, &verdict);
  if (!verdict.refused()) take_rate(request_, *conf_, context);
  if (verdict.refused()) return true;
  const RawView view{block_.data(), 0, block_.size()};
  if (context->remote) {
    context->remote->send(errands_, view);
  } else {
    take_codes(policy, &own, &errands_, view, &verdict);
  }
  return true;
}

// Every card and every code is a line of the audit log. False: it cannot be written.
bool RevealHold::tell(RequestContext* context) {
  if (!context->trail) return true;
  for (const RevealedCard& card : context->verdict.revealed) {
    context->trail->on_finding(
        {Kind::kPan, card.brand, Action::kReveal, Reason::kNone, 0, 0, card.field, &card.token});
  }
  for (const CodeErrand& errand : errands_) {
    context->trail->on_finding(
        {Kind::kCode, Brand::kUnknown, Action::kReveal, Reason::kNone, 0, 0, errand.field, &errand.token});
  }
  return audit_commit(request_, context);
}

// A header's line points into the block; its own bytes keep the token.
void RevealHold::hand_out_headers() {
  for (const Header& header : headers_) header.line->value.data = block_.data() + header.at;
}

void RevealHold::turn_back(RequestContext* context) {
  if (!check_upstream(request_, *conf_, context)) return;
  gather_headers();
  if (!turn_back_all(context)) context->verdict.refuse(Reason::kFault, {});
  context->body.reset();
}

void RevealHold::complete(RequestContext* context) {
  Verdict& verdict = context->verdict;
  if (!verdict.refused() && !tell(context)) verdict.refuse(Reason::kAuditDown, {});
  if (verdict.refused()) {
    block_.clear();
    return;
  }
  revealed_ = true;
  hand_out_headers();
  posted_.handler = on_connecting;
  posted_.data = request_->connection;
  posted_.log = request_->connection->log;
  ngx_post_event(&posted_, &ngx_posted_events);
}

// By now nginx has begun to connect to the provider, or looks for its address.
void RevealHold::on_connecting(ngx_event_t* event) {
  auto* connection = static_cast<ngx_connection_t*>(event->data);
  if (!watch_peer(static_cast<ngx_http_request_t*>(connection->data)->main)) ngx_add_timer(event, kLookAgain);
}

void RevealHold::withdraw() {
  if (!revealed_) return;
  revealed_ = false;
  for (const Header& header : headers_) header.line->value = header.original;
  // Variables that were evaluated meanwhile, $request_body say, look at the block.
  std::memcpy(block_.data(), tokens_.data(), block_.size());
  if (request_->upstream == nullptr) return;
  for (ngx_chain_t* cl = request_->upstream->request_bufs; cl != nullptr; cl = cl->next) {
    const ngx_buf_t* b = cl->buf;
    const bool ours = b->start >= block_.data() && b->start < block_.data() + block_.size();
    if (!ours && b->temporary && b->start < b->end) wipe(b->start, static_cast<size_t>(b->end - b->start));
  }
}

}  // namespace cardscrub
