#include "core/domain/domain.h"

namespace grpc_os::core {

const char* ToString(DomainState state) {
  switch (state) {
    case DomainState::kPending:
      return "pending";
    case DomainState::kActive:
      return "active";
    case DomainState::kRejected:
      break;
  }
  return "rejected";
}

std::optional<DomainState> DomainStateFrom(const std::string& word) {
  for (const DomainState state :
       {DomainState::kPending, DomainState::kActive, DomainState::kRejected})
    if (word == ToString(state)) return state;
  return std::nullopt;
}

}  // namespace grpc_os::core
