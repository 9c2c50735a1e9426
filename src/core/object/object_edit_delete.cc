// Changes that delete.
#include <set>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "core/object/object_edit.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"

namespace grpc_os::core {
namespace {

// That one call purges: all else waits for it.
constexpr int64_t kVersionsPerCall = int64_t{5} * limits::kObjectsPerCall;

}  // namespace

absl::Status ObjectEdit::CheckDelete(const DeleteObject& asked, ObjectStep& step) {
  const bool by_id = IsObjectId(asked.name);
  const bool names_folder = !by_id && asked.name.ends_with('/');
  if (auto status = PermitReference(ObjectVerb::kWrite, asked.name); !status.ok()) return status;
  if (asked.versions_only) return CheckDeleteVersions(asked, step);
  step.purge = asked.purge;
  if (!names_folder) {
    auto found = asked.purge ? FindRow(asked.name) : FindLive(asked.name);
    if (!found.ok()) return found.status();
    if (found->has_value()) {
      if (auto status = PermitFound(ObjectVerb::kWrite, **found, asked.name); !status.ok())
        return status;
      if ((*found)->folder) return CheckDeleteFolder(asked, (*found)->name, step);
      if (auto status = CheckPreconditions(asked.preconditions, (*found)->name, &**found);
          !status.ok())
        return status;
      if (step.purge) {
        if (auto status = CheckVersionsOf(**found, asked.name); !status.ok()) return status;
      }
      step.object = **std::move(found);
      step.affected = {step.object};
      step.kind = ObjectStep::Kind::kRemove;
      return absl::OkStatus();
    }
  }
  if (!by_id) {
    const std::string folder = names_folder ? asked.name : asked.name + "/";
    const auto exists = FolderExists(folder);
    if (!exists.ok()) return exists.status();
    if (*exists) return CheckDeleteFolder(asked, folder, step);
  }
  return asked.purge ? CheckPurge(asked, step) : Missing(asked.name);
}

// What can be told without looking into the folder is told first: it may hold very much.
absl::Status ObjectEdit::CheckDeleteFolder(const DeleteObject& asked, const std::string& folder,
                                           ObjectStep& step) {
  auto own = scene_.rows.FindByName(folder);
  if (!own.ok()) return own.status();
  if (own->has_value()) {
    if (auto status = PermitInside(ObjectVerb::kWrite, folder, folder); !status.ok()) return status;
  }
  if (auto status =
          CheckPreconditions(asked.preconditions, folder, own->has_value() ? &**own : nullptr);
      !status.ok())
    return status;
  step.object = own->has_value() ? **std::move(own) : Object{.name = folder, .folder = true};
  absl::Status status = !asked.recursive ? CheckDeleteEmpty(folder, step)
                        : asked.in_parts ? CheckDeletePart(folder, step)
                                         : CheckDeleteAll(folder, step);
  if (!status.ok()) return status;
  // All of it has expired.
  if (step.affected.empty() && !step.more) return ObjectNotFound(folder);
  step.kind = ObjectStep::Kind::kRemove;
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckDeleteAll(const std::string& folder, ObjectStep& step) {
  const int64_t most = limits::kObjectsPerCall - rows_;
  auto rows = scene_.rows.List(folder, "", static_cast<int>(most) + 1);
  if (!rows.ok()) return rows.status();
  for (Object& row : *rows) {
    if (auto status = PermitInside(ObjectVerb::kWrite, folder, row.name); !status.ok())
      return status;
    if (step.purge) {
      if (auto status = CheckVersionsOf(row, folder); !status.ok()) return status;
    }
    // What is purged leaves nothing, though it has expired and was not cleared away yet.
    auto& list = Expired(row) && !step.purge ? step.expired : step.affected;
    list.push_back(std::move(row));
  }
  if (rows->size() <= static_cast<size_t>(most)) return absl::OkStatus();
  return rows_ == 0 ? TooManyObjects(folder) : TooManyTogether(folder);
}

absl::Status ObjectEdit::CheckDeletePart(const std::string& folder, ObjectStep& step) {
  auto part = PartOf(folder, step.purge);
  if (!part.ok()) return part.status();
  for (Object& row : part->rows) {
    if (auto status = PermitInside(ObjectVerb::kWrite, folder, row.name); !status.ok())
      return status;
    auto& list = Expired(row) && !step.purge ? step.expired : step.affected;
    list.push_back(std::move(row));
  }
  step.more = part->more;
  return absl::OkStatus();
}

// Each part has one row at least beside the folders on the way to what comes after it.
static_assert(limits::kPathBytes / 2 + limits::kVersionsPerObject < kObjectsPerPart);

absl::StatusOr<ObjectEdit::Part> ObjectEdit::PartOf(const std::string& folder, bool purge) {
  auto rows = scene_.rows.List(folder, "", kObjectsPerPart + 1);
  if (!rows.ok()) return rows.status();
  Part part;
  std::string next;  // what comes after the part
  for (Object& row : *rows) {
    if (purge) {
      if (auto status = CheckVersionsOf(row, folder); !status.ok()) return status;
    }
    const auto taken = static_cast<int64_t>(part.rows.size()) + 1 + versions_;
    if (taken > kObjectsPerPart) {
      next = std::move(row.name);
      break;
    }
    part.rows.push_back(std::move(row));
  }
  part.more = !next.empty();
  std::erase_if(part.rows,
                [&](const Object& row) { return row.folder && next.starts_with(row.name); });
  return part;
}

// Page by page, as the first object of a folder already says that it is not empty.
absl::Status ObjectEdit::CheckDeleteEmpty(const std::string& folder, ObjectStep& step) {
  constexpr int kRowsOfAPage = 50;
  std::string after;
  for (size_t left = 1; left > 0;) {
    auto rows = scene_.rows.List(folder, after, kRowsOfAPage);
    if (!rows.ok()) return rows.status();
    left = rows->size();
    if (left > 0) after = rows->back().name;
    for (Object& row : *rows) {
      const bool expired = Expired(row);
      if (!expired && row.name != folder) return FolderNotEmpty(folder);
      const bool goes = !expired || step.purge;
      if (goes) {
        if (auto status = PermitInside(ObjectVerb::kWrite, folder, row.name); !status.ok())
          return status;
      }
      if (step.purge) {
        if (auto status = CheckVersionsOf(row, folder); !status.ok()) return status;
      }
      (goes ? step.affected : step.expired).push_back(std::move(row));
    }
    if (step.expired.size() + step.affected.size() > size_t{kExpiredInTheWay})
      return FolderNotEmpty(folder);
  }
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckPurge(const DeleteObject& asked, ObjectStep& step) {
  auto version = scene_.rows.FindVersion(asked.name, 0);
  if (!version.ok()) return version.status();
  if (!version->has_value()) return Missing(asked.name);
  if (auto status = PermitFound(ObjectVerb::kWrite, **version, asked.name); !status.ok())
    return status;
  if (auto status = CheckPreconditions(asked.preconditions, asked.name, nullptr); !status.ok())
    return status;
  const auto keys = scene_.rows.ListVersionKeys(asked.name);
  if (!keys.ok()) return keys.status();
  std::set<int64_t> whole;
  for (const VersionKey& key : *keys) {
    if (!key.deleted || whole.contains(key.number)) continue;
    ++step.count;
    // It may have been brought back, and live under another name.
    const auto live = scene_.rows.FindById(key.id);
    if (!live.ok()) return live.status();
    if (live->has_value()) {
      if (auto status = CheckVersion(key, asked.name); !status.ok()) return status;
      step.versions.push_back(key);
      continue;
    }
    whole.insert(key.number);
    const auto all = scene_.rows.ListVersionKeys(key.id);
    if (!all.ok()) return all.status();
    for (const VersionKey& one : *all) {
      if (one.number != key.number) continue;
      if (auto status = CheckVersion(one, asked.name); !status.ok()) return status;
      step.versions.push_back(one);
    }
  }
  step.object = **std::move(version);
  step.from = asked.name;
  step.kind = ObjectStep::Kind::kForget;
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckDeleteVersions(const DeleteObject& asked, ObjectStep& step) {
  const bool by_id = IsObjectId(asked.name);
  auto live = FindRow(asked.name);
  if (!live.ok()) return live.status();
  const std::string folder = by_id || asked.name.ends_with('/') ? asked.name : asked.name + "/";
  absl::StatusOr<bool> names_folder = !by_id && asked.name.ends_with('/');
  if (live->has_value()) {
    if (auto status = PermitFound(ObjectVerb::kWrite, **live, asked.name); !status.ok())
      return status;
  } else if (!by_id && !*names_folder) {
    names_folder = FolderExists(folder);
    if (!names_folder.ok()) return names_folder.status();
  }
  step.kind = ObjectStep::Kind::kForget;
  step.from = asked.name;
  step.object =
      live->value_or(Object{.name = *names_folder ? folder : asked.name, .folder = *names_folder});
  if (auto status = CheckPreconditions(asked.preconditions, asked.name,
                                       live->has_value() ? &step.object : nullptr);
      !status.ok())
    return status;
  if (step.object.folder) {
    return asked.recursive ? CheckDeleteVersionsBelow(asked, step.object.name, step)
                           : IsAFolder(step.object.name);
  }
  auto keys = scene_.rows.ListVersionKeys(asked.name);
  if (!keys.ok()) return keys.status();
  for (const VersionKey& key : *keys) {
    absl::Status status =
        live->has_value() ? CheckVersion(key, asked.name)
                          : PermitFound(ObjectVerb::kWrite, Object{.name = key.name}, asked.name);
    if (!status.ok()) return status;
  }
  step.versions = *std::move(keys);
  step.count = static_cast<int64_t>(step.versions.size());
  if (live->has_value() || !step.versions.empty()) return absl::OkStatus();
  return asked.recursive && !by_id ? CheckDeleteVersionsBelow(asked, folder, step)
                                   : Missing(asked.name);
}

// By the names that the versions have: where a folder was moved, they stay under the earlier ones.
absl::Status ObjectEdit::CheckDeleteVersionsBelow(const DeleteObject& asked,
                                                  const std::string& folder, ObjectStep& step) {
  const int most = asked.in_parts ? kObjectsPerPart : limits::kObjectsPerCall;
  auto keys = scene_.rows.ListVersionKeysBelow(folder, most + 1);
  if (!keys.ok()) return keys.status();
  step.more = keys->size() > static_cast<size_t>(most);
  if (step.more && !asked.in_parts) return TooManyVersions(folder, most);
  if (step.more) keys->pop_back();
  for (const VersionKey& key : *keys) {
    if (auto status = PermitInside(ObjectVerb::kWrite, folder, key.name); !status.ok())
      return status;
  }
  step.object.name = folder;
  step.object.folder = true;
  step.versions = *std::move(keys);
  step.count = static_cast<int64_t>(step.versions.size());
  if (!step.versions.empty()) return absl::OkStatus();
  const auto exists = FolderExists(folder);
  if (!exists.ok()) return exists.status();
  return *exists ? absl::OkStatus() : Missing(asked.name);
}

absl::Status ObjectEdit::CheckVersion(const VersionKey& version, const std::string& asked) {
  if (++versions_ > kVersionsPerCall) return TooManyVersions(asked, kVersionsPerCall);
  return scene_.access(ObjectVerb::kWrite, version.name) ? absl::OkStatus()
                                                         : VersionsForbidden(asked);
}

absl::Status ObjectEdit::CheckVersionsOf(const Object& object, const std::string& asked) {
  if (object.folder) return absl::OkStatus();
  const auto keys = scene_.rows.ListVersionKeys(object.id);
  if (!keys.ok()) return keys.status();
  for (const VersionKey& key : *keys) {
    if (key.number != object.number) continue;
    if (auto status = CheckVersion(key, asked); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ObjectEdit::WriteRemoval(ObjectStep& step) {
  for (const Object& object : step.affected) {
    const bool there = cleared_.insert(object.number).second;
    if (there && !step.purge && !object.folder) {
      if (auto status = scene_.rows.Retire(object, scene_.now_ms, true); !status.ok())
        return status;
    }
    if (there) {
      if (auto status = scene_.rows.Remove(object); !status.ok()) return status;
    }
    if (step.purge) {
      if (auto status = scene_.rows.RemoveVersions(object.number); !status.ok()) return status;
    }
    Tell(object, "deleted");
  }
  step.count = static_cast<int64_t>(step.affected.size());
  return absl::OkStatus();
}

absl::Status ObjectEdit::ForgetVersions(ObjectStep& step) {
  for (const VersionKey& key : step.versions) {
    if (auto status = scene_.rows.RemoveVersion(key.number, key.generation); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::core
