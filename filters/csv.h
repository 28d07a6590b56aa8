// text/csv (RFC 4180): the first line names the columns; every other line is a scope of its own.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// The separator (',', ';' or tab) is the one that the first line holds most of.
std::unique_ptr<Filter> make_csv_filter(unsigned layer);

}  // namespace cardscrub
