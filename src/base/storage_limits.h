// The limits of what files of contents may take and of how long they stay, beside those in
// limits.h.
#ifndef GRPC_OS_BASE_STORAGE_LIMITS_H_
#define GRPC_OS_BASE_STORAGE_LIMITS_H_

#include <cstdint>

namespace grpc_os::limits {

// Contents leave so much of the disk to the database and the files of the daemon.
inline constexpr int64_t kDiskReservedBytes = int64_t{256} << 20;
inline constexpr int64_t kDiskReservedPercent = 5;  // of a small disk
// The disk is nearly full when so much, or less, is free beyond that. Then no file that nothing
// names is kept for kBlobGraceMs.
inline constexpr int64_t kDiskPressureBytes = int64_t{64} << 20;
inline constexpr int64_t kPressureCollectEveryMs = 60'000;  // looks for such files
inline constexpr int64_t kCollectEveryMs = 3'600'000;       // and where there is room

// A jump of the clock forward counts for what is kept for a time once it has lasted so long, and at
// most twice as long (core::RetentionClock).
inline constexpr int64_t kClockJumpLastsMs = int64_t{2} * 3'600'000;
inline constexpr int64_t kExpiryJumpLastsMs = 60'000;  // for objects that expire

}  // namespace grpc_os::limits

#endif  // GRPC_OS_BASE_STORAGE_LIMITS_H_
