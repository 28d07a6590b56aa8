// The one writer of the audit log. All processes write to one file and one chain: the chain's head lies in
// shared memory of its own, and the lock on it is held while lines are made and written, so that the file has
// the chain's order.
//
//   lock --> who wrote last? --died in the middle--> recovery line --+
//               |                                                   v
//               +--> what is due (start, configuration, rotation, lost events) --> the event's lines
//               --> promise the new head --> write() --> keep the promise, or as much of it as was written
//               --> unlock
//
// A lock that a dead worker held is opened by nginx's master; what the worker had promised tells the next
// writer what may stand in the file.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "audit.h"
#include "main_conf.h"
#include "src/audit_chain.h"

namespace cardscrub {

// As configured.
struct AuditWishes {
  ngx_str_t name{};                     // absolute path, or "syslog:..."
  ngx_open_file_t* file = nullptr;      // nullptr: syslog
  ngx_syslog_peer_t* syslog = nullptr;  // nullptr: file
  unsigned card = kAuditToken;          // AuditCard
  bool reject = true;                   // cardscrub_audit_failure
  ngx_int_t request_id = NGX_ERROR;     // index of $request_id
};

class AuditLog {
 public:
  explicit AuditLog(ngx_cycle_t* cycle) : cycle_(cycle) {}

  AuditWishes wishes;

  // The shared memory's moment: the head of the chain, new or as it was before a reload.
  static ngx_int_t on_memory(ngx_shm_zone_t* shm, void* previous);
  // The key; and a new chain when the shared memory is fresh, which *fresh says.
  Status open(const KeyRing& ring, bool* fresh);

  // Lines that come in front of all others, made by the master before it forks. members: none of those that
  // every line has.
  struct Note {
    AuditKind event;
    std::string members;
  };
  void set_notes(std::vector<Note> notes);
  // The file that was found ends in an unfinished line.
  void set_torn();
  // Notes, or word of lost events, wait for being written.
  bool due() const;

  // One line for each event, all in one write; what is due in front of them. False: not all were written. May
  // throw bad_alloc; then nothing was written.
  [[nodiscard]] bool write(const std::vector<AuditEvent>& events, const AuditRequest& request);

  struct Counts {
    uint64_t lines, failures, lost;
    AuditHead head;
  };
  Counts counts() const;

 private:
  struct Shared;
  struct Batch;
  class Locked;
  static constexpr size_t kSyslogHeaderMost = size_t{2} * NGX_MAXHOSTNAMELEN;

  bool write_locked(const std::vector<AuditEvent>& events, const AuditRequest& request, Batch* batch);
  bool put_due(Batch* batch);
  bool put_line(Batch* batch, AuditKind event, const AuditEvent* what, const AuditRequest& request,
                std::string_view more);
  bool follow_file(bool* is_empty);
  static size_t longest_line(const Batch& batch);  // bytes
  size_t put(Batch* batch);
  bool settle(const Batch& batch, size_t written, size_t events);
  void tell(bool good, int error);

  ngx_cycle_t* cycle_;
  Shared* shared_ = nullptr;
  ngx_shmtx_t* mutex_ = nullptr;
  std::optional<AuditKey> key_;
  std::vector<Note> notes_;
  uint64_t notes_id_ = 0;
  time_t alerted_ = 0;
  bool failing_ = false;
};

}  // namespace cardscrub
