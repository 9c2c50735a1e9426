#include "store/resource_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

absl::Status CheckSize(const core::StoredResource& resource) {
  const auto bytes = static_cast<int64_t>(resource.spec.size() + resource.status.size());
  if (bytes <= core::kResourceBytes) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("the ", resource.kind, " '", resource.name, "' takes ", bytes,
                   " bytes in the store, more than ", core::kResourceBytes,
                   "; make its fields shorter, or fewer"),
      {.reason = core::reason::kFieldInvalid, .metadata = {{resource.kind, resource.name}}});
}

// Whose it is.
absl::Status Taken(const core::StoredResource& resource, const std::string& what,
                   const std::string& owner_kind, const std::string& owner) {
  return MakeError(
      absl::StatusCode::kAlreadyExists,
      absl::StrCat(what, " belongs to the ", owner_kind, " '", owner,
                   "' already; take another, or take it from there first"),
      {.reason = core::reason::kNameTaken,
       .metadata = {{resource.kind, resource.name}, {"owner", owner}, {"owner_kind", owner_kind}}});
}

absl::Status NameTaken(Connection& connection, const core::StoredResource& resource) {
  auto owner = connection.Prepare("SELECT id FROM resources WHERE kind = ? AND name = ?");
  if (!owner.ok()) return owner.status();
  RowBinder(**owner).Text(resource.kind).Text(resource.name);
  const auto row = (*owner)->Step();
  if (!row.ok()) return row.status();
  const std::string id = *row ? (*owner)->Text(0) : "";
  (*owner)->Reset();
  return Taken(resource, absl::StrCat("the name '", resource.name, "'"), resource.kind, id);
}

absl::Status ClaimTaken(Connection& connection, const core::StoredResource& resource,
                        const core::Claim& claim) {
  auto owner = connection.Prepare(
      "SELECT r.kind, r.name FROM claims c JOIN resources r ON r.kind = c.resource_kind AND "
      "r.id = c.resource_id WHERE c.kind = ? AND c.claimed = ?");
  if (!owner.ok()) return owner.status();
  RowBinder(**owner).Text(claim.kind).Text(claim.key);
  const auto row = (*owner)->Step();
  if (!row.ok()) return row.status();
  const std::string kind = *row ? (*owner)->Text(0) : "resource";
  const std::string name = *row ? (*owner)->Text(1) : "";
  (*owner)->Reset();
  return Taken(resource, absl::StrCat("the ", claim.kind, " '", claim.key, "'"), kind, name);
}

absl::Status RemoveClaims(Connection& connection, const std::string& kind, const std::string& id) {
  auto statement =
      connection.Prepare("DELETE FROM claims WHERE resource_kind = ? AND resource_id = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(kind).Text(id);
  return (*statement)->Step().status();
}

absl::Status PutClaim(Connection& connection, const core::StoredResource& resource,
                      const core::Claim& claim) {
  auto statement = connection.Prepare(
      "INSERT INTO claims (kind, claimed, resource_kind, resource_id) VALUES (?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(claim.kind).Text(claim.key).Text(resource.kind).Text(resource.id);
  const absl::Status status = (*statement)->Step().status();
  return absl::IsAlreadyExists(status) ? ClaimTaken(connection, resource, claim) : status;
}

absl::Status RemoveRow(Connection& connection, const std::string& kind, const std::string& id) {
  auto statement = connection.Prepare("DELETE FROM resources WHERE kind = ? AND id = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(kind).Text(id);
  return (*statement)->Step().status();
}

}  // namespace

absl::Status PutResource(Connection& connection, const core::StoredResource& resource,
                         int64_t revision) {
  if (auto status = CheckSize(resource); !status.ok()) return status;
  if (auto status = RemoveResource(connection, {resource.kind, resource.id}); !status.ok())
    return status;
  auto statement = connection.Prepare(
      "INSERT INTO resources (kind, id, name, owner, generation, observed_generation, "
      "create_time_ms, update_time_ms, revision, spec, status) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Text(resource.kind).Text(resource.id).Text(resource.name).Text(resource.owner);
  row.Int(resource.generation).Int(resource.observed_generation).Int(resource.create_time_ms);
  row.Int(resource.update_time_ms).Int(revision).Blob(resource.spec).Blob(resource.status);
  if (absl::Status status = (*statement)->Step().status(); !status.ok())
    return absl::IsAlreadyExists(status) ? NameTaken(connection, resource) : status;
  for (const core::Claim& claim : resource.claims) {
    if (auto status = PutClaim(connection, resource, claim); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RemoveResource(Connection& connection, const core::ResourceKey& key) {
  if (auto status = RemoveClaims(connection, key.kind, key.id); !status.ok()) return status;
  return RemoveRow(connection, key.kind, key.id);
}

absl::StatusOr<std::vector<core::StoredResource>> ReadResources(Connection& connection,
                                                                const std::string& kind) {
  auto statement = connection.Prepare(
      "SELECT id, name, owner, generation, observed_generation, create_time_ms, update_time_ms, "
      "revision, spec, status FROM resources WHERE kind = ? ORDER BY name");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(kind);
  std::vector<core::StoredResource> resources;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return resources;
    core::StoredResource& resource = resources.emplace_back();
    RowReader row(**statement);
    resource.kind = kind;
    resource.id = row.Text();
    resource.name = row.Text();
    resource.owner = row.Text();
    resource.generation = row.Int64();
    resource.observed_generation = row.Int64();
    resource.create_time_ms = row.Int64();
    resource.update_time_ms = row.Int64();
    resource.revision = row.Int64();
    resource.spec = row.Text();
    resource.status = row.Text();
  }
}

}  // namespace grpc_os::store
