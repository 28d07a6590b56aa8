// Head: each part is cut into values, each shown to the filter that knows it. What cannot hold anything, and
// that is nearly every header of nearly every request, is left after a look at its name and a vector pass
// over its bytes.
#include "filters/head.h"

#include <algorithm>

#include "filters/form.h"
#include "filters/form_scan.h"
#include "filters/plain.h"
#include "filters/url_value.h"
#include "src/wrapped.h"

namespace cardscrub {

namespace {

constexpr FormSyntax kArgumentSyntax{};
constexpr FormSyntax kCookieSyntax{';', false};

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// X-Card-Number is Card-Number, and so is X_Card_Number (underscores_in_headers on).
Bytes without_x(Bytes name) {
  return name.size() > 2 && (name[0] | 0x20) == 'x' && (name[1] == '-' || name[1] == '_') ? name.subspan(2)
                                                                                          : name;
}

const Path kRoot;

bool announces(const Policy& policy, Bytes name) {
  if (policy.fields == nullptr) return false;
  bool failed = false;
  return policy.fields->match(kRoot, name, &failed).kind != Kind::kNone || failed;
}

// No card number, no JSON, and nothing that may be either once it is decoded.
bool is_dull(Bytes value) { return value.empty() || !scan_value(value, kCookieSyntax).may_matter; }

// Of pairs: none of the names announces anything, none of the values may matter.
bool is_dull_form(Bytes form, const FormSyntax& syntax, const Policy& policy) {
  for (size_t at = 0; at < form.size();) {
    if (syntax.separator == ';') {
      while (at < form.size() && (form[at] == ' ' || form[at] == '\t')) ++at;
    }
    const FormScan name = scan_until(form.subspan(at), '=', syntax.separator, syntax);
    if (name.encoded || announces(policy, form.subspan(at, name.size))) return false;
    if (name.semicolon) return false;  // of arguments: it may separate pairs
    at += name.size;
    // A name without a value is a value without a name.
    const bool bare = at == form.size() || form[at] != '=';
    if (bare ? name.may_matter : name.may_hold_digits) return false;
    ++at;
    if (bare) continue;
    const FormScan value = scan_until(form.subspan(at), syntax.separator, syntax.separator, syntax);
    if (value.may_matter || value.semicolon) return false;
    at += value.size + 1;
  }
  return true;
}

class Head {
 public:
  Head(MutableBytes bytes, const Policy& policy, Worker& worker, Verdict& verdict,
       std::string_view name_space, FindingObserver* observer)
      : view_{bytes.data(), 0, bytes.size()},
        scrubber_(policy, worker, verdict, name_space, observer),
        wrapped_(*worker.detector, worker.scratch.get(), sweep_options(policy)) {
    scrubber_.set_view(view_);
    scrubber_.ignore_pairs();
  }
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  // Behind everything else. Allocates: no task for a destructor.
  void finish() { scrubber_.finish(); }

  void form(size_t begin, size_t end, const FormSyntax& syntax) {
    if (begin < end) make_form_filter(0, syntax)->feed(Text::plain(view_, begin, end), true, scrubber_);
  }

  // Segments and the matrix parameters behind them: /text;name=value;name=value/text
  void path(size_t begin, size_t end) {
    while (begin < end) {
      const size_t semicolon = find_byte(view_.data, end, begin, ';');
      plain(begin, semicolon);
      if (semicolon == end) return;
      begin = find_byte(view_.data, end, semicolon, '/');
      form(semicolon + 1, begin, kCookieSyntax);
    }
  }

  // [scheme://authority]path[?arguments][#fragment]
  void target(size_t end) {
    const size_t fragment = find_byte(view_.data, end, 0, '#');
    const size_t question = find_byte(view_.data, fragment, 0, '?');
    size_t begin = 0;
    const size_t colon = find_byte(view_.data, question, 0, ':');
    if (question - colon >= 3 && view_.data[colon + 1] == '/' && view_.data[colon + 2] == '/' &&
        find_byte(view_.data, colon, 0, '/') == colon) {
      begin = find_byte(view_.data, question, colon + 3, '/');
      plain(colon + 3, begin);
    }
    path(begin, question);
    if (question < fragment) form(question + 1, fragment, kArgumentSyntax);
    if (fragment < end) form(fragment + 1, end, kArgumentSyntax);
  }

  // Base64 of the part as it came. Told behind everything else: what is ignored is known then.
  void look_for_wrapped() { wrapped_.feed({view_.data, view_.size}, 0, true); }
  void tell_wrapped() {
    for (const WrappedFinder::Found& found : wrapped_.found()) {
      scrubber_.wrapped(found.kind, found.brand, found.offset, found.length);
    }
    if (wrapped_.failed()) scrubber_.refuse(Reason::kFault);
  }

  void header(Bytes name) {
    FieldMatch match = scrubber_.match(name);
    if (match.kind == Kind::kNone || match.tentative) {  // as match_header()
      const FieldMatch bare = scrubber_.match(without_x(name));
      if (bare.kind != Kind::kNone) match = bare;
    }
    Text text = Text::plain(view_, 0, view_.size);
    // As it stands, then, where something is encoded, as an application that decodes it sees it.
    ValueReader value(0);
    value.begin(name, match, ValueType::kString, scrubber_);
    value.text(text, true, scrubber_);
    if (match.kind != Kind::kNone || !has_escapes(text.data, text.size, Escapes::kUri)) return;
    PercentDecoder decoder;
    Decoded decoded;
    decoder.start(Escapes::kUri, PercentDecoder::kExtraMax);
    decoder.feed(text, &decoded);
    decoder.finish(&decoded);
    scrubber_.begin(name, {}, ValueType::kFree);
    scrubber_.text(decoded.text(), true);
  }

 private:
  void plain(size_t begin, size_t end) {
    Bytes bytes{view_.data + begin, end - begin};
    if (!is_dull(bytes)) {
      make_plain_filter(0, PlainCoding::kPercent)->feed(Text::plain(view_, begin, end), true, scrubber_);
    }
  }

  RawView view_;
  Scrubber scrubber_;
  WrappedFinder wrapped_;
};

// Whether there is nothing to do for a part. What the look takes longer for than it saves is not looked for.
bool nothing_to_do(HeadPart part, Bytes name, Bytes bytes, const Policy& policy) {
  switch (part) {
    case HeadPart::kHeader:
      return is_dull(bytes) && !announces(policy, name) &&
             (without_x(name).size() == name.size() || !announces(policy, without_x(name)));
    case HeadPart::kCookie:
      return is_dull_form(bytes, kCookieSyntax, policy);
    case HeadPart::kArguments:
      return is_dull_form(bytes, kArgumentSyntax, policy);
    case HeadPart::kPath:
    case HeadPart::kTarget:
      break;
  }
  // A path without parameters, and perhaps arguments.
  const size_t end = bytes.size();
  const size_t question = part == HeadPart::kTarget ? find_byte(bytes.data(), end, 0, '?') : end;
  if (!is_dull(bytes.first(question)) || find_byte(bytes.data(), question, 0, ';') != question) return false;
  if (question == end) {
    return part == HeadPart::kPath || find_byte(bytes.data(), end, 0, '#') == end;
  }
  Bytes arguments = bytes.subspan(question + 1);
  if (find_byte(bytes.data(), end, 0, '#') != end) return false;
  return is_dull_form(arguments, kArgumentSyntax, policy);
}

}  // namespace

void scrub_head(HeadPart part, std::string_view name, MutableBytes bytes, const Policy& policy,
                Worker& worker, Verdict& verdict, std::string_view name_space, FindingObserver* observer) {
  if (bytes.empty()) return;
  const bool wrapped = policy.sweep != Action::kNone && may_hold_wrapped(bytes);
  if (!wrapped && nothing_to_do(part, bytes_of(name), bytes, policy)) return;
  Head head(bytes, policy, worker, verdict, name_space, observer);
  if (wrapped) head.look_for_wrapped();
  switch (part) {
    case HeadPart::kPath:
      head.path(0, bytes.size());
      break;
    case HeadPart::kArguments:
      head.form(0, bytes.size(), kArgumentSyntax);
      break;
    case HeadPart::kTarget:
      head.target(bytes.size());
      break;
    case HeadPart::kCookie:
      head.form(0, bytes.size(), kCookieSyntax);
      break;
    case HeadPart::kHeader:
      head.header(bytes_of(name));
      break;
  }
  if (wrapped) head.tell_wrapped();
  head.finish();
}

FieldMatch match_header(const FieldNames& fields, std::string_view name) {
  bool failed = false;
  const FieldMatch match = fields.match(kRoot, bytes_of(name), &failed);
  if (match.kind != Kind::kNone && !match.tentative) return match;
  const FieldMatch bare = fields.match(kRoot, without_x(bytes_of(name)), &failed);
  return bare.kind != Kind::kNone ? bare : match;
}

void reveal_header(std::string_view name, const RawView& value, const Policy& policy, Worker& worker,
                   Verdict& verdict, std::string_view name_space, CodeErrands* errands) {
  Scrubber scrubber(policy, worker, verdict, name_space, nullptr, errands);
  scrubber.set_view(value);
  scrubber.begin(bytes_of(name), match_header(*policy.fields, name), ValueType::kString);
  scrubber.text(Text::plain(value, value.base, value.end()), true);
  scrubber.finish();
}

}  // namespace cardscrub
