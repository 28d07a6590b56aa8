// PCRE2, owned: an operator's expression, compiled once, with bounds on what a match may cost.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>
#include <string>

#include "result.h"
#include "secret.h"

namespace cardscrub {

class Pcre2 {
 public:
  enum class Match : uint8_t { kNo, kYes, kFault };

  // `caseless` as nginx's "~*". The fault carries PCRE2's message and the offset in the expression.
  static Result<Pcre2> compile(const std::string& expression, bool caseless);
  // kFault: a match, depth or heap limit was reached, or memory ran out.
  Match match(Bytes subject) const;

 private:
  struct CodeFree {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  };
  struct ContextFree {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  };
  struct DataFree {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  };
  Pcre2() = default;
  std::unique_ptr<pcre2_code, CodeFree> code_;
  std::unique_ptr<pcre2_match_context, ContextFree> context_;
  std::unique_ptr<pcre2_match_data, DataFree> data_;  // one worker is one thread: reused
};

}  // namespace cardscrub
