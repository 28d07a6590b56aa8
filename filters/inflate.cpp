// Inflaters over zlib and libbrotlidec, both with memory that is wiped; and chains of them.
#include "filters/inflate.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "filters/wiped_heap.h"

namespace cardscrub {

namespace {

bool goes_on(InflateStatus status) {
  return status == InflateStatus::kMore || status == InflateStatus::kOutput;
}

// What both libraries have in common: counting, and the last word.
class CountingInflater : public Inflater {
 public:
  explicit CountingInflater(const InflateLimits& limits) : limits_(limits) {}

  InflateStatus push(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) final {
    *consumed = *produced = 0;
    if (!goes_on(status_)) return status_;
    // One byte more than may be shows that there is more.
    const uint64_t room = limits_.output_max - written_ + 1;
    if (out.size() > room) out = out.first(static_cast<size_t>(room));
    status_ = run(in, last, out, consumed, produced);
    read_ += *consumed;
    written_ += *produced;
    if (written_ > limits_.output_max ||
        (written_ > limits_.ratio_from && written_ / limits_.ratio_max > read_)) {
      wipe(out.data(), *produced);
      *produced = 0;
      status_ = InflateStatus::kLimit;
    }
    return status_;
  }

 protected:
  virtual InflateStatus run(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) = 0;

 private:
  InflateLimits limits_;
  InflateStatus status_ = InflateStatus::kMore;
  uint64_t read_ = 0;
  uint64_t written_ = 0;
};

voidpf zlib_allocate(voidpf, uInt items, uInt size) { return wiped_malloc(size_t{items} * size); }
void zlib_release(voidpf, voidpf memory) { wiped_free(memory); }

//   start --(gzip; deflate: two bytes tell)--> inside --end of stream--> between --another byte, gzip-->
//   inside
class ZlibInflater : public CountingInflater {
 public:
  ZlibInflater(bool gzip, const InflateLimits& limits) : CountingInflater(limits), gzip_(gzip) {
    stream_.zalloc = zlib_allocate;
    stream_.zfree = zlib_release;
  }
  ~ZlibInflater() override {
    if (ready_) inflateEnd(&stream_);
  }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

 protected:
  InflateStatus run(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) override {
    if (!ready_) {
      while (!gzip_ && have_ < head_.size() && *consumed < in.size()) head_[have_++] = in[(*consumed)++];
      if (!gzip_ && have_ < head_.size()) return ended(last, have_ != 0);
      if (!start()) return InflateStatus::kFault;
    }
    while (fed_ < have_) {
      const size_t left = have_ - fed_;
      InflateStatus status = step({head_.data() + fed_, left}, out, &fed_, produced);
      if (status != InflateStatus::kMore) return status;
      if (between_) break;
    }
    for (;;) {
      const bool more = *consumed < in.size();
      if (between_ && (more || fed_ < have_)) {
        if (!gzip_) return InflateStatus::kMalformed;
        if (inflateReset(&stream_) != Z_OK) return InflateStatus::kFault;
        between_ = false;
      }
      // The library may hold output back for which there was no room.
      if (!more && !full_) return ended(last, !between_ && begun_);
      InflateStatus status = step(in.subspan(*consumed), out, consumed, produced);
      if (status != InflateStatus::kMore) return status;
    }
  }

 private:
  static InflateStatus ended(bool last, bool inside) {
    if (!last) return InflateStatus::kMore;
    return inside ? InflateStatus::kTruncated : InflateStatus::kEnd;
  }

  bool start() {
    int bits = 15 + 16;
    if (!gzip_) {
      // RFC 1950, 2.2: method 8, a window of at most 32K, a multiple of 31; raw data looks otherwise.
      const unsigned header = unsigned{head_[0]} << 8 | head_[1];
      const bool zlib = (head_[0] & 15) == 8 && head_[0] >> 4 <= 7 && header % 31 == 0;
      bits = zlib ? 15 : -15;
    }
    ready_ = inflateInit2(&stream_, bits) == Z_OK;
    return ready_;
  }

  InflateStatus step(Bytes in, MutableBytes out, size_t* consumed, size_t* produced) {
    constexpr size_t kMost = std::numeric_limits<uInt>::max();
    const size_t room = std::min(kMost, out.size() - *produced);
    const size_t offered = std::min(kMost, in.size());
    stream_.next_in = const_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(offered);
    stream_.next_out = out.data() + *produced;
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    *consumed += offered - stream_.avail_in;
    *produced += room - stream_.avail_out;
    begun_ = true;
    between_ = code == Z_STREAM_END;
    if (code == Z_MEM_ERROR) return InflateStatus::kFault;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return InflateStatus::kMalformed;
    full_ = *produced == out.size() && !between_;
    return full_ ? InflateStatus::kOutput : InflateStatus::kMore;
  }

  const bool gzip_;
  bool ready_ = false;
  bool begun_ = false;
  bool full_ = false;              // the last step left no room
  bool between_ = false;           // a stream has ended, no byte of another one has come
  std::array<uint8_t, 2> head_{};  // deflate: the bytes that tell zlib from raw
  size_t have_ = 0;
  size_t fed_ = 0;
  z_stream stream_{};
};

void* brotli_allocate(void*, size_t size) { return wiped_malloc(size); }
void brotli_release(void*, void* memory) { wiped_free(memory); }

class BrotliInflater : public CountingInflater {
 public:
  explicit BrotliInflater(const InflateLimits& limits)
      : CountingInflater(limits),
        state_(BrotliDecoderCreateInstance(brotli_allocate, brotli_release, nullptr)) {}
  ~BrotliInflater() override {
    if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
  }
  BrotliInflater(const BrotliInflater&) = delete;
  BrotliInflater& operator=(const BrotliInflater&) = delete;
  bool ready() const { return state_ != nullptr; }

 protected:
  InflateStatus run(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) override {
    begun_ = begun_ || !in.empty();
    if (!ended_ && begun_) {
      size_t in_left = in.size();
      size_t out_left = out.size();
      const uint8_t* next_in = in.data();
      uint8_t* next_out = out.data();
      const BrotliDecoderResult result =
          BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
      *consumed = in.size() - in_left;
      *produced = out.size() - out_left;
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return InflateStatus::kOutput;
      if (result == BROTLI_DECODER_RESULT_ERROR) {
        const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state_);
        const bool memory = code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                            code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
        return memory ? InflateStatus::kFault : InflateStatus::kMalformed;
      }
      ended_ = result == BROTLI_DECODER_RESULT_SUCCESS;
    }
    if (ended_ && *consumed < in.size()) return InflateStatus::kMalformed;
    if (!last) return InflateStatus::kMore;
    return ended_ || !begun_ ? InflateStatus::kEnd : InflateStatus::kTruncated;
  }

 private:
  BrotliDecoderState* state_;
  bool begun_ = false;
  bool ended_ = false;
};

// Several codings, the outermost first, each with a block between it and the next.
class InflaterChain : public Inflater {
 public:
  void add(std::unique_ptr<Inflater> stage) { stages_[count_++].inflater = std::move(stage); }

  InflateStatus push(Bytes in, bool last, MutableBytes out, size_t* consumed, size_t* produced) override {
    *consumed = *produced = 0;
    if (!goes_on(status_)) return status_;
    for (bool moved = true; moved;) {
      moved = false;
      // From the end, so that a block is emptied before it is filled again.
      for (size_t k = count_; k-- > 0;) {
        Stage& stage = stages_[k];
        const bool to_caller = k + 1 == count_;
        if (!goes_on(stage.status) || (!to_caller && stage.taken != stage.filled)) continue;
        const bool from_caller = k == 0;
        Stage* source = from_caller ? nullptr : &stages_[k - 1];
        Bytes input = from_caller
                          ? in.subspan(*consumed)
                          : source->block.span().subspan(source->taken, source->filled - source->taken);
        if (!to_caller && stage.block.empty()) stage.block.resize(kBlock);
        MutableBytes output = to_caller ? out.subspan(*produced) : stage.block.span();
        if (output.empty()) return status_ = InflateStatus::kOutput;
        size_t read = 0;
        size_t written = 0;
        const bool source_ended = from_caller ? last : source->status == InflateStatus::kEnd;
        stage.status = stage.inflater->push(input, source_ended, output, &read, &written);
        (from_caller ? *consumed : source->taken) += read;
        if (to_caller) {
          *produced += written;
        } else {
          stage.taken = 0;
          stage.filled = written;
        }
        if (to_caller && !goes_on(stage.status)) return status_ = stage.status;
        moved = moved || read != 0 || written != 0 || !goes_on(stage.status);
      }
    }
    // What came out in front of a fault has been read by the next coding, whatever the pieces were; now it
    // counts.
    status_ = InflateStatus::kMore;
    for (size_t k = 0; k + 1 < count_; ++k) {
      const InflateStatus status = stages_[k].status;
      if (!goes_on(status) && status != InflateStatus::kEnd) status_ = status;
    }
    return status_;
  }

 private:
  static constexpr size_t kBlock = 16384;
  struct Stage {
    std::unique_ptr<Inflater> inflater;
    SecretBuffer block;  // what it has put out: [taken, filled) is still to be read
    size_t taken = 0;
    size_t filled = 0;
    InflateStatus status = InflateStatus::kMore;
  };

  std::array<Stage, kInflateChainMax> stages_;
  size_t count_ = 0;
  InflateStatus status_ = InflateStatus::kMore;
};

bool same_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

bool coding_of(std::string_view name, ContentCoding* out) {
  struct Row {
    std::string_view name;
    ContentCoding coding;
  };
  static constexpr std::array<Row, 4> kRows{{{"gzip", ContentCoding::kGzip},
                                             {"x-gzip", ContentCoding::kGzip},
                                             {"deflate", ContentCoding::kDeflate},
                                             {"br", ContentCoding::kBrotli}}};
  for (const Row& row : kRows) {
    if (!same_word(name, row.name)) continue;
    *out = row.coding;
    return true;
  }
  return false;
}

}  // namespace

Reason inflate_reason(InflateStatus status) {
  switch (status) {
    case InflateStatus::kMalformed:
      return Reason::kBodyMalformed;
    case InflateStatus::kTruncated:
      return Reason::kBodyTruncated;
    case InflateStatus::kLimit:
      return Reason::kLimitInflate;
    case InflateStatus::kFault:
      return Reason::kFault;
    default:
      return Reason::kNone;
  }
}

std::unique_ptr<Inflater> make_inflater(ContentCoding coding, const InflateLimits& limits) {
  if (coding != ContentCoding::kBrotli)
    return std::make_unique<ZlibInflater>(coding == ContentCoding::kGzip, limits);
  auto brotli = std::make_unique<BrotliInflater>(limits);
  if (!brotli->ready()) return nullptr;
  return brotli;
}

std::unique_ptr<Inflater> make_inflater_chain(std::string_view content_encoding, const InflateLimits& limits,
                                              Reason* why) {
  *why = Reason::kNone;
  std::array<ContentCoding, kInflateChainMax> codings{};
  size_t count = 0;
  while (!content_encoding.empty()) {
    size_t comma = content_encoding.find(',');
    std::string_view name = content_encoding.substr(0, comma);
    content_encoding.remove_prefix(comma == std::string_view::npos ? content_encoding.size() : comma + 1);
    while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    if (name.empty() || same_word(name, "identity")) continue;
    if (count == codings.size() || !coding_of(name, &codings[count])) {
      *why = Reason::kBodyEncoding;
      return nullptr;
    }
    ++count;
  }
  if (count == 0) return nullptr;
  // The last one named was applied last: it is undone first.
  auto chain = std::make_unique<InflaterChain>();
  while (count-- > 0) {
    std::unique_ptr<Inflater> stage = make_inflater(codings[count], limits);
    if (stage == nullptr) {
      *why = Reason::kFault;
      return nullptr;
    }
    chain->add(std::move(stage));
  }
  return chain;
}

}  // namespace cardscrub
