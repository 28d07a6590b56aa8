// Card numbers in every way that JSON can write them, and where a body stops being JSON.
#pragma once

#include <cstdio>

#include "tests/unit/filter_run.h"
#include "tests/unit/testing.h"

namespace cardscrub::testing {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kLines = "application/x-ndjson";
inline constexpr std::string_view kVisa = "4111111111111111";

inline std::string visa() { return Rig::get().token(kVisa); }

// Where the body stops being JSON; -1: it is JSON.
inline int64_t malformed_at(const Run& run) {
  for (const Problem& problem : run.verdict.problems()) {
    if (problem.reason == Reason::kBodyMalformed) return problem.offset;
  }
  return -1;
}

inline Run run_required(std::string_view type, std::string_view in, size_t chunk, bool separate_end) {
  Policy policy = Rig::get().policy();
  policy.require = 1u << static_cast<unsigned>(Kind::kHolder);
  return run_body(policy, type, in, chunk, {.separate_end = separate_end});
}

// The digits of `digits` as \uXXXX, counted up from `zero`.
inline std::string escapes(std::string_view digits, unsigned zero, bool capital) {
  std::string out;
  for (char c : digits) {
    char text[8];
    std::snprintf(text, sizeof text, capital ? "\\u%04X" : "\\u%04x", zero + static_cast<unsigned>(c - '0'));
    out += text;
  }
  return out;
}

struct JsonCoding {
  const char* name;
  std::string (*encode)(std::string_view digits);
};

inline constexpr JsonCoding kJsonCodings[] = {
    {"plain", [](std::string_view d) { return std::string(d); }},
    {"spaces", [](std::string_view d) { return grouped(d, " "); }},
    {"hyphens", [](std::string_view d) { return grouped(d, "-"); }},
    {"escapes", [](std::string_view d) { return escapes(d, 0x30, false); }},
    {"one escape",
     [](std::string_view d) {
       return std::string(d.substr(0, 9)) + escapes(d.substr(9, 1), 0x30, true) + std::string(d.substr(10));
     }},
    {"escaped spaces", [](std::string_view d) { return grouped(d, "\\u0020"); }},
    {"escaped no-break spaces", [](std::string_view d) { return grouped(d, "\\u00a0"); }},
    {"no-break spaces", [](std::string_view d) { return grouped(d, "\xC2\xA0"); }},
    {"thin spaces", [](std::string_view d) { return grouped(d, "\xE2\x80\x89"); }},
    {"en dashes", [](std::string_view d) { return grouped(d, "\xE2\x80\x93"); }},
    {"full width", [](std::string_view d) { return script(d, "\xEF\xBC\x90"); }},
    {"full width, escaped", [](std::string_view d) { return escapes(d, 0xFF10, true); }},
    {"full width, escaped small", [](std::string_view d) { return escapes(d, 0xFF10, false); }},
    {"Arabic-Indic", [](std::string_view d) { return script(d, "\xD9\xA0"); }},
    {"Arabic-Indic, escaped", [](std::string_view d) { return escapes(d, 0x0660, false); }},
    {"Devanagari", [](std::string_view d) { return script(d, "\xE0\xA5\xA6"); }},
    {"Devanagari, escaped", [](std::string_view d) { return escapes(d, 0x0966, true); }},
    {"mathematical", [](std::string_view d) { return script(d, "\xF0\x9D\x9F\x8E"); }},
    {"mathematical, escaped",
     [](std::string_view d) {
       std::string out;
       for (char c : d) {
         out += "\\ud835";
         out += escapes(std::string_view(&c, 1), 0xDFCE, false);
       }
       return out;
     }},
};

}  // namespace cardscrub::testing
