// Sessions: log-ins that have not ended.
#ifndef GRPC_OS_CORE_IDENTITY_SESSION_STORE_H_
#define GRPC_OS_CORE_IDENTITY_SESSION_STORE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::core {

struct Session {
  std::string id;      // 32 hexadecimal digits
  std::string user;    // "admin"
  std::string method;  // "peer"
  int64_t peer_uid = -1;
  int64_t create_time_ms = 0;
  int64_t expire_time_ms = 0;

  bool operator==(const Session&) const = default;
};

// The port through which sessions are kept. Thread-safe; `done` is called on a thread of the store
// once it is durable.
class SessionStore {
 public:
  virtual ~SessionStore() = default;
  virtual void PutSession(const Session& session, std::function<void(absl::Status)> done) = 0;
  // From its durability on the session is as if it had never been.
  virtual void EndSession(const std::string& session_id, int64_t time_ms,
                          std::function<void(absl::Status)> done) = 0;
  // Those not ended and not expired at `now_ms`; forgets the others. Blocks.
  virtual absl::StatusOr<std::vector<Session>> LoadSessions(int64_t now_ms) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_SESSION_STORE_H_
