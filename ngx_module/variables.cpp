// The module's variables. None of them ever holds card data: no digits of a card number beyond BIN and last
// four.
#include "guard.h"
#include "moments.h"
#include "process.h"
#include "request_context.h"
#include "response_stream.h"

namespace cardscrub {

namespace {

void give(ngx_http_variable_value_t* value, std::string_view text) {
  value->len = static_cast<unsigned>(text.size()) & 0xfffffffu;
  value->data = ngx_text(text).data;
  value->valid = 1;
  value->no_cacheable = 0;
  value->not_found = 0;
}

ngx_int_t give_copy(ngx_http_request_t* r, ngx_http_variable_value_t* value, std::string_view text) {
  auto* copy = static_cast<u_char*>(ngx_pnalloc(r->pool, text.size() + 1));
  if (copy == nullptr) return NGX_ERROR;
  std::memcpy(copy, text.data(), text.size());
  give(value, {reinterpret_cast<char*>(copy), text.size()});
  return NGX_OK;
}

std::string hexadecimal(Bytes data) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (uint8_t byte : data) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string_view verdict_word(const RequestContext* context) {
  if (context == nullptr || context->mode == Mode::kOff) return "off";
  if (context->answered) return context->verdict.status() >= 500 ? "failed" : "rejected";
  if (context->verdict.findings() == 0) return "clean";
  if (context->reveal != nullptr) return "revealed";
  return context->mode == Mode::kMonitor ? "found" : "scrubbed";
}

// Seconds with microseconds, as nginx writes times.
std::string seconds(uint64_t nanoseconds) {
  std::string micros = std::to_string(nanoseconds / 1000 % 1'000'000);
  return std::to_string(nanoseconds / 1'000'000'000) + "." + std::string(6 - micros.size(), '0') + micros;
}

// `data` of a variable says which one it is.
enum Which : uintptr_t {
  kVerdict,
  kResponseVerdict,
  kPanCount,
  kBrand,
  kLast4,
  kBin,
  kToken,
  kFingerprint,
  kFields,
  kTime
};

ngx_int_t evaluate(ngx_http_request_t* r, ngx_http_variable_value_t* value, Which which) {
  const RequestContext* context = find_context(r);
  if (which == kVerdict) {
    give(value, verdict_word(context));
    value->no_cacheable = 1;
    return NGX_OK;
  }
  if (which == kResponseVerdict) {
    bool searched = context != nullptr && context->response != nullptr;
    give(value, searched ? context->response->verdict_word() : std::string_view("off"));
    value->no_cacheable = 1;
    return NGX_OK;
  }
  if (context == nullptr) {
    value->not_found = 1;
    return NGX_OK;
  }
  const Verdict& verdict = context->verdict;
  bool first = verdict.has_first;
  std::string text;
  switch (which) {
    case kPanCount:
      text = std::to_string(verdict.found(Kind::kPan));
      break;
    case kBrand:
      if (first) text = brand_name(verdict.first_brand);
      break;
    case kLast4:
      if (first) text.assign(verdict.first_last4.data(), verdict.first_last4.size());
      break;
    case kBin:
      if (first) text.assign(verdict.first_bin.data(), verdict.first_bin.size());
      break;
    case kToken:
      for (uint8_t digit : verdict.first_token.span()) text += static_cast<char>('0' + digit);
      break;
    case kFingerprint:
      if (first) text = hexadecimal(verdict.first_fingerprint);
      break;
    case kFields:
      text = verdict.fields;
      break;
    case kTime:
      text = seconds(context->nanoseconds);
      break;
    case kVerdict:
    case kResponseVerdict:
      break;
  }
  if (text.empty()) {
    value->not_found = 1;
    return NGX_OK;
  }
  ngx_int_t rc = give_copy(r, value, text);
  value->no_cacheable = 1;  // the body may still be to come
  return rc;
}

ngx_int_t on_variable(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t data) {
  return guard(r->connection->log, "evaluating a variable", ngx_int_t{NGX_ERROR},
               [&] { return evaluate(r, value, static_cast<Which>(data)); });
}

struct Row {
  std::string_view name;
  Which which;
};

constexpr Row kRows[] = {
    {"cardscrub_verdict", kVerdict},    {"cardscrub_response_verdict", kResponseVerdict},
    {"cardscrub_pan_count", kPanCount}, {"cardscrub_brand", kBrand},
    {"cardscrub_last4", kLast4},        {"cardscrub_bin", kBin},
    {"cardscrub_token", kToken},        {"cardscrub_fingerprint", kFingerprint},
    {"cardscrub_fields", kFields},      {"cardscrub_time", kTime},
};

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) {
  for (const Row& row : kRows) {
    ngx_str_t name = ngx_text(row.name);
    ngx_http_variable_t* variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (variable == nullptr) return NGX_ERROR;
    variable->get_handler = on_variable;
    variable->data = row.which;
  }
  return NGX_OK;
}

}  // namespace cardscrub
