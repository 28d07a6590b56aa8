// Pcre2: compile with JIT where there is one, match within limits.
#include "pcre2.h"

#include <array>
#include <new>

namespace cardscrub {

namespace {
// A field path is short; an expression that needs more than this on one is at fault itself.
constexpr uint32_t kMatchLimit = 100000;
constexpr uint32_t kDepthLimit = 1000;
constexpr uint32_t kHeapLimitKib = 1024;
}  // namespace

Result<Pcre2> Pcre2::compile(const std::string& expression, bool caseless) {
  Pcre2 out;
  int error = 0;
  PCRE2_SIZE offset = 0;
  out.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                                caseless ? PCRE2_CASELESS : 0, &error, &offset, nullptr));
  if (!out.code_) {
    std::array<PCRE2_UCHAR, 160> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return Fault{"expression \"" + expression + "\": " + reinterpret_cast<const char*>(text.data()) +
                 " at offset " + std::to_string(offset)};
  }
  pcre2_jit_compile(out.code_.get(), PCRE2_JIT_COMPLETE);  // without JIT the interpreter serves
  out.context_.reset(pcre2_match_context_create(nullptr));
  out.data_.reset(pcre2_match_data_create(1, nullptr));
  if (!out.context_ || !out.data_) throw std::bad_alloc();
  pcre2_set_match_limit(out.context_.get(), kMatchLimit);
  pcre2_set_depth_limit(out.context_.get(), kDepthLimit);
  pcre2_set_heap_limit(out.context_.get(), kHeapLimitKib);
  return out;
}

Pcre2::Match Pcre2::match(Bytes subject) const {
  int rc = pcre2_match(code_.get(), subject.data(), subject.size(), 0, 0, data_.get(), context_.get());
  if (rc >= 0) return Match::kYes;
  return rc == PCRE2_ERROR_NOMATCH ? Match::kNo : Match::kFault;
}

}  // namespace cardscrub
