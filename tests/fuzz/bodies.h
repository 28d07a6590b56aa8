// What the harnesses for whole bodies share: types, and runs that are compared with each other.
#pragma once

#include <string>
#include <vector>

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

// Types in which a byte that is a digit may be a tag or a length as well: where another digit is written,
// what follows may read differently, and then other things are found in it. (That fields of text are clean
// after one pass, the unit tests see to.)
inline bool has_binary_framing(std::string_view type) {
  return type == "application/x-protobuf" || type == "application/grpc" ||
         type == "application/grpc-web-text";
}

inline void tell_findings(const testing::Run& run) {
  for (const std::string& event : run.events) std::fprintf(stderr, "%s\n", event.c_str());
  std::fprintf(stderr, "--\n");
}

// The same findings in the same order; what differs is told.
inline void same_findings(const testing::Run& one, const testing::Run& other, const char* name) {
  if (one.events == other.events) return;
  // What is found in base64 is told beside the filter: when, depends on the pieces.
  const auto is_wrapped = [](const std::string& event) {
    return event.find("pan.wrapped") != std::string::npos;
  };
  std::vector<std::string> first = one.events;
  std::vector<std::string> second = other.events;
  if (std::any_of(first.begin(), first.end(), is_wrapped)) {
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    if (first == second) return;
  }
  tell_findings(one);
  tell_findings(other);
  law(false, name);
}
inline void same_bytes(const std::string& one, const std::string& other, const char* name) {
  if (one == other) return;
  std::fprintf(stderr, "%s\n--\n%s\n--\n", one.c_str(), other.c_str());
  law(false, name);
}

inline void tell_problems(const testing::Run& run) {
  for (const Problem& problem : run.verdict.problems()) {
    std::fprintf(stderr, "%s \"%s\" %lld\n", reason_name(problem.reason).data(), problem.field.c_str(),
                 static_cast<long long>(problem.offset));
  }
  std::fprintf(stderr, "--\n");
}

// What scrubbing made of a body is accepted again.
inline void is_accepted(const testing::Run& twice) {
  if (!twice.verdict.refused()) return;
  tell_problems(twice);
  law(false, "4, clean: what was accepted once is refused");
}

// Both or none are refused; and what a body in pieces was refused for first is among what the whole was
// refused for. Not more: the whole is looked at to its end before anybody asks. Where XML is malformed may
// differ: expat is shown a number as it came, or what has been made of it.
inline void same_verdict(const testing::Run& whole, const testing::Run& cut, bool xml = false) {
  const std::vector<Problem>& all = whole.verdict.problems();
  const std::vector<Problem>& some = cut.verdict.problems();
  bool same = all.empty() == some.empty();
  if (same && !all.empty() && whole.verdict.refused_count() <= limits::kReasons) {
    same = std::any_of(all.begin(), all.end(), [&](const Problem& problem) {
      return problem.reason == some[0].reason && problem.field == some[0].field &&
             (problem.offset == some[0].offset || (xml && problem.reason == Reason::kBodyMalformed));
    });
  }
  if (same) return;
  tell_problems(whole);
  tell_problems(cut);
  law(false, "3, splits: verdict");
}

// Where a finding stands, and what was done about it.
struct Place {
  std::string kind;
  std::string action;
  size_t begin = 0;
  size_t length = 0;
};

// Of the events of a run: "pan visa tokenize 12+16 card.number".
inline std::vector<Place> places(const testing::Run& run, size_t size) {
  std::vector<Place> out;
  for (const std::string& event : run.events) {
    Input words(reinterpret_cast<const uint8_t*>(event.data()), event.size());
    Place place;
    place.kind = words.until(' ');
    words.until(' ');
    place.action = words.until(' ');
    std::string_view where = words.until(' ');
    if (where.find('+') == std::string_view::npos) where = words.until(' ');  // a reason stands in front
    const size_t plus = where.find('+');
    place.begin = std::stoul(std::string(where));
    place.length = std::stoul(std::string(where.substr(plus + 1)));
    law(place.begin + place.length <= size, "a finding lies in the body");
    out.push_back(std::move(place));
  }
  return out;
}

// Whether a byte of a masked digit may have become this: a star, nine or zero of ASCII, or in another script
// or charset another digit of the same ten.
inline bool is_mask_byte(char before, char after) {
  if (after == '*' || after == '9' || after == '0') return true;
  return std::abs(static_cast<unsigned char>(before) - static_cast<unsigned char>(after)) <= 9 - kStar;
}

// Laws 1 and 2: the length is kept, and bytes changed in findings only. (A value under a card's name that is
// too long to be one is masked without being a finding.)
inline void holds_in_place(const testing::Run& run, const std::string& in, const Policy& policy) {
  law(run.out.size() == in.size(), "1, in place: length");
  if (run.out == in) return;
  std::string left = in;
  std::string right = run.out;
  for (const Place& place : places(run, in.size())) {
    left.replace(place.begin, place.length, place.length, '#');
    right.replace(place.begin, place.length, place.length, '#');
  }
  if (policy.invalid == Action::kMask && !policy.response) {
    for (size_t i = 0; i < in.size(); ++i) {
      if (is_mask_byte(left[i], right[i])) left[i] = right[i] = '#';
    }
  }
  same_bytes(left, right, "2, elsewhere: a byte changed outside of what was found");
}

// The output of `run` with what was written in the place of codes left out, there and where `other` wrote
// some: aliases are random.
inline std::string without_aliases(const testing::Run& run, const testing::Run& other) {
  std::string out = run.out;
  for (const testing::Run* each : {&run, &other}) {
    for (const Place& place : places(*each, out.size())) {
      if (place.kind == "code" && place.action == "alias")
        out.replace(place.begin, place.length, place.length, '#');
    }
  }
  return out;
}
inline std::string without_aliases(const testing::Run& run) { return without_aliases(run, run); }

}  // namespace cardscrub::fuzz
