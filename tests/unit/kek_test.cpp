// Key-encryption keys: the words that name their sources, the sources, components, and wrapping a key ring.
#include "tests/unit/testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/check_value.h"
#include "src/kek.h"
#include "src/kek_source.h"
#include "src/key_file.h"
#include "src/key_ring.h"

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr const char* kKeyA = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";  // bytes 0 to 31
constexpr const char* kHexA = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
constexpr const char* kKeyB = "_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-8";
constexpr const char* kBase64B = "/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+8=";

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// A folder of its own for each test, removed with the files that the test made in it.
class Folder {
 public:
  Folder() { assert_non_null(mkdtemp(path_)); }
  ~Folder() {
    for (const std::string& name : made_) unlink((path_ + ("/" + name)).c_str());
    rmdir(path_);
  }
  std::string write(const std::string& name, std::string_view content, mode_t mode = 0600) {
    const std::string path = path_ + ("/" + name);
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(::write(fd, content.data(), content.size()), content.size());
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    made_.push_back(name);
    return path;
  }
  std::string path(const std::string& name) {
    made_.push_back(name);
    return path_ + ("/" + name);
  }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/kek_test.XXXXXX";
  std::vector<std::string> made_;
};

void expect(const char* name, const std::string& message, std::string_view words) {
  if (message.find(words) == std::string::npos) fail_msg("%s: says \"%s\"", name, message.c_str());
  for (const char* key : {kKeyA, kHexA, kKeyB, kBase64B}) {
    for (size_t at = 0; at + 8 <= std::strlen(key); at++) {
      if (message.find(std::string(key + at, 8)) != std::string::npos) fail_msg("%s: tells of the key", name);
    }
  }
}

template <typename T>
std::string said(const Result<T>& result) {
  return result ? "taken" : result.message();
}

void words(void**) {
  const struct {
    const char* word;
    KekSource::Kind kind;
    const char* name;
    const char* target;
    size_t arguments;
  } good[] = {
      {"file:/a/b", KekSource::Kind::kFile, "file:/a/b", "/a/b", 0},
      {"credential:kek", KekSource::Kind::kCredential, "credential:kek", "kek", 0},
      {"env:CARDSCRUB_KEK", KekSource::Kind::kEnvironment, "env:CARDSCRUB_KEK", "CARDSCRUB_KEK", 0},
      {"command:/usr/bin/vault  kv get -field=kek a/b ", KekSource::Kind::kCommand, "command:/usr/bin/vault",
       "/usr/bin/vault", 5},
      {"pkcs11:token=a;object=b?pin-source=file:/p", KekSource::Kind::kPkcs11, "pkcs11:token=a;object=b",
       "pkcs11:token=a;object=b?pin-source=file:/p", 0},
  };
  for (const auto& c : good) {
    const Result<KekSource> source = parse_kek_source(c.word);
    if (!source) fail_msg("%s: %s", c.word, source.message().c_str());
    assert_true(source->kind == c.kind);
    assert_string_equal(source->name.c_str(), c.name);
    assert_string_equal(source->target.c_str(), c.target);
    assert_int_equal(source->arguments.size(), c.arguments);
  }
  const struct {
    const char* word;
    const char* words;
  } bad[] = {
      {"", "named by its source"},
      {kKeyA, "named by its source"},  // a key where its source should stand: not repeated
      {"/root/kek", "named by its source"},
      {"File:/root/kek", "named by its source"},
      {"file:", "absolute path"},
      {"file:root/kek", "absolute path"},
      {"credential:", "LoadCredential="},
      {"credential:../kek", "LoadCredential="},
      {"env:", "environment variable"},
      {"env:A=B", "environment variable"},
      {"command:", "absolute path of a program"},
      {"command:   ", "absolute path of a program"},
      {"command:vault kv get", "absolute path of a program"},
  };
  for (const auto& c : bad) expect(c.word, said(parse_kek_source(c.word)), c.words);
}

void key_texts(void**) {
  const std::string raw = "\x01" + std::string(30, 'x') + "\n";
  const struct {
    const char* name;
    std::string text;
    const char* words;  // nullptr: good
  } cases[] = {
      {"base64url", kKeyA, nullptr},
      {"with a line end", std::string(kKeyA) + "\r\n", nullptr},
      {"base64", kBase64B, nullptr},
      {"base64 without padding", std::string(kBase64B).substr(0, 43), nullptr},
      {"hexadecimal", kHexA, nullptr},
      {"bytes, the last a line end", raw, nullptr},
      {"empty", "", "must be 32 bytes"},
      {"a password of 32 characters", "correct horse battery staple and", "must be 32 bytes"},
      {"16 bytes in hexadecimal", std::string(kHexA).substr(0, 32), "must be 32 bytes"},
      {"33 bytes", raw + "x", "must be 32 bytes"},
      {"63 digits", std::string(kHexA).substr(1), "must be 32 bytes"},
      {"not hexadecimal", std::string(63, '1') + "g", "must be 32 bytes"},
      {"unused bits", std::string(kKeyA).substr(0, 42) + "9", "must be 32 bytes"},
      {"a space in front", " " + std::string(kKeyA), "must be 32 bytes"},
      {"two lines", std::string(kKeyA) + "\n" + kKeyA, "must be 32 bytes"},
      {"zeros", std::string(43, 'A'), "no random key"},
      {"one byte", std::string(64, '7'), "no random key"},
  };
  for (const auto& c : cases) {
    const auto block = exact_block(c.text);
    const Result<KeyBlock> key = parse_key_text({block.get(), c.text.size()});
    expect(c.name, said(key), c.words == nullptr ? "taken" : c.words);
  }
  const Result<KeyBlock> a = parse_key_text(bytes_of(kKeyA)), hex = parse_key_text(bytes_of(kHexA));
  for (size_t i = 0; i < 32; i++) assert_true(a->span()[i] == i && hex->span()[i] == i);
  assert_true(text_of(parse_key_text(bytes_of(kBase64B))->span()) ==
              text_of(parse_key_text(bytes_of(kKeyB))->span()));
}

std::string read_word(const std::string& word) {
  const Result<KekSource> source = parse_kek_source(word);
  if (!source) return source.message();
  const Result<KeyBlock> key = read_kek_source(*source);
  return key ? "key " + key_check_value(key->span()) : key.message();
}

void files(void**) {
  Folder folder;
  const std::string key = "key " + key_check_value(parse_key_text(bytes_of(kKeyA))->span());
  expect("good", read_word("file:" + folder.write("good", kKeyA)), key);
  expect("none", read_word("file:" + folder.path("none")),
         "there is no key-encryption key \"" + folder.path("none") + "\"; run: cardscrub keys kek " +
             folder.path("none"));
  expect("mode", read_word("file:" + folder.write("open", kKeyA, 0644)),
         "has mode 0644, not 0600; run: chmod 600");
  expect("no key", read_word("file:" + folder.write("short", "abc")),
         "short gives no key: it must be 32 bytes");
  assert_int_equal(symlink(folder.path("good").c_str(), folder.path("link").c_str()), 0);
  expect("link", read_word("file:" + folder.path("link")), "is a symbolic link");

  unsetenv("CREDENTIALS_DIRECTORY");
  expect("no credentials", read_word("credential:good"), "$CREDENTIALS_DIRECTORY is not set");
  expect("no credentials", read_word("credential:good"), "LoadCredential=good:/path");
  setenv("CREDENTIALS_DIRECTORY", folder.path(), 1);
  expect("credential", read_word("credential:good"), key);
  expect("no such credential", read_word("credential:none"), "there is no key-encryption key");
  unsetenv("CREDENTIALS_DIRECTORY");
}

void environment(void**) {
  const std::string key = "key " + key_check_value(parse_key_text(bytes_of(kKeyA))->span());
  expect("none", read_word("env:CARDSCRUB_TEST_NONE"), "no such variable");
  setenv("CARDSCRUB_TEST_BAD", "abc", 1);
  expect("bad", read_word("env:CARDSCRUB_TEST_BAD"), "env:CARDSCRUB_TEST_BAD gives no key");
  assert_string_equal(getenv("CARDSCRUB_TEST_BAD"), "");
  setenv("CARDSCRUB_TEST_KEK", kKeyA, 1);
  expect("good", read_word("env:CARDSCRUB_TEST_KEK"), key);
  assert_string_equal(getenv("CARDSCRUB_TEST_KEK"), "");  // wiped
  expect("again", read_word("env:CARDSCRUB_TEST_KEK"), key);
  forget_environment_keys();
  expect("forgotten", read_word("env:CARDSCRUB_TEST_KEK"), "gives no key");
}

void commands(void**) {
  Folder folder;
  const std::string key = "key " + key_check_value(parse_key_text(bytes_of(kKeyA))->span());
  const auto script = [&folder](const std::string& name, const std::string& text, mode_t mode = 0700) {
    return "command:" + folder.write(name, "#!/bin/sh\n" + text + "\n", mode);
  };
  const std::string good = script("good", "echo $1$2$3");
  expect("good", read_word(good + " AAECAwQFBgcICQoLDA0ODxAREh MUFRYXGBkaGxwdHh8"), key);
  // No shell: nothing of it is expanded or split but at spaces.
  expect("no shell", read_word(good + " $(id) ; *"), "good gives no key: it must be 32 bytes");
  expect("no arguments in the sentence", read_word(good + " secret-path"), "good gives no key");
  assert_null(strstr(read_word(good + " secret-path").c_str(), "secret-path"));
  expect("status", read_word(script("three", "exit 3")), "failed with exit status 3");
  expect("status with a key", read_word(script("one", "echo " + std::string(kKeyA) + "; exit 1")),
         "exit status 1");
  expect("signal", read_word(script("signal", "kill -9 $$")), "was ended by signal 9");
  expect("too much", read_word(script("much", "yes")), "printed more than a key");
  expect("nothing", read_word(script("nothing", "true")), "gives no key");
  expect("environment", read_word(script("env", "[ -n \"$HOME$PATH\" ] && echo " + std::string(kKeyA))), key);
  expect("none", read_word("command:" + folder.path("none")), "No such file or directory");
  expect("no program", read_word(script("plain", "true", 0600)), "it is no program; run: chmod 755");
  expect("folder", read_word(std::string("command:") + folder.path()), "it is no program");
  expect("writable by the group", read_word(script("group", "true", 0770)), "others may change it");
  expect("writable by all", read_word(script("all", "true", 0702)), "others may change it");
  expect("no interpreter", read_word("command:" + folder.write("odd", "#!/none\n", 0700)),
         "failed with exit status 126");
}

void opens(void**) {
  Folder folder;
  const std::string a = "file:" + folder.write("a", kKeyA), b = "file:" + folder.write("b", kKeyB);
  const Result<Kek> one = Kek::open(std::vector{a});
  if (!one) fail_msg("%s", one.message().c_str());
  const std::string check_a = key_check_value(parse_key_text(bytes_of(kKeyA))->span());
  const std::string check_b = key_check_value(parse_key_text(bytes_of(kKeyB))->span());
  assert_string_equal(one->check_value().c_str(), check_a.c_str());
  assert_string_equal(one->text().c_str(), (a + " (check value " + check_a + ")").c_str());

  uint8_t sum[32];
  const Result<KeyBlock> key_a = parse_key_text(bytes_of(kKeyA)), key_b = parse_key_text(bytes_of(kKeyB));
  for (size_t i = 0; i < 32; i++) sum[i] = key_a->span()[i] ^ key_b->span()[i];
  const Result<Kek> two = Kek::open(std::vector{a, b}), reversed = Kek::open(std::vector{b, a});
  assert_string_equal(two->check_value().c_str(), key_check_value(sum).c_str());
  assert_string_equal(reversed->check_value().c_str(), two->check_value().c_str());
  assert_string_equal(two->text().c_str(), (a + " (check value " + check_a + ") and " + b + " (check value " +
                                            check_b + "), together " + two->check_value())
                                               .c_str());

  expect("the same twice", said(Kek::open(std::vector{a, a})),
         "both components of the key-encryption key are the same");
  expect("none", said(Kek::open({})), "one source, or two");
  expect("three", said(Kek::open(std::vector{a, b, a})), "one source, or two");
  expect("bad word", said(Kek::open(std::vector{a, std::string("b")})), "named by its source");
  expect("bad source", said(Kek::open(std::vector{a, "file:" + folder.path("none")})),
         "there is no key-encryption key");
  const std::string token = "pkcs11:token=a;object=b";
  expect("token and component", said(Kek::open(std::vector{a, token})), "cannot be a component");
  expect("component and token", said(Kek::open(std::vector{token, a})), "cannot be a component");
}

void wraps(void**) {
  Folder folder;
  const std::string a = "file:" + folder.write("a", kKeyA), b = "file:" + folder.write("b", kKeyB);
  const Result<Kek> one = Kek::open(std::vector{a}), two = Kek::open(std::vector{a, b});
  const std::string content = "{\"keys\":[]}";
  const Result<SecretBuffer> wrapped = one->wrap(bytes_of(content));
  assert_true(wrapped && is_wrapped(wrapped->span()) && !is_wrapped(bytes_of(content)));
  assert_string_equal(check_value_of_wrapped(wrapped->span()).c_str(), one->check_value().c_str());
  assert_string_equal(check_value_of_wrapped(bytes_of("x")).c_str(), "unknown");
  const Result<SecretBuffer> back = one->unwrap(wrapped->span());
  assert_true(back && text_of(back->span()) == content);
  expect("other key", said(two->unwrap(wrapped->span())),
         "by a key-encryption key with check value " + one->check_value() + ", not by " + two->text());
  expect("no JWE", said(one->unwrap(bytes_of("ey"))), "it is no JWE: it must have five parts");

  const std::string text = text_of(wrapped->span());
  const auto headed = [&text](const std::string& header) { return header + text.substr(text.find('.')); };
  // {"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"jwk-set+json","kid":"000000"}
  expect("for a token",
         said(one->unwrap(bytes_of(headed("eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIiwiY3R5IjoiandrLX"
                                          "NldCtqc29uIiwia2lkIjoiMDAwMDAwIn0")))),
         "for a key in a token: give its pkcs11: URI");
  // {"alg":"dir","enc":"A256GCM","cty":"jwk-set+json","kid":"000000"}
  expect("alg",
         said(one->unwrap(bytes_of(headed(
             "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiY3R5IjoiandrLXNldCtqc29uIiwia2lkIjoiMDAwMDAwIn0")))),
         "must be \"A256KW\" or \"RSA-OAEP-256\"");
  // {"alg":"A256KW","enc":"A256GCM"}
  expect("cty", said(one->unwrap(bytes_of(headed("eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIn0")))),
         "its content type is not jwk-set+json");
  // {"alg":"A256KW","enc":"A256GCM","cty":"jwk-set+json","kid":"4111111111111111"}
  expect("kid is not repeated",
         said(one->unwrap(bytes_of(headed("eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIiwiY3R5IjoiandrLXNldCtqc2"
                                          "9uIiwia2lkIjoiNDExMTExMTExMTExMTExMSJ9")))),
         "check value unknown");
  // Another letter of base64url, whichever stands there.
  const auto change = [](char& c) { c = c == 'A' ? 'B' : 'A'; };
  std::string changed = text;
  change(changed[changed.find('.') + 3]);
  expect("encrypted key changed", said(one->unwrap(bytes_of(changed))), "it was changed after");
  changed = text;
  change(changed[changed.rfind('.') - 3]);
  expect("content changed", said(one->unwrap(bytes_of(changed))), "it was changed after");
}

void rings(void**) {
  Folder folder;
  const std::string a = "file:" + folder.write("a", kKeyA), b = "file:" + folder.write("b", kKeyB);
  const Result<Kek> one = Kek::open(std::vector{a}), other = Kek::open(std::vector{b});
  const Result<KeyRing> ring = KeyRing::generate(1u << 9, 1);
  const std::string path = folder.path("keys.json");
  assert_true(static_cast<bool>(ring->save_new(path, &*one)));
  const Result<KeyRing> loaded = KeyRing::load(path, &*one);
  if (!loaded) fail_msg("%s", loaded.message().c_str());
  assert_string_equal(loaded->entries()[0].check_value.c_str(), ring->entries()[0].check_value.c_str());
  expect("no key", said(KeyRing::load(path)),
         "is wrapped by a key-encryption key with check value " + one->check_value());
  expect("no key", said(KeyRing::load(path)), "cardscrub_kek");
  expect("no key", said(KeyRing::load(path)), "run: cardscrub keys unwrap --kek SOURCE --file " + path);
  expect("other key", said(KeyRing::load(path, &*other)),
         "cannot unwrap the key ring \"" + path + "\": it was wrapped by");
  assert_true(static_cast<bool>(loaded->save(path)));
  expect(
      "not wrapped", said(KeyRing::load(path, &*one)),
      "is not wrapped, though a key-encryption key is given; run: cardscrub keys wrap --kek SOURCE --file " +
          path);
  assert_true(static_cast<bool>(KeyRing::load(path)));
  const Result<SecretBuffer> clear = read_key_file(path);
  const std::string json(reinterpret_cast<const char*>(clear->data()), clear->size());
  for (const char* front : {"\n", " \t", "\xEF\xBB\xBF"}) {
    folder.write("keys.json", front + json);
    assert_true(static_cast<bool>(KeyRing::load(path)));
    expect("not wrapped, something in front", said(KeyRing::load(path, &*one)), "is not wrapped, though");
  }
  folder.write("keys.json", "garbage");
  expect("garbage", said(KeyRing::load(path, &*one)), "is damaged");
}

// The file that is replaced is overwritten: who still has it open, or finds its blocks, finds zeros.
void destroys(void**) {
  Folder folder;
  const Result<KeyRing> ring = KeyRing::generate(1u << 9, 1);
  const std::string path = folder.path("keys.json");
  assert_true(static_cast<bool>(ring->save_new(path)));
  const int old = open(path.c_str(), O_RDONLY);
  struct stat info {};
  assert_int_equal(fstat(old, &info), 0);
  assert_true(static_cast<bool>(ring->rotate(1u << 9 | 1u << 7, 2)->save(path)));
  std::string content(static_cast<size_t>(info.st_size) + 10, 'x');
  assert_int_equal(pread(old, content.data(), content.size(), 0), info.st_size);
  for (off_t i = 0; i < info.st_size; i++) assert_int_equal(content[static_cast<size_t>(i)], 0);
  close(old);
  assert_int_equal(KeyRing::load(path)->entries().size(), 2);
}

void token_uris(void**) {
  const Result<Pkcs11Key> key = parse_pkcs11_uri(
      "pkcs11:token=a%20b;object=kek?module-path=/usr/lib/x.so&pin-source=file:/root/my%2Dpin");
  if (!key) fail_msg("%s", key.message().c_str());
  assert_string_equal(key->uri.c_str(), "pkcs11:token=a%20b;object=kek");
  assert_string_equal(key->module.c_str(), "/usr/lib/x.so");
  assert_string_equal(key->pin_file.c_str(), "/root/my-pin");
  assert_string_equal(parse_pkcs11_uri("pkcs11:id=%01?pin-source=/root/pin")->pin_file.c_str(), "/root/pin");
  assert_true(parse_pkcs11_uri("pkcs11:object=kek")->module.empty());
  const struct {
    const char* uri;
    const char* words;
  } bad[] = {
      {"pkcs11:token=a", "needs object= or id="},
      {"pkcs11:", "needs object= or id="},
      {"pkcs11:object=a?pin-value=1234", "a PIN does not belong into a pkcs11: URI"},
      {"pkcs11:object=a?pin-source=pin", "pin-source= of the pkcs11: URI must be file:/path"},
      {"pkcs11:object=a?pin-source=file:pin", "must be file:/path"},
      {"pkcs11:object=a?module-path=x.so", "module-path= of the pkcs11: URI must be an absolute path"},
      {"pkcs11:object=a?module-path=/x%zz", "not percent-encoded"},
      {"pkcs11:object=a?module-path=/x%1", "not percent-encoded"},
      {"pkcs11:object=a?module-path=/x%00", "not percent-encoded"},
      {"pkcs11:object=a?module-name=p11", "may hold pin-source= and module-path= only"},
  };
  for (const auto& c : bad) expect(c.uri, said(parse_pkcs11_uri(c.uri)), c.words);
  Folder folder;
  const std::string object = "pkcs11:object=a?pin-source=";
  expect("no PIN file", said(pkcs11_public_key(*parse_pkcs11_uri(object + folder.path("none")))),
         "there is no PIN file");
  expect("empty PIN", said(pkcs11_public_key(*parse_pkcs11_uri(object + folder.write("empty", "\n")))),
         "is empty");
  expect("open PIN", said(pkcs11_public_key(*parse_pkcs11_uri(object + folder.write("open", "1", 0644)))),
         "the PIN file \"" + folder.path("open") + "\" has mode 0644");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(words),       cmocka_unit_test(key_texts), cmocka_unit_test(files),
      cmocka_unit_test(environment), cmocka_unit_test(commands),  cmocka_unit_test(opens),
      cmocka_unit_test(wraps),       cmocka_unit_test(rings),     cmocka_unit_test(destroys),
      cmocka_unit_test(token_uris),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
