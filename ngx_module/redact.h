// Redaction: card data in what nginx remembers of a request, masked in place, for logs and for refused
// requests.
#pragma once

#include "filters/head_scan.h"
#include "logged_parts.h"
#include "nginx.h"

namespace cardscrub {

struct MainConf;
struct Worker;

// Every digit becomes '*': the last resort where nothing can be looked at.
void blank_digits(MutableBytes text);

// `text` was cut at its end: of a number that ends there no more than a BIN may remain.
void mask_cut_number(MutableBytes text);

// By the default field names. Masks the card data of single elements: BIN and last four of a card number
// stay, nothing of a code or a track. An element that cannot be looked at (no engine, a fault) loses all its
// digits.
class Redactor {
 public:
  // engines: nullptr: those of this process, once they are needed.
  explicit Redactor(const Policy& policy, Worker* engines = nullptr)
      : policy_(policy), engines_(engines), scan_(*policy.fields) {}

  // True when something was masked.
  bool element(HeadPart part, std::string_view name, MutableBytes text) {
    bool all = false;
    return !text.empty() && scan_.may_hold_card_data(part, name, text) && look(part, name, text, &all);
  }
  // "GET /path?query HTTP/1.1", also when it was cut off or is not HTTP at all.
  void request_line(const ngx_str_t& line) {
    if (scan_.deserves_a_look(bytes(line))) mask_line(line);
  }
  // Request line, URI, arguments, and those incoming headers that count.
  void request(ngx_http_request_t* r, const LoggedParts& parts);
  // A header of either direction, its name included.
  void header(const ngx_table_elt_t& header);
  // A request header by a name that has been looked at beforehand; the name itself holds nothing.
  void header(const ngx_table_elt_t& header, const LoggedHeader& known) {
    const MutableBytes text = bytes(header.value);
    const bool may =
        known.announces || known.credentials ||
        (known.part == HeadPart::kHeader ? scan_.text_may_hold(text) : scan_.deserves_a_look(text));
    if (may) mask_header(text, known);
  }
  void headers(const ngx_list_t& list, bool of_answer);
  // The body that $request_body gives, in new memory; the old one is wiped. Of a body that has not come whole
  // nothing stays.
  void body(ngx_http_request_t* r);

  const HeadScan& scan() const { return scan_; }
  // Adds what was masked to the shared counters.
  void count(const MainConf& main) const {
    if (masked_ != 0) add_to_counters(main);
  }

 private:
  Worker& engines() const;  // throws when there are none
  void mask_header(MutableBytes text, const LoggedHeader& known);
  void mask_line(const ngx_str_t& line);
  void add_to_counters(const MainConf& main) const;
  // True when something was masked. *all: no other number is left in the text, whatever stands around it.
  bool look(HeadPart part, std::string_view name, MutableBytes text, bool* all);
  // True when the name was masked.
  bool name(const ngx_table_elt_t& header);
  void value(const ngx_table_elt_t& header);
  void authorization(const ngx_str_t& value);
  void basic(const ngx_str_t& value);

  const Policy& policy_;
  Worker* engines_;
  HeadScan scan_;
  size_t masked_ = 0;
};

// Request line, URI, arguments, all incoming headers.
void redact_request(ngx_http_request_t* r);
// What nginx keeps of a request's head beside the request is wiped; what a later HTTP/2 request takes from
// there is masked.
void redact_copies(ngx_http_request_t* r);
// A request that failed before its head could be swept: does the same to it, in a location that scrubs.
void redact_unswept(ngx_http_request_t* r);

}  // namespace cardscrub
