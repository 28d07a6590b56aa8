// What the harnesses for whole bodies share: types, and runs that are compared with each other.
#pragma once

#include <charconv>

#include "tests/fuzz/harness.h"
#include "tests/rig.h"

namespace cardscrub::fuzz {

constexpr std::string_view kTypes[] = {"application/json",
                                       "application/x-www-form-urlencoded",
                                       "text/plain",
                                       "application/x-ndjson",
                                       "application/octet-stream",
                                       "multipart/form-data; boundary=b",
                                       "text/xml",
                                       "text/csv",
                                       "application/json; charset=utf-16le",
                                       "application/msgpack",
                                       "application/x-protobuf",
                                       "application/grpc",
                                       "application/grpc+json",
                                       "application/graphql",
                                       "text/plain; charset=utf-32be",
                                       "multipart/mixed; boundary=b",
                                       "text/xml; charset=utf-16",
                                       "application/connect+json",
                                       "application/grpc-web-text"};

// The same findings in the same order; what differs is told.
inline void same_findings(const testing::Run& one, const testing::Run& other, const char* name) {
  if (one.events == other.events) return;
  for (const testing::Run* run : {&one, &other}) {
    for (const std::string& event : run->events) std::fprintf(stderr, "%s\n", event.c_str());
    std::fprintf(stderr, "--\n");
  }
  law(false, name);
}
inline void same_bytes(const std::string& one, const std::string& other, const char* name) {
  if (one == other) return;
  std::fprintf(stderr, "%s\n--\n%s\n--\n", one.c_str(), other.c_str());
  law(false, name);
}

// What a body in pieces was refused for first is among what the whole was refused for. Not more: the whole is
// looked at to its end before anybody asks.
inline void same_reason(const testing::Run& whole, const testing::Run& cut, const char* name) {
  const Problem& first = cut.verdict.problems().front();
  if (whole.verdict.refused_count() > whole.verdict.problems().size()) return;  // they are not all named
  for (const Problem& problem : whole.verdict.problems()) {
    if (problem.reason == first.reason && problem.field == first.field && problem.offset == first.offset)
      return;
  }
  std::fprintf(stderr, "%s \"%s\" %lld\n", reason_name(first.reason).data(), first.field.c_str(),
               static_cast<long long>(first.offset));
  for (const Problem& problem : whole.verdict.problems()) {
    std::fprintf(stderr, "not among: %s \"%s\" %lld\n", reason_name(problem.reason).data(),
                 problem.field.c_str(), static_cast<long long>(problem.offset));
  }
  law(false, name);
}

// The output of `run` with what was written in the place of codes left out, there and where `other` wrote
// some: aliases are random.
inline std::string without_aliases(const testing::Run& run, const testing::Run& other) {
  std::string out = run.out;
  for (const testing::Run* each : {&run, &other}) {
    for (const std::string& event : each->events) {
      // "code unknown alias 12+3 cvv"
      constexpr std::string_view kAlias = " alias ";
      const size_t action = event.find(kAlias);
      if (!event.starts_with("code ") || action == std::string::npos) continue;
      size_t begin = 0;
      size_t length = 0;
      const char* end = event.data() + event.size();
      const auto offset = std::from_chars(event.data() + action + kAlias.size(), end, begin);
      std::from_chars(offset.ptr + 1, end, length);
      law(begin + length <= out.size() && length != 0, "an event lies in the body");
      out.replace(begin, length, length, '#');
    }
  }
  return out;
}
inline std::string without_aliases(const testing::Run& run) { return without_aliases(run, run); }

}  // namespace cardscrub::fuzz
