// Options of a command: "--name value" and "--name=value"; "--" ends them. What is no option is an operand.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/result.h"

namespace cardscrub::cli {

class Arguments {
 public:
  // `valued` take a value, `flags` take none. A fault: an option that is in neither, or stands without its
  // value.
  static Result<Arguments> parse(int argc, char** argv, std::initializer_list<std::string_view> valued,
                                 std::initializer_list<std::string_view> flags = {});

  bool has(std::string_view name) const;
  // The last value given, or `fallback`.
  std::string value(std::string_view name, std::string_view fallback) const;
  // All values given, in their order.
  std::vector<std::string> values(std::string_view name) const;
  const std::vector<std::string>& operands() const { return operands_; }

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> operands_;
};

}  // namespace cardscrub::cli
