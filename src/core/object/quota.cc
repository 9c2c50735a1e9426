#include "core/object/quota.h"

#include <map>

#include "core/object/object_errors.h"

namespace grpc_os::core {

std::vector<QuotaDelta> SumsOf(const std::vector<QuotaDelta>& deltas,
                               const QuotaPrefixes& prefixes) {
  std::map<std::string_view, QuotaDelta> sums;
  for (const QuotaDelta& delta : deltas) {
    for (size_t slash = delta.name.find('/'); slash != std::string_view::npos;
         slash = delta.name.find('/', slash + 1)) {
      const auto prefix = prefixes.find(delta.name.substr(0, slash + 1));
      if (prefix == prefixes.end()) continue;
      QuotaDelta& sum = sums[*prefix];
      sum.name = *prefix;
      sum.objects += delta.objects;
      sum.bytes += delta.bytes;
      sum.versions += delta.versions;
      sum.version_bytes += delta.version_bytes;
    }
  }
  std::vector<QuotaDelta> found;
  for (const auto& [prefix, sum] : sums)
    if (sum.objects != 0 || sum.bytes != 0 || sum.versions != 0 || sum.version_bytes != 0)
      found.push_back(sum);
  return found;
}

absl::Status CheckQuota(const Quota& quota, const QuotaDelta& sum) {
  const auto exceeds = [](int64_t most, int64_t used, int64_t more) {
    return most > 0 && more > 0 && used > most - more;
  };
  const int64_t objects = sum.objects + (quota.include_versions ? sum.versions : 0);
  const int64_t bytes = sum.bytes + (quota.include_versions ? sum.version_bytes : 0);
  if (exceeds(quota.max_objects, quota.objects, objects))
    return QuotaExceeded(quota, "objects", quota.objects, objects, quota.max_objects);
  if (exceeds(quota.max_bytes, quota.bytes, bytes))
    return QuotaExceeded(quota, "bytes", quota.bytes, bytes, quota.max_bytes);
  return absl::OkStatus();
}

}  // namespace grpc_os::core
