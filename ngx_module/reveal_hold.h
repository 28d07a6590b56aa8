// A request on its way to the payment provider (cardscrub_reveal): held whole in memory until all of it has
// been turned back, and given back as it came when it has been sent.
//
//   body, named headers --> one block, with tokens --Body, codes--> the same block, in clear --> upstream
//                                                                       | end of the request, a redirect
//                                                                       v
//                                                            tokens again (what the logs see)
#pragma once

#include <vector>

#include "nginx.h"
#include "src/code_errands.h"
#include "src/field_names.h"
#include "src/text.h"

namespace cardscrub {

class RequestContext;
struct LocationConf;

class RevealHold {
 public:
  RevealHold(ngx_http_request_t* r, const LocationConf* conf) : request_(r), conf_(conf) {}
  ~RevealHold();
  RevealHold(const RevealHold&) = delete;
  RevealHold& operator=(const RevealHold&) = delete;

  // The location that has let the request in; only there it is revealed.
  const LocationConf* conf() const { return conf_; }

  // What comes of the body. False: more than cardscrub_reveal_max_body.
  [[nodiscard]] bool add(Bytes piece);
  // The body has ended: tokens become cards, and the codes are taken, or asked for where the store is on
  // another host (context->remote waits then). Problems are noted in the context's verdict.
  void turn_back(RequestContext* context);
  // All of it has been turned back, and goes to the upstream; or, after a problem, nothing is left in clear.
  void complete(RequestContext* context);
  // True once card data is in memory in clear: nobody but the location's upstream may have it.
  bool revealed() const { return revealed_; }
  CodeErrands* errands() { return &errands_; }
  MutableBytes body() { return block_.span().first(body_size_); }

  // Puts the tokens back wherever something may still look, and wipes what was made of them for the upstream.
  void withdraw();

 private:
  void gather_headers();
  bool turn_back_all(RequestContext* context);
  bool tell(RequestContext* context);
  void hand_out_headers();
  static void on_connecting(ngx_event_t* event);

  struct Header {
    ngx_table_elt_t* line;
    ngx_str_t original;
    size_t at;  // in the block
  };

  ngx_http_request_t* request_;
  const LocationConf* conf_;
  SecretBuffer block_;  // the body, then the values of named headers
  size_t body_size_ = 0;
  SecretBuffer tokens_;  // the block as it was
  std::vector<Header> headers_;
  CodeErrands errands_;
  bool revealed_ = false;
  ngx_event_t posted_{};
};

// The headers whose names say that a card number or a code stands in them; false: none.
bool find_named_headers(ngx_http_request_t* r, const FieldNames& fields,
                        std::vector<ngx_table_elt_t*>* found);

// on_reveal.cpp: before the content is made, after access has been granted
ngx_int_t on_reveal(ngx_http_request_t* r);
// Keeps what has been revealed from going elsewhere: by a sub-request, or by a redirect to another location.
// NGX_DECLINED: nothing to do.
ngx_int_t keep_revealed_in(ngx_http_request_t* r);

// reveal_upstream.cpp
// Whether the upstream that the request is about to be sent to is one that may have it: TLS 1.2 or later,
// verified, one of cardscrub_reveal_hosts where the configuration names them. Notes the problem.
[[nodiscard]] bool check_upstream(ngx_http_request_t* r, const LocationConf& conf, RequestContext* context);
// From now on the upstream's connections are wiped when the request is done with them. False: nginx still
// looks for the provider's address.
[[nodiscard]] bool watch_peer(ngx_http_request_t* r);
void forget_peer(const ngx_http_request_t* r);

// reveal_check.cpp: `nginx -t`. NGX_ERROR when a location that reveals is open to everybody, or may send card
// data to anybody.
ngx_int_t check_reveal(ngx_conf_t* cf);

}  // namespace cardscrub
