// Changes that are carried out once, however often they are asked for.
#ifndef GRPC_OS_CORE_REQUEST_REQUESTS_H_
#define GRPC_OS_CORE_REQUEST_REQUESTS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/request/request.h"

namespace grpc_os::core {

// The port to what was committed (an Envelope has it). Thread-safe.
class RequestStore {
 public:
  virtual ~RequestStore() = default;
  // nullopt: nothing was committed under this key, or too long ago (24 h). `done` comes on a thread
  // of the store.
  virtual void FindRequest(
      const RequestKey& key,
      std::function<void(absl::StatusOr<std::optional<CommittedRequest>>)> done) = 0;
};

// Thread-safe.
class Requests {
 public:
  explicit Requests(RequestStore& store);
  // Slots may live on; who still waits for one is let go without an answer.
  ~Requests();

  // What a change turns out to be. Of the two one is called, on some thread.
  struct Paths {
    // It is the first with this key, or has none. The key is held for as long as a copy of the slot
    // lives (in the Origin, core/change): another call with the same key waits until then.
    std::function<void(std::shared_ptr<void> slot)> carry_out;
    // It was committed before; or INVALID_ARGUMENT (REQUEST_ID_REUSED): with another content; or
    // RESOURCE_EXHAUSTED (LIMIT_REACHED): too many wait for this key; or the store does not answer.
    std::function<void(absl::StatusOr<CommittedRequest>)> repeat;
  };
  void Begin(const RequestKey& key, const std::string& digest, Paths paths);

 private:
  class Keys;
  const std::shared_ptr<Keys> keys_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_REQUEST_REQUESTS_H_
