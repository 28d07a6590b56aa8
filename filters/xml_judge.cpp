// XmlJudge: expat without a handler.
#include "filters/xml_judge.h"

#include <expat.h>

#include <algorithm>

#include "filters/wiped_heap.h"

namespace cardscrub {

XmlJudge::~XmlJudge() {
  if (parser_ != nullptr) XML_ParserFree(parser_);
}

void XmlJudge::push(Bytes bytes) {
  while (!bytes.empty() && !done_) {
    const size_t step = std::min(kBlock - block_.size(), bytes.size());
    block_.append(bytes.first(step));
    bytes = bytes.subspan(step);
    if (block_.size() == kBlock) parse(false);
  }
}

uint64_t XmlJudge::finish() {
  if (!done_ && (fed_ != 0 || !block_.empty())) parse(true);
  done_ = true;
  return error_;
}

void XmlJudge::parse(bool last) {
  if (parser_ == nullptr) {
    // No handler for external entities is set, so none is ever fetched; documents that declare entities do
    // not come here to the end, and expat's own limits of amplification hold until then.
    const XML_Memory_Handling_Suite memory{wiped_malloc, wiped_realloc, wiped_free};
    parser_ = XML_ParserCreate_MM(single_byte_ ? "ISO-8859-1" : "UTF-8", &memory, nullptr);
    if (parser_ == nullptr) {
      error_ = fed_;
      done_ = true;
      return;
    }
  }
  const XML_Status status = XML_Parse(parser_, reinterpret_cast<const char*>(block_.data()),
                                      static_cast<int>(block_.size()), last ? 1 : 0);
  fed_ += block_.size();
  block_.clear();
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
  const int64_t index = XML_GetCurrentByteIndex64(parser_);
#else
  const XML_Index index = XML_GetCurrentByteIndex(parser_);
#endif
  const uint64_t at = index < 0 ? 0 : std::min(static_cast<uint64_t>(index), fed_);
  if (status != XML_STATUS_OK) error_ = at;
  if (status != XML_STATUS_OK || fed_ - at > kTokenMax) done_ = true;
}

}  // namespace cardscrub
