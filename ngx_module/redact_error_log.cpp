// Error log lines on their way out, whoever writes them: nginx hands one buffer to every target of a chain in
// turn, so a writer in front that masks the buffer in place serves files, stderr, syslog and memory alike.
//
//   head (our writer) --> copy of the head as it was --> the rest of the chain
#include <algorithm>
#include <optional>

#include "guard.h"
#include "main_conf.h"
#include "moments.h"
#include "other_error_logs.h"
#include "owned.h"
#include "process.h"
#include "redact.h"

namespace cardscrub {

namespace {

// Outlives every cycle: the pool of an old one logs while it is destroyed. Engines of its own: a line may be
// written while the worker's are in use.
struct LineRedactor {
  Policy policy;
  Worker engines;
};
std::optional<LineRedactor> g_lines;
bool g_writing = false;

// nginx cuts what does not fit into a line, and writes "..." behind that or nothing.
void mask_cut_numbers(MutableBytes line, bool full) {
  std::string_view text{reinterpret_cast<const char*>(line.data()), line.size()};
  for (size_t dots = text.find("..."); dots != std::string_view::npos; dots = text.find("...", dots + 3)) {
    mask_cut_number(line.first(dots));
  }
  if (full) mask_cut_number(line.first(line.size() - NGX_LINEFEED_SIZE));
}

// A line between two quotes: a request line, a URL, arguments, or "Name: value" of a header or of a parameter
// such as QUERY_STRING.
void redact_quoted_line(Redactor* redactor, MutableBytes quoted) {
  std::string_view text{reinterpret_cast<const char*>(quoted.data()), quoted.size()};
  bool target = text.find_first_of("?/") != std::string_view::npos;
  size_t colon = text.find(": ");
  if (colon != std::string_view::npos &&
      text.substr(0, colon).find_first_of(" ?=") == std::string_view::npos) {
    ngx_table_elt_t header{};
    header.key = ngx_text(text.substr(0, colon));
    header.value = ngx_text(text.substr(colon + 2));
    redactor->header(header);
    quoted = quoted.subspan(colon + 2);
  } else if (text.find(" HTTP/") != std::string_view::npos) {
    redactor->request_line({quoted.size(), quoted.data()});
    return;
  }
  redactor->element(target ? HeadPart::kTarget : HeadPart::kArguments, {}, quoted);
}

// At debug level a whole head may stand between two quotes.
void redact_quoted(Redactor* redactor, MutableBytes quoted) {
  std::string_view text{reinterpret_cast<const char*>(quoted.data()), quoted.size()};
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    if (begin < end) redact_quoted_line(redactor, quoted.subspan(begin, end - begin));
    begin = end + 1;
  }
}

void redact_line(Redactor* redactor, MutableBytes line) {
  std::string_view text{reinterpret_cast<const char*>(line.data()), line.size()};
  for (size_t open = text.find('"'); open != std::string_view::npos;) {
    size_t close = text.find('"', open + 1);
    size_t end = close == std::string_view::npos ? text.size() : close;
    MutableBytes quoted = line.subspan(open + 1, end - open - 1);
    redact_quoted(redactor, quoted);
    // A request line without its end is what had been read so far.
    if (text.substr(0, open).ends_with("request: ") &&
        text.substr(open + 1, end - open - 1).find(" HTTP/") == std::string_view::npos) {
      mask_cut_number(quoted);
    }
    open = close == std::string_view::npos ? close : text.find('"', close + 1);
  }
  redactor->element(HeadPart::kHeader, {}, line);
  // JSON has quotes of its own, at which the line was cut. Each look is one at all of the rest, so that there
  // are but a few.
  constexpr size_t kLooksMost = 32;
  const size_t last = text.rfind('}');
  size_t looks = 0;
  for (size_t brace = text.find("{\""); last != std::string_view::npos && brace < last;) {
    const MutableBytes rest = line.subspan(brace, last + 1 - brace);
    if (++looks > kLooksMost) return blank_digits(rest);
    redactor->element(HeadPart::kHeader, {}, rest);
    brace = text.find("{\"", text.find('}', brace));
  }
}

// "2026/11/23 23:52:11 [info] 29584#29584: *117 ": digits, none of them ours to look at.
size_t prefix_size(std::string_view line) {
  size_t hash = line.find('#');
  size_t colon = hash == std::string_view::npos ? hash : line.find(": ", hash);
  return colon == std::string_view::npos ? 0 : colon + 2;
}

void on_line(ngx_log_t*, ngx_uint_t, u_char* buffer, size_t size) {
  size_t skip = prefix_size({reinterpret_cast<const char*>(buffer), size});
  MutableBytes line{buffer + skip, size - skip};
  if (g_writing || !g_lines) {
    blank_digits(line);  // a line about a line, or no engines
    return;
  }
  g_writing = true;
  Redactor redactor(g_lines->policy, &g_lines->engines);
  redact_line(&redactor, line);
  mask_cut_numbers(line, size >= NGX_MAX_ERROR_STR - NGX_LINEFEED_SIZE);
  g_writing = false;
}

void put_writer_in_front(ngx_pool_t* pool, ngx_log_t* head) {
  if (head == nullptr || head->writer == on_line) return;
  auto* copy = static_cast<ngx_log_t*>(ngx_palloc(pool, sizeof(ngx_log_t)));
  if (copy == nullptr) return;
  *copy = *head;
  head->writer = on_line;
  head->next = copy;
}

bool make_engines(const MainConf& main, ngx_log_t* log) {
  const Detector* detector = shared_detector(log);
  if (detector == nullptr) return false;
  Result<HsScratch> scratch = detector->make_scratch();
  if (!scratch) return false;
  LineRedactor& lines = g_lines.emplace();
  lines.policy = main.redact_policy;
  lines.engines.detector = detector;
  lines.engines.scratch = std::move(*scratch);
  return true;
}

}  // namespace

void redact_error_logs(ngx_cycle_t* cycle, const MainConf& main) {
  if (!make_engines(main, cycle->log)) g_lines.reset();
  for (ngx_log_t* log : main.error_logs) put_writer_in_front(cycle->pool, log);
  for (ngx_log_t* log : other_error_logs(cycle)) put_writer_in_front(cycle->pool, log);
  put_writer_in_front(cycle->pool, &cycle->new_log);
  // Listening sockets have taken copies already.
  auto* listening = static_cast<ngx_listening_t*>(cycle->listening.elts);
  for (ngx_uint_t i = 0; i < cycle->listening.nelts; ++i) {
    if (listening[i].logp == nullptr) continue;
    ngx_log_handler_pt handler = listening[i].log.handler;
    void* data = listening[i].log.data;
    listening[i].log = *listening[i].logp;
    listening[i].log.handler = handler;
    listening[i].log.data = data;
  }
}

}  // namespace cardscrub
