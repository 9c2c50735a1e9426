// /sys: what grpc-osd tells of itself: version, threads, limits.
#ifndef GRPC_OS_MAIN_SYS_FOLDER_H_
#define GRPC_OS_MAIN_SYS_FOLDER_H_

#include <memory>

#include "core/object/system_objects.h"
#include "core/scheduler.h"

namespace grpc_os {

// `threads` and `limits` are lines of "name: value": how many threads have this name; the limits of
// base/limits.h that a caller can meet, with their units in their names.
std::unique_ptr<core::SystemFolder> MakeSysFolder(const core::Clock& clock);

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_SYS_FOLDER_H_
