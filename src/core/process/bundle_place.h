// Where a process with a bundle runs: /app, as it is called in its spec.
#ifndef GRPC_OS_CORE_PROCESS_BUNDLE_PLACE_H_
#define GRPC_OS_CORE_PROCESS_BUNDLE_PLACE_H_

#include <string>
#include <string_view>

#include "core/process/process.h"

namespace grpc_os::core {

inline constexpr char kBundlesDirectory[] = "bundles";  // under DATA_DIR
inline constexpr char kBundleRoot[] = "/app";           // in a spec: its bundle's place

// The object that a bundle is uploaded as.
std::string BundleObject(const std::string& digest);

// Whether `path` is /app or lies in it.
bool IsInBundle(std::string_view path);
// What comes after "/app/"; empty: it is /app itself.
std::string_view PathInBundle(std::string_view path);

// The name of its directory among the bundles; empty: it has no bundle. That of the digest, if all
// who have the bundle can have the same one; else, because volumes lie in it, one of its own.
std::string BundlePlace(const Process& process);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_BUNDLE_PLACE_H_
