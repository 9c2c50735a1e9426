#include "store/quota_table.h"

#include "absl/strings/str_cat.h"
#include "store/name_range.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

constexpr const char* kColumns = "prefix, max_objects, max_bytes, objects, bytes, include_versions";

core::Quota ReadQuota(Statement& statement) {
  RowReader row(statement);
  core::Quota quota;
  quota.prefix = row.Text();
  quota.max_objects = row.Int64();
  quota.max_bytes = row.Int64();
  quota.objects = row.Int64();
  quota.bytes = row.Int64();
  quota.include_versions = row.Bool();
  return quota;
}

absl::StatusOr<std::optional<core::Quota>> SelectQuota(Connection& connection,
                                                       std::string_view prefix) {
  static const auto& sql =
      *new std::string(absl::StrCat("SELECT ", kColumns, " FROM object_quotas WHERE prefix = ?"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, prefix);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  std::optional<core::Quota> quota;
  if (*found) quota = ReadQuota(**statement);
  (*statement)->Reset();
  return quota;
}

absl::Status Add(Connection& connection, const core::QuotaDelta& sum) {
  auto statement = connection.Prepare(
      "UPDATE object_quotas SET objects = objects + ?, bytes = bytes + ? WHERE prefix = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(sum.objects).Int(sum.bytes).Text(sum.name);
  return (*statement)->Step().status();
}

}  // namespace

absl::StatusOr<std::vector<core::Quota>> SelectQuotas(Connection& connection) {
  static const auto& sql =
      *new std::string(absl::StrCat("SELECT ", kColumns, " FROM object_quotas ORDER BY prefix"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  std::vector<core::Quota> quotas;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return quotas;
    quotas.push_back(ReadQuota(**statement));
  }
}

absl::StatusOr<core::Quota> CountQuota(Connection& connection, const core::Quota& quota) {
  core::Quota counted = quota;
  counted.objects = counted.bytes = 0;
  const std::string end = EndOfNames(quota.prefix);
  for (const char* of : {"FROM objects WHERE name >= ? AND name < ? AND folder = 0",
                         "FROM object_versions WHERE name >= ? AND name < ?"}) {
    auto statement =
        connection.Prepare(absl::StrCat("SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) ", of));
    if (!statement.ok()) return statement.status();
    RowBinder(**statement).Text(quota.prefix).Text(end);
    const auto row = (*statement)->Step();
    if (!row.ok()) return row.status();
    counted.objects += (*statement)->Int(0);
    counted.bytes += (*statement)->Int(1);
    (*statement)->Reset();
    if (!quota.include_versions) break;
  }
  return counted;
}

void QuotaBook::Settle() {
  if (!changed_) return;
  changed_ = false;
  prefixes_.reset();
}

absl::Status QuotaBook::Load(Connection& connection) {
  if (prefixes_.has_value() && !changed_) return absl::OkStatus();
  const auto quotas = SelectQuotas(connection);
  if (!quotas.ok()) return quotas.status();
  prefixes_.emplace();
  with_versions_.clear();
  for (const core::Quota& quota : *quotas) {
    prefixes_->insert(quota.prefix);
    if (quota.include_versions) with_versions_.insert(quota.prefix);
  }
  return absl::OkStatus();
}

absl::Status QuotaBook::Charge(Connection& connection,
                               const std::vector<core::QuotaDelta>& deltas) {
  if (auto status = Load(connection); !status.ok()) return status;
  if (prefixes_->empty()) return absl::OkStatus();
  const std::vector<core::QuotaDelta> sums = core::SumsOf(deltas, *prefixes_);
  for (const core::QuotaDelta& sum : sums) {
    if (sum.objects <= 0 && sum.bytes <= 0 && sum.versions <= 0 && sum.version_bytes <= 0) continue;
    const auto quota = SelectQuota(connection, sum.name);
    if (!quota.ok()) return quota.status();
    if (!quota->has_value()) continue;
    if (auto status = core::CheckQuota(**quota, sum); !status.ok()) return status;
  }
  for (const core::QuotaDelta& sum : sums) {
    if (auto status = Add(connection, sum); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status QuotaBook::CountVersions(Connection& connection,
                                      const std::vector<core::QuotaDelta>& deltas) {
  if (auto status = Load(connection); !status.ok()) return status;
  if (with_versions_.empty()) return absl::OkStatus();
  for (const core::QuotaDelta& sum : core::SumsOf(deltas, with_versions_)) {
    if (auto status = Add(connection, sum); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<core::Quota> QuotaBook::Put(Connection& connection, const core::Quota& quota) {
  changed_ = true;
  auto known = SelectQuota(connection, quota.prefix);
  if (!known.ok()) return known.status();
  const bool as_before = known->has_value() && (*known)->include_versions == quota.include_versions;
  auto counted = as_before ? absl::StatusOr<core::Quota>(**known) : CountQuota(connection, quota);
  if (!counted.ok()) return counted.status();
  auto statement =
      known->has_value()
          ? connection.Prepare(
                "UPDATE object_quotas SET max_objects = ?, max_bytes = ?, objects = ?, "
                "bytes = ?, include_versions = ? WHERE prefix = ?")
          : connection.Prepare(
                "INSERT INTO object_quotas (max_objects, max_bytes, objects, bytes, "
                "include_versions, prefix) VALUES (?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  counted->max_objects = quota.max_objects;
  counted->max_bytes = quota.max_bytes;
  RowBinder row(**statement);
  row.Int(counted->max_objects).Int(counted->max_bytes);
  row.Int(counted->objects).Int(counted->bytes).Int(counted->include_versions);
  row.Text(counted->prefix);
  if (auto done = (*statement)->Step(); !done.ok()) return done.status();
  return counted;
}

absl::StatusOr<bool> QuotaBook::Remove(Connection& connection, const std::string& prefix) {
  changed_ = true;
  const auto known = SelectQuota(connection, prefix);
  if (!known.ok()) return known.status();
  if (!known->has_value()) return false;
  auto remove = connection.Prepare("DELETE FROM object_quotas WHERE prefix = ?");
  if (!remove.ok()) return remove.status();
  (*remove)->BindText(0, prefix);
  if (auto done = (*remove)->Step(); !done.ok()) return done.status();
  return true;
}

}  // namespace grpc_os::store
