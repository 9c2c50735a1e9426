#include "core/process/bundle_place.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace grpc_os::core {

std::string BundleObject(const std::string& digest) { return absl::StrCat("/bundles/", digest); }

bool IsInBundle(std::string_view path) {
  const std::string_view root = kBundleRoot;
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string_view PathInBundle(std::string_view path) {
  path.remove_prefix(std::min(path.size(), sizeof(kBundleRoot) - 1));
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

std::string BundlePlace(const Process& process) {
  const ProcessSpec& spec = process.spec;
  if (spec.bundle.empty()) return "";
  const bool own = std::any_of(spec.volumes.begin(), spec.volumes.end(),
                               [](const VolumeUse& use) { return !use.path.empty(); });
  if (!own) return spec.bundle;
  return absl::StrCat(spec.bundle, "-", process.id, "-", spec.deployed);
}

}  // namespace grpc_os::core
