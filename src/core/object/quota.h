// How much may lie below a prefix.
#ifndef GRPC_OS_CORE_OBJECT_QUOTA_H_
#define GRPC_OS_CORE_OBJECT_QUOTA_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os::core {

// Of live objects, and of versions where that is asked for; folders do not count.
struct Quota {
  std::string prefix;       // a folder's name: "/" for all, "/logs/"
  int64_t max_objects = 0;  // 0: any number
  int64_t max_bytes = 0;
  int64_t objects = 0;  // there are
  int64_t bytes = 0;
  bool include_versions = false;  // they count as objects and bytes too

  bool operator==(const Quota&) const = default;
};

// What a change does to the objects below a name. Views into what the change is made of.
struct QuotaDelta {
  std::string_view name;
  int64_t objects = 0;  // live ones
  int64_t bytes = 0;
  int64_t versions = 0;
  int64_t version_bytes = 0;
};

// What `deltas` do together below each of `prefixes`, in the order of these; what comes to nothing
// is left out. The sums are named after the prefixes, and are views into them.
using QuotaPrefixes = std::set<std::string, std::less<>>;
std::vector<QuotaDelta> SumsOf(const std::vector<QuotaDelta>& deltas,
                               const QuotaPrefixes& prefixes);

// RESOURCE_EXHAUSTED (QUOTA_EXCEEDED): the quota would be exceeded, and gets more. Who gets no more
// is never refused, also above the quota.
absl::Status CheckQuota(const Quota& quota, const QuotaDelta& sum);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_QUOTA_H_
