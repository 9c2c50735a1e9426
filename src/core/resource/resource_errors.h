// What goes wrong with resources of any kind, as errors that say what to do. The shell has the
// commands that they name for each kind: ls, update, rm.
#ifndef GRPC_OS_CORE_RESOURCE_RESOURCE_ERRORS_H_
#define GRPC_OS_CORE_RESOURCE_RESOURCE_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

absl::Status ResourceNotFound(const ResourceKind& kind, const std::string& reference);
absl::Status ResourceExists(const ResourceKind& kind, const std::string& name);
absl::Status ResourceChanged(const ResourceKind& kind, const ResourceMeta& actual,
                             const std::string& given_etag);
absl::Status TooManyResources(const ResourceKind& kind);
// `why`: of the decoder.
absl::Status ResourceDamaged(const ResourceKind& kind, const std::string& name,
                             const absl::Status& why);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_RESOURCE_ERRORS_H_
