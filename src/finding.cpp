// Names of what is done about a finding.
#include "finding.h"

namespace cardscrub {

std::string_view action_name(Action action) {
  switch (action) {
    case Action::kNone:
      return "none";
    case Action::kTokenize:
      return "tokenize";
    case Action::kAlias:
      return "alias";
    case Action::kMask:
      return "mask";
    case Action::kReject:
      return "reject";
    case Action::kReveal:
      return "reveal";
  }
  return "none";
}

}  // namespace cardscrub
