// The port through which resources are kept: rows of one table for all kinds.
#ifndef GRPC_OS_CORE_RESOURCE_RESOURCE_STORE_H_
#define GRPC_OS_CORE_RESOURCE_RESOURCE_STORE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/event/event.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

// What only one resource may have, of whatever kind: a host, a port.
struct Claim {
  std::string kind;  // "host"
  std::string key;   // "example.org"

  bool operator==(const Claim&) const = default;
};

inline constexpr int64_t kResourceBytes = 256 << 10;

struct StoredResource : ResourceMeta {
  std::string kind;
  std::string spec;    // core/tagged.h; with the status at most kResourceBytes
  std::string status;  // as well
  std::vector<Claim> claims;

  bool operator==(const StoredResource&) const = default;
};

struct ResourceKey {
  std::string kind;
  std::string id;
};

// One transaction: all of it becomes durable under one new revision, or nothing does.
struct ResourceWrite {
  std::vector<StoredResource> put = {};  // inserted or replaced by id; the store sets `revision`
  std::vector<ResourceKey> remove = {};  // first, so that what they held may be taken again
  std::vector<Event> events = {};
  bool may_use_reserve = false;  // as in ProcessWrite: it deletes
};

// Thread-safe.
class ResourceStore {
 public:
  virtual ~ResourceStore() = default;
  // `done` comes on the store's writer thread once it is durable, with the revision.
  // UNAUTHENTICATED or PERMISSION_DENIED: the envelope is not permitted (any more); ALREADY_EXISTS,
  // saying whose: a name, id or claim is another's; RESOURCE_EXHAUSTED: the queue is full;
  // UNAVAILABLE: storage fails.
  virtual void CommitResources(ResourceWrite write, Envelope envelope,
                               std::function<void(absl::StatusOr<int64_t>)> done) = 0;
  // All of a kind, without their claims, in the order of names: at the start of the daemon. Blocks.
  virtual absl::StatusOr<std::vector<StoredResource>> LoadResources(const std::string& kind) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_RESOURCE_STORE_H_
