// The writer of the audit log: shared head, lines, one write.
#include "audit_log.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace cardscrub {

namespace {

constexpr time_t kAlertEvery = 60;  // s: a full disk must not be filled further by its own error log

int64_t microseconds_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

// In memory that all processes share, whichever cycle they belong to. A process may be killed between any two
// stores: `promised` goes ahead of `seq` before a write, and `seq` follows when it is known what was written.
struct AuditLog::Shared {
  static constexpr uint64_t kMagic = 0x6361726461756431;  // "cardaud1"; the last byte is the version

  uint64_t magic;
  uint64_t chain;
  AuditMac mac;  // of line `seq`
  AuditMac promised_mac;
  std::atomic<uint64_t> seq;
  std::atomic<uint64_t> promised;
  uint64_t torn;       // unfinished lines behind line `seq`, at most
  uint64_t notes_id;   // counts the starts and reloads
  uint64_t notes_due;  // the one whose notes have not been written; 0: none
  uint64_t lost;       // events that could not be written, and no line has said so yet
  std::atomic<uint64_t> lines, failures, lost_ever;
};

struct AuditLog::Batch {
  std::string text;
  std::string message;       // syslog: a line with its header
  std::vector<size_t> ends;  // of each line
  std::vector<AuditHead> heads;
  AuditHead head;
  AuditOrigin origin;
  size_t due = 0;  // lines in front of the events'
  bool notes = false;
  uint64_t lost = 0;
  uint64_t promised_before = 0;
  AuditMac promised_mac_before{};
  int error = 0;
};

class AuditLog::Locked {
 public:
  explicit Locked(ngx_shmtx_t* mutex) : mutex_(mutex) { ngx_shmtx_lock(mutex_); }
  ~Locked() { ngx_shmtx_unlock(mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  ngx_shmtx_t* mutex_;
};

ngx_int_t AuditLog::on_memory(ngx_shm_zone_t* shm, void* previous) {
  auto* own = static_cast<AuditLog*>(shm->data);
  auto* pool = reinterpret_cast<ngx_slab_pool_t*>(shm->shm.addr);
  own->mutex_ = &pool->mutex;
  if (previous != nullptr || shm->shm.exists) {
    own->shared_ = static_cast<Shared*>(pool->data);
    if (own->shared_ != nullptr && own->shared_->magic == Shared::kMagic) return NGX_OK;
    ngx_log_error(NGX_LOG_EMERG, shm->shm.log, 0,
                  "cardscrub: the audit log's shared memory was laid out by another version of this module; "
                  "restart nginx");
    return NGX_ERROR;
  }
  void* memory = ngx_slab_calloc(pool, sizeof(Shared));
  if (memory == nullptr) return NGX_ERROR;
  own->shared_ = new (memory) Shared{};
  own->shared_->magic = Shared::kMagic;
  pool->data = own->shared_;
  return NGX_OK;
}

Status AuditLog::open(const KeyRing& ring, bool* fresh) {
  Result<AuditKey> key = AuditKey::active(ring);
  if (!key) return Fault{key.message()};
  key_.emplace(std::move(*key));
  Locked lock(mutex_);
  *fresh = shared_->chain == 0;
  while (shared_->chain == 0) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&shared_->chain), sizeof(shared_->chain)) != 1)
      return Fault{"OpenSSL has no random numbers"};
  }
  return Done{};
}

void AuditLog::set_notes(std::vector<Note> notes) {
  notes_ = std::move(notes);
  Locked lock(mutex_);
  notes_id_ = ++shared_->notes_id;
  shared_->notes_due = notes_id_;
}

void AuditLog::set_torn() {
  Locked lock(mutex_);
  shared_->torn = 1;
}

bool AuditLog::due() const { return shared_->notes_due == notes_id_ || shared_->lost != 0; }

AuditLog::Counts AuditLog::counts() const {
  Locked lock(mutex_);
  return {
      shared_->lines, shared_->failures, shared_->lost_ever, {shared_->chain, shared_->seq, shared_->mac}};
}

// Goes over to the file that the log's name means now: a worker may have been told to reopen its files later
// than the one that wrote last, and the order of lines must be that of the files. False: nothing can be
// written.
bool AuditLog::follow_file(bool* is_empty) {
  struct stat open_file {};
  if (fstat(wishes.file->fd, &open_file) != 0) return false;
  if (!S_ISREG(open_file.st_mode)) return true;
  struct stat named {};
  const auto* path = reinterpret_cast<const char*>(wishes.file->name.data);
  const bool there = stat(path, &named) == 0;
  const bool gone = !there && open_file.st_nlink == 0;  // what is written now would vanish
  if (gone || (there && (named.st_ino != open_file.st_ino || named.st_dev != open_file.st_dev))) {
    const ngx_fd_t fd = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd == NGX_INVALID_FILE) return !gone && open_file.st_nlink != 0;
    ngx_close_file(wishes.file->fd);
    wishes.file->fd = fd;
    if (fstat(fd, &open_file) != 0) return false;
  }
  *is_empty = open_file.st_size == 0;
  // nginx makes log files readable for everybody.
  if (*is_empty && (open_file.st_mode & S_IRWXO) != 0)
    (void)fchmod(wishes.file->fd, open_file.st_mode & 0770);
  return true;
}

bool AuditLog::put_line(Batch* batch, AuditKind event, const AuditEvent* what, const AuditRequest& request,
                        std::string_view more) {
  std::string members;
  JsonMembers out(&members);
  put_origin(&out, batch->origin, event);
  if (what != nullptr) put_event(&out, *what, request);
  if (!more.empty()) {
    members += ',';
    members += more;
  }
  if (!append_audit_line(&*key_, members, &batch->head, &batch->text)) return false;
  batch->ends.push_back(batch->text.size());
  batch->heads.push_back(batch->head);
  return true;
}

// What has to stand in front of the event's own lines.
bool AuditLog::put_due(Batch* batch) {
  Shared& shared = *shared_;
  bool is_empty = false;
  if (wishes.syslog == nullptr && !follow_file(&is_empty)) return false;
  batch->head = {shared.chain, shared.seq, shared.mac};
  batch->promised_before = shared.promised;
  batch->promised_mac_before = shared.promised_mac;
  const bool died = shared.promised != shared.seq;
  const bool first = shared.seq == 0 && !died;  // the start itself says what was torn
  if (first && shared.torn != 0) batch->text += '\n';
  if (died || (shared.torn != 0 && !first)) {
    std::string more;
    JsonMembers members(&more);
    members.number("after", shared.seq);
    members.number("torn", shared.torn + (died ? 1 : 0));
    if (died) {
      batch->head.seq = shared.promised;
      batch->head.mac = shared.promised_mac;
    }
    if (wishes.syslog == nullptr && !is_empty) batch->text += '\n';
    if (!put_line(batch, AuditKind::kRecovery, nullptr, {}, more)) return false;
  } else if (is_empty && batch->head.seq != 0 && !put_line(batch, AuditKind::kRotation, nullptr, {}, {})) {
    return false;
  }
  if (notes_id_ != 0 && shared.notes_due == notes_id_) {
    batch->notes = true;
    for (const Note& note : notes_) {
      std::string more = note.members;
      if (batch->head.seq == 0 && shared.torn != 0) JsonMembers(&more).number("torn", shared.torn);
      if (!put_line(batch, note.event, nullptr, {}, more)) return false;
    }
  }
  if (shared.lost != 0) {
    batch->lost = shared.lost;
    AuditEvent lost;
    lost.reason = Reason::kAuditDown;
    lost.count = static_cast<uint32_t>(shared.lost);
    if (!put_line(batch, AuditKind::kFault, &lost, {}, {})) return false;
  }
  batch->due = batch->ends.size();
  return true;
}

size_t AuditLog::longest_line(const Batch& batch) {
  size_t longest = 0;
  size_t begin = 0;
  for (size_t end : batch.ends) {
    longest = std::max(longest, end - begin);
    begin = end;
  }
  return longest;
}

// How many bytes went out; for syslog always up to the end of a line.
size_t AuditLog::put(Batch* batch) {
  const auto* text = reinterpret_cast<const u_char*>(batch->text.data());
  size_t written = 0;
  if (wishes.syslog == nullptr) {
    while (written < batch->text.size()) {
      const ssize_t n = ::write(wishes.file->fd, text + written, batch->text.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        batch->error = n < 0 ? errno : ENOSPC;
        break;
      }
      written += static_cast<size_t>(n);
    }
    return written;
  }
  for (size_t end : batch->ends) {
    const size_t size = end - written - 1;  // no line feed in a datagram
    auto* begin = reinterpret_cast<u_char*>(batch->message.data());
    u_char* last = ngx_syslog_add_header(wishes.syslog, begin);
    last = ngx_cpymem(last, text + written, size);
    const auto length = static_cast<size_t>(last - begin);
    if (ngx_syslog_send(wishes.syslog, begin, length) != static_cast<ssize_t>(length)) {
      batch->error = ngx_errno;
      break;
    }
    written = end;
  }
  return written;
}

// Moves the head to the last whole line. True when that is the last one of all.
bool AuditLog::settle(const Batch& batch, size_t written, size_t events) {
  Shared& shared = *shared_;
  size_t whole = 0;
  while (whole < batch.ends.size() && batch.ends[whole] <= written) ++whole;
  if (whole == 0) {
    shared.torn += written != 0 ? 1 : 0;
    shared.promised_mac = batch.promised_mac_before;
    shared.promised.store(batch.promised_before, std::memory_order_release);
  } else {
    shared.torn = written > batch.ends[whole - 1] ? 1 : 0;
    shared.mac = batch.heads[whole - 1].mac;
    shared.seq.store(batch.heads[whole - 1].seq, std::memory_order_release);
    shared.promised.store(shared.seq, std::memory_order_release);
    shared.lines += whole;
  }
  if (whole >= batch.due) {
    if (batch.notes) shared.notes_due = 0;
    shared.lost -= batch.lost;
  }
  const size_t told = whole > batch.due ? whole - batch.due : 0;
  if (told < events) {
    shared.lost += events - told;
    shared.lost_ever += events - told;
  }
  if (whole < batch.ends.size()) ++shared.failures;
  return whole == batch.ends.size();
}

bool AuditLog::write_locked(const std::vector<AuditEvent>& events, const AuditRequest& request,
                            Batch* batch) {
  batch->origin = {microseconds_now(), view(cycle_->hostname), ngx_pid};
  bool made = put_due(batch);
  for (size_t i = 0; made && i < events.size(); ++i)
    made = put_line(batch, events[i].event, &events[i], request, {});
  if (!made) {
    batch->error = ngx_errno;
    shared_->lost += events.size();
    shared_->lost_ever += events.size();
    ++shared_->failures;
    return false;
  }
  if (batch->ends.empty()) return true;
  if (wishes.syslog != nullptr) batch->message.resize(kSyslogHeaderMost + longest_line(*batch));
  shared_->promised_mac = batch->head.mac;
  shared_->promised.store(batch->head.seq, std::memory_order_release);
  const size_t written = put(batch);
  return settle(*batch, written, events.size());
}

bool AuditLog::write(const std::vector<AuditEvent>& events, const AuditRequest& request) {
  if (!key_ || shared_ == nullptr) return false;
  Batch batch;
  bool good = false;
  {
    Locked lock(mutex_);
    good = write_locked(events, request, &batch);
  }
  tell(good, batch.error);
  return good;
}

void AuditLog::tell(bool good, int error) {
  ngx_log_t* log = ngx_cycle->log;
  if (good) {
    if (failing_)
      ngx_log_error(NGX_LOG_NOTICE, log, 0, "cardscrub: the audit log \"%V\" is written again", &wishes.name);
    failing_ = false;
    return;
  }
  failing_ = true;
  if (alerted_ != 0 && ngx_time() - alerted_ < kAlertEvery) return;
  alerted_ = ngx_time();
  ngx_log_error(NGX_LOG_ALERT, log, error, "cardscrub: the audit log \"%V\" cannot be written, %s",
                &wishes.name, wishes.reject ? "requests with events are refused" : "events are lost");
}

}  // namespace cardscrub
