// The version of the module and the library, as the status page shows it.
#pragma once

#include <string_view>

namespace cardscrub {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace cardscrub
