// A volume: a named directory that outlives the processes that use it.
#ifndef GRPC_OS_CORE_VOLUME_VOLUME_H_
#define GRPC_OS_CORE_VOLUME_VOLUME_H_

#include <string>

#include "base/limits.h"
#include "core/error_reason.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

inline constexpr char kVolumeRead[] = "volume.read";
inline constexpr char kVolumeWrite[] = "volume.write";
inline constexpr char kVolumesDirectory[] = "volumes";  // under DATA_DIR

struct VolumeSpec {
  std::string account;  // for life; empty: the daemon's own
  bool shared = false;  // several processes may have it at a time

  bool operator==(const VolumeSpec&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, VolumeSpec& spec) {
  fields.Text(1, spec.account);
  fields.Int(2, spec.shared);
}

using Volume = Resource<VolumeSpec>;
inline constexpr ResourceKind kVolumeKind = {.name = "volume",
                                             .id_prefix = "",
                                             .most = limits::kVolumes,
                                             .limit = "volumes",
                                             .not_found = reason::kVolumeNotFound,
                                             .exists = reason::kVolumeExists};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_VOLUME_VOLUME_H_
