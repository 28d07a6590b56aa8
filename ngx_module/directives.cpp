// The directives: one row each, and the setters that nginx has no ready one for.
#include "audit.h"
#include "guard.h"
#include "location_conf.h"
#include "main_conf.h"
#include "moments.h"
#include "redis_settings.h"
#include "src/kek_source.h"

namespace cardscrub {

namespace {

constexpr ngx_uint_t kAnywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
constexpr time_t kCodeTtlMost = 3600;  // PCI DSS 3.3.1: a code is kept only until authorisation is complete
constexpr time_t kCodeGraceMost = 300;
constexpr size_t kZoneLeast = 256 << 10;

char* const kError = static_cast<char*>(NGX_CONF_ERROR);

const ngx_str_t* arguments(const ngx_conf_t* cf) { return static_cast<const ngx_str_t*>(cf->args->elts); }

char* refuse(ngx_conf_t* cf, std::string_view what, const ngx_str_t& value, std::string_view choice) {
  std::string message(what);
  message += " \"" + std::string(view(value)) + "\"; ";
  message += choice;
  return refuse_configuration(cf, Place::here(cf), message);
}

char* set_mode(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->mode != NGX_CONF_UNSET_UINT) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  std::string_view word = view(value);
  conf->mode_place = Place::here(cf);
  if (word == "off") {
    conf->mode = kWishOff;
    return NGX_CONF_OK;
  }
  MainConf* main = main_conf(cf);
  if (!main->wanted_place.known()) main->wanted_place = conf->mode_place;
  if (word == "on" || word == "monitor") {
    conf->mode = word == "on" ? kWishOn : kWishMonitor;
    return NGX_CONF_OK;
  }
  if (ngx_http_script_variables_count(&value) == 0) {
    return refuse(cf, "unknown value", value, "it must be off, on, monitor or hold variables");
  }
  conf->mode = kWishDynamic;
  conf->mode_value =
      static_cast<ngx_http_complex_value_t*>(ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t)));
  if (conf->mode_value == nullptr) return kError;
  ngx_http_compile_complex_value_t compile{};
  compile.cf = cf;
  compile.value = &value;
  compile.complex_value = conf->mode_value;
  return ngx_http_compile_complex_value(&compile) == NGX_OK ? NGX_CONF_OK : kError;
}

char* add_field(ngx_conf_t* cf, LocationConf* conf) {
  const ngx_str_t* words = arguments(cf);
  Kind kind = Kind::kNone;
  if (!kind_from_name(view(words[1]), &kind)) {
    return refuse(cf, "unknown kind", words[1],
                  "it must be one of pan, code, expiry, expiry_month, expiry_year, holder, track, ignore");
  }
  if (conf->fields == nullptr) {
    conf->fields = ngx_array_create(cf->pool, 8, sizeof(FieldWish));
    conf->fields_place = Place::here(cf);
  }
  if (conf->fields == nullptr) return kError;
  for (size_t i = 2; i < cf->args->nelts; ++i) {
    // Compiled alone first, so that the fault names this line.
    FieldPattern pattern{kind, std::string(view(words[i]))};
    Result<FieldNames> tried = FieldNames::compile({&pattern, 1});
    if (!tried) return refuse_configuration(cf, Place::here(cf), tried.message());
    auto* wish = static_cast<FieldWish*>(ngx_array_push(conf->fields));
    if (wish == nullptr) return kError;
    *wish = {kind, words[i]};
  }
  return NGX_CONF_OK;
}

char* set_field(ngx_conf_t* cf, ngx_command_t*, void* location) {
  return guard(cf->log, "reading cardscrub_field", kError,
               [&] { return add_field(cf, static_cast<LocationConf*>(location)); });
}

char* set_require(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->require != NGX_CONF_UNSET_UINT) return const_cast<char*>("is duplicate");
  conf->require = 0;
  for (size_t i = 1; i < cf->args->nelts; ++i) {
    Kind kind = Kind::kNone;
    if (!kind_from_name(view(arguments(cf)[i]), &kind) || kind == Kind::kIgnore) {
      return refuse(cf, "unknown kind", arguments(cf)[i],
                    "it must be one of pan, code, expiry, expiry_month, expiry_year, holder, track");
    }
    conf->require |= ngx_uint_t{1} << static_cast<unsigned>(kind);
  }
  return NGX_CONF_OK;
}

char* set_brands(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->brands != NGX_CONF_UNSET_UINT) return const_cast<char*>("is duplicate");
  conf->brands = 0;
  conf->brands_place = Place::here(cf);
  for (size_t i = 1; i < cf->args->nelts; ++i) {
    Brand brand = Brand::kUnknown;
    if (!brand_from_name(view(arguments(cf)[i]), &brand)) {
      std::string choice = "it must be one of";
      for (size_t b = 1; b < kBrands; ++b)
        choice += (b == 1 ? " " : ", ") + std::string(brand_name(static_cast<Brand>(b)));
      return refuse(cf, "unknown brand", arguments(cf)[i], choice);
    }
    conf->brands |= ngx_uint_t{1} << static_cast<unsigned>(brand);
  }
  return NGX_CONF_OK;
}

char* set_keys(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->keys_path.len != 0) return const_cast<char*>("is duplicate");
  main->keys_path = arguments(cf)[1];
  main->keys_place = Place::here(cf);
  return ngx_conf_full_name(cf->cycle, &main->keys_path, 1) == NGX_OK ? NGX_CONF_OK : kError;
}

char* set_audit_log(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  return guard(cf->log, "reading cardscrub_audit_log", kError,
               [&] { return configure_audit(cf, static_cast<MainConf*>(conf)); });
}

char* set_kek(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (!main->kek.empty()) return const_cast<char*>("is duplicate");
  return guard(cf->log, "reading cardscrub_kek", kError, [&]() -> char* {
    main->kek_place = Place::here(cf);
    for (size_t i = 1; i < cf->args->nelts; ++i) {
      main->kek.emplace_back(view(arguments(cf)[i]));
      Result<KekSource> source = parse_kek_source(main->kek.back());
      if (!source) return refuse_configuration(cf, main->kek_place, source.message());
    }
    return NGX_CONF_OK;
  });
}

char* set_zone(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->zone_size != NGX_CONF_UNSET_SIZE) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  ssize_t size = ngx_parse_size(&value);
  if (size == NGX_ERROR) return const_cast<char*>("is no size");
  if (static_cast<size_t>(size) < kZoneLeast)
    return refuse(cf, "too small a zone", value, "it must be 256k or more");
  main->zone_size = static_cast<size_t>(size);
  return NGX_CONF_OK;
}

char* set_code_ttl(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->code_ttl != NGX_CONF_UNSET) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  time_t ttl = static_cast<time_t>(ngx_parse_time(&value, 1));
  if (ttl < 1 || ttl > kCodeTtlMost) return refuse(cf, "bad time", value, "it must lie between 1s and 1h");
  conf->code_ttl = ttl;
  return NGX_CONF_OK;
}

char* set_reveal(ngx_conf_t* cf, ngx_command_t* command, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  char* set = ngx_conf_set_flag_slot(cf, command, location);
  if (set != NGX_CONF_OK || conf->reveal == 0) return set;
  conf->reveal_place = Place::here(cf);
  MainConf* main = main_conf(cf);
  if (!main->wanted_place.known()) main->wanted_place = conf->reveal_place;
  return NGX_CONF_OK;
}

// "60r/m": so many card numbers a second, minute or hour.
bool read_rate(std::string_view text, Rate* rate) {
  const size_t r = text.find("r/");
  if (r == std::string_view::npos || text.size() != r + 3) return false;
  const ngx_int_t count = ngx_atoi(ngx_text(text).data, r);
  const char unit = text.back();
  rate->seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  if (count < 1 || rate->seconds == 0 || count > ngx_int_t{kRatePerSecondMost} * rate->seconds) {
    return false;
  }
  rate->count = static_cast<uint32_t>(count);
  return true;
}

char* set_reveal_rate(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->reveal_rate_set) return const_cast<char*>("is duplicate");
  conf->reveal_rate_set = true;
  for (size_t i = 1; i < cf->args->nelts; ++i) {
    const std::string_view word = view(arguments(cf)[i]);
    if (word == "off" && cf->args->nelts == 2) return NGX_CONF_OK;
    const bool client = word.starts_with("client=");
    const bool total = word.starts_with("total=");
    Rate* rate = client ? &conf->reveal_rate.client : &conf->reveal_rate.total;
    const bool again = rate->count != 0;
    if ((!client && !total) || again || !read_rate(word.substr(word.find('=') + 1), rate)) {
      return refuse(
          cf, "bad rate", arguments(cf)[i],
          "it must be off, or client=<number>r/s and total=<number>r/s (or r/m, r/h), at most 1000r/s");
    }
  }
  return NGX_CONF_OK;
}

char* set_reveal_hosts(ngx_conf_t* cf, ngx_command_t*, void* location) {
  return guard(cf->log, "reading cardscrub_reveal_hosts", kError, [&]() -> char* {
    auto* conf = static_cast<LocationConf*>(location);
    for (size_t i = 1; i < cf->args->nelts; ++i) {
      const std::string_view host = view(arguments(cf)[i]);
      if (host.empty() || host == "." || host.find_first_of("*/:$") != std::string_view::npos) {
        return refuse(cf, "bad host", arguments(cf)[i],
                      "it must be a name such as api.example.com, or .example.com for all below it");
      }
      conf->reveal_hosts.push_back(arguments(cf)[i]);
    }
    return NGX_CONF_OK;
  });
}

char* set_reveal_max_body(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->reveal_max_body != NGX_CONF_UNSET_SIZE) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  const ssize_t size = ngx_parse_size(&value);
  if (size < 1024 || size > 16 << 20) {
    return refuse(cf, "bad size", value, "it must lie between 1k and 16m");
  }
  conf->reveal_max_body = static_cast<size_t>(size);
  return NGX_CONF_OK;
}

char* set_code_grace(ngx_conf_t* cf, ngx_command_t*, void* location) {
  auto* conf = static_cast<LocationConf*>(location);
  if (conf->code_grace != NGX_CONF_UNSET) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  const time_t grace = static_cast<time_t>(ngx_parse_time(&value, 1));
  if (grace < 0 || grace > kCodeGraceMost) {
    return refuse(cf, "bad time", value, "it must lie between 0 and 5m");
  }
  conf->code_grace = grace;
  return NGX_CONF_OK;
}

char* set_limit(ngx_conf_t* cf, ngx_command_t* command, void* location) {
  auto* field = reinterpret_cast<ngx_uint_t*>(static_cast<char*>(location) + command->offset);
  if (*field != NGX_CONF_UNSET_UINT) return const_cast<char*>("is duplicate");
  ngx_str_t value = arguments(cf)[1];
  ngx_int_t number = ngx_atoi(value.data, value.len);
  // The library's own bound is the most: its memory and time were measured up to there.
  auto most = static_cast<ngx_int_t>(reinterpret_cast<uintptr_t>(command->post));
  if (number < 1 || number > most) {
    return refuse(cf, "bad number", value, "it must lie between 1 and " + std::to_string(most));
  }
  *field = static_cast<ngx_uint_t>(number);
  return NGX_CONF_OK;
}

// As ngx_conf_set_enum_slot, but says which words there are.
char* set_word(ngx_conf_t* cf, ngx_command_t* command, void* conf) {
  const std::string_view value = view(arguments(cf)[1]);
  std::string choice = "it must be one of";
  for (const auto* each = static_cast<const ngx_conf_enum_t*>(command->post); each->name.len != 0; ++each) {
    if (view(each->name) == value) return ngx_conf_set_enum_slot(cf, command, conf);
    choice += (each == command->post ? " " : ", ") + std::string(view(each->name));
  }
  return refuse(cf, "invalid value", arguments(cf)[1], choice);
}

char* set_status(ngx_conf_t* cf, ngx_command_t*, void*) {
  auto* core =
      static_cast<ngx_http_core_loc_conf_t*>(ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  core->handler = on_status;
  return NGX_CONF_OK;
}

constexpr ngx_uint_t word(Action action) { return static_cast<ngx_uint_t>(action); }

ngx_conf_enum_t g_pan[] = {{ngx_text("tokenize"), word(Action::kTokenize)},
                           {ngx_text("mask"), word(Action::kMask)},
                           {ngx_text("reject"), word(Action::kReject)},
                           {ngx_null_string, 0}};
ngx_conf_enum_t g_code[] = {{ngx_text("alias"), word(Action::kAlias)},
                            {ngx_text("mask"), word(Action::kMask)},
                            {ngx_text("reject"), word(Action::kReject)},
                            {ngx_null_string, 0}};
ngx_conf_enum_t g_sweep[] = {{ngx_text("tokenize"), word(Action::kTokenize)},
                             {ngx_text("mask"), word(Action::kMask)},
                             {ngx_text("reject"), word(Action::kReject)},
                             {ngx_text("off"), word(Action::kNone)},
                             {ngx_null_string, 0}};
ngx_conf_enum_t g_invalid[] = {{ngx_text("reject"), word(Action::kReject)},
                               {ngx_text("mask"), word(Action::kMask)},
                               {ngx_null_string, 0}};
ngx_conf_enum_t g_token_format[] = {{ngx_text("last4"), static_cast<ngx_uint_t>(TokenFormat::kLast4)},
                                    {ngx_text("full"), static_cast<ngx_uint_t>(TokenFormat::kFull)},
                                    {ngx_null_string, 0}};
ngx_conf_enum_t g_encoded[] = {
    {ngx_text("inflate"), kEncodedInflate}, {ngx_text("reject"), kEncodedReject}, {ngx_null_string, 0}};
ngx_conf_enum_t g_response[] = {{ngx_text("off"), kResponseOff},
                                {ngx_text("mask"), kResponseMask},
                                {ngx_text("reject"), kResponseReject},
                                {ngx_null_string, 0}};
ngx_conf_enum_t g_test_cards[] = {{ngx_text("accept"), static_cast<ngx_uint_t>(TestCards::kAccept)},
                                  {ngx_text("reject"), static_cast<ngx_uint_t>(TestCards::kReject)},
                                  {ngx_text("only"), static_cast<ngx_uint_t>(TestCards::kOnly)},
                                  {ngx_null_string, 0}};
ngx_conf_enum_t g_audit_failure[] = {
    {ngx_text("reject"), kAuditReject}, {ngx_text("continue"), kAuditContinue}, {ngx_null_string, 0}};
ngx_conf_enum_t g_missing_code[] = {
    {ngx_text("omit"), kMissingCodeOmit}, {ngx_text("reject"), kMissingCodeReject}, {ngx_null_string, 0}};
ngx_conf_enum_t g_upgrade[] = {{ngx_text("off"), 0}, {ngx_text("allow"), 1}, {ngx_null_string, 0}};

// What nginx's own setters expect in a pointer. NOLINTNEXTLINE(performance-no-int-to-ptr)
void* limit(size_t most) { return reinterpret_cast<void*>(most); }

using Setter = char* (*)(ngx_conf_t*, ngx_command_t*, void*);

ngx_command_t row(std::string_view name, ngx_uint_t type, Setter set, ngx_uint_t conf, ngx_uint_t offset,
                  void* post) {
  return {ngx_text(name), type, set, conf, offset, post};
}

ngx_command_t in_location(std::string_view name, ngx_uint_t type, Setter set, ngx_uint_t offset = 0,
                          void* post = nullptr) {
  return row(name, type, set, NGX_HTTP_LOC_CONF_OFFSET, offset, post);
}

ngx_command_t in_main(std::string_view name, ngx_uint_t type, Setter set, ngx_uint_t offset = 0,
                      void* post = nullptr) {
  return row(name, NGX_HTTP_MAIN_CONF | type, set, NGX_HTTP_MAIN_CONF_OFFSET, offset, post);
}

}  // namespace

#define CARDSCRUB_AT(field) offsetof(LocationConf, field)

ngx_command_t g_directives[] = {
    in_location("cardscrub", kAnywhere | NGX_CONF_TAKE1, set_mode),
    in_location("cardscrub_field", kAnywhere | NGX_CONF_2MORE, set_field),
    in_location("cardscrub_pan", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(pan), g_pan),
    in_location("cardscrub_code", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(code), g_code),
    in_location("cardscrub_sweep", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(sweep), g_sweep),
    in_location("cardscrub_head", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(head), g_sweep),
    in_location("cardscrub_invalid", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(invalid), g_invalid),
    in_location("cardscrub_require", NGX_HTTP_LOC_CONF | NGX_CONF_1MORE, set_require),
    in_location("cardscrub_brands", kAnywhere | NGX_CONF_1MORE, set_brands),
    in_location("cardscrub_token_format", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(token_format),
                g_token_format),
    in_location("cardscrub_namespace", kAnywhere | NGX_CONF_TAKE1, ngx_http_set_complex_value_slot,
                CARDSCRUB_AT(name_space)),
    in_location("cardscrub_encoded", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(encoded), g_encoded),
    in_location("cardscrub_response", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(response),
                g_response),
    in_location("cardscrub_test_cards", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(test_cards),
                g_test_cards),
    in_location("cardscrub_upgrade", kAnywhere | NGX_CONF_TAKE1, set_word, CARDSCRUB_AT(upgrade), g_upgrade),
    in_location("cardscrub_require_tls", kAnywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
                CARDSCRUB_AT(require_tls)),
    in_location("cardscrub_code_ttl", kAnywhere | NGX_CONF_TAKE1, set_code_ttl),
    in_location("cardscrub_code_grace", kAnywhere | NGX_CONF_TAKE1, set_code_grace),
    in_location("cardscrub_reveal", NGX_HTTP_LOC_CONF | NGX_CONF_FLAG, set_reveal, CARDSCRUB_AT(reveal)),
    in_location("cardscrub_reveal_hosts", kAnywhere | NGX_CONF_1MORE, set_reveal_hosts),
    in_location("cardscrub_reveal_max_body", kAnywhere | NGX_CONF_TAKE1, set_reveal_max_body),
    in_location("cardscrub_reveal_missing_code", kAnywhere | NGX_CONF_TAKE1, set_word,
                CARDSCRUB_AT(reveal_missing_code), g_missing_code),
    in_location("cardscrub_reveal_rate", kAnywhere | NGX_CONF_TAKE12, set_reveal_rate),
    in_location("cardscrub_reveal_sweep", kAnywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
                CARDSCRUB_AT(reveal_sweep)),
    in_location("cardscrub_max_findings", kAnywhere | NGX_CONF_TAKE1, set_limit, CARDSCRUB_AT(max_findings),
                limit(limits::kFindings)),
    in_location("cardscrub_max_depth", kAnywhere | NGX_CONF_TAKE1, set_limit, CARDSCRUB_AT(max_depth),
                limit(limits::kDepth)),
    in_location("cardscrub_max_inflate", kAnywhere | NGX_CONF_TAKE1, ngx_conf_set_size_slot,
                CARDSCRUB_AT(max_inflate)),
    in_location("cardscrub_lint", kAnywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot, CARDSCRUB_AT(lint)),
    in_location("cardscrub_audit_user", kAnywhere | NGX_CONF_TAKE1, ngx_http_set_complex_value_slot,
                CARDSCRUB_AT(audit_user)),
    in_location("cardscrub_status", NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_status),
    in_main("cardscrub_keys", NGX_CONF_TAKE1, set_keys),
    in_main("cardscrub_kek", NGX_CONF_TAKE12, set_kek),
    in_main("cardscrub_zone", NGX_CONF_TAKE1, set_zone),
    in_main("cardscrub_code_store", NGX_CONF_1MORE, set_code_store),
    in_main("cardscrub_redact_logs", NGX_CONF_FLAG, ngx_conf_set_flag_slot, offsetof(MainConf, redact_logs)),
    in_main("cardscrub_core_dumps", NGX_CONF_FLAG, ngx_conf_set_flag_slot, offsetof(MainConf, core_dumps)),
    in_main("cardscrub_audit_log", NGX_CONF_1MORE, set_audit_log),
    in_main("cardscrub_audit_failure", NGX_CONF_TAKE1, set_word, offsetof(MainConf, audit_failure),
            g_audit_failure),
    ngx_null_command};

#undef CARDSCRUB_AT

}  // namespace cardscrub
