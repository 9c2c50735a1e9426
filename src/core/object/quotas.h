// What can be done with quotas.
#ifndef GRPC_OS_CORE_OBJECT_QUOTAS_H_
#define GRPC_OS_CORE_OBJECT_QUOTAS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/object/object_store.h"
#include "core/object/objects.h"
#include "core/object/quota.h"
#include "core/scheduler.h"
#include "core/violations.h"

namespace grpc_os::core {

// "/logs" → "/logs/". Adds to `violations` what is wrong with it: what is no name of an object, and
// the system's own, of which nothing is stored.
std::string QuotaPrefix(const std::string& given, const std::string& field, Violations& violations);
// Its bounds: not negative, and one at least; `prefix` is the path of the quota in the request.
void CheckQuotaBounds(const Quota& quota, const std::string& prefix, Violations& violations);

// Thread-safe; holds no quotas. Each `done` comes once, on a thread of the store. Prefixes are
// checked before.
class Quotas {
 public:
  Quotas(ObjectStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  using Done = std::function<void(absl::StatusOr<Quota>)>;
  // Of `wanted` the prefix and the bounds; answers with what is used, too. RESOURCE_EXHAUSTED
  // (LIMIT_REACHED): there are limits::kQuotas others.
  void Set(const Quota& wanted, Origin origin, Done done);
  // NOT_FOUND (QUOTA_NOT_FOUND), as of Get.
  void Delete(const std::string& prefix, Origin origin, std::function<void(absl::Status)> done);
  void Get(const std::string& prefix, Done done, const Requester& by = {});
  // In the order of their prefixes.
  void List(std::function<void(absl::StatusOr<std::vector<Quota>>)> done, const Requester& by = {});
  // Whether an object of so many bytes may be put under this name or id, as things are now: what is
  // worth knowing before a long upload. RESOURCE_EXHAUSTED (QUOTA_EXCEEDED). For a name `access`
  // was asked; behind an id, what it does not let read and write is as if it were not there.
  void CheckRoom(const std::string& name_or_id, int64_t bytes, const ObjectAccess& access,
                 std::function<void(absl::Status)> done, const Requester& by = {});

 private:
  void Commit(std::string prefix, const char* action, bool may_use_reserve, Origin origin,
              std::function<absl::Status(ObjectRows&)> apply,
              std::function<void(absl::Status)> done);

  ObjectStore& store_;
  const Clock& clock_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_QUOTAS_H_
