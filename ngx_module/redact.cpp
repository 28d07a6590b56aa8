// Redaction of request line, URI, headers and bodies in place.
#include "redact.h"

#include <algorithm>

#include "filters/body.h"
#include "filters/head_mask.h"
#include "guard.h"
#include "header_lines.h"
#include "http2.h"
#include "main_conf.h"
#include "process.h"
#include "request_context.h"
#include "wipe.h"
#include "zone.h"

namespace cardscrub {

namespace {

constexpr std::string_view kAuthorization = "authorization";

// Joins the buffers of a body; nullptr: empty, in a file, or no memory. A single one stays where it is: a
// value of $request_body that was asked for earlier lies there.
ngx_buf_t* join(ngx_http_request_t* r) {
  const ngx_chain_t* first = r->request_body->bufs;
  if (first->next == nullptr && first->buf->temporary && !first->buf->in_file &&
      first->buf->last != first->buf->pos) {
    return first->buf;
  }
  size_t size = 0;
  for (const ngx_chain_t* cl = r->request_body->bufs; cl != nullptr; cl = cl->next) {
    if (cl->buf->in_file) return nullptr;
    size += static_cast<size_t>(cl->buf->last - cl->buf->pos);
  }
  ngx_buf_t* joined = size == 0 ? nullptr : ngx_create_temp_buf(r->pool, size);
  if (joined == nullptr) return nullptr;
  for (const ngx_chain_t* cl = r->request_body->bufs; cl != nullptr; cl = cl->next) {
    if (cl->buf->last == cl->buf->pos) continue;  // perhaps nowhere at all
    joined->last = ngx_cpymem(joined->last, cl->buf->pos, static_cast<size_t>(cl->buf->last - cl->buf->pos));
  }
  return joined;
}

// Wipes what lies in the buffers of a chain, but not in `kept`.
void empty(const ngx_chain_t* chain, const ngx_buf_t* kept) {
  for (const ngx_chain_t* cl = chain; cl != nullptr; cl = cl->next) {
    if (cl->buf == kept) continue;
    wipe(cl->buf->pos, static_cast<size_t>(cl->buf->last - cl->buf->pos));
    cl->buf->pos = cl->buf->last;
  }
}

}  // namespace

void blank_digits(MutableBytes text) {
  for (uint8_t& c : text) {
    if (is_digit(c)) c = '*';
  }
}

void mask_cut_number(MutableBytes text) {
  constexpr size_t kBin = 6;
  constexpr std::string_view kMarks =
      " -.%\\ux&#;*";  // between digits, and of digits that are written as escapes
  size_t begin = text.size();
  while (begin > 0 && (is_digit(text[begin - 1]) ||
                       kMarks.find(static_cast<char>(text[begin - 1])) != std::string_view::npos)) {
    --begin;
  }
  size_t digits = 0;
  for (uint8_t& c : text.subspan(begin)) {
    if (is_digit(c) && ++digits > kBin) c = '*';
  }
}

Worker& Redactor::engines() const {
  Worker* own = engines_ != nullptr ? engines_ : worker();
  if (own == nullptr) throw std::bad_alloc();
  return *own;
}

bool Redactor::look(HeadPart part, std::string_view name, MutableBytes text, bool* all) {
  bool found = false;
  const bool looked = guarded(ngx_cycle->log, "redacting", [&] {
    Worker& own = engines();
    bool numbers_left = false;
    const Masked masked = mask_head(part, name, text, policy_, own, &numbers_left);
    if (masked != Masked::kUnknown) {
      found = masked == Masked::kSomething;
      *all = !numbers_left;
      return;
    }
    Verdict verdict;
    scrub_head(part, name, text, policy_, own, verdict, {});
    if (verdict.refused()) throw std::bad_alloc();
    found = verdict.findings() != 0;
  });
  if (!looked) {
    blank_digits(text);
    found = true;
  }
  masked_ += found ? 1 : 0;
  return found;
}

void Redactor::mask_line(const ngx_str_t& line) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  constexpr size_t kMethod = 8;  // too short for a number, as kVersion is
  std::string_view text = view(line);
  size_t first = text.find(' ');
  if (first != std::string_view::npos) {
    size_t last = text.ends_with(kVersion) ? text.size() - kVersion.size() : text.rfind(" HTTP/");
    size_t end = last == std::string_view::npos || last <= first ? text.size() : last;
    bool all = false;
    look(HeadPart::kTarget, {}, bytes(line).subspan(first + 1, end - first - 1), &all);
    if (all && first < kMethod && text.size() - end <= kVersion.size()) return;
  }
  element(HeadPart::kHeader, {}, bytes(line));  // method, version, and lines that are no requests
}

// nginx decodes "Basic" anew whenever $remote_user is asked for, so the header itself has to change. Base64
// keeps its length when the text does.
void Redactor::basic(const ngx_str_t& value) {
  constexpr std::string_view kBasic = "basic ";
  if (value.len <= kBasic.size() || ngx_strncasecmp(value.data, ngx_text(kBasic).data, kBasic.size()) != 0)
    return;
  std::string_view encoded = view(value).substr(kBasic.size());
  while (encoded.starts_with(' ')) encoded.remove_prefix(1);
  ngx_str_t from = ngx_text(encoded);
  SecretBuffer clear;
  clear.resize(ngx_base64_decoded_length(from.len));
  ngx_str_t to{0, clear.data()};
  if (ngx_decode_base64(&to, &from) != NGX_OK) return;
  if (!element(HeadPart::kHeader, {}, bytes(to))) return;
  SecretBuffer again;
  again.resize(ngx_base64_encoded_length(to.len));
  ngx_str_t back{0, again.data()};
  ngx_encode_base64(&back, &to);
  std::memcpy(from.data, back.data, std::min(back.len, from.len));
}

// What stands behind "Basic" need not be in base64.
void Redactor::authorization(const ngx_str_t& value) {
  basic(value);
  element(HeadPart::kHeader, "authorization", bytes(value));
}

bool Redactor::name(const ngx_table_elt_t& header) {
  return header.key.len >= limits::kPanMin && element(HeadPart::kHeader, {}, bytes(header.key));
}

void Redactor::header(const ngx_table_elt_t& header) {
  name(header);
  value(header);
}

void Redactor::value(const ngx_table_elt_t& header) {
  if (is_named(header, kAuthorization)) {
    authorization(header.value);
    return;
  }
  HeadPart part = part_of(header.key);
  element(part, part == HeadPart::kHeader ? view(header.key) : std::string_view{}, bytes(header.value));
}

void Redactor::mask_header(MutableBytes text, const LoggedHeader& known) {
  if (known.credentials) return authorization({text.size(), text.data()});
  bool all = false;
  if (text.empty()) return;
  look(known.part, known.part == HeadPart::kHeader ? std::string_view(known.name) : std::string_view{}, text,
       &all);
}

void Redactor::headers(const ngx_list_t& list, bool of_answer) {
  for_each_line(list, [&](const ngx_table_elt_t& line) {
    // A line of an answer without a hash was taken out, or nginx had no memory to fill it; nobody logs it.
    if (line.hash != 0 || !of_answer) header(line);
  });
}

void Redactor::body(ngx_http_request_t* r) {
  if (r->request_body == nullptr || r->request_body->temp_file != nullptr || r->request_body->bufs == nullptr)
    return;
  if (r->request_body->rest != 0) {
    // The client went away, perhaps in the middle of a number or of what is written in base64: of what cannot
    // be looked at nothing is logged.
    empty(r->request_body->bufs, nullptr);
    r->request_body->bufs = nullptr;
    return;
  }
  ngx_buf_t* joined = join(r);
  if (joined == nullptr) return;
  auto size = static_cast<size_t>(joined->last - joined->pos);
  bool looked = guarded(ngx_cycle->log, "redacting a body", [&] {
    Verdict verdict;
    Body body(policy_, engines(), verdict, {});
    const ngx_table_elt_t* type = r->headers_in.content_type;
    if (body.start(type == nullptr ? std::string_view{} : view(type->value), {}) != Reason::kNone) {
      blank_digits({joined->pos, size});
      return;
    }
    // One push with everything: nothing is held, all of it stays in place.
    Body::Output done = body.push({joined->pos, size}, true);
    if (verdict.refused() || done.piece.size() != size) throw std::bad_alloc();
  });
  if (!looked) blank_digits({joined->pos, size});
  empty(r->request_body->bufs, joined);
  ngx_chain_t* link = ngx_alloc_chain_link(r->pool);
  if (link != nullptr) *link = {joined, nullptr};
  r->request_body->bufs = link;
}

void Redactor::request(ngx_http_request_t* r, const LoggedParts& parts) {
  if (r->request_line.data == nullptr && r->request_start != nullptr && r->header_in != nullptr) {
    // As nginx does for $request when the line was never complete.
    u_char* end = r->request_start;
    while (end < r->header_in->last && *end != CR && *end != LF) ++end;
    r->request_line = {static_cast<size_t>(end - r->request_start), r->request_start};
  }
  // Nothing stands behind it in the buffer that it was read to: no end of the line has come.
  bool cut = r->header_in != nullptr && r->request_line.data + r->request_line.len == r->header_in->last;
  request_line(r->request_line);
  if (cut) mask_cut_number(bytes(r->request_line));
  if (!lies_within(r->unparsed_uri, r->request_line)) element(HeadPart::kTarget, {}, bytes(r->unparsed_uri));
  if (!lies_within(r->args, r->request_line)) element(HeadPart::kArguments, {}, bytes(r->args));
  if (!lies_within(r->uri, r->request_line)) element(HeadPart::kPath, {}, bytes(r->uri));
  if (parts.shows_host()) element(HeadPart::kHeader, {}, bytes(r->headers_in.server));
  element(HeadPart::kHeader, {}, bytes(r->headers_in.user));
  if (parts.everything) {
    for_each_line(r->headers_in.headers, [&](ngx_table_elt_t& line) {
      if (name(line)) name_changed(r, line);
      value(line);
    });
    return;
  }
  for (const LoggedHeader& known : parts.placed_headers) {
    for (const ngx_table_elt_t* line = known.in(r); line != nullptr; line = next_of_name(line))
      header(*line, known);
  }
  if (parts.request_headers.empty()) return;
  for_each_line(r->headers_in.headers, [&](const ngx_table_elt_t& line) {
    if (const LoggedHeader* known = parts.find(line)) header(line, *known);
  });
}

void Redactor::add_to_counters(const MainConf& main) const {
  if (main.zone->tally() != nullptr) Tally::add(&main.zone->tally()->redacted, masked_);
}

void redact_request(ngx_http_request_t* r) {
  const MainConf& main = *main_conf(r);
  Redactor redactor(main.redact_policy);
  redactor.request(r, LoggedParts{});
  redactor.count(main);
}

void redact_copies(ngx_http_request_t* r) {
  wipe_copies_of_head(r);
  if (is_http2(r)) {
    Redactor redactor(main_conf(r)->redact_policy);
    rewrite_header_table(r, [&](const ngx_table_elt_t& header) { redactor.header(header); });
  }
  wipe_registers();
}

void redact_unswept(ngx_http_request_t* r) {
  if (r != r->main || location_conf(r)->mode == kWishOff || find_context(r) != nullptr) return;
  redact_request(r);
  redact_copies(r);
  wipe_with_connection(r);
  if (!r->keepalive || is_http2(r)) wipe_unread(r);
}

}  // namespace cardscrub
