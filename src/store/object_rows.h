// core::ObjectRows on the tables.
#ifndef GRPC_OS_STORE_OBJECT_ROWS_H_
#define GRPC_OS_STORE_OBJECT_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/object/object_store.h"
#include "store/database.h"
#include "store/dialect.h"
#include "store/object_cache.h"
#include "store/quota_table.h"

namespace grpc_os::store {

// For one operation of the writer.
class ObjectTableRows final : public core::ObjectRows {
 public:
  // `now_ms`: since when what this leaves without an owner has none. Nothing is retired before
  // `retired_from_ms`.
  ObjectTableRows(Connection& connection, const Dialect& dialect, QuotaBook& quotas,
                  ObjectCache& cache, int64_t now_ms, int64_t retired_from_ms)
      : connection_(connection),
        dialect_(dialect),
        quotas_(quotas),
        cache_(cache),
        now_ms_(now_ms),
        retired_from_ms_(retired_from_ms) {}

  // Something was, or a statement that does so failed.
  bool changed() const { return changed_; }

  absl::StatusOr<std::optional<core::Object>> FindByName(const std::string& name) override;
  absl::StatusOr<std::optional<core::Object>> FindById(const std::string& id) override;
  absl::StatusOr<bool> Exists(const std::string& name) override;
  absl::StatusOr<std::string> NameFrom(const std::string& name) override;
  absl::StatusOr<std::string> NameBefore(const std::string& name) override;
  absl::StatusOr<bool> AnyBelow(const std::string& folder) override;
  absl::StatusOr<std::vector<core::Object>> List(const std::string& prefix,
                                                 const std::string& after, int limit) override;
  absl::StatusOr<std::vector<core::Object>> ListExpired(int64_t now_ms, int limit) override;
  absl::StatusOr<std::string> DataOf(const core::Object& object) override;
  absl::Status Insert(const core::Object& object) override;
  absl::Status Update(const core::Object& object, Content content) override;
  absl::Status Remove(const core::Object& object) override;
  absl::StatusOr<int64_t> Rename(const std::string& from, const std::string& to, int64_t revision,
                                 int64_t now_ms) override;
  absl::Status Retire(const core::Object& live, int64_t now_ms, bool deleted) override;
  absl::StatusOr<std::optional<core::Object>> FindVersion(const std::string& name_or_id,
                                                          int64_t generation) override;
  absl::StatusOr<std::vector<core::VersionKey>> ListVersionKeys(
      const std::string& name_or_id) override;
  absl::StatusOr<std::vector<core::VersionKey>> ListVersionKeysBelow(const std::string& prefix,
                                                                     int limit) override;
  absl::Status RemoveVersions(int64_t number) override;
  absl::Status RemoveVersion(int64_t number, int64_t generation) override;
  absl::Status Charge(const std::vector<core::QuotaDelta>& deltas) override;
  absl::StatusOr<std::vector<core::Quota>> ListQuotas() override;
  absl::StatusOr<core::Quota> PutQuota(const core::Quota& quota) override;
  absl::StatusOr<bool> RemoveQuota(const std::string& prefix) override;

 private:
  Connection& connection_;
  const Dialect& dialect_;
  QuotaBook& quotas_;
  ObjectCache& cache_;
  const int64_t now_ms_;
  const int64_t retired_from_ms_;
  bool changed_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_ROWS_H_
