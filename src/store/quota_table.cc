#include "store/quota_table.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "store/name_range.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

absl::Status CountUsed(Connection& connection, core::Quota& quota) {
  auto statement = connection.Prepare(
      "SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) FROM objects "
      "WHERE name >= ? AND name < ? AND folder = 0");
  if (!statement.ok()) return statement.status();
  const std::string end = EndOfNames(quota.prefix);
  RowBinder(**statement).Text(quota.prefix).Text(end);
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  quota.objects = (*statement)->Int(0);
  quota.bytes = (*statement)->Int(1);
  (*statement)->Reset();
  return absl::OkStatus();
}

absl::Status Exceeded(const core::Quota& quota, const char* what, int64_t used, int64_t more,
                      int64_t limit) {
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the quota of ", quota.prefix, " is ", limit, " ", what, ": ", used,
                   " are used, and this would add ", more,
                   "; delete something below it, which is always allowed, or raise the quota"),
      {.reason = core::reason::kQuotaExceeded,
       .metadata = {{"prefix", quota.prefix},
                    {"quota", what},
                    {"used", absl::StrCat(used)},
                    {"limit", absl::StrCat(limit)}},
       .violations = {},
       .retry_after_ms = 0});
}

// Who gets no more is never refused, also above the quota.
absl::Status Check(const core::Quota& quota, const core::QuotaDelta& sum) {
  if (sum.objects > 0 && quota.max_objects > 0 && quota.objects + sum.objects > quota.max_objects)
    return Exceeded(quota, "objects", quota.objects, sum.objects, quota.max_objects);
  if (sum.bytes > 0 && quota.max_bytes > 0 && quota.bytes + sum.bytes > quota.max_bytes)
    return Exceeded(quota, "bytes", quota.bytes, sum.bytes, quota.max_bytes);
  return absl::OkStatus();
}

absl::Status Add(Connection& connection, const core::QuotaDelta& sum) {
  auto statement = connection.Prepare(
      "UPDATE object_quotas SET objects = objects + ?, bytes = bytes + ? WHERE prefix = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(sum.objects).Int(sum.bytes).Text(sum.name);
  return (*statement)->Step().status();
}

}  // namespace

absl::StatusOr<core::Quota> PutQuota(Connection& connection, const core::Quota& quota) {
  core::Quota counted = quota;
  if (auto status = CountUsed(connection, counted); !status.ok()) return status;
  auto statement = connection.Prepare(
      "REPLACE INTO object_quotas (prefix, max_objects, max_bytes, objects, bytes) "
      "VALUES (?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Text(counted.prefix).Int(counted.max_objects).Int(counted.max_bytes);
  row.Int(counted.objects).Int(counted.bytes);
  if (auto done = (*statement)->Step(); !done.ok()) return done.status();
  return counted;
}

absl::StatusOr<bool> RemoveQuota(Connection& connection, const std::string& prefix) {
  auto find = connection.Prepare("SELECT prefix FROM object_quotas WHERE prefix = ?");
  if (!find.ok()) return find.status();
  (*find)->BindText(0, prefix);
  const auto found = (*find)->Step();
  if (!found.ok() || !*found) return found;
  (*find)->Reset();
  auto remove = connection.Prepare("DELETE FROM object_quotas WHERE prefix = ?");
  if (!remove.ok()) return remove.status();
  (*remove)->BindText(0, prefix);
  if (auto done = (*remove)->Step(); !done.ok()) return done.status();
  return true;
}

absl::StatusOr<std::vector<core::Quota>> ReadQuotas(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT prefix, max_objects, max_bytes, objects, bytes FROM object_quotas ORDER BY prefix");
  if (!statement.ok()) return statement.status();
  std::vector<core::Quota> quotas;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return quotas;
    RowReader row(**statement);
    core::Quota& quota = quotas.emplace_back();
    quota.prefix = row.Text();
    quota.max_objects = row.Int64();
    quota.max_bytes = row.Int64();
    quota.objects = row.Int64();
    quota.bytes = row.Int64();
  }
}

absl::Status ChargeQuotas(Connection& connection, const std::vector<core::QuotaDelta>& deltas) {
  const auto quotas = ReadQuotas(connection);
  if (!quotas.ok()) return quotas.status();
  std::vector<core::QuotaDelta> sums;
  for (const core::Quota& quota : *quotas) {
    core::QuotaDelta sum{.name = quota.prefix};
    for (const core::QuotaDelta& delta : deltas) {
      if (!delta.name.starts_with(quota.prefix)) continue;
      sum.objects += delta.objects;
      sum.bytes += delta.bytes;
    }
    if (sum.objects == 0 && sum.bytes == 0) continue;
    if (auto status = Check(quota, sum); !status.ok()) return status;
    sums.push_back(sum);
  }
  for (const core::QuotaDelta& sum : sums) {
    if (auto status = Add(connection, sum); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::store
