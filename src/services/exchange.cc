#include "services/exchange.h"

#include "absl/strings/str_cat.h"
#include "core/violations.h"

namespace grpc_os::services {

namespace {

constexpr char kUnknown[] = "unknown";
constexpr size_t kAddressBytes = 45;  // of IPv6 at its longest

// The time that it takes does not tell where they differ.
bool SameSecret(std::string_view one, std::string_view other) {
  if (one.empty() || one.size() != other.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < one.size(); ++i)
    difference = static_cast<unsigned char>(difference | (one[i] ^ other[i]));
  return difference == 0;
}

}  // namespace

void TakeForwarded(std::string_view secret, Arrival& arrival) {
  arrival.through_edge = SameSecret(secret, arrival.edge_secret);
  if (arrival.through_edge) {
    arrival.address = arrival.forwarded_for.substr(0, kAddressBytes);
  } else if (arrival.local) {
    arrival.address.clear();
  } else {
    return;
  }
  if (arrival.address.empty()) arrival.address = kUnknown;
  arrival.local = false;
  arrival.peer_uid = -1;
}

absl::Status MalformedRequest(const google::protobuf::Message& message, std::string_view how) {
  core::Violations violations;
  violations.Add("request", absl::StrCat("cannot be read as a ", message.GetTypeName(), "; ",
                                         std::string(how)));
  return violations.ToStatus();
}

}  // namespace grpc_os::services
