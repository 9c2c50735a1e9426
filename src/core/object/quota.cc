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
    }
  }
  std::vector<QuotaDelta> found;
  for (const auto& [prefix, sum] : sums)
    if (sum.objects != 0 || sum.bytes != 0) found.push_back(sum);
  return found;
}

absl::Status CheckQuota(const Quota& quota, const QuotaDelta& sum) {
  const auto exceeds = [](int64_t most, int64_t used, int64_t more) {
    return most > 0 && more > 0 && used > most - more;
  };
  if (exceeds(quota.max_objects, quota.objects, sum.objects))
    return QuotaExceeded(quota.prefix, "objects", quota.objects, sum.objects, quota.max_objects);
  if (exceeds(quota.max_bytes, quota.bytes, sum.bytes))
    return QuotaExceeded(quota.prefix, "bytes", quota.bytes, sum.bytes, quota.max_bytes);
  return absl::OkStatus();
}

}  // namespace grpc_os::core
