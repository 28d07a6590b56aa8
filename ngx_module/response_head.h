// The head of an answer: every header line, status line and trailer, searched before it goes out.
#pragma once

#include "filters/head_scan.h"
#include "nginx.h"
#include "src/verdict.h"
#include "src/worker.h"

namespace cardscrub {

// Values may be the configuration's own, so what has card data in it is changed in a copy; in monitor mode
// the copy is thrown away.
class ResponseHead {
 public:
  ResponseHead(ngx_http_request_t* r, const Policy& policy, Worker& worker, Verdict* verdict,
               std::string_view name_space);

  // False: no memory.
  [[nodiscard]] bool headers();
  [[nodiscard]] bool trailers();

 private:
  bool lines(const ngx_list_t& list);
  bool line(ngx_table_elt_t* line);
  bool value(ngx_str_t* text, std::string_view name);
  bool url(ngx_str_t* text);
  bool link(ngx_str_t* text);
  // Shows a copy of the text to work(bytes), and puts it in its place when something was found in it.
  template <typename Work>
  bool change(ngx_str_t* text, Work&& work);
  void scrub(HeadPart part, std::string_view name, MutableBytes text);

  ngx_http_request_t* r_;
  const Policy& policy_;
  HeadScan scan_;
  Worker& worker_;
  Verdict* verdict_;
  std::string_view name_space_;
};

}  // namespace cardscrub
