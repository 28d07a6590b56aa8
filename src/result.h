// Result<T>: what set-up code (configuration, key ring, compilation of patterns) returns.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace cardscrub {

// Why set-up failed, as one sentence for the operator that says what to do. Never card data.
struct Fault {
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Fault fault) : state_(std::move(fault)) {}  // NOLINT: implicit by design
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const std::string& message() const { return std::get<1>(state_).message; }

 private:
  std::variant<T, Fault> state_;
};

// Success without a value.
struct Done {};
using Status = Result<Done>;

}  // namespace cardscrub
