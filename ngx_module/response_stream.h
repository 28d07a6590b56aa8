// An answer on its way out: its head, then its body as it comes, searched and changed in place.
//
//   head --mask--> flowing ---------------------------------------------> ended
//    |                +--cannot be vouched for--> refused: cut off
//    +--reject--> holding --end, flush, or kHold bytes searched--> flowing
//    |                |
//    +----refused-----+--> answering (a page in its place) --end--> refused: nothing more goes out
//
// What is held back of a body is what may still become card data, and no more.
#pragma once

#include <optional>

#include "filters/body.h"
#include "location_conf.h"
#include "nginx.h"
#include "response_buffers.h"

namespace cardscrub {

class RequestContext;
class Zone;

class ResponseStream {
 public:
  // The filters behind ours.
  struct Next {
    ngx_http_output_header_filter_pt header;
    ngx_http_output_body_filter_pt body;
  };

  // So much of an answer that is refused for card data is searched before its head goes out.
  static constexpr size_t kHold = 65536;

  ResponseStream(ngx_http_request_t* main, RequestContext* context, Zone* zone, const Next& next)
      : r_(main), context_(context), zone_(zone), next_(next), buffers_(main->pool) {}
  ~ResponseStream();  // counts
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  // The header filter. Called again for a page in place of a refused answer.
  ngx_int_t head(const LocationConf& conf, Mode mode);
  // The body filter. What sub-requests answer comes here too, in the order in which it goes out.
  ngx_int_t body(ngx_chain_t* in);
  // Whatever comes next goes nowhere: something failed half way.
  ngx_int_t fail();

  // Of $cardscrub_response_verdict.
  std::string_view verdict_word() const;

 private:
  enum class State : uint8_t { kHead, kHolding, kFlowing, kAnswering, kEnded, kRefused };
  enum class Taken : uint8_t { kAll, kPart, kRefused };

  bool monitors() const { return policy_->mode == Mode::kMonitor; }

  // ---- the head
  bool has_body() const;
  bool search_head(Worker& own);
  void begin_body(Worker& own);
  void forward_inflated();

  // ---- the body: gather() takes what has come, send() hands on what came of it
  bool gather();
  Taken take(ngx_buf_t* b);
  Taken take_in_place(ngx_buf_t* b);
  Taken take_copy(ngx_buf_t* b);
  Taken take_encoded(ngx_buf_t* b);
  bool inflate(MutableBytes piece);
  void emit(Bytes bytes, bool final);
  void hand_on(ngx_buf_t* b);
  void hand_on_marks();
  ngx_int_t send(bool flush);
  ngx_int_t release();
  void monitor(const ngx_chain_t* in);

  // ---- refusals
  void count();
  ngx_int_t refuse();
  Reason refusal_reason() const;
  void close_hard();

  ngx_http_request_t* r_;
  RequestContext* context_;
  Zone* zone_;
  Next next_;
  State state_ = State::kHead;
  const Policy* policy_ = nullptr;  // nullptr: not searched
  std::string_view name_space_;
  Verdict verdict_;  // of the answer, or of the page in its place
  bool found_ = false;
  Verdict refusal_;  // what the client is told

  std::optional<Body> body_;
  uint64_t bytes_ = 0;
  SecretBuffer scratch_;            // what the engine may write to: while it monitors, or inflates
  ngx_chain_t* waiting_ = nullptr;  // what has come and has not been taken
  ResponseBuffers buffers_;
  ngx_buf_t* mark_ = nullptr;  // a flush without bytes
  SecretBuffer hold_;          // searched, and kept back with the head
  bool release_ = false;       // ... no longer
  bool inflating_ = false;     // there is more in what was pushed
  bool ended_ = false;         // the end has been taken
  // Of the buffer that is being taken.
  bool flush_ = false;
  bool recycled_ = false;
  bool last_ = false;
};

// An upstream's answer that is searched is not written to a temporary file before that.
void keep_answer_off_disk(ngx_http_request_t* r);

}  // namespace cardscrub
