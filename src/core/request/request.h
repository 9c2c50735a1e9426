// Requests that were committed: a change that is asked for again under the same id is not carried
// out a second time.
#ifndef GRPC_OS_CORE_REQUEST_REQUEST_H_
#define GRPC_OS_CORE_REQUEST_REQUEST_H_

#include <compare>
#include <cstdint>
#include <string>

namespace grpc_os::core {

struct RequestKey {
  std::string user;
  std::string method;
  std::string id;

  auto operator<=>(const RequestKey&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct CommittedRequest {
  RequestKey key;
  std::string digest;   // of the request's content
  std::string subject;  // the id of what was changed, and what else a repeat has to know
  int64_t time_ms = 0;

  bool operator==(const CommittedRequest&) const = default;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_REQUEST_REQUEST_H_
