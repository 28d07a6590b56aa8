// Fork, read with a deadline, kill what is late, wait.
#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "descriptor.h"

namespace cardscrub {
namespace {

constexpr int kOutput = 3;       // descriptor in the child
constexpr int kWorkThrew = 127;  // exit status
constexpr int kMillisecond = 1000;

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * kMillisecond + now.tv_nsec / 1000000;
}

void default_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal = 1; signal < NSIG; signal++) ::signal(signal, SIG_DFL);  // KILL and STOP refuse: fine
}

[[noreturn]] void be_child(int fd, const std::function<int(int)>& work) {
  setsid();  // a process group that can be killed as one
  default_signals();
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  fd = fcntl(fd, F_DUPFD, kOutput);  // out of the way, should 0, 1 or 2 have been closed
  const int null = open("/dev/null", O_RDWR);
  if (null != STDIN_FILENO) dup2(null, STDIN_FILENO);
  for (int standard : {STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(standard, F_GETFD) < 0) dup2(null, standard);
  }
  if (fd != kOutput) dup2(fd, kOutput);
  close_range(kOutput + 1, ~0u, 0);
  int status = kWorkThrew;
  try {
    status = work(kOutput);
  } catch (...) {
  }
  _exit(status);
}

// kExited: it has closed its output.
ChildEnd::How read_output(int fd, const ChildLimits& limits, SecretBuffer* out) {
  const int64_t deadline = now_ms() + int64_t{limits.seconds} * kMillisecond;
  SecretBuffer block;
  block.resize(4096);
  for (;;) {
    const int64_t left = deadline - now_ms();
    pollfd wait{fd, POLLIN, 0};
    const int ready = left <= 0 ? 0 : poll(&wait, 1, static_cast<int>(left));
    if (ready == 0) return ChildEnd::How::kTimedOut;
    if (ready < 0) {
      if (errno == EINTR) continue;
      return ChildEnd::How::kFailed;
    }
    const ssize_t got = read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ChildEnd::How::kFailed;
    if (got == 0) return ChildEnd::How::kExited;
    if (out->size() + static_cast<size_t>(got) > limits.output) return ChildEnd::How::kTooMuch;
    out->append(block.span().first(static_cast<size_t>(got)));
  }
}

// Waits for the end of a child that has closed its output, and leaves it to be reaped: until then its number
// and that of its group belong to nobody else. False: the limit passed.
bool ends_within(pid_t pid, int seconds) {
  const int64_t deadline = now_ms() + int64_t{seconds} * kMillisecond;
  for (;;) {
    siginfo_t info{};
    const int got = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    if (got == 0 && info.si_pid == pid) return true;
    if (got < 0 && errno != EINTR) return true;  // reaping will say
    if (now_ms() >= deadline) return false;
    const timespec pause{0, 2000000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace

ChildEnd run_child(const ChildLimits& limits, const std::function<int(int)>& work) {
  ChildEnd end;
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    end.number = errno;
    return end;
  }
  Descriptor reading(pipe_ends[0]), writing(pipe_ends[1]);
  const pid_t pid = fork();
  if (pid == 0) be_child(writing.get(), work);
  if (pid < 0) {
    end.number = errno;
    return end;
  }
  writing.reset();
  end.how = read_output(reading.get(), limits, &end.output);
  end.number = errno;
  reading.reset();  // whoever still writes shall not wait for us
  if (end.how == ChildEnd::How::kExited && !ends_within(pid, limits.seconds)) {
    end.how = ChildEnd::How::kTimedOut;
  }
  kill(-pid, SIGKILL);                                        // also what it left running
  if (end.how != ChildEnd::How::kExited) kill(pid, SIGKILL);  // when it had not come to setsid() yet
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = waitpid(pid, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  if (end.how != ChildEnd::How::kExited) {
    end.output.clear();
  } else if (reaped != pid) {
    end.how = ChildEnd::How::kFailed;
    end.number = errno;
  } else if (WIFSIGNALED(status)) {
    end.how = ChildEnd::How::kKilled;
    end.number = WTERMSIG(status);
  } else {
    end.number = WEXITSTATUS(status);
  }
  return end;
}

}  // namespace cardscrub
