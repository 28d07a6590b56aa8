// Verification of audit logs: every kind of damage is found and placed; what happens to a server is none.
#include "src/audit_verify.h"

#include "tests/unit/audit_rig.h"
#include "tests/unit/testing.h"

namespace cardscrub {
namespace {

using namespace cardscrub::testing;

using Lines = std::vector<std::string>;
using Files = std::vector<std::string>;

constexpr uint64_t kChain = 0x0123456789abcdef;
constexpr uint64_t kOther = 0xfedcba9876543210;

AuditReport verify(const Files& files, size_t piece = 0, const AuditHead* head = nullptr,
                   bool prefixed = false) {
  std::vector<AuditKey> keys;
  keys.push_back(fixed_key());
  AuditVerifier verifier(std::move(keys), prefixed);
  if (head != nullptr) verifier.expect(*head);
  for (size_t i = 0; i < files.size(); ++i) {
    verifier.begin_file("f" + std::to_string(i));
    auto block = exact_block(files[i]);
    const std::string_view text(reinterpret_cast<const char*>(block.get()), files[i].size());
    const size_t step = piece == 0 ? text.size() + 1 : piece;
    for (size_t at = 0; at < text.size(); at += step) verifier.push(text.substr(at, step));
    verifier.end_file();
  }
  return verifier.finish();
}

std::string joined(const Lines& lines) {
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

// start, five findings, stop: sequence numbers 1 to 7.
Lines whole_log(ChainWriter* chain) {
  Lines out;
  out.push_back(chain->line(event("start")));
  for (int i = 0; i < 5; ++i) out.push_back(chain->line(event("finding", ",\"n\":" + std::to_string(i))));
  out.push_back(chain->line(event("stop")));
  return out;
}

// The problems as "file:line kind".
std::string places(const AuditReport& report) {
  static constexpr const char* kNames[] = {"changed", "no line", "cut off", "missing",    "moved",
                                           "doubled", "forked",  "key",     "not closed", "head"};
  std::string out;
  for (const AuditProblem& problem : report.problems) {
    if (!out.empty()) out += ", ";
    out += std::to_string(problem.place.file) + ':' + std::to_string(problem.place.line) + ' ' +
           kNames[static_cast<size_t>(problem.kind)];
  }
  return out;
}

void damage_is_found_and_placed(void**) {
  ChainWriter chain(kChain);
  const Lines log = whole_log(&chain);
  const auto without = [&log](size_t from, size_t count) {
    Lines out = log;
    out.erase(out.begin() + static_cast<ptrdiff_t>(from), out.begin() + static_cast<ptrdiff_t>(from + count));
    return joined(out);
  };
  const auto changed = [&log](size_t at, std::string_view from, std::string_view to) {
    Lines out = log;
    out[at].replace(out[at].find(from), from.size(), to);
    return joined(out);
  };
  Lines swapped = log;
  std::swap(swapped[2], swapped[3]);
  Lines moved = log;
  moved.insert(moved.begin() + 5, moved[1]);
  moved.erase(moved.begin() + 1);
  Lines doubled = log;
  doubled.insert(doubled.begin() + 4, doubled[2]);
  Lines inserted = log;
  inserted.insert(inserted.begin() + 3, "nothing of ours\n");
  Lines blank = log;
  blank.insert(blank.begin() + 3, "\n");
  Lines huge = log;
  huge.insert(huge.begin() + 3, std::string(3 * kAuditLineMax, 'x') + "\n");

  const std::string all = joined(log);
  const struct {
    const char* name;
    Files files;
    const char* problems;
  } cases[] = {
      {"whole", {all}, ""},
      {"in two files", {joined({log[0], log[1]}), all.substr(log[0].size() + log[1].size())}, ""},
      {"a value changed", {changed(2, "\"n\":1", "\"n\":7")}, "0:3 changed"},
      {"two values changed", {changed(2, "finding", "xinding") + ""}, "0:3 changed"},
      {"a number changed", {changed(3, "\"seq\":4", "\"seq\":5")}, "0:4 changed"},
      {"the first line changed", {changed(0, "start", "stary")}, "0:1 changed"},
      {"the last line changed", {changed(6, "stop", "stpp")}, "0:7 changed"},
      {"the form changed", {changed(2, "{\"v\"", "{\"w\"")}, "0:3 no line"},
      {"a line missing", {without(2, 1)}, "0:3 missing"},
      {"three lines missing", {without(2, 3)}, "0:3 missing"},
      {"the first line missing", {without(0, 1)}, "0:1 missing"},
      {"lines swapped", {joined(swapped)}, "0:4 moved"},
      {"a line moved", {joined(moved)}, "0:5 moved"},
      {"a line doubled", {joined(doubled)}, "0:5 doubled"},
      {"something inserted", {joined(inserted)}, "0:4 no line"},
      {"an empty line inserted", {joined(blank)}, "0:4 no line"},
      {"a huge line inserted", {joined(huge)}, "0:4 no line"},
      {"cut within a line", {all.substr(0, all.size() - 20)}, "0:7 cut off"},
      {"line feed of the end cut", {all.substr(0, all.size() - 1)}, "0:7 cut off"},
      {"files in the wrong order",
       {all.substr(log[0].size() + log[1].size()), joined({log[0], log[1]})},
       "1:1 moved, 1:2 moved"},
      {"a file twice", {joined({log[0]}), joined({log[0]}), all.substr(log[0].size())}, "1:1 doubled"},
      {"nothing of ours", {"x\n"}, "0:1 no line"},
  };
  for (const auto& c : cases) {
    for (size_t piece : kChunkSizes) {
      const AuditReport report = verify(c.files, piece);
      if (places(report) != c.problems || report.problem_count != report.problems.size())
        fail_msg("case: %s, pieces of %zu: %s", c.name, piece, places(report).c_str());
    }
  }
}

void another_key_can_forge_nothing(void**) {
  ChainWriter chain(kChain);
  const std::string log = joined(whole_log(&chain));
  Result<AuditKey> other = AuditKey::active(fixed_ring("AgECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
  ChainWriter forger(kChain, std::move(*other));
  const AuditReport report = verify({joined(whole_log(&forger))});
  assert_string_equal(places(report).c_str(), "0:1 key");  // said once
  assert_int_equal(report.lines, 0);
  // Under the right key's name the MACs are wrong.
  std::string renamed = joined(whole_log(&forger));
  for (size_t at = 0; (at = renamed.find("\"key\":\"9-", at)) != std::string::npos; at += 10)
    renamed.replace(at + 9, 6, fixed_key().name().substr(2));
  assert_int_equal(verify({renamed}).problem_count, 7);
}

void the_end_of_a_chain(void**) {
  ChainWriter first(kChain);
  Lines log = whole_log(&first);
  ChainWriter second(kOther);
  const AuditHead end = first.head;
  const auto quoting = [](const AuditHead& head) {
    return event("start", ",\"last_chain\":\"" + audit_chain_text(head.chain) + "\",\"last_seq\":" +
                              std::to_string(head.seq) + ",\"last_mac\":\"" + audit_mac_text(head.mac) + '"');
  };
  const std::string restart = second.lines({quoting(end), event("stop")});
  ChainWriter plain(kOther);
  const std::string fresh = plain.line(event("start"));

  Lines cut = log;
  cut.pop_back();
  Lines cut_more = cut;
  cut_more.pop_back();
  AuditHead killed = end;
  AuditLine last;
  assert_true(parse_audit_line(std::string_view(cut.back()).substr(0, cut.back().size() - 1), &last));
  killed = last.head;
  ChainWriter third(kOther);
  const std::string after_kill = third.line(quoting(killed));
  ChainWriter fourth(kOther);
  AuditHead other_mac = end;
  other_mac.mac[0] ^= 1;
  const std::string forked = fourth.line(quoting(other_mac));
  const struct {
    const char* name;
    Files files;
    const char* problems;
  } cases[] = {
      {"open", {joined(cut)}, ""},
      {"restarted", {joined(log) + restart}, ""},
      {"restarted in a new file", {joined(log), fresh}, ""},
      {"lines cut off before the restart", {joined(cut) + restart}, "0:7 missing"},
      {"killed and restarted", {joined(cut) + after_kill}, "0:6 not closed"},
      {"cut off, killed and restarted", {joined(cut_more) + after_kill}, "0:6 missing"},
      {"restarted on another line", {joined(log) + forked}, "0:8 forked"},
      {"the whole chain in front removed",
       {fresh.substr(0, 0) + "x\n" + restart},
       "0:1 no line, 0:2 missing"},
      {"the older file not given", {restart}, ""},
  };
  for (const auto& c : cases) {
    const AuditReport report = verify(c.files);
    if (places(report) != c.problems) fail_msg("case: %s: %s", c.name, places(report).c_str());
  }
  const AuditReport closed = verify({joined(log) + restart});
  assert_int_equal(closed.chains.size(), 2);
  assert_true(closed.chains[0].closed && closed.chains[0].first == 1 && closed.chains[0].head.seq == 7);
}

void a_head_that_must_be_there(void**) {
  ChainWriter chain(kChain);
  const Lines log = whole_log(&chain);
  assert_true(verify({joined(log)}, 0, &chain.head).intact());
  Lines cut = log;
  cut.pop_back();
  assert_string_equal(places(verify({joined(cut)}, 0, &chain.head)).c_str(), "0:6 head");
  AuditHead other = chain.head;
  other.mac[3] ^= 4;
  assert_string_equal(places(verify({joined(log)}, 0, &other)).c_str(), "0:7 head");
}

void rotation_and_files_that_are_gone(void**) {
  ChainWriter chain(kChain);
  const std::string first = chain.lines({event("start"), event("finding")});
  const std::string turn = chain.line(event("rotation"));
  const std::string second = turn + chain.line(event("finding"));
  assert_true(verify({first, second}).intact());
  const AuditReport later = verify({second});
  assert_true(later.intact());
  assert_int_equal(later.notes.size(), 1);
  // Its first line taken away, the file does not say that it goes on.
  assert_string_equal(places(verify({second.substr(turn.size())})).c_str(), "0:1 missing");
  assert_string_equal(places(verify({"", second.substr(turn.size())})).c_str(), "1:1 missing");
}

// What a writer leaves that dies or finds the disk full: see AuditLog in ngx_module.
void what_was_not_finished(void**) {
  ChainWriter chain(kChain);
  const std::string good = chain.lines({event("start"), event("finding")});
  const AuditHead before = chain.head;
  const std::string a = chain.line(event("finding"));
  const std::string b = chain.line(event("finding"));
  const std::string died =
      "\n" + chain.lines({event("recovery", ",\"after\":2,\"torn\":1"), event("finding")});
  ChainWriter full_disk(kChain);
  full_disk.head = before;
  const std::string full = full_disk.lines({event("recovery", ",\"after\":2,\"torn\":2"),
                                            event("fault", ",\"reason\":\"audit.down\",\"count\":3")});
  const struct {
    const char* name;
    Files files;
    const char* problems;
    size_t notes;
  } cases[] = {
      {"all was written", {good + a + b + died}, "", 1},
      {"half was written", {good + a + b.substr(0, 50) + died}, "", 2},
      {"nothing was written", {good + died.substr(1)}, "", 1},
      {"one line is gone that a writer had finished",
       {good.substr(0, good.find('\n') + 1) + died},
       "0:3 missing",
       1},
      {"a line was changed", {good + a + "x" + b + "y\n" + died}, "0:4 no line, 0:5 no line, 0:6 no line", 0},
      {"disk full", {good + a.substr(0, 9) + "\n" + b.substr(0, 20) + "\n" + full}, "", 2},
      {"disk full, rotated", {good + a.substr(0, 9), full}, "", 2},
      {"more torn than were said", {good + "x\ny\nz\n" + full}, "0:3 no line, 0:4 no line, 0:5 no line", 1},
  };
  for (const auto& c : cases) {
    const AuditReport report = verify(c.files);
    if (places(report) != c.problems || report.notes.size() < c.notes)
      fail_msg("case: %s: %s (%zu notes)", c.name, places(report).c_str(), report.notes.size());
  }
}

void two_servers_in_one_file(void**) {  // a binary upgrade: the old one ends after the new one has begun
  ChainWriter old_chain(kChain), new_chain(kOther);
  std::string log = old_chain.lines({event("start"), event("finding")});
  log += new_chain.line(event("start"));
  log += old_chain.line(event("finding"));
  log += new_chain.line(event("finding"));
  log += old_chain.line(event("stop"));
  log += new_chain.line(event("finding"));
  const AuditReport report = verify({log});
  assert_string_equal(places(report).c_str(), "");
  assert_int_equal(report.chains.size(), 2);
}

void syslog_prefixes(void**) {
  ChainWriter chain(kChain);
  std::string log;
  for (const std::string& line : whole_log(&chain)) log += "Nov 26 13:44:16 web1 nginx: " + line;
  assert_true(verify({log}, 0, nullptr, true).intact());
  assert_false(verify({log}).intact());
}

void problems_are_bounded(void**) {
  std::string junk;
  for (int i = 0; i < 5000; ++i) junk += "x\n";
  const AuditReport report = verify({junk});
  assert_int_equal(report.problem_count, 5000);
  assert_int_equal(report.problems.size(), AuditReport::kMost);
}

}  // namespace
}  // namespace cardscrub

int main() {
  using namespace cardscrub;
  const CMUnitTest tests[] = {cmocka_unit_test(damage_is_found_and_placed),
                              cmocka_unit_test(another_key_can_forge_nothing),
                              cmocka_unit_test(the_end_of_a_chain),
                              cmocka_unit_test(a_head_that_must_be_there),
                              cmocka_unit_test(rotation_and_files_that_are_gone),
                              cmocka_unit_test(what_was_not_finished),
                              cmocka_unit_test(two_servers_in_one_file),
                              cmocka_unit_test(syslog_prefixes),
                              cmocka_unit_test(problems_are_bounded)};
  return cmocka_run_group_tests_name("audit_verify", tests, nullptr, nullptr);
}
