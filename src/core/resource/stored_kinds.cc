#include "core/resource/stored_kinds.h"

#include "core/deploy/revision.h"
#include "core/domain/domain.h"
#include "core/identity/roles.h"
#include "core/resource/resource_codec.h"
#include "core/volume/volume.h"

namespace grpc_os::core {
namespace {

template <typename R>
absl::Status Check(const StoredResource& row) {
  return DecodeResource<R>(row).status();
}

}  // namespace

const std::vector<StoredKind>& StoredKinds() {
  static const auto& kinds = *new std::vector<StoredKind>{
      {kRoleKind, Check<Role>},
      {kVolumeKind, Check<Volume>},
      {kRevisionKind, Check<Revision>},
      {kDomainKind, Check<Domain>},
  };
  return kinds;
}

}  // namespace grpc_os::core
