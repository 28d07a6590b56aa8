// The key ring: derivation, rotation, the file, and every way in which a file can be bad.
#include "tests/unit/testing.h"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <new>

#include "src/base64url.h"
#include "src/kek.h"
#include "src/key_file.h"
#include "src/key_ring.h"

namespace {

// Every block that is given back while `watched` is set is searched for it.
std::string_view watched;
bool seen_in_freed_memory = false;

void release(void* block) {
  if (block != nullptr && !watched.empty()) {
    const std::string_view content(static_cast<const char*>(block), malloc_usable_size(block));
    if (content.find(watched) != std::string_view::npos) seen_in_freed_memory = true;
  }
  free(block);
}

}  // namespace

void* operator new(size_t size) {
  void* block = malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }
void operator delete[](void* block, size_t) noexcept { release(block); }

namespace {

using namespace cardscrub;
using namespace cardscrub::testing;

constexpr const char* kKeyA = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";  // bytes 0 to 31
constexpr const char* kKeyB = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
constexpr const char* kKeyC = "AgECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
constexpr uint32_t kAll = 1u << 9 | 1u << 7 | 1u << 1;

std::string key_json(const char* key, const std::string& generation, const char* state,
                     const char* created = "1760000000") {
  return R"({"kty":"oct","kid":")" + generation + R"(","use":"enc","alg":"A256KW","k":")" + key +
         R"(","iat":)" + created + R"(,"generation":)" + generation + R"(,"state":")" + state + "\"}";
}

std::string ring_json(const std::string& keys) { return "{\"keys\":[" + keys + "]}"; }

Result<KeyRing> parse(std::string_view text) {
  const auto block = exact_block(text);
  return KeyRing::parse({block.get(), text.size()});
}

KeyRing good(Result<KeyRing> ring) {
  if (!ring) fail_msg("%s", ring.message().c_str());
  return std::move(*ring);
}

// A folder of its own for each test, removed with what the test may have left in it.
class Folder {
 public:
  Folder() { assert_non_null(mkdtemp(path_)); }
  ~Folder() {
    for (const char* name : {"keys.json", "link.json", "other.json", "pipe"}) unlink(file(name).c_str());
    rmdir(path_);
  }
  std::string file(const char* name = "keys.json") const { return std::string(path_) + "/" + name; }
  const char* path() const { return path_; }
  std::string write(std::string_view content, mode_t mode = 0600, const char* name = "keys.json") const {
    const std::string path = file(name);
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(::write(fd, content.data(), content.size()), content.size());
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
  }

 private:
  char path_[32] = "/tmp/key_ring_test.XXXXXX";
};

void parses(void**) {
  const KeyRing ring = good(
      parse(ring_json(key_json(kKeyA, "9", "live") + "," + key_json(kKeyB, "7", "active", "1770000000"))));
  assert_int_equal(ring.active(), 7);
  assert_true(ring.has(9) && ring.has(7));
  assert_false(ring.has(1) || ring.has(0) || ring.has(200));
  assert_int_equal(ring.generation_digits(), 1u << 9 | 1u << 7);
  assert_int_equal(ring.entries().size(), 2);
  assert_false(ring.entries()[0].active);
  assert_true(ring.entries()[1].created == 1770000000);
  for (size_t i = 0; i < 32; i++) assert_int_equal(ring.entries()[0].key.span()[i], i);
}

struct BadRing {
  const char* name;
  std::string text;
  const char* words;  // that the fault must have
};

// What a text may never say, whatever is wrong with it: a part of a key.
void expect_fault(const char* name, const Result<KeyRing>& ring, const char* words) {
  if (ring) fail_msg("%s: was taken", name);
  if (ring.message().find(words) == std::string::npos)
    fail_msg("%s: says \"%s\"", name, ring.message().c_str());
  for (const char* key : {kKeyA, kKeyB, kKeyC}) {
    for (size_t at = 0; at + 6 <= std::strlen(key); at++) {
      if (ring.message().find(std::string(key + at, 6)) != std::string::npos)
        fail_msg("%s: tells of the key", name);
    }
  }
}

void bad_rings(void**) {
  const std::string good_key = key_json(kKeyA, "9", "active");
  const std::string zero(43, 'A');
  const auto without = [&good_key](const std::string& part) {
    std::string text = good_key;
    const size_t at = text.find(part);
    assert_true(at != std::string::npos);
    return ring_json(text.erase(at, part.size()));
  };
  const auto with = [&good_key](const std::string& part, const std::string& other) {
    std::string text = good_key;
    const size_t at = text.find(part);
    assert_true(at != std::string::npos);
    return ring_json(text.replace(at, part.size(), other));
  };
  const BadRing cases[] = {
      {"empty", "", "line 1 is not JSON"},
      {"not JSON, third line", "{\"keys\":\n[\n{\"k\" \"" + std::string(kKeyA) + "\"}]}",
       "line 3 is not JSON"},
      {"key without its first quote", with("\"" + std::string(kKeyA), kKeyA), "line 1 is not JSON"},
      {"cut off", ring_json(good_key).substr(0, 80), "line 1 is not JSON"},
      {"rest behind it", ring_json(good_key) + "x", "line 1 is not JSON"},
      {"control character", std::string("{\"keys\":\x7f[]}"), "control character"},
      {"NUL", std::string("{\"keys\"\0:[]}", 12), "line 1 is not JSON"},
      {"number that overflows", ring_json("1e999"), "not JSON"},
      {"an array", "[" + good_key + "]", "\"keys\" must be an array"},
      {"no keys", "{}", "\"keys\" must be an array"},
      {"keys is an object", "{\"keys\":{}}", "\"keys\" must be an array"},
      {"empty keys", ring_json(""), "holds no key"},
      {"key is a string", ring_json("\"x\""), "keys[0]: is not an object"},
      {"no kty", without("\"kty\":\"oct\","), "\"kty\""},
      {"kty RSA", with("oct", "RSA"), "\"kty\""},
      {"kty is a number", with("\"oct\"", "1"), "\"kty\""},
      {"use sig", with("\"enc\"", "\"sig\""), "\"use\""},
      {"alg HS256", with("A256KW", "HS256"), "\"alg\""},
      {"kid differs", with("\"kid\":\"9\"", "\"kid\":\"7\""), "\"kid\""},
      {"no generation", without(",\"generation\":9"), "must be 9, 7 or 1"},
      {"generation 8", ring_json(key_json(kKeyA, "8", "active")),
       "keys[0]: member \"generation\" must be 9, 7 or 1"},
      {"generation -7", with("\"generation\":9", "\"generation\":-7"), "must be 9, 7 or 1"},
      {"generation 265 (9 modulo 256)", with("\"generation\":9", "\"generation\":265"), "must be 9, 7 or 1"},
      {"generation is a string", with("\"generation\":9", "\"generation\":\"9\""), "must be 9, 7 or 1"},
      {"generation is a fraction", with("\"generation\":9", "\"generation\":9.5"), "must be 9, 7 or 1"},
      {"no iat", without("\"iat\":1760000000,"), "\"iat\""},
      {"iat is negative", with("1760000000", "-5"), "\"iat\""},
      {"no state", without(",\"state\":\"active\""), "\"state\""},
      {"state dead", with("active", "dead"), "\"state\""},
      {"no k", without("\"k\":\"" + std::string(kKeyA) + "\","), "\"k\" must be 32 bytes"},
      {"k is null", with("\"" + std::string(kKeyA) + "\"", "null"), "\"k\" must be 32 bytes"},
      {"k is empty", with(kKeyA, ""), "\"k\" must be 32 bytes"},
      {"k has 16 bytes", with(kKeyA, "AAECAwQFBgcICQoLDA0ODw"), "\"k\" must be 32 bytes"},
      {"k has 5 bytes", with(kKeyA, "AAECAwQ"), "\"k\" must be 32 bytes"},
      {"k has 33 bytes", with(kKeyA, std::string(kKeyA) + "8"), "\"k\" must be 32 bytes"},
      {"k with padding", with(kKeyA, std::string(kKeyA) + "="), "\"k\" must be 32 bytes"},
      {"k with a space", with(kKeyA, std::string(kKeyA) + " "), "\"k\" must be 32 bytes"},
      {"k with unused bits", with(kKeyA, std::string(kKeyA).substr(0, 42) + "9"), "\"k\" must be 32 bytes"},
      {"k in base64", with(kKeyA, std::string(kKeyA).substr(0, 40) + "+/8"), "\"k\" must be 32 bytes"},
      {"k is all zeros", with(kKeyA, zero), "no random key"},
      {"none active", ring_json(key_json(kKeyA, "9", "live")), "no generation is \"active\""},
      {"two active", ring_json(good_key + "," + key_json(kKeyB, "7", "active")),
       "generations 9 and 7 are both \"active\""},
      {"a generation twice", ring_json(good_key + "," + key_json(kKeyB, "9", "live")),
       "keys[1]: generation 9 is there twice"},
      {"a key twice", ring_json(good_key + "," + key_json(kKeyA, "7", "live")),
       "generations 9 and 7 have the same key"},
      {"third one bad",
       ring_json(good_key + "," + key_json(kKeyB, "7", "live") + "," + key_json("short", "1", "live")),
       "keys[2]: member \"k\""},
      {"64 KiB and more", ring_json(good_key) + std::string(kKeyFileMax, ' '), "larger than 64 KiB"},
  };
  for (const BadRing& c : cases) expect_fault(c.name, parse(c.text), c.words);
}

// The JSON library never sees a key, and what we free holds none: neither its text nor its bytes, good ring
// or bad.
void leaves_no_key(void**) {
  const Folder folder;
  const std::string good_text = ring_json(key_json(kKeyA, "9", "active"));
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"good", good_text},
      {"cut off", good_text.substr(0, good_text.size() - 2)},
      {"key without its first quote", std::string(good_text).erase(good_text.find(kKeyA) - 1, 1)},
      {"only 16 bytes", ring_json(key_json("AAECAwQFBgcICQoLDA0ODw", "9", "active"))},
      {"wrong state", ring_json(key_json(kKeyA, "9", "dead"))},
      {"two of it", ring_json(key_json(kKeyA, "9", "active") + "," + key_json(kKeyA, "7", "live"))},
  };
  const std::string_view needles[] = {std::string_view(kKeyA).substr(0, 12),
                                      std::string_view(kKeyA).substr(20, 12),
                                      std::string_view("\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 8)};
  for (const auto& c : cases) {
    const std::string path = folder.write(c.text);
    for (std::string_view needle : needles) {
      seen_in_freed_memory = false;
      watched = needle;
      {
        const Result<KeyRing> ring = KeyRing::load(path);
        if (ring && !ring->save(path)) fail_msg("%s: not saved", c.name);
      }
      watched = {};
      if (seen_in_freed_memory) fail_msg("%s: a key was left in freed memory", c.name);
    }
  }
  // The same for a wrapped ring, and for the key-encryption key itself.
  const std::string kek_path = folder.write(std::string(kKeyB) + "\n", 0600, "other.json");
  folder.write(good_text);
  for (std::string_view needle :
       {needles[0], needles[1], needles[2], std::string_view(kKeyB).substr(0, 12)}) {
    seen_in_freed_memory = false;
    const std::vector<std::string> words{"file:" + kek_path};
    watched = needle;
    {
      const Result<Kek> kek = Kek::open(words);
      const Result<KeyRing> plain = KeyRing::load(folder.file());
      const bool saved = plain && kek && plain->save(folder.file(), &*kek);
      const bool loaded = saved && KeyRing::load(folder.file(), &*kek);
      const bool unwrapped = loaded && KeyRing::load(folder.file(), &*kek)->save(folder.file());
      if (!unwrapped) fail_msg("wrapped ring: not written or read");
    }
    watched = {};
    if (seen_in_freed_memory) fail_msg("wrapped ring: a key was left in freed memory");
  }
  // The watch itself works.
  watched = needles[0];
  delete new std::string(good_text.c_str());
  watched = {};
  assert_true(seen_in_freed_memory);
}

// Members that we do not know, white space and order are the operator's.
void tolerant(void**) {
  good(parse(" {\"comment\" : \"made by hand, with-a-long-word-in-it\",\n\"keys\" : [\n " +
             key_json(kKeyA, "1", "active") + "\n]\n}\n"));
  good(parse(ring_json(R"({"generation":9,"state":"active","iat":0,"k":")" + std::string(kKeyB) +
                       R"(","kty":"oct"})")));
}

// RFC 5869 with hand-made HMACs, so that a change of label or hash shows.
void derives(void**) {
  const KeyRing ring =
      good(parse(ring_json(key_json(kKeyA, "9", "active") + "," + key_json(kKeyB, "7", "live"))));
  const struct {
    KeyPurpose purpose;
    std::string label;
  } cases[] = {
      {KeyPurpose::kToken, "cardscrub v1 token"},
      {KeyPurpose::kCodeStore, "cardscrub v1 code store"},
      {KeyPurpose::kFingerprint, "cardscrub v1 fingerprint"},
      {KeyPurpose::kAudit, "cardscrub v1 audit"},
  };
  uint8_t key[32], zeros[32] = {}, extracted[32], expected[32];
  for (size_t i = 0; i < 32; i++) key[i] = static_cast<uint8_t>(i);
  unsigned size = 0;
  assert_non_null(HMAC(EVP_sha256(), zeros, 32, key, 32, extracted, &size));
  for (const auto& c : cases) {
    const std::string info = c.label + '\1';
    assert_non_null(HMAC(EVP_sha256(), extracted, 32, reinterpret_cast<const uint8_t*>(info.data()),
                         info.size(), expected, &size));
    const SecretBuffer derived = ring.derive(9, c.purpose);
    assert_int_equal(derived.size(), 32);
    if (std::memcmp(derived.data(), expected, 32) != 0) fail_msg("label \"%s\"", c.label.c_str());
    const SecretBuffer other = ring.derive(7, c.purpose);
    assert_memory_not_equal(derived.data(), other.data(), 32);
  }
  assert_true(ring.derive(1, KeyPurpose::kToken).empty());
}

// The check value: AES-256-CMAC over one block of zeros, computed another way: K1 doubled, then one block of
// AES.
void check_values(void**) {
  const KeyRing ring = good(parse(ring_json(key_json(kKeyA, "9", "active"))));
  uint8_t block[16] = {}, out[32];
  int size = 0;
  EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
  assert_int_equal(
      EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), nullptr, ring.entries()[0].key.span().data(), nullptr), 1);
  assert_int_equal(EVP_EncryptUpdate(ctx, out, &size, block, 16), 1);
  for (size_t i = 0; i < 16; i++) {
    block[i] = static_cast<uint8_t>(out[i] << 1 | (i < 15 ? out[i + 1] >> 7 : 0));
  }
  if ((out[0] & 0x80) != 0) block[15] ^= 0x87;
  assert_int_equal(EVP_EncryptUpdate(ctx, out, &size, block, 16), 1);
  EVP_CIPHER_CTX_free(ctx);
  char hex[7];
  snprintf(hex, sizeof hex, "%02X%02X%02X", out[0], out[1], out[2]);
  assert_string_equal(ring.entries()[0].check_value.c_str(), hex);
}

std::string shape(const KeyRing& ring) {  // "9 7*" : generations in order, the active one marked
  std::string out;
  for (const KeyRing::Entry& entry : ring.entries()) {
    out += (out.empty() ? "" : " ") + std::to_string(entry.generation) + (entry.active ? "*" : "");
  }
  return out;
}

void generates(void**) {
  const struct {
    uint32_t allowed;
    const char* shape;
  } cases[] = {{kAll, "9*"}, {~0u, "9*"}, {1u << 7 | 1u << 1, "7*"}, {1u << 1, "1*"}};
  for (const auto& c : cases) {
    const KeyRing ring = good(KeyRing::generate(c.allowed, 42));
    assert_string_equal(shape(ring).c_str(), c.shape);
    assert_true(ring.entries()[0].created == 42);
    const KeyRing other = good(KeyRing::generate(c.allowed, 42));
    assert_memory_not_equal(ring.entries()[0].key.span().data(), other.entries()[0].key.span().data(), 32);
  }
  expect_fault("no digit", KeyRing::generate(0, 1), "no digit is left");
  expect_fault("other digits only", KeyRing::generate(1u << 4 | 1u << 5, 1), "no digit is left");
}

void rotates(void**) {
  const KeyRing one = good(KeyRing::generate(kAll, 1));
  const KeyRing two = good(one.rotate(kAll, 2));
  assert_string_equal(shape(two).c_str(), "9 7*");
  assert_memory_equal(one.entries()[0].key.span().data(), two.entries()[0].key.span().data(), 32);
  assert_string_equal(one.entries()[0].check_value.c_str(), two.entries()[0].check_value.c_str());
  const KeyRing three = good(two.rotate(kAll, 3));
  assert_string_equal(shape(three).c_str(), "9 7 1*");
  const KeyRing four = good(three.rotate(kAll, 4));  // the oldest goes
  assert_string_equal(shape(four).c_str(), "7 1 9*");
  assert_memory_not_equal(one.entries()[0].key.span().data(), four.entries()[2].key.span().data(), 32);
  assert_string_equal(shape(good(four.rotate(kAll, 5))).c_str(), "1 9 7*");
  assert_string_equal(shape(one).c_str(), "9*");  // what it was made of is as before

  // All made in the same second: the first of the file is the oldest.
  const KeyRing quick = good(good(good(KeyRing::generate(kAll, 1)).rotate(kAll, 1)).rotate(kAll, 1));
  assert_string_equal(shape(good(quick.rotate(kAll, 1))).c_str(), "7 1 9*");

  // Digits that are not allowed are skipped; what is live with one of them stays.
  assert_string_equal(shape(good(one.rotate(1u << 1, 2))).c_str(), "9 1*");
  const KeyRing troy = good(KeyRing::generate(1u << 7 | 1u << 1, 1));
  assert_string_equal(shape(good(troy.rotate(1u << 7 | 1u << 1, 2))).c_str(), "7 1*");
  assert_string_equal(
      shape(good(good(troy.rotate(1u << 7 | 1u << 1, 2)).rotate(1u << 7 | 1u << 1, 3))).c_str(), "1 7*");

  // Prepared: reads only, until it is activated.
  const KeyRing prepared = good(one.rotate(kAll, 2, false));
  assert_string_equal(shape(prepared).c_str(), "9* 7");
  assert_int_equal(prepared.active(), 9);
  const KeyRing activated = good(prepared.activate(7));
  assert_string_equal(shape(activated).c_str(), "9 7*");
  assert_int_equal(activated.active(), 7);
  assert_memory_equal(activated.entries()[1].key.span().data(), prepared.entries()[1].key.span().data(), 32);
  expect_fault("not there", prepared.activate(1),
               "generation 1 is not in the key ring; run: cardscrub keys rotate");

  expect_fault("the only digit", one.rotate(1u << 9, 2), "only digit that is allowed");
  expect_fault("no digit", one.rotate(0, 2), "no digit is left");
}

void retires(void**) {
  const KeyRing ring = good(good(KeyRing::generate(kAll, 1)).rotate(kAll, 2));
  const KeyRing left = good(ring.retire(9));
  assert_string_equal(shape(left).c_str(), "7*");
  assert_int_equal(left.active(), 7);
  expect_fault("the active one", ring.retire(7), "is active");
  expect_fault("not there", ring.retire(1), "not in the key ring");
}

void saves_and_loads(void**) {
  const Folder folder;
  const KeyRing ring = good(good(KeyRing::generate(kAll, 1760000000)).rotate(kAll, 1770000000));
  umask(0);
  assert_true(static_cast<bool>(ring.save(folder.file())));
  struct stat info {};
  assert_int_equal(stat(folder.file().c_str(), &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  assert_int_equal(info.st_nlink, 1);
  const KeyRing loaded = good(KeyRing::load(folder.file()));
  assert_string_equal(shape(loaded).c_str(), "9 7*");
  for (size_t i = 0; i < 2; i++) {
    assert_memory_equal(loaded.entries()[i].key.span().data(), ring.entries()[i].key.span().data(), 32);
    assert_true(loaded.entries()[i].created == ring.entries()[i].created);
  }
  // Replaced as a whole; nothing else is left in the folder (its removal would fail).
  assert_true(static_cast<bool>(good(ring.rotate(kAll, 3)).save(folder.file())));
  assert_string_equal(shape(good(KeyRing::load(folder.file()))).c_str(), "9 7 1*");

  Status again = ring.save_new(folder.file());
  assert_false(static_cast<bool>(again));
  assert_non_null(strstr(again.message().c_str(), "exists and was left as it is"));
  assert_string_equal(shape(good(KeyRing::load(folder.file()))).c_str(), "9 7 1*");
  assert_int_equal(unlink(folder.file().c_str()), 0);
  assert_true(static_cast<bool>(ring.save_new(folder.file())));
  assert_int_equal(unlink(folder.file().c_str()), 0);
  assert_int_equal(rmdir(folder.path()), 0);
  Status nowhere = ring.save(folder.file());
  assert_false(static_cast<bool>(nowhere));
  assert_non_null(strstr(nowhere.message().c_str(), "mkdir -p -m 700"));
}

void bad_files(void**) {
  const Folder folder;
  const std::string text = ring_json(key_json(kKeyA, "9", "active"));
  expect_fault("no file", KeyRing::load(folder.file()),
               ("run: cardscrub keys new --file " + folder.file()).c_str());
  const struct {
    const char* name;
    mode_t mode;
    const char* words;  // nullptr: good
  } modes[] = {
      {"0600", 0600, nullptr},
      {"0400", 0400, nullptr},
      {"0640", 0640, "has mode 0640, not 0600; run: chmod 600"},
      {"0604", 0604, "has mode 0604"},
      {"0620", 0620, "has mode 0620"},
      {"0601", 0601, "has mode 0601"},
      {"0700", 0700, "has mode 0700"},
      {"4600", 04600, "has mode 4600"},
      {"0644", 0644, "has mode 0644"},
  };
  for (const auto& c : modes) {
    const std::string path = folder.write(text, c.mode);
    if (c.words != nullptr) {
      expect_fault(c.name, KeyRing::load(path), c.words);
    } else {
      good(KeyRing::load(path));
    }
    assert_int_equal(chmod(path.c_str(), 0600), 0);
  }
  folder.write(text, 0600);
  assert_int_equal(symlink(folder.file().c_str(), folder.file("link.json").c_str()), 0);
  expect_fault("symbolic link", KeyRing::load(folder.file("link.json")), "is a symbolic link");
  expect_fault("folder", KeyRing::load(folder.path()), "is not a regular file");
  assert_int_equal(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  expect_fault("named pipe", KeyRing::load(folder.file("pipe")), "is not a regular file");
  expect_fault("too large", KeyRing::load(folder.write(text + std::string(kKeyFileMax, ' '))),
               "larger than 64 KiB");
  good(KeyRing::load(folder.write(text + std::string(kKeyFileMax - text.size(), ' '))));
  expect_fault("damaged", KeyRing::load(folder.write("{")), "is damaged: line 1 is not JSON");
  expect_fault("empty", KeyRing::load(folder.write("")), "is damaged");
  folder.write(text);
  if (geteuid() == 0) {  // nobody else may give a file away
    assert_int_equal(chown(folder.file().c_str(), 12345, 12345), 0);
    expect_fault("another owner", KeyRing::load(folder.file()), "belongs to another user; run: chown root");
  } else {
    expect_fault("not readable", KeyRing::load(folder.write(text, 0000)), "run this as root");
  }
}

void base64url(void**) {
  const struct {
    const char* bytes;
    const char* text;
  } cases[] = {{"", ""},
               {"f", "Zg"},
               {"fo", "Zm8"},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg"},
               {"fooba", "Zm9vYmE"},
               {"foobar", "Zm9vYmFy"},
               {"\xfb\xff\xbf", "-_-_"}};  // RFC 4648, section 10
  for (const auto& c : cases) {
    const auto bytes = exact_block(c.bytes), text = exact_block(c.text);
    SecretBuffer out;
    base64url_encode({bytes.get(), std::strlen(c.bytes)}, &out);
    if (std::string_view(reinterpret_cast<const char*>(out.data()), out.size()) != c.text)
      fail_msg("encode %s", c.text);
    out.clear();
    assert_true(base64url_decode({text.get(), std::strlen(c.text)}, &out));
    if (std::string_view(reinterpret_cast<const char*>(out.data()), out.size()) != c.bytes)
      fail_msg("decode %s", c.text);
  }
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9 ", "Zm9vY", "Z\n", "\xff\xff"}) {
    const auto block = exact_block(bad);
    SecretBuffer out;
    if (base64url_decode({block.get(), std::strlen(bad)}, &out)) fail_msg("decoded \"%s\"", bad);
    assert_true(out.empty());
  }
}

// The page of a key that is moved, assigned over or destroyed is given back; locking is allowed to fail,
// using it is not.
void key_blocks(void**) {
  uint8_t one[32] = {1}, two[32] = {2};
  KeyBlock a{std::span<const uint8_t, 32>(one)}, b{std::span<const uint8_t, 32>(two)};
  a = std::move(b);
  assert_int_equal(a.span()[0], 2);
  KeyBlock c(std::move(a));
  assert_int_equal(c.span()[0], 2);
  assert_int_equal(
      reinterpret_cast<uintptr_t>(c.span().data()) % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), 0);
  const KeyRing ring = good(KeyRing::generate(kAll, 1));
  bool locked = true;
  for (const KeyRing::Entry& entry : ring.entries()) locked = entry.key.lock() && locked;
  assert_true(ring.lock_memory() == locked);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(parses),        cmocka_unit_test(bad_rings),       cmocka_unit_test(tolerant),
      cmocka_unit_test(derives),       cmocka_unit_test(generates),       cmocka_unit_test(rotates),
      cmocka_unit_test(retires),       cmocka_unit_test(check_values),    cmocka_unit_test(bad_files),
      cmocka_unit_test(base64url),     cmocka_unit_test(saves_and_loads), cmocka_unit_test(key_blocks),
      cmocka_unit_test(leaves_no_key),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
