// Reading the options of a command.
#include "cli/arguments.h"

#include <algorithm>

namespace cardscrub::cli {
namespace {

bool among(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<Arguments> Arguments::parse(int argc, char** argv, std::initializer_list<std::string_view> valued,
                                   std::initializer_list<std::string_view> flags) {
  Arguments out;
  bool options = true;
  for (int i = 1; i < argc; i++) {
    const std::string_view argument = argv[i];
    if (!options || argument.size() < 2 || argument.substr(0, 1) != "-") {
      out.operands_.emplace_back(argument);
      continue;
    }
    if (argument == "--") {
      options = false;
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string_view dashed = argument.substr(0, equals);
    const std::string_view name = dashed.substr(0, 2) == "--" ? dashed.substr(2) : std::string_view{};
    if (among(name, flags) && equals == std::string_view::npos) {
      out.options_.emplace_back(name, "");
    } else if (!among(name, valued)) {
      // Not the argument itself: what somebody typed may be a card number.
      return Fault{"argument " + std::to_string(i) + " is no option of this command"};
    } else if (equals != std::string_view::npos) {
      out.options_.emplace_back(name, argument.substr(equals + 1));
    } else if (i + 1 < argc) {
      out.options_.emplace_back(name, argv[++i]);
    } else {
      return Fault{"option --" + std::string(name) + " needs a value"};
    }
  }
  return out;
}

bool Arguments::has(std::string_view name) const {
  return std::any_of(options_.begin(), options_.end(),
                     [name](const auto& option) { return option.first == name; });
}

std::string Arguments::value(std::string_view name, std::string_view fallback) const {
  std::string out(fallback);
  for (const auto& option : options_) {
    if (option.first == name) out = option.second;
  }
  return out;
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& option : options_) {
    if (option.first == name) out.push_back(option.second);
  }
  return out;
}

}  // namespace cardscrub::cli
