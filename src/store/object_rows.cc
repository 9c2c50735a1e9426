#include "store/object_rows.h"

#include <algorithm>

#include "store/object_listing.h"
#include "store/object_table.h"
#include "store/object_version_table.h"

namespace grpc_os::store {

absl::StatusOr<std::optional<core::Object>> ObjectTableRows::FindByName(const std::string& name) {
  return SelectObject(connection_, name, WithData::kNo);
}

absl::StatusOr<std::optional<core::Object>> ObjectTableRows::FindById(const std::string& id) {
  return SelectObject(connection_, id, WithData::kNo);
}

absl::StatusOr<bool> ObjectTableRows::Exists(const std::string& name) {
  return ObjectExists(connection_, name);
}

absl::StatusOr<std::string> ObjectTableRows::NameFrom(const std::string& name) {
  return SelectNameFrom(connection_, name);
}

absl::StatusOr<std::string> ObjectTableRows::NameBefore(const std::string& name) {
  return SelectNameBefore(connection_, name);
}

absl::StatusOr<bool> ObjectTableRows::AnyBelow(const std::string& folder) {
  return AnyObjectBelow(connection_, folder);
}

absl::StatusOr<std::vector<core::Object>> ObjectTableRows::List(const std::string& prefix,
                                                                const std::string& after,
                                                                int limit) {
  return SelectObjects(connection_, prefix, after, limit, kExpiredToo);
}

absl::StatusOr<std::vector<core::Object>> ObjectTableRows::ListExpired(int64_t now_ms, int limit) {
  return SelectExpired(connection_, now_ms, limit);
}

absl::StatusOr<std::string> ObjectTableRows::DataOf(const core::Object& object) {
  return object.retire_time_ms == 0
             ? SelectObjectData(connection_, object.number)
             : SelectVersionData(connection_, object.number, object.generation);
}

absl::Status ObjectTableRows::Insert(const core::Object& object) {
  changed_ = true;
  return InsertObject(connection_, object);
}

absl::Status ObjectTableRows::Update(const core::Object& object, Content content) {
  changed_ = true;
  cache_.Doubt(object.id);
  return UpdateObject(connection_, object, content, now_ms_);
}

absl::Status ObjectTableRows::Remove(const core::Object& object) {
  changed_ = true;
  cache_.Doubt(object.id);
  return RemoveObject(connection_, object.number, now_ms_);
}

absl::StatusOr<int64_t> ObjectTableRows::Rename(const std::string& from, const std::string& to,
                                                int64_t revision, int64_t now_ms) {
  changed_ = true;
  cache_.DoubtAll();
  return RenameObjects(connection_, dialect_, from, to, revision, now_ms);
}

absl::Status ObjectTableRows::Retire(const core::Object& live, int64_t now_ms, bool deleted) {
  changed_ = true;
  return InsertVersion(connection_, quotas_, live, std::max(now_ms, retired_from_ms_), deleted);
}

absl::StatusOr<std::optional<core::Object>> ObjectTableRows::FindVersion(
    const std::string& name_or_id, int64_t generation) {
  return SelectVersion(connection_, name_or_id, generation, WithData::kNo);
}

absl::StatusOr<std::vector<core::VersionKey>> ObjectTableRows::ListVersionKeys(
    const std::string& name_or_id) {
  return SelectVersionKeys(connection_, name_or_id);
}

absl::StatusOr<std::vector<core::VersionKey>> ObjectTableRows::ListVersionKeysBelow(
    const std::string& prefix, int limit) {
  return SelectVersionKeysBelow(connection_, prefix, limit);
}

absl::Status ObjectTableRows::RemoveVersions(int64_t number) {
  changed_ = true;
  return RemoveVersionsOf(connection_, quotas_, number, now_ms_);
}

absl::Status ObjectTableRows::RemoveVersion(int64_t number, int64_t generation) {
  changed_ = true;
  return store::RemoveVersion(connection_, quotas_, number, generation, now_ms_);
}

// It looks at all quotas before it changes one.
absl::Status ObjectTableRows::Charge(const std::vector<core::QuotaDelta>& deltas) {
  absl::Status status = quotas_.Charge(connection_, deltas);
  changed_ = changed_ || status.ok();
  return status;
}

absl::StatusOr<std::vector<core::Quota>> ObjectTableRows::ListQuotas() {
  return SelectQuotas(connection_);
}

absl::StatusOr<core::Quota> ObjectTableRows::PutQuota(const core::Quota& quota) {
  changed_ = true;
  return quotas_.Put(connection_, quota);
}

absl::StatusOr<bool> ObjectTableRows::RemoveQuota(const std::string& prefix) {
  auto removed = quotas_.Remove(connection_, prefix);
  changed_ = changed_ || (removed.ok() && *removed);
  return removed;
}

}  // namespace grpc_os::store
