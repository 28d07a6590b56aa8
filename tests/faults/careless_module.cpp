// A guest in nginx that is careless, for tests/e2e/test_other_modules.py: before the location is known it
// adds every argument of a request to its headers, and leaves lowcase_key as it was in memory, here an
// address where nothing is.
#include <string_view>

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
}

namespace {

ngx_str_t copy_of(ngx_pool_t* pool, std::string_view text) {
  ngx_str_t from{text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
  return {text.size(), ngx_pstrdup(pool, &from)};
}

ngx_int_t add_headers(ngx_http_request_t* r) {
  std::string_view left{reinterpret_cast<const char*>(r->args.data), r->args.len};
  while (!left.empty()) {
    const std::string_view pair = left.substr(0, left.find('&'));
    const size_t equals = pair.find('=');
    left.remove_prefix(pair.size() == left.size() ? pair.size() : pair.size() + 1);
    auto* line = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_in.headers));
    if (line == nullptr || equals == std::string_view::npos) return NGX_ERROR;
    line->hash = 1;
    line->key = copy_of(r->pool, pair.substr(0, equals));
    line->value = copy_of(r->pool, pair.substr(equals + 1));
    line->lowcase_key = reinterpret_cast<u_char*>(16);
  }
  return NGX_DECLINED;
}

ngx_int_t on_configured(ngx_conf_t* cf) {
  auto* core =
      static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto* slot = static_cast<ngx_http_handler_pt*>(
      ngx_array_push(&core->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers));
  if (slot == nullptr) return NGX_ERROR;
  *slot = add_headers;
  return NGX_OK;
}

ngx_http_module_t g_moments = {nullptr, on_configured, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

}  // namespace

extern "C" {

ngx_module_t ngx_http_careless_module = {NGX_MODULE_V1, &g_moments, nullptr, NGX_HTTP_MODULE,
                                         nullptr,       nullptr,    nullptr, nullptr,
                                         nullptr,       nullptr,    nullptr, NGX_MODULE_V1_PADDING};

// What nginx looks for in the file of a module.
ngx_module_t* ngx_modules[] = {&ngx_http_careless_module, nullptr};
char g_name[] = "ngx_http_careless_module";
char* ngx_module_names[] = {g_name, nullptr};
}
