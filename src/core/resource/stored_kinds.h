// The kinds of which the generic table has rows.
#ifndef GRPC_OS_CORE_RESOURCE_STORED_KINDS_H_
#define GRPC_OS_CORE_RESOURCE_STORED_KINDS_H_

#include <vector>

#include "absl/status/status.h"
#include "core/resource/resource_store.h"

namespace grpc_os::core {

struct StoredKind {
  const ResourceKind& kind;
  // DATA_LOSS: its spec or status cannot be read.
  absl::Status (*check)(const StoredResource& row);
};

// Each kind has a line here.
const std::vector<StoredKind>& StoredKinds();

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_STORED_KINDS_H_
