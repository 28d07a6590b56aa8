// The memory of a running process, as a core dump would hold it, read from /proc. Needs the right to trace
// it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "src/result.h"
#include "src/secret.h"

namespace cardscrub::cli {

class Process {
 public:
  // What the process may have written to: everything but unchanged pages of files.
  struct Area {
    std::string name;  // a path, "[heap]", "[stack]", or "anonymous"
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  // A fault: no such process, or not ours to read.
  static Result<Process> open(pid_t pid);
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Stops the process until resume() or the end of this object. A fault: somebody else traces it, or it is
  // forbidden.
  Status stop();
  void resume();
  // General, floating point and vector registers of its first thread; empty while it is not stopped.
  SecretBuffer registers() const;

  const std::vector<Area>& areas() const { return areas_; }
  // Up to out.size() bytes from `at` on; 0: what stood there is gone, or cannot be read.
  size_t read(uint64_t at, MutableBytes out) const;

 private:
  Process(pid_t pid, int memory) : pid_(pid), memory_(memory) {}

  pid_t pid_;
  int memory_;
  bool stopped_ = false;
  std::vector<Area> areas_;
};

}  // namespace cardscrub::cli
