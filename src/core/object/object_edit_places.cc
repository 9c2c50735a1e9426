// Changes that are about where objects are: folders, moves, copies, and what comes back.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/object/object_edit.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"

namespace grpc_os::core {
namespace {

// "/a/b" → "b", "/a/b/" → "b/".
std::string_view LastPart(std::string_view name) {
  const size_t slash = name.rfind('/', name.size() - 2);
  return name.substr(slash + 1);
}

std::string WithoutSlash(const std::string& folder) { return folder.substr(0, folder.size() - 1); }

}  // namespace

// As CheckPlace, for a folder that does not exist.
absl::Status ObjectEdit::CheckFolderPlace(const std::string& folder, ObjectStep& step) const {
  const std::string name = WithoutSlash(folder);
  auto owner = FindRow(name);
  if (!owner.ok()) return owner.status();
  if (owner->has_value()) {
    if (!Expired(**owner)) return ObjectNameTaken(**owner);
    step.expired.push_back(**std::move(owner));
  }
  return CheckAncestors(name, step);
}

absl::Status ObjectEdit::CheckFolder(const std::string& name, ObjectStep& step) {
  if (auto status = Permit(ObjectVerb::kWrite, name); !status.ok()) return status;
  auto next = scene_.rows.NameFrom(name);
  if (!next.ok()) return next.status();
  if (*next == name) {
    auto row = scene_.rows.FindByName(name);
    if (!row.ok()) return row.status();
    if (row->has_value()) step.object = **std::move(row);
    return absl::OkStatus();
  }
  // What lies in it proves that there is no object in its place.
  if (!next->starts_with(name)) {
    if (auto status = CheckFolderPlace(name, step); !status.ok()) return status;
  }
  step.object = Object{.name = name, .folder = true};
  MakeNew("", step.object);
  step.kind = ObjectStep::Kind::kInsert;
  step.action = "created";
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckUndelete(const std::string& reference, int64_t generation,
                                       ObjectStep& step) {
  if (auto status = PermitReference(ObjectVerb::kWrite, reference); !status.ok()) return status;
  auto version = scene_.rows.FindVersion(reference, generation);
  if (!version.ok()) return version.status();
  const auto live = FindRow(version->has_value() ? (*version)->id : reference);
  if (!live.ok()) return live.status();
  const bool there = live->has_value() && !Expired(**live);
  if (!version->has_value() && !there) return NothingDeleted(reference, generation);
  const Object& found = there ? **live : **version;
  const std::string& name = found.name;
  if (auto status = PermitFound(ObjectVerb::kWrite, found, reference, generation); !status.ok()) {
    return absl::IsNotFound(status) ? NothingDeleted(reference, generation) : status;
  }
  if (there) return NotDeleted(**live);
  if (live->has_value()) step.expired.push_back(**live);
  if (auto status = CheckPlace(name, step); !status.ok()) return status;
  Object& object = step.object = **version;
  if (!object.blob) {
    auto data = scene_.rows.DataOf(**version);
    if (!data.ok()) return data.status();
    object.data = *std::move(data);
  }
  step.restored_generation = std::exchange(object.generation, scene_.revision);
  object.metageneration = 1;
  object.revision = scene_.revision;
  object.update_time_ms = scene_.now_ms;
  object.retire_time_ms = 0;
  object.deleted = false;
  if (Expired(object)) object.expire_time_ms = 0;
  step.kind = ObjectStep::Kind::kInsert;
  step.action = "undeleted";
  return absl::OkStatus();
}

absl::StatusOr<std::string> ObjectEdit::DestinationOf(const std::string& source,
                                                      const std::string& destination) const {
  const bool folder = source.ends_with('/');
  std::string into = destination;
  if (!into.ends_with('/')) {
    into += '/';
    if (auto status = Permit(ObjectVerb::kWrite, into); !status.ok()) return status;
    const auto exists = FolderExists(into);
    if (!exists.ok()) return exists.status();
    if (!*exists) return folder ? into : destination;
  }
  std::string name = into.append(LastPart(source));
  if (name.size() > static_cast<size_t>(limits::kPathBytes))
    return NameTooLong("destination", name.size());
  if (IsSystemName(name)) return SystemObject(name);
  if (auto status = Permit(ObjectVerb::kWrite, name); !status.ok()) return status;
  return name;
}

absl::Status ObjectEdit::CheckMove(const std::string& reference, const std::string& destination,
                                   const Preconditions& preconditions, ObjectStep& step) {
  const bool by_id = IsObjectId(reference);
  for (const ObjectVerb verb : {ObjectVerb::kWrite, ObjectVerb::kRead}) {
    if (auto status = PermitReference(verb, reference); !status.ok()) return status;
  }
  auto live = FindLive(reference);
  if (!live.ok()) return live.status();
  if (live->has_value()) {
    for (const ObjectVerb verb : {ObjectVerb::kWrite, ObjectVerb::kRead}) {
      if (auto status = PermitFound(verb, **live, reference); !status.ok()) return status;
    }
  }
  if (!live->has_value() || (*live)->folder) {
    if (by_id && !live->has_value()) return ObjectNotFound(reference);
    std::string folder = live->has_value() ? (*live)->name : reference;
    if (!folder.ends_with('/')) folder += '/';
    return CheckMoveFolder(folder, destination, preconditions, step);
  }
  Object& object = step.object = **std::move(live);
  if (auto status = CheckPreconditions(preconditions, object.name, &object); !status.ok())
    return status;
  auto name = DestinationOf(object.name, destination);
  if (!name.ok()) return name.status();
  if (auto status = CheckPlace(*name, step); !status.ok()) return status;
  step.from = std::exchange(object.name, *std::move(name));
  object.revision = scene_.revision;
  object.update_time_ms = scene_.now_ms;
  step.kind = ObjectStep::Kind::kUpdate;
  step.action = "renamed";
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckMoveFolder(const std::string& folder, const std::string& destination,
                                         const Preconditions& preconditions, ObjectStep& step) {
  auto rows = scene_.rows.List(folder, "", limits::kObjectsPerCall + 1);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return Missing(folder);
  step.object =
      rows->front().name == folder ? rows->front() : Object{.name = folder, .folder = true};
  const Object* own_row = step.object.number == 0 ? nullptr : &step.object;
  if (auto status = CheckPreconditions(preconditions, folder, own_row); !status.ok()) return status;
  auto name = DestinationOf(folder, destination);
  if (!name.ok()) return name.status();
  if (name->starts_with(folder) && *name != folder) return FolderIntoItself(folder, *name);
  const auto exists = FolderExists(*name);
  if (!exists.ok()) return exists.status();
  if (*exists) return ObjectNameTaken(Object{.name = *name});
  if (auto status = CheckFolderPlace(*name, step); !status.ok()) return status;
  if (rows->size() > static_cast<size_t>(limits::kObjectsPerCall)) return TooManyObjects(folder);
  for (Object& row : *rows) {
    const std::string renamed = absl::StrCat(*name, row.name.substr(folder.size()));
    if (renamed.size() > static_cast<size_t>(limits::kPathBytes))
      return NameTooLong("destination", renamed.size());
    for (const ObjectVerb verb : {ObjectVerb::kRead, ObjectVerb::kWrite}) {
      if (auto status = PermitInside(verb, folder, row.name); !status.ok()) return status;
    }
    if (auto status = Permit(ObjectVerb::kWrite, renamed); !status.ok()) return status;
    row.revision = scene_.revision;
    row.update_time_ms = scene_.now_ms;
  }
  if (own_row != nullptr) {
    step.object.revision = scene_.revision;
    step.object.update_time_ms = scene_.now_ms;
  }
  step.from = folder;
  step.object.name = *std::move(name);
  step.affected = *std::move(rows);
  step.kind = ObjectStep::Kind::kRename;
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckMovePart(const std::string& reference, const std::string& destination,
                                       ObjectStep& step) {
  for (const ObjectVerb verb : {ObjectVerb::kWrite, ObjectVerb::kRead}) {
    if (auto status = PermitReference(verb, reference); !status.ok()) return status;
  }
  std::string folder = reference;
  if (IsObjectId(reference)) {
    const auto live = FindLive(reference);
    if (!live.ok()) return live.status();
    if (!live->has_value()) return ObjectNotFound(reference);
    for (const ObjectVerb verb : {ObjectVerb::kWrite, ObjectVerb::kRead}) {
      if (auto status = PermitFound(verb, **live, reference); !status.ok()) return status;
    }
    if (!(*live)->folder) return NotAFolder((*live)->name + "/", (*live)->name);
    folder = (*live)->name;
  }
  if (!folder.ends_with('/')) folder += '/';
  const std::string to = destination.ends_with('/') ? destination : destination + "/";
  if (auto status = Permit(ObjectVerb::kWrite, to); !status.ok()) return status;
  // Nor into one that it lies in: what has moved could not be told from what is to move.
  if (to.starts_with(folder) || folder.starts_with(to)) return FolderIntoItself(folder, to);
  auto part = PartOf(folder, /*purge=*/false);
  if (!part.ok()) return part.status();
  if (part->rows.empty()) return Missing(folder);
  const auto exists = FolderExists(to);
  if (!exists.ok()) return exists.status();
  if (!*exists) {
    if (auto status = CheckFolderPlace(to, step); !status.ok()) return status;
  }
  for (Object& row : part->rows) {
    std::string name = absl::StrCat(to, row.name.substr(folder.size()));
    if (auto status = CheckMoveOne(folder, std::move(row), std::move(name), !*exists, step);
        !status.ok())
      return status;
  }
  step.from = folder;
  step.object = Object{.name = to, .folder = true};
  step.more = part->more;
  step.kind = ObjectStep::Kind::kMove;
  return absl::OkStatus();
}

// `fresh`: nothing lies where it goes, so nothing is in its way.
absl::Status ObjectEdit::CheckMoveOne(const std::string& folder, Object row, std::string to,
                                      bool fresh, ObjectStep& step) {
  for (const ObjectVerb verb : {ObjectVerb::kRead, ObjectVerb::kWrite}) {
    if (auto status = PermitInside(verb, folder, row.name); !status.ok()) return status;
  }
  if (Expired(row)) {
    step.expired.push_back(std::move(row));
    return absl::OkStatus();
  }
  if (to.size() > static_cast<size_t>(limits::kPathBytes))
    return NameTooLong("destination", to.size());
  if (auto status = Permit(ObjectVerb::kWrite, to); !status.ok()) return status;
  absl::StatusOr<bool> merges = false;
  absl::Status place;
  if (row.folder && !fresh) {
    merges = scene_.rows.Exists(to);
    const auto exists = FolderExists(to);
    if (!exists.ok()) return exists.status();
    if (!*exists) place = CheckFolderPlace(to, step);
  } else if (!fresh) {
    place = CheckPlace(to, step);
  }
  if (!merges.ok()) return merges.status();
  if (!place.ok()) return place;
  row.revision = scene_.revision;
  row.update_time_ms = scene_.now_ms;
  (*merges ? step.merged : step.affected).push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckCopy(const std::string& reference, int64_t generation,
                                   const std::string& destination,
                                   const Preconditions& preconditions, ObjectStep& step) {
  if (auto status = PermitReference(ObjectVerb::kRead, reference); !status.ok()) return status;
  auto source = FindLive(reference);
  if (!source.ok()) return source.status();
  if (generation != 0 && !(source->has_value() && (*source)->generation == generation)) {
    source = scene_.rows.FindVersion(reference, generation);
    if (!source.ok()) return source.status();
    if (!source->has_value()) return ObjectNotFound(reference, generation);
  }
  if (!source->has_value()) return Missing(reference);
  if (auto status = PermitFound(ObjectVerb::kRead, **source, reference, generation); !status.ok())
    return status;
  if ((*source)->folder) return IsAFolder((*source)->name);
  auto name = DestinationOf((*source)->name, destination);
  if (!name.ok()) return name.status();
  PutObject put{.name = *std::move(name)};
  put.content_type = (*source)->content_type;
  put.metadata = (*source)->metadata;
  put.preconditions = preconditions;
  step.object = {};
  if (!(*source)->blob) {
    auto data = scene_.rows.DataOf(**source);
    if (!data.ok()) return data.status();
    step.object.data = *std::move(data);
  }
  step.object.blob = (*source)->blob;
  step.object.size_bytes = (*source)->size_bytes;
  step.object.sha256 = (*source)->sha256;
  step.object.crc32c = (*source)->crc32c;
  if (preconditions == Preconditions()) {
    // Nothing may be there, not even as a generation that is not looked at.
    const auto taken = FindLive(put.name);
    if (!taken.ok()) return taken.status();
    if (taken->has_value()) return ObjectNameTaken(**taken);
  }
  return CheckPut(put, step);
}

}  // namespace grpc_os::core
