// The scrubber: takes values from a content filter, finds card data by name and by sweep, decides by the
// policy, and writes digits back in place.
//
//   filter: open(name) ... match(leaf) begin(leaf, match, type) text() text(last) ... close()
//
// One scrubber serves one body or one head element. Scopes (object, list, form prefix, part, element, row)
// say which code belongs to which PAN: a code is bound to the PAN of its own scope, else to the only PAN of
// the nearest scope around it.
//
//            +--------- PAN of the scope comes, or the scope closes --------+
//   code --> waiting (bytes held) --window full--> written, waiting for PAN --+--> bound in the code store
//   ambiguous field --> waiting --card field beside it--> as if named; --scope closes--> dropped
//
// Name/value pairs ({"name": "cvv", "value": "123"}) are fields of the scope around them (scrubber_pair.cpp).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "code_errands.h"
#include "field_value.h"
#include "path.h"
#include "policy.h"
#include "text.h"
#include "verdict.h"
#include "worker.h"

namespace cardscrub {

enum class ValueType : uint8_t {
  kString,   // text of any length
  kNumber,   // a JSON number: stays one; masks are digits
  kLiteral,  // true, false, null: never card data; counted as absent (null) or of the wrong type
  kKey,      // a name: swept only
  kMarkup,   // a name that '*' would break (of an XML element): swept only; masks are digits
  kFree,     // text without a name: swept only
};

// How a value's text must be handed over.
enum class Want : uint8_t {
  kStream,  // in stretches as they come; text() says what need not be shown again
  kWhole,  // once, complete, with last = true; when it is longer than kNamedValueMax units: at once with last
           // = false
  kSkip,   // not at all
};

// Which card an event is about; nullptr: not known.
struct NotedCard {
  const Digits* pan = nullptr;
  const Digits* token = nullptr;
};

class Scrubber {
 public:
  static constexpr uint64_t kNoHold = ~uint64_t{0};

  // All references outlive the scrubber. name_space: the token namespace of this request. errands: what a
  // code store that answers later is asked goes there, and in a reveal every code that is to be taken (the
  // body is shown as a whole then and kept); nullptr: worker.codes is asked at once, in a reveal at the end.
  Scrubber(const Policy& policy, Worker& worker, Verdict& verdict, std::string_view name_space,
           FindingObserver* observer = nullptr, CodeErrands* errands = nullptr);
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  // ---- for whoever owns the bytes (Body, Head)
  // The bytes that are in memory now; they must reach back to hold() and to the first unit of every text
  // shown.
  void set_view(const RawView& view) { view_ = view; }
  const RawView& view() const { return view_; }
  // What is shown next is decoded from code units of UTF-16 or UTF-32, in front of whose last byte there are
  // so many more; nullopt: it is not.
  void set_wide(std::optional<uint8_t> in_front) { wide_ = in_front; }
  // The lowest absolute offset that a waiting decision may still write to; kNoHold: none.
  uint64_t hold() const;
  // Decides what has waited for longer than limits::kWindow bytes without what is to come.
  void release_holds();
  // The end of the body: closes what is open, checks cardscrub_require.
  void finish();

  // ---- for content filters
  // An object, list, part or element with this name begins (empty: none). False: too deep; the fault is
  // noted.
  [[nodiscard]] bool open(Bytes name);
  void close();
  // Forms: the following fields belong to the scope of this prefix ("card" for card[number]); "" is the root.
  void use_form_scope(Bytes prefix);
  const Path& path() const { return path_; }

  // What the leaf name announces here. Cheap for names that announce nothing.
  FieldMatch match(Bytes leaf) {
    bool failed = false;
    return match(leaf, &failed);
  }
  // *failed: a limit was reached; it may be something else another time.
  FieldMatch match(Bytes leaf, bool* failed);

  // Name/value pairs. A value under a leaf of Pair::kName is shown, so that what it names is known; a value
  // under one of Pair::kValue is what that name announces. Where the value comes first, a code waits for its
  // name.
  // The match with what the pair's name announces, if that is known: to be asked for in the scope of the
  // pair.
  FieldMatch paired(FieldMatch match) const {
    return match.pair < Pair::kValue || pairs_.empty() ? match : with_pair(match);
  }
  // Forms, parts and elements may have pair after pair in one scope, where an object has one: such a field
  // comes next, and with it another pair if there was one like it already
  // (name=cvv&value=123&name=size&value=456).
  void next_in_pair(Bytes leaf, Pair part);
  // Whether the scrubber has to see this value, which is all there is of it, of a leaf with match.kind ==
  // kNone.
  bool pair_matters(FieldMatch match, Bytes value) const;
  // Some name is known.
  bool has_pairs() const { return !pairs_.empty(); }
  // The name that stands in the innermost scope, and what it announces; Kind::kNone: there is none. For
  // <field name="cvv">123</field>. *name is valid until the next name.
  FieldMatch pair_here(Bytes* name) const;
  // Pairs do not count.
  void ignore_pairs() { reads_pairs_ = false; }
  bool reads_pairs() const { return reads_pairs_; }
  // A value begins. Of a leaf with match.kind == kNone and no digits in it, neither begin() nor text() need
  // be called.
  Want begin(Bytes leaf, FieldMatch match, ValueType type);
  // A stretch of the value: text[0] is the first unit that was not settled by the call before. Returns how
  // many leading units are settled: they will not be asked for again. With last, all are.
  size_t text(const Text& text, bool last);

  // The bytes cannot be parsed from `offset` on (only the first call counts). Refused where cardscrub_require
  // asks for fields; otherwise the filter goes on as well as it can and shows the rest as free text.
  void malformed(uint64_t offset);
  // Card data was found in base64 (wrapped.h), at these bytes of the wire.
  void wrapped(Kind kind, Brand brand, uint64_t offset, uint64_t length);
  // A stretch of a value that the operator wants left alone (Kind::kIgnore).
  void ignored(const Text& text);
  // Whether the sweep finds anything in a whole string; nothing is done about it.
  bool would_find(const Text& text) const;
  // A fault of any kind: the request is refused for `reason`.
  void refuse(Reason reason, int64_t offset = -1);
  bool refused() const { return verdict_.refused(); }
  // While `on`, a body that cannot be read (any reason but kFault) is not refused: gave_up() says that the
  // filter has come to its end. Whatever it shows after that is not looked at; the verdict stays as it is.
  void forgive(bool on) {
    forgives_ = on;
    gave_up_ = false;
  }
  bool gave_up() const { return gave_up_; }
  const Policy& policy() const { return policy_; }
  NamePlaces& places() { return worker_.places; }
  // Whether numbers of no brand matter outside named fields: tokens are turned back there.
  bool sweeps_tokens() const { return reveals() && policy_.reveal_sweep; }

 private:
  static constexpr size_t kLeafMax = 128;
  struct Scope;
  struct Pending;

  // ---- scrubber.cpp: what a value is, and what is written
  size_t sweep(const Text& text, bool last);
  void swept(const Text& text, const Finding& finding, bool alone, bool last);
  void swept_together(const Text& text, const Finding& first, const Finding& second, bool last);
  bool overlaps_a_finding(const Text& text, size_t begin, size_t end, bool last);
  void mask_among(const Text& text, size_t begin, size_t end, bool keep_ends, bool last);
  void named(const Text& text);
  void named_pan(const Text& text);
  void named_code(const Text& text);
  void named_expiry(const Text& text);
  void named_track(const Text& text);
  void named_too_long(const Text& text);
  bool accept(const Digits& pan, Brand brand, Reason* reason) const;
  bool tokenize(const Digits& pan, Digits* token);
  void act_on_pan(const Text& text, const DigitsAt& at, Brand brand, Action action, bool strong, bool alone,
                  bool last);
  void named_invalid(Reason reason, const Text& text, Brand brand);
  void invalid(Reason reason, const Text& text, Kind kind, Brand brand);
  void put(const Text& text, const DigitsAt& at, const Digits& now);
  void mask(const Text& text, size_t begin, size_t end, bool keep_ends, int fill = 0, bool begins = true);
  void remember_first(const Digits& pan, Brand brand, const Digits* token);
  void note(Kind kind, Brand brand, Action action, Reason reason, uint64_t offset, uint64_t length,
            const std::string& name, NotedCard card = {});
  void note(Kind kind, Brand brand, Action action, Reason reason, const Text& text, size_t begin, size_t end,
            NotedCard card = {});
  uint64_t wire_begin(const Text& text, size_t i) const;
  std::string field() const;
  // Whether anybody asks for the name of a field that nothing is wrong with.
  bool names_matter() const { return worker_.field_names || observer_ != nullptr; }
  bool changes() const { return policy_.mode == Mode::kOn; }

  // ---- scrubber_reveal.cpp: tokens and aliases, turned back
  bool reveals() const { return policy_.direction == Direction::kReveal; }
  size_t reveal_elsewhere(const Text& text, bool last);
  size_t reveal_token_at(const Text& text, const Surroundings& around, size_t start);
  void reveal_named(const Text& text);
  void reveal_named_pan(const Text& text);
  void reveal_named_code(const Text& text);
  Reason token_fault(const Digits& token) const;
  Reason turn_back(const Digits& token, Digits* pan, Brand* brand);
  bool reveal_pan(const Pending& token, bool is_named, Brand* brand);
  void reveal_code(const Pending& code, const Digits& token);
  bool is_card(const Scope& scope) const;
  void finish_reveal();

  // ---- scrubber_scope.cpp: what belongs together
  // A pair's name that announces something, and the scope that it stands in.
  struct PairName {
    size_t depth;
    uint64_t form_key;
    FieldMatch match;
    size_t size;
    std::array<uint8_t, kLeafMax> name;
  };
  // What the latest pair of a form, of parts or elements has had of the two.
  struct PairParts {
    size_t depth = 0;
    uint64_t form_key = 0;
    uint32_t names = 0;  // bit per word for a name
    bool value = false;
    bool value_first = false;
  };
  FieldMatch with_pair(FieldMatch match) const;
  size_t pair_depth(Pair part) const;
  const PairName* find_pair(Pair part) const;
  void note_pair(const Text& text);
  void name_waiting_codes(const PairName& pair);
  size_t pair_value(const Text& text, bool last);
  void belong(size_t depth, uint64_t form_key);

  Scope& scope() { return scope_at(level_, key_); }
  Scope& scope_at(size_t depth, uint64_t form_key);
  Scope& add_scope(Scope&& fresh);
  Scope* find_scope(size_t depth, uint64_t form_key);
  void scope_has_pan(const Digits& token, Brand brand, bool strong, bool given);
  void describe(Kind kind, const Text& text, const DigitsAt& at, Pending* out) const;
  void wait(Kind kind, const Text& text, const DigitsAt& at, Reason bad, const Expiry& expiry);
  Pending* new_pending();
  void release_all();
  void resolve(Scope& scope, bool closing, uint64_t full_before);
  void resolve_code(Pending& code, const Digits& token, Brand brand, bool given);
  void write_alias(Pending& code, const Digits& token);
  bool bind(const Pending& code, const Digits& token, bool* taken);
  void leave_errand(CodeErrand::Task task, const Pending& code, const Digits& token, const Digits& alias);
  void close_scope(size_t index);
  void take_expiry(Scope& scope, const Expiry& expiry, const Pending* waited);

  const Policy& policy_;
  Worker& worker_;
  Verdict& verdict_;
  std::string_view name_space_;
  FindingObserver* observer_;
  CodeErrands* errands_;  // nullptr: own_errands_, and they are run at the end
  CodeErrands own_errands_;
  RawView view_;
  std::optional<uint8_t> wide_;
  Path path_;
  std::vector<Scope> scopes_;
  std::vector<Pending> pending_;
  uint64_t form_key_ = 0;  // hash of the form prefix; 0 is the root
  uint32_t next_scope_ = 1;
  std::vector<PairName> pairs_;  // ordered by depth
  PairParts latest_pair_;
  bool reads_pairs_ = true;
  // The value being read: its scope, and its leaf name, cut.
  size_t level_ = 0;
  uint64_t key_ = 0;
  std::array<uint8_t, kLeafMax> leaf_;
  size_t leaf_size_ = 0;
  size_t leaf_most_ = 0;  // bytes of leaf_ that have been in use
  FieldMatch match_;
  ValueType type_ = ValueType::kFree;
  bool too_long_ = false;
  bool untouched_ = true;  // nothing of it is settled
  uint64_t position_ = 0;  // on the wire, of the stretch that is being read
  Before before_;
  size_t judged_ = 0;  // leading units of the next stretch whose findings have been dealt with
  // Of the latest ignored values.
  struct Stretch {
    uint64_t begin;
    uint64_t end;
  };
  std::vector<Stretch> ignored_;
  // The whole body.
  uint32_t seen_kinds_ = 0;   // bit per Kind: a field of it had a value
  uint32_t valid_kinds_ = 0;  // bit per Kind: a valid one
  bool malformed_ = false;
  bool forgives_ = false;
  bool gave_up_ = false;
};

}  // namespace cardscrub
