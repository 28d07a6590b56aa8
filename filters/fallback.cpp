// Fallback: structured --gave up--> plain text.
#include "filters/fallback.h"

#include "filters/plain.h"

namespace cardscrub {

namespace {

class FallbackFilter : public Filter {
 public:
  explicit FallbackFilter(std::unique_ptr<Filter> inner) : inner_(std::move(inner)) {}

  size_t feed(const Text& text, bool last, Scrubber& scrubber) override {
    scrubber.forgive(!given_up_);
    size_t settled = inner_->feed(text, last, scrubber);
    if (!scrubber.gave_up()) {
      scrubber.forgive(false);
      return settled;
    }
    scrubber.forgive(false);
    given_up_ = true;
    // Text has no names: where the filter stood when it came to the end of a piece must not show.
    while (scrubber.path().depth() != 0) scrubber.close();
    scrubber.use_form_scope({});
    // From the first unit that was not settled: what the filter has dealt with already is found no second
    // time.
    inner_ = make_plain_filter(limits::kLayers, PlainCoding::kUtf8);
    return inner_->feed(text, last, scrubber);
  }

 private:
  std::unique_ptr<Filter> inner_;
  bool given_up_ = false;
};

}  // namespace

std::unique_ptr<Filter> make_fallback_filter(std::unique_ptr<Filter> inner) {
  return std::make_unique<FallbackFilter>(std::move(inner));
}

}  // namespace cardscrub
