// The head of an answer: a quick look at every element, a copy of what may hold something.
#include "response_head.h"

#include <cstring>

#include "header_lines.h"

namespace cardscrub {

ResponseHead::ResponseHead(ngx_http_request_t* r, const Policy& policy, Worker& worker, Verdict* verdict,
                           std::string_view name_space)
    : r_(r),
      policy_(policy),
      scan_(*policy.fields),
      worker_(worker),
      verdict_(verdict),
      name_space_(name_space) {}

bool ResponseHead::headers() {
  ngx_http_headers_out_t& out = r_->headers_out;
  if (!lines(out.headers) || !value(&out.status_line, {})) return false;
  // The boundary must stay what the body has.
  if (view(out.content_type).find("boundary") != std::string_view::npos) return true;
  const u_char* before = out.content_type.data;
  if (!value(&out.content_type, {})) return false;
  if (out.content_type.data != before) out.content_type_lowcase = nullptr;
  return true;
}

bool ResponseHead::trailers() { return lines(r_->headers_out.trailers); }

bool ResponseHead::lines(const ngx_list_t& list) {
  bool good = true;
  for_each_line(list, [&](ngx_table_elt_t& each) { good = good && (each.hash == 0 || line(&each)); });
  return good;
}

bool ResponseHead::line(ngx_table_elt_t* line) {
  if (is_named(*line, "content-length") || is_named(*line, "content-range")) return true;  // framing
  if (line->key.len >= limits::kPanMin && !value(&line->key, {})) return false;
  ngx_str_t* text = &line->value;
  if (text->len == 0) return true;
  if (is_named(*line, "set-cookie")) {
    if (!scan_.may_hold_card_data(HeadPart::kCookie, {}, bytes(*text))) return true;
    return change(text, [&](MutableBytes all) { scrub(HeadPart::kCookie, {}, all); });
  }
  if (is_named(*line, "location") || is_named(*line, "content-location") || is_named(*line, "refresh")) {
    return url(text);
  }
  return is_named(*line, "link") ? link(text) : value(text, view(line->key));
}

bool ResponseHead::value(ngx_str_t* text, std::string_view name) {
  if (text->len == 0 || !scan_.may_hold_card_data(HeadPart::kHeader, name, bytes(*text))) return true;
  return change(text, [&](MutableBytes all) { scrub(HeadPart::kHeader, name, all); });
}

// With the names of its arguments; and, for what is no part of a URL ("5; url=..."), as it stands.
bool ResponseHead::url(ngx_str_t* text) {
  if (!scan_.may_hold_card_data(HeadPart::kTarget, {}, bytes(*text))) return true;
  return change(text, [&](MutableBytes all) {
    scrub(HeadPart::kTarget, {}, all);
    scrub(HeadPart::kHeader, {}, all);
  });
}

// <url>; rel=next, <url> ... (RFC 8288)
bool ResponseHead::link(ngx_str_t* text) {
  if (!scan_.may_hold_card_data(HeadPart::kTarget, {}, bytes(*text))) return true;
  return change(text, [&](MutableBytes all) {
    std::string_view rest = view(*text);
    for (size_t open = rest.find('<'); open != std::string_view::npos; open = rest.find('<', open)) {
      size_t close = rest.find('>', open);
      if (close == std::string_view::npos) close = rest.size();
      scrub(HeadPart::kTarget, {}, all.subspan(open + 1, close - open - 1));
      open = close;
    }
    scrub(HeadPart::kHeader, {}, all);
  });
}

template <typename Work>
bool ResponseHead::change(ngx_str_t* text, Work&& work) {
  auto* copy = static_cast<u_char*>(ngx_pnalloc(r_->pool, text->len));
  if (copy == nullptr) return false;
  std::memcpy(copy, text->data, text->len);
  const uint32_t before = verdict_->findings();
  work(MutableBytes{copy, text->len});
  if (policy_.mode == Mode::kOn && verdict_->findings() != before) {
    text->data = copy;
  } else {
    wipe(copy, text->len);
  }
  return true;
}

void ResponseHead::scrub(HeadPart part, std::string_view name, MutableBytes text) {
  scrub_head(part, name, text, policy_, worker_, *verdict_, name_space_);
}

}  // namespace cardscrub
