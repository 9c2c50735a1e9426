// Resources as rows, and back.
#ifndef GRPC_OS_CORE_RESOURCE_RESOURCE_CODEC_H_
#define GRPC_OS_CORE_RESOURCE_RESOURCE_CODEC_H_

#include <utility>

#include "absl/status/statusor.h"
#include "core/resource/resource_store.h"
#include "core/tagged.h"

namespace grpc_os::core {

// Without claims.
template <typename R>
StoredResource EncodeResource(const ResourceKind& kind, const R& resource) {
  StoredResource row;
  static_cast<ResourceMeta&>(row) = resource;
  row.kind = kind.name;
  row.spec = EncodeTagged(resource.spec);
  if (resource.status != typename R::Status{}) row.status = EncodeTagged(resource.status);
  return row;
}

// DATA_LOSS: core/tagged.h.
template <typename R>
absl::StatusOr<R> DecodeResource(const StoredResource& row) {
  R resource;
  static_cast<ResourceMeta&>(resource) = row;
  auto spec = DecodeTagged<typename R::Spec>(row.spec);
  if (!spec.ok()) return spec.status();
  resource.spec = *std::move(spec);
  if (row.status.empty()) return resource;
  auto status = DecodeTagged<typename R::Status>(row.status);
  if (!status.ok()) return status.status();
  resource.status = *std::move(status);
  return resource;
}

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_RESOURCE_CODEC_H_
