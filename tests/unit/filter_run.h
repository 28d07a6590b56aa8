// A filter by itself, run over a text in pieces of any size; and the ways in which a number can be written.
#pragma once

#include "filters/filter.h"
#include "tests/rig.h"
#include "tests/unit/testing.h"

namespace cardscrub::testing {

// What is held is in a heap block of exactly its size at every step.
inline Run run_filter(Filter& filter, const Policy& policy, std::string_view in, size_t chunk) {
  Run run;
  EventLog log(&run.events);
  Scrubber scrubber(policy, Rig::get().worker(), run.verdict, {}, &log);
  std::string held;
  uint64_t base = 0;
  uint64_t shown = 0;
  size_t at = 0;
  for (bool last = false; !last;) {
    size_t n = chunk == 0 ? in.size() - at : std::min(chunk, in.size() - at);
    held += in.substr(at, n);
    at += n;
    last = at == in.size();
    auto block = exact_block(held);
    RawView view{block.get(), base, held.size()};
    scrubber.set_view(view);
    Text text = Text::plain(view, shown, view.end());
    size_t settled_units = filter.feed(text, last, scrubber);
    assert_true(settled_units <= text.size);
    if (last) assert_int_equal(settled_units, text.size);
    shown += settled_units;
    if (last) {
      scrubber.finish();
    } else {
      scrubber.release_holds();
    }
    uint64_t settled = last ? view.end() : std::min(shown, scrubber.hold());
    held.assign(reinterpret_cast<const char*>(block.get()), held.size());
    run.out += held.substr(0, settled - base);
    held.erase(0, settled - base);
    base = settled;
    run.largest_held = std::max(run.largest_held, held.size());
  }
  return run;
}

// Hexadecimal letters of escapes in small letters: a digit is written with either.
inline std::string small_escapes(std::string text) {
  for (size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] != '%') continue;
    for (size_t k : {i + 1, i + 2}) {
      if (text[k] >= 'A' && text[k] <= 'F') text[k] = static_cast<char>(text[k] + 32);
    }
  }
  return text;
}

// Events without "offset+length", for cases that say what is found and not where.
inline std::vector<std::string> without_places(std::vector<std::string> events) {
  for (std::string& event : events) {
    size_t plus = event.find('+');
    size_t begin = event.rfind(' ', plus);
    event.erase(begin, event.find(' ', plus) - begin);
  }
  return events;
}

// For messages of failing cases.
inline std::string listed(const std::vector<std::string>& events) {
  std::string out;
  for (const std::string& event : events) out += "\n  " + event;
  return out;
}

// "reason@field", one after the other.
inline std::string reasons(const Verdict& verdict) {
  std::string out;
  for (const Problem& problem : verdict.problems()) {
    if (!out.empty()) out += ' ';
    out += reason_name(problem.reason);
    if (!problem.field.empty()) out += "@" + problem.field;
  }
  return out;
}

// The alias, presented with the token, stands for the code; it is taken out of the store of the rig.
inline void assert_alias(const std::string& name, std::string_view token, std::string_view alias,
                         std::string_view code) {
  Digits out;
  const StoreResult result =
      Rig::get().worker().codes->take(digits_of(token), digits_of(alias), Rig::get().worker().now, 0, &out);
  if (result != StoreResult::kOk || text_of(out) != code) fail_msg("case: %s", name.c_str());
}

// ---- the same digits in many ways

using Encoder = std::string (*)(std::string_view digits);

inline std::string each(std::string_view digits, std::string_view in_front) {
  std::string out;
  for (char c : digits) out += std::string(in_front) + c;
  return out;
}

inline std::string grouped(std::string_view digits, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && i % 4 == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// The digits of another script: the bytes of its zero, of which the last one counts up.
inline std::string script(std::string_view digits, std::string_view zero) {
  std::string out;
  for (char c : digits) {
    out += zero;
    out.back() = static_cast<char>(out.back() + (c - '0'));
  }
  return out;
}

// Bytes as %XX, with capital letters or without.
inline std::string percent(std::string_view bytes, bool capital = true) {
  const char* hex = capital ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    unsigned byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

// `with` in place of every `mark`.
inline std::string filled(std::string_view text, char mark, std::string_view with) {
  std::string out;
  for (char c : text) {
    if (c == mark) {
      out += with;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace cardscrub::testing
