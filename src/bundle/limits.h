// The limits of a bundle, beside those of base/limits.h.
#ifndef GRPC_OS_BUNDLE_LIMITS_H_
#define GRPC_OS_BUNDLE_LIMITS_H_

#include <cstdint>

#include "base/limits.h"

namespace grpc_os::limits {

// Names have kPathBytes at most.
inline constexpr int64_t kBundleBytes = int64_t{1} << 30;         // of its archive
inline constexpr int kBundleEntries = 100'000;                    // files, directories and links
inline constexpr int kBundleDepth = 64;                           // directories in one another
inline constexpr int64_t kBundlePieceBytes = int64_t{256} << 10;  // read and handed on at a time
inline constexpr int kBundleProblems = 20;  // that one answer names; the others are counted

}  // namespace grpc_os::limits

#endif  // GRPC_OS_BUNDLE_LIMITS_H_
