// cardscrub_status: the counters of all workers as JSON.
#include <cstring>

#include "audit_log.h"
#include "guard.h"
#include "main_conf.h"
#include "moments.h"
#include "process.h"
#include "version.h"
#include "zone.h"

namespace cardscrub {

namespace {

class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(*out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  void name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void number(std::string_view key, uint64_t value) {
    name(key);
    out_ += std::to_string(value);
  }
  void text(std::string_view key, std::string_view value) {
    name(key);
    out_ += '"';
    out_ += value;
    out_ += '"';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

uint64_t read(const Tally::Count& count) { return count.load(std::memory_order_relaxed); }

void write_kinds(std::string* out, const std::array<Tally::Count, kKinds>& kinds) {
  JsonObject findings(out);
  for (size_t i = 1; i < kKinds; ++i) {
    auto kind = static_cast<Kind>(i);
    if (kind != Kind::kIgnore) findings.number(kind_name(kind), read(kinds[i]));
  }
}

void write_brands(std::string* out, const Tally& tally) {
  JsonObject brands(out);
  for (size_t i = 1; i < kBrands; ++i) {
    if (read(tally.brands[i]) != 0) brands.number(brand_name(static_cast<Brand>(i)), read(tally.brands[i]));
  }
}

void write_actions(std::string* out, const Tally& tally) {
  JsonObject actions(out);
  for (size_t i = 1; i < tally.actions.size(); ++i) {
    actions.number(action_name(static_cast<Action>(i)), read(tally.actions[i]));
  }
}

void write_reasons(std::string* out, const Tally& tally) {
  JsonObject reasons(out);
  for (size_t i = 1; i < kReasonCount; ++i) {
    if (read(tally.reasons[i]) != 0)
      reasons.number(reason_name(static_cast<Reason>(i)), read(tally.reasons[i]));
  }
}

void write_responses(std::string* out, const Tally::Responses& responses) {
  JsonObject object(out);
  object.number("searched", read(responses.searched));
  object.number("bytes", read(responses.bytes));
  object.number("with_card_data", read(responses.found));
  object.number("rejected", read(responses.rejected));
  object.name("findings");
  write_kinds(out, responses.kinds);
}

void write_store(std::string* out, const CodeStore& store) {
  CodeStoreCounters counters = store.counters();
  JsonObject object(out);
  object.number("entries", counters.entries);
  object.number("stored", counters.stored);
  object.number("revealed", counters.revealed);
  object.number("expired", counters.expired);
  object.number("refused_full", counters.refused_full);
}

// The head tells whether the file still ends where it should: cardscrub audit verify --head.
void write_audit(std::string* out, const AuditLog& log) {
  const AuditLog::Counts counts = log.counts();
  JsonObject object(out);
  object.number("lines", counts.lines);
  object.number("failures", counts.failures);
  object.number("lost", counts.lost);
  object.text("head", audit_head_text(counts.head));
}

std::string status_json(const MainConf& main) {
  std::string out;
  const Tally& tally = *main.zone->tally();
  {
    JsonObject root(&out);
    root.text("version", kVersion);
    root.number("pid", static_cast<uint64_t>(ngx_pid));
    root.number("requests", read(tally.requests));
    root.number("bodies", read(tally.bodies));
    root.number("bytes", read(tally.bytes));
    root.number("rejected", read(tally.rejected));
    root.number("faults", read(tally.faults));
    root.number("redacted", read(tally.redacted));
    root.name("findings");
    write_kinds(&out, tally.kinds);
    root.name("brands");
    write_brands(&out, tally);
    root.name("actions");
    write_actions(&out, tally);
    root.name("rejections");
    write_reasons(&out, tally);
    root.name("responses");
    write_responses(&out, tally.responses);
    root.name("code_store");
    const Worker* own = worker();
    if (own != nullptr && own->codes) {
      write_store(&out, *own->codes);
    } else {
      out += "null";
    }
    if (main.audit != nullptr) {
      root.name("audit");
      write_audit(&out, *main.audit);
    }
  }
  out += '\n';
  return out;
}

ngx_int_t send_status(ngx_http_request_t* r) {
  if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) return NGX_HTTP_NOT_ALLOWED;
  ngx_int_t rc = ngx_http_discard_request_body(r);
  if (rc != NGX_OK) return rc;
  std::string json = status_json(*main_conf(r));
  ngx_buf_t* b = ngx_create_temp_buf(r->pool, json.size());
  if (b == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  std::memcpy(b->pos, json.data(), json.size());
  b->last = b->pos + json.size();
  b->last_buf = r == r->main ? 1 : 0;
  b->last_in_chain = 1;

  r->headers_out.status = NGX_HTTP_OK;
  r->headers_out.content_length_n = static_cast<off_t>(json.size());
  r->headers_out.content_type = ngx_text("application/json");
  r->headers_out.content_type_len = r->headers_out.content_type.len;
  r->headers_out.content_type_lowcase = nullptr;
  rc = ngx_http_send_header(r);
  if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
  ngx_chain_t out{b, nullptr};
  return ngx_http_output_filter(r, &out);
}

}  // namespace

ngx_int_t on_status(ngx_http_request_t* r) {
  return guard(r->connection->log, "writing the status", ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
               [&] { return send_status(r); });
}

}  // namespace cardscrub
