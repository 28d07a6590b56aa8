// text/csv (RFC 4180): the first line names the columns; every other line is a scope of its own.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// The separator (',', ';', tab or '|') is the one that the first line holds most of, or the one that it names
// ("sep=;", for Excel: the next line names the columns then). A first line that names card data by another of
// them, too, is refused.
std::unique_ptr<Filter> make_csv_filter(unsigned layer);

}  // namespace cardscrub
