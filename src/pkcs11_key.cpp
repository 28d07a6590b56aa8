// PKCS#11 through OpenSSL. What the child writes starts with one byte: kGood before the result, kBad before a
// sentence.
#define OPENSSL_SUPPRESS_DEPRECATED  // engines: the only way where no provider is packaged (Debian 12)
#include "pkcs11_key.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "child.h"
#include "descriptor.h"
#include "key_file.h"
#include "limits.h"

namespace cardscrub {
namespace {

constexpr uint8_t kGood = '+', kBad = '-';
constexpr int kBitsMin = 2048;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct KeyCtxFree {
  void operator()(EVP_PKEY_CTX* ctx) const { EVP_PKEY_CTX_free(ctx); }
};
struct StoreClose {
  void operator()(OSSL_STORE_CTX* store) const { OSSL_STORE_close(store); }
};
struct MethodFree {
  void operator()(UI_METHOD* method) const { UI_destroy_method(method); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using KeyCtx = std::unique_ptr<EVP_PKEY_CTX, KeyCtxFree>;
using Store = std::unique_ptr<OSSL_STORE_CTX, StoreClose>;
using Method = std::unique_ptr<UI_METHOD, MethodFree>;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// %xx of RFC 3986; false: not a number.
bool percent_decode(std::string_view text, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    const std::string digits(text.substr(i + 1, 2));
    char* end = nullptr;
    const unsigned long byte = std::strtoul(digits.c_str(), &end, 16);
    if (digits.size() != 2 || *end != '\0' || byte == 0) return false;
    out->push_back(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

bool absolute(std::string_view path) { return path.starts_with('/'); }

// ---- in the child

int give_pin(char* out, int size, int, void* data) {
  const auto* pin = static_cast<const SecretBuffer*>(data);
  if (pin == nullptr || pin->empty() || size <= 0 || pin->size() > static_cast<size_t>(size)) return -1;
  std::memcpy(out, pin->data(), pin->size());
  return static_cast<int>(pin->size());
}

// What OpenSSL says of its last error: a fixed text of a library, no data.
std::string engine_words() {
  const char* words = ERR_reason_error_string(ERR_peek_last_error());
  return words == nullptr ? "" : std::string(" (") + words + ")";
}

// nullptr, with *installed, when there is a provider and it does not give the key.
Key by_provider(const Pkcs11Key& wanted, const std::string& uri, UI_METHOD* method, SecretBuffer* pin,
                bool* installed) {
  if (!wanted.module.empty()) setenv("PKCS11_PROVIDER_MODULE", wanted.module.c_str(), 1);
  *installed = OSSL_PROVIDER_load(nullptr, "pkcs11") != nullptr;
  if (!*installed) {
    ERR_clear_error();
    return nullptr;
  }
  const Store store(OSSL_STORE_open(uri.c_str(), method, pin, nullptr, nullptr));
  while (store && OSSL_STORE_eof(store.get()) == 0) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store.get());
    if (info == nullptr) continue;
    Key key(OSSL_STORE_INFO_get1_PKEY(info));
    OSSL_STORE_INFO_free(info);
    if (key) return key;
  }
  return nullptr;
}

Key by_engine(const Pkcs11Key& wanted, const std::string& uri, UI_METHOD* method, SecretBuffer* pin,
              bool* installed) {
#ifndef OPENSSL_NO_ENGINE
  ENGINE_load_builtin_engines();
  ENGINE* engine = ENGINE_by_id("pkcs11");
  *installed = engine != nullptr;
  if (engine == nullptr) return nullptr;
  if (!wanted.module.empty() &&
      ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", wanted.module.c_str(), 0) != 1) {
    return nullptr;
  }
  if (ENGINE_init(engine) != 1) return nullptr;
  return Key(ENGINE_load_private_key(engine, uri.c_str(), method, pin));
#else
  (void)wanted, (void)uri, (void)method, (void)pin;
  *installed = false;
  return nullptr;
#endif
}

Result<Key> load_key(const Pkcs11Key& wanted, SecretBuffer* pin) {
  // Is not there by itself once another one was asked for, and a token's library may use it as well.
  OSSL_PROVIDER_load(nullptr, "default");
  const Method method(UI_UTIL_wrap_read_pem_callback(give_pin, 0));
  std::string uri = wanted.uri;
  if (uri.find("type=") == std::string::npos) uri += ";type=private";
  bool provider = false, engine = false;
  Key key = by_provider(wanted, uri, method.get(), pin, &provider);
  if (!provider) key = by_engine(wanted, uri, method.get(), pin, &engine);
  if (!provider && !engine) {
    return Fault{
        "OpenSSL has neither a pkcs11 provider nor a pkcs11 engine; install the package pkcs11-provider, or, "
        "on "
        "Debian 12, libengine-pkcs11-openssl"};
  }
  if (!key) {
    return Fault{
        "the token does not give this private key" + engine_words() +
        "; is it plugged in, are token= and object= its labels, module-path= its library, and is the "
        "PIN right" +
        (pin->empty() ? ", which pin-source=file:/path would give?" : "?")};
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < kBitsMin) {
    return Fault{"the key in the token must be an RSA key of 2048 bits or more"};
  }
  return key;
}

bool set_oaep(EVP_PKEY_CTX* ctx) {
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

Result<SecretBuffer> public_half(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return Fault{"the token does not tell the public half of the key" + engine_words()};
  SecretBuffer out;
  out.append({der, static_cast<size_t>(size)});
  OPENSSL_free(der);
  return out;
}

// Decrypts with this padding; 0 bytes: the token does not.
size_t decrypt_padded(EVP_PKEY* key, bool oaep, Bytes encrypted, MutableBytes out) {
  const KeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  size_t size = out.size();
  const bool good =
      ctx && EVP_PKEY_decrypt_init(ctx.get()) == 1 &&
      (oaep ? set_oaep(ctx.get()) : EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_NO_PADDING) == 1) &&
      EVP_PKEY_decrypt(ctx.get(), out.data(), &size, encrypted.data(), encrypted.size()) == 1;
  return good ? size : 0;
}

Result<SecretBuffer> decrypt(EVP_PKEY* key, Bytes encrypted) {
  SecretBuffer out, raw;
  out.resize(static_cast<size_t>(EVP_PKEY_get_size(key)));
  raw.resize(out.size());
  size_t size = decrypt_padded(key, true, encrypted, out.span());
  if (size == 0) {
    // Many tokens know OAEP with SHA-1 only (SoftHSM 2.6 is one): then they do the bare RSA, and the padding
    // is taken off here.
    const size_t bare = decrypt_padded(key, false, encrypted, raw.span());
    const int unpadded =
        bare == 0 ? -1
                  : RSA_padding_check_PKCS1_OAEP_mgf1(out.data(), static_cast<int>(out.size()), raw.data(),
                                                      static_cast<int>(bare), static_cast<int>(raw.size()),
                                                      nullptr, 0, EVP_sha256(), EVP_sha256());
    size = unpadded > 0 ? static_cast<size_t>(unpadded) : 0;
  }
  if (size == 0) return Fault{"the token cannot decrypt with RSA-OAEP and SHA-256" + engine_words()};
  out.resize(size);
  return out;
}

using Operation = std::function<Result<SecretBuffer>(EVP_PKEY*)>;

int perform(int fd, const Pkcs11Key& wanted, SecretBuffer* pin, const Operation& operation) {
  Result<SecretBuffer> done = Fault{"nothing was done"};
  {
    Result<Key> key = load_key(wanted, pin);
    done = key ? operation(key->get()) : Result<SecretBuffer>(Fault{key.message()});
  }
  const uint8_t mark = done ? kGood : kBad;
  SecretBuffer answer;
  answer.append({&mark, 1});
  answer.append(done ? Bytes(done->span()) : bytes_of(done.message()));
  return write_fully(fd, answer.span()) ? 0 : 1;
}

// ---- in the process that asks

Result<SecretBuffer> ask_token(const Pkcs11Key& wanted, const Operation& operation) {
  SecretBuffer pin;
  if (!wanted.pin_file.empty()) {
    Result<SecretBuffer> text = read_key_file(wanted.pin_file, kPinFile);
    if (!text) return Fault{text.message()};
    size_t size = text->size();
    while (size > 0 && (text->data()[size - 1] == '\n' || text->data()[size - 1] == '\r')) size--;
    if (size == 0) return Fault{"the PIN file \"" + wanted.pin_file + "\" is empty"};
    pin.append(text->span().first(size));
  }
  ChildEnd end = run_child({limits::kKekOutput, limits::kKekSeconds},
                           [&](int fd) { return perform(fd, wanted, &pin, operation); });
  const bool answered = end.how == ChildEnd::How::kExited && end.number == 0 && !end.output.empty();
  if (!answered) {
    return Fault{wanted.uri + ": " +
                 (end.how == ChildEnd::How::kTimedOut
                      ? "the token did not answer within " + std::to_string(limits::kKekSeconds) + " s"
                      : "the token's library failed")};
  }
  const uint8_t mark = end.output.data()[0];
  end.output.drop_front(1);
  if (mark == kGood) return std::move(end.output);
  return Fault{wanted.uri + ": " +
               std::string(reinterpret_cast<const char*>(end.output.data()), end.output.size())};
}

}  // namespace

Result<Pkcs11Key> parse_pkcs11_uri(std::string_view uri) {
  const size_t mark = std::min(uri.find('?'), uri.size());
  Pkcs11Key out;
  out.uri = uri.substr(0, mark);
  if (!uri.starts_with("pkcs11:") ||
      (out.uri.find("object=") == std::string::npos && out.uri.find("id=") == std::string::npos)) {
    return Fault{"pkcs11: needs object= or id= of the key, such as pkcs11:token=cardscrub;object=kek"};
  }
  std::string_view query = mark < uri.size() ? uri.substr(mark + 1) : std::string_view{};
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view attribute = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(attribute.find('='), attribute.size());
    const std::string_view name = attribute.substr(0, equals);
    std::string value;
    if (!percent_decode(attribute.substr(std::min(equals + 1, attribute.size())), &value)) {
      return Fault{"a value in the query of the pkcs11: URI is not percent-encoded"};
    }
    if (name == "pin-value") {
      return Fault{
          "a PIN does not belong into a pkcs11: URI; write it to a file of mode 0600 and give "
          "pin-source=file:/path"};
    }
    if (name == "pin-source") {
      out.pin_file = value.starts_with("file:") ? value.substr(5) : value;
      if (!absolute(out.pin_file)) return Fault{"pin-source= of the pkcs11: URI must be file:/path"};
    } else if (name == "module-path") {
      out.module = value;
      if (!absolute(out.module)) return Fault{"module-path= of the pkcs11: URI must be an absolute path"};
    } else {
      return Fault{"the query of the pkcs11: URI may hold pin-source= and module-path= only"};
    }
  }
  return out;
}

Result<SecretBuffer> pkcs11_public_key(const Pkcs11Key& key) { return ask_token(key, public_half); }

Result<SecretBuffer> pkcs11_decrypt(const Pkcs11Key& key, Bytes encrypted) {
  return ask_token(key, [encrypted](EVP_PKEY* own) { return decrypt(own, encrypted); });
}

Result<SecretBuffer> rsa_encrypt(Bytes public_key, Bytes plain) {
  const unsigned char* der = public_key.data();
  const Key key(d2i_PUBKEY(nullptr, &der, static_cast<long>(public_key.size())));
  const KeyCtx ctx(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr) : nullptr);
  SecretBuffer out;
  if (key) out.resize(static_cast<size_t>(EVP_PKEY_get_size(key.get())));
  size_t size = out.size();
  if (!ctx || EVP_PKEY_encrypt_init(ctx.get()) != 1 || !set_oaep(ctx.get()) ||
      EVP_PKEY_encrypt(ctx.get(), out.data(), &size, plain.data(), plain.size()) != 1) {
    return Fault{"OpenSSL cannot encrypt with RSA-OAEP and SHA-256"};
  }
  out.resize(size);
  return out;
}

}  // namespace cardscrub
