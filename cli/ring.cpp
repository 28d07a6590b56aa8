// Opening key rings.
#include "cli/ring.h"

namespace cardscrub::cli {

Result<std::optional<Kek>> open_kek(std::span<const std::string> words) {
  if (words.empty()) return std::optional<Kek>{};
  Result<Kek> kek = Kek::open(words);
  if (!kek) return Fault{kek.message()};
  return std::optional<Kek>(std::move(*kek));
}

Result<std::optional<Kek>> open_kek(const Arguments& arguments, std::string_view option) {
  return open_kek(arguments.values(option));
}

}  // namespace cardscrub::cli
