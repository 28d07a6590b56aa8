// Bounded child processes: what they print, how they end, and that they are ended.
#include "tests/unit/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/child.h"
#include "src/descriptor.h"

namespace {

using namespace cardscrub;
using How = ChildEnd::How;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

void says(void**) {
  const ChildEnd end = run_child({100, 20}, [](int fd) {
    return write_fully(fd, bytes_of("one ")) && write_fully(fd, bytes_of("two")) ? 7 : 1;
  });
  assert_true(end.how == How::kExited);
  assert_int_equal(end.number, 7);
  assert_true(std::string(end.output.data(), end.output.data() + end.output.size()) == "one two");
}

void ends(void**) {
  const struct {
    const char* name;
    ChildLimits limits;
    int (*work)(int);
    How how;
    int number;  // -1: whatever
  } cases[] = {
      {"nothing", {10, 20}, [](int) { return 0; }, How::kExited, 0},
      {"throws", {10, 20}, [](int) -> int { throw std::bad_alloc(); }, How::kExited, 127},
      {"signal", {10, 20}, [](int) { return raise(SIGTERM); }, How::kKilled, SIGTERM},
      {"exactly enough",
       {5, 20},
       [](int fd) { return write_fully(fd, bytes_of("12345")) ? 0 : 1; },
       How::kExited,
       0},
      {"too much",
       {4, 20},
       [](int fd) { return write_fully(fd, bytes_of("12345")) ? 0 : 1; },
       How::kTooMuch,
       -1},
      {"for ever",
       {4, 20},
       [](int fd) {
         while (write_fully(fd, bytes_of("x"))) {
         }
         return 0;
       },
       How::kTooMuch,
       -1},
      {"hangs", {10, 1}, [](int) { return pause(); }, How::kTimedOut, -1},
      {"hangs with its output closed",
       {10, 1},
       [](int fd) { return close(fd) + pause(); },
       How::kTimedOut,
       -1},
      {"no descriptors but its own",
       {10, 20},
       [](int fd) {
         for (int other = 3; other < 64; other++) {
           if (other != fd && fcntl(other, F_GETFD) >= 0) return other;
         }
         return 0;
       },
       How::kExited,
       0},
      {"reads nothing",
       {10, 20},
       [](int) {
         char c = 0;
         return static_cast<int>(read(STDIN_FILENO, &c, 1));
       },
       How::kExited,
       0},
      {"signals are as they were",
       {10, 20},
       [](int) {
         sigset_t mask;
         sigprocmask(SIG_SETMASK, nullptr, &mask);
         struct sigaction pipe {};
         sigaction(SIGPIPE, nullptr, &pipe);
         return sigismember(&mask, SIGTERM) + (pipe.sa_handler == SIG_DFL ? 0 : 2);
       },
       How::kExited,
       0},
  };
  // As nginx's master has it while it reads its configuration again.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int extra = open("/dev/null", O_RDONLY);
  for (const auto& c : cases) {
    const ChildEnd end = run_child(c.limits, c.work);
    if (end.how != c.how)
      fail_msg("%s: ended in way %d, number %d", c.name, static_cast<int>(end.how), end.number);
    if (c.number >= 0 && end.number != c.number) fail_msg("%s: number %d", c.name, end.number);
    if (end.how != How::kExited && !end.output.empty()) fail_msg("%s: output is left", c.name);
    if (waitpid(-1, nullptr, WNOHANG) != -1) fail_msg("%s: a child is left", c.name);
  }
  close(extra);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
}

// What it started in the background, and left, does not stay.
void grandchildren(void**) {
  ChildEnd end = run_child({100, 20}, [](int fd) {
    const pid_t child = fork();
    if (child == 0) {
      close(fd);
      pause();
    }
    const std::string text = std::to_string(child);
    return write_fully(fd, bytes_of(text)) ? 0 : 1;
  });
  assert_true(end.how == How::kExited);
  const pid_t left = std::stoi(std::string(end.output.data(), end.output.data() + end.output.size()));
  assert_true(left > 1);
  for (int i = 0; i < 1000; i++) {
    // Dead, or a zombie that nobody has waited for yet.
    const std::string path = "/proc/" + std::to_string(left) + "/stat";
    const Descriptor file(open(path.c_str(), O_RDONLY));
    char text[200] = "";
    if (!file || read(file.get(), text, sizeof text - 1) <= 0 || strstr(text, ") Z") != nullptr) return;
    const timespec pause{0, 5000000};
    nanosleep(&pause, nullptr);
  }
  fail_msg("process %d is still running", left);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(says),
      cmocka_unit_test(ends),
      cmocka_unit_test(grandchildren),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
