// The audit log in the life of the server: the directive, the chain's first and last line, and what a reload
// has changed (PCI DSS 10.2.1.6, 10.2.1.7).
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "audit_log.h"
#include "guard.h"
#include "owned.h"
#include "version.h"
#include "zone.h"

namespace cardscrub {

namespace {

using Digest = std::array<uint8_t, 32>;

// What the master knows of the configuration that is in force; it lives through reloads.
struct InForce {
  AuditLog* log = nullptr;
  std::map<std::string, Digest> files;  // by path
  Digest digest{};                      // of all of them
  std::vector<std::string> keys;        // generation, check value and state of each
};
InForce g_in_force;

Digest sha256(std::string_view data) {
  Digest out{};
  EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

std::string read_file(const std::string& path, off_t from) {
  std::string out;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out;
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
    const off_t begin = from < 0 ? std::max(off_t{0}, info.st_size + from) : from;
    out.resize(static_cast<size_t>(info.st_size - begin));
    size_t got = 0;
    for (ssize_t n = 1; n > 0 && got < out.size(); got += static_cast<size_t>(std::max(n, ssize_t{0})))
      n = pread(fd, out.data() + got, out.size() - got, begin + static_cast<off_t>(got));
    out.resize(got);
  }
  close(fd);
  return out;
}

// Every file that nginx says it has read; one that holds neither a server nor the main block shows only where
// nginx keeps the text of its configuration (built --with-debug, or asked with -T).
std::map<std::string, Digest> configuration_files(const ngx_cycle_t* cycle,
                                                  const ngx_http_core_main_conf_t* core) {
  std::map<std::string, Digest> out;
  const auto add = [&out](const ngx_str_t& name) {
    std::string path(view(name));
    if (!path.empty() && out.find(path) == out.end()) out[path] = sha256(read_file(path, 0));
  };
  add(cycle->conf_file);
  const auto* dumps = static_cast<const ngx_conf_dump_t*>(cycle->config_dump.elts);
  for (size_t i = 0; i < cycle->config_dump.nelts; ++i) add(dumps[i].name);
  auto* const* servers = static_cast<ngx_http_core_srv_conf_t* const*>(core->servers.elts);
  for (size_t i = 0; i < core->servers.nelts; ++i)
    add({std::strlen(reinterpret_cast<const char*>(servers[i]->file_name)), servers[i]->file_name});
  return out;
}

Digest digest_of(const std::map<std::string, Digest>& files) {
  std::string all;
  for (const auto& [path, digest] : files) {
    all += path;
    all += '\0';
    all.append(digest.begin(), digest.end());
  }
  return sha256(all);
}

std::vector<std::string> keys_of(const KeyRing& ring) {
  std::vector<std::string> out;
  for (const KeyRing::Entry& entry : ring.entries()) {
    out.push_back(std::to_string(entry.generation) + '-' + entry.check_value +
                  (entry.active ? " active" : " live"));
  }
  std::sort(out.begin(), out.end());
  return out;
}

using Notes = std::vector<AuditLog::Note>;

JsonMembers add_note(Notes* notes, AuditKind event) {
  notes->push_back({event, {}});
  JsonMembers members(&notes->back().members);
  members.text("outcome", "success");
  return members;
}

void note_keys(const InForce& before, const InForce& now, Notes* notes) {
  const auto has = [](const InForce& in, const std::string& key) {
    return std::find(in.keys.begin(), in.keys.end(), key) != in.keys.end();
  };
  for (const std::string& key : now.keys) {
    if (has(before, key)) continue;
    JsonMembers members = add_note(notes, AuditKind::kKeyUse);
    members.text("action", "load");
    members.text("loaded_key", key);
  }
  for (const std::string& key : before.keys) {
    if (has(now, key)) continue;
    JsonMembers members = add_note(notes, AuditKind::kKeyUse);
    members.text("action", "drop");
    members.text("dropped_key", key);
  }
}

// Where the chain before this one ended; and whether it ended within a line.
void note_predecessor(AuditLog* log, JsonMembers* start) {
  if (log->wishes.file == nullptr) return;
  std::string tail =
      read_file(std::string(view(log->wishes.file->name)), -2 * static_cast<off_t>(kAuditLineMax));
  if (tail.empty()) return;
  if (tail.back() != '\n') log->set_torn();
  for (std::string_view rest = tail; !rest.empty();) {
    const size_t feed = rest.rfind('\n');
    std::string_view line = feed == std::string_view::npos ? rest : rest.substr(feed + 1);
    AuditLine last;
    if (parse_audit_line(line, &last)) {
      start->text("last_chain", audit_chain_text(last.head.chain));
      start->number("last_seq", last.head.seq);
      start->text("last_mac", audit_mac_text(last.head.mac));
      return;
    }
    rest = feed == std::string_view::npos ? std::string_view{} : rest.substr(0, feed);
  }
}

Notes start_notes(AuditLog* log, const InForce& now) {
  Notes notes;
  {
    JsonMembers members = add_note(&notes, AuditKind::kStart);
    members.text("version", kVersion);
    members.hex("digest", now.digest);
    note_predecessor(log, &members);
  }
  note_keys({}, now, &notes);
  return notes;
}

Notes change_notes(const InForce& before, const InForce& now) {
  constexpr size_t kFilesMost = 64;
  Notes notes;
  {
    JsonMembers members = add_note(&notes, AuditKind::kConfiguration);
    members.hex("digest", now.digest);
    members.hex("was", before.digest);
  }
  std::map<std::string, Digest> gone = before.files;
  for (const auto& [path, digest] : now.files) {
    auto old = gone.find(path);
    const bool changed = old == gone.end() || old->second != digest;
    if (changed && notes.size() <= kFilesMost) {
      JsonMembers members = add_note(&notes, AuditKind::kConfiguration);
      members.text("file", path);
      members.hex("digest", digest);
      if (old != gone.end()) members.hex("was", old->second);
    }
    if (old != gone.end()) gone.erase(old);
  }
  for (const auto& [path, digest] : gone) {
    if (notes.size() > kFilesMost) break;
    JsonMembers members = add_note(&notes, AuditKind::kConfiguration);
    members.text("file", path);
    members.hex("was", digest);
  }
  note_keys(before, now, &notes);
  return notes;
}

void write_stop(AuditLog* log) {
  AuditEvent stop;
  stop.event = AuditKind::kStop;
  (void)log->write({stop}, {});
}

bool start(ngx_cycle_t* cycle, const MainConf& main) {
  AuditLog* log = main.audit;
  if (g_in_force.log != nullptr &&
      (log == nullptr || view(log->wishes.name) != view(g_in_force.log->wishes.name))) {
    write_stop(g_in_force.log);  // its memory goes with the old cycle
  }
  if (log == nullptr) {
    g_in_force = {};
    return true;
  }
  bool fresh = false;
  Status opened = log->open(*main.ring, &fresh);
  if (!opened) {
    ngx_str_t text = ngx_text(opened.message());
    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "cardscrub: %V", &text);
    return false;
  }
  const auto* http = reinterpret_cast<const ngx_http_conf_ctx_t*>(cycle->conf_ctx[ngx_http_module.index]);
  InForce now;
  now.log = log;
  now.files = configuration_files(
      cycle, static_cast<const ngx_http_core_main_conf_t*>(http->main_conf[ngx_http_core_module.ctx_index]));
  now.digest = digest_of(now.files);
  now.keys = keys_of(*main.ring);
  log->set_notes(fresh ? start_notes(log, now) : change_notes(g_in_force, now));
  g_in_force = std::move(now);
  (void)log->write({}, {});  // what cannot be written now, a worker tries again
  return true;
}

}  // namespace

char* configure_audit(ngx_conf_t* cf, MainConf* main) {
  if (main->audit != nullptr) return const_cast<char*>("is duplicate");
  auto* words = static_cast<ngx_str_t*>(cf->args->elts);
  AuditLog* log = make_in_pool<AuditLog>(cf->pool, cf->cycle);
  if (log == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
  log->wishes.name = {words[1].len,
                      ngx_pstrdup(cf->pool, &words[1])};  // nginx cuts the arguments of syslog up
  if (log->wishes.name.data == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
  unsigned card = 0;
  for (size_t i = 2; i < cf->args->nelts; ++i) {
    std::string_view word = view(words[i]);
    if (word != "token" && word != "fingerprint" && word != "none") {
      return refuse_configuration(cf, Place::here(cf),
                                  "unknown parameter \"" + std::string(word) +
                                      "\" of \"cardscrub_audit_log\"; it must be token, fingerprint or none");
    }
    if (word == "none" && cf->args->nelts > 3) {
      return refuse_configuration(cf, Place::here(cf),
                                  "\"none\" of \"cardscrub_audit_log\" must stand alone");
    }
    if (word == "token") card |= kAuditToken;
    if (word == "fingerprint") card |= kAuditFingerprint;
  }
  if (cf->args->nelts > 2) log->wishes.card = card;
  if (view(words[1]).starts_with("syslog:")) {
    log->wishes.syslog = static_cast<ngx_syslog_peer_t*>(ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t)));
    if (log->wishes.syslog == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
    if (ngx_syslog_process_conf(cf, log->wishes.syslog) != NGX_CONF_OK)
      return static_cast<char*>(NGX_CONF_ERROR);
  } else {
    log->wishes.file = ngx_conf_open_file(cf->cycle, &words[1]);
    if (log->wishes.file == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
    log->wishes.name = log->wishes.file->name;
  }
  main->audit = log;
  if (!main->wanted_place.known()) main->wanted_place = Place::here(cf);
  return NGX_CONF_OK;
}

bool prepare_audit(ngx_conf_t* cf, MainConf* main) {
  AuditLog* log = main->audit;
  if (log == nullptr) return true;
  log->wishes.reject = main->audit_failure == kAuditReject;
  ngx_str_t id = ngx_text("request_id");
  log->wishes.request_id = ngx_http_get_variable_index(cf, &id);
  // By the log's name: another log is another chain.
  std::string zone = "cardscrub_audit " + std::string(view(log->wishes.name));
  ngx_str_t name{zone.size(), static_cast<u_char*>(ngx_pnalloc(cf->pool, zone.size() + 1))};
  if (log->wishes.request_id == NGX_ERROR || name.data == nullptr) return false;
  std::memcpy(name.data, zone.c_str(), zone.size() + 1);
  ngx_shm_zone_t* shm = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize, &ngx_http_cardscrub_module);
  if (shm == nullptr) return false;
  shm->init = AuditLog::on_memory;
  shm->data = log;
  return true;
}

bool start_audit(ngx_cycle_t* cycle, const MainConf& main) {
  if (ngx_test_config) return true;
  return guard(cycle->log, "starting the audit log", false, [&] { return start(cycle, main); });
}

void audit_due(const MainConf& main) {
  if (main.audit == nullptr || !main.audit->due()) return;
  (void)guarded(ngx_cycle->log, "writing the audit log", [&] { (void)main.audit->write({}, {}); });
}

void on_master_end(ngx_cycle_t* cycle) {
  if (g_in_force.log == nullptr) return;
  (void)guarded(cycle->log, "ending the audit log", [] { write_stop(g_in_force.log); });
}

}  // namespace cardscrub
