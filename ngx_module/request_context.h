// What one request carries with it: its verdict, its body on the way, and the answer when it is refused.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "audit.h"
#include "filters/body.h"
#include "location_conf.h"
#include "nginx.h"
#include "remote_codes.h"
#include "reveal_hold.h"
#include "src/verdict.h"

namespace cardscrub {

class ResponseStream;

class RequestContext {
 public:
  RequestContext(ngx_http_request_t* main_request, Zone* zone) : request_(main_request), zone_(zone) {}
  ~RequestContext();  // counts what has not been counted yet, wipes what nginx has read
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  ngx_http_request_t* request() const { return request_; }

  // The location that the request is in now.
  const LocationConf* conf = nullptr;
  Mode mode = Mode::kOff;
  const LocationConf* head_origin = nullptr;  // whose wishes the head has been swept by
  Mode head_mode = Mode::kOff;                // ... and in which mode
  std::string_view name_space;                // pool memory

  Verdict verdict;
  std::optional<AuditTrail> trail;  // none: there is no audit log
  FindingObserver* observer() { return trail ? &*trail : nullptr; }

  // the body
  std::optional<Body> body;
  bool body_begun = false;  // the filter has decided about this body: scrubbed, or monitored and not readable
  Mode body_mode = Mode::kOff;
  bool body_ended = false;
  bool draining = false;  // refused; the rest is read and thrown away
  uint64_t body_bytes = 0;
  uint64_t inflated_bytes = 0;  // of a body that is forwarded inflated
  uint64_t drained = 0;
  u_char* preread_begin = nullptr;  // where the bytes of the body were that came before it was read
  u_char* preread_end = nullptr;
  SecretBuffer monitor_copy;    // what the engine may write to while it monitors
  ngx_chain_t* free = nullptr;  // copies of what was held back
  ngx_chain_t* busy = nullptr;

  // a body whose security codes go to a shared store; all unused without one
  std::unique_ptr<RemoteCodes> remote;
  CodeErrands errands;            // that the scrubber has left and nobody has been sent with
  SecretBuffer kept;              // scrubbed; waits for the answers
  bool kept_last = false;         // the end of the body stands behind `kept`
  uint64_t handed_on = 0;         // bytes in front of `kept`
  ngx_chain_t* unread = nullptr;  // came while `kept` waits

  // a request that is revealed
  std::unique_ptr<RevealHold> reveal;
  unsigned retry_after = 0;  // seconds, for the answer; 0: not said

  // the answer
  bool answered = false;  // the request is refused
  // The problem document in place of what was refused, request or response; nullptr: nothing is.
  const Verdict* refusal = nullptr;
  unsigned redirects_left = 0;  // r->uri_changes at the refusal: less means a page of the operator's
  ngx_str_t answer{};           // the document, once the header has been sent
  bool answer_sent = false;

  ResponseStream* response = nullptr;  // the answer on its way out, where it is searched

  uint64_t nanoseconds = 0;  // spent here, when $cardscrub_time is used

  // `refused` says why, and outlives the request.
  void refuse(const ngx_http_request_t* main, const Verdict& refused) {
    refusal = &refused;
    redirects_left = main->uri_changes;
    answer = {};
    answer_sent = false;
  }

  bool entered = false;  // by a location where cardscrub is on or monitors
  // Adds what happened to the shared counters; only the first call counts.
  void tally();

 private:
  ngx_http_request_t* request_;
  Zone* zone_;
  bool tallied_ = false;
};

// The context of the main request, or nullptr. Found again after an internal redirect, which clears r->ctx.
RequestContext* find_context(ngx_http_request_t* r);
// Finds it or makes it; nullptr: no memory.
RequestContext* find_or_make_context(ngx_http_request_t* r);
// Likewise, of a location where cardscrub is on or monitors. The namespace of tokens is evaluated when the
// location changes.
RequestContext* enter_location(ngx_http_request_t* r, const LocationConf* conf, Mode mode);

// The namespace of tokens here, in pool memory. False: no memory.
[[nodiscard]] bool token_name_space(ngx_http_request_t* r, const LocationConf& conf,
                                    std::string_view* name_space);

// Adds the time between its construction and its end to the context.
class Stopwatch {
 public:
  Stopwatch(ngx_http_request_t* r, RequestContext* context);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  RequestContext* context_;  // nullptr: nobody asks for the time
  uint64_t begin_ = 0;
};

}  // namespace cardscrub
