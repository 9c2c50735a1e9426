#include "core/object/object_edit.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/defect.h"
#include "base/limits.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"

namespace grpc_os::core {
namespace {

constexpr char kContentType[] = "application/octet-stream";

std::string OrDefault(std::string content_type) {
  return content_type.empty() ? std::string(kContentType) : std::move(content_type);
}

void MoveContent(ObjectContent& content, Object& object) {
  object.data = std::move(content.data);
  object.blob = content.blob;
  object.size_bytes = content.size_bytes;
  object.sha256 = std::move(content.sha256);
  object.crc32c = content.crc32c;
}

}  // namespace

void ObjectStep::Reset() {
  kind = Kind::kNothing;
  action = "";
  live.reset();
  DropRows();
  from.clear();
  purge = false;
  restored_generation = count = 0;
  more = false;
}

void ObjectStep::DropRows() {
  affected = std::vector<Object>();
  merged = std::vector<Object>();
  expired = std::vector<Object>();
  versions = std::vector<VersionKey>();
}

ObjectWork WorkOf(ObjectChange change) {
  ObjectWork work{std::move(change)};
  Object& object = work.step.object;
  if (auto* create = std::get_if<CreateObject>(&work.asked)) {
    MoveContent(create->content, object);
    object.name = create->name;
    object.content_type = OrDefault(std::move(create->content_type));
    object.metadata = std::move(create->metadata);
    object.expire_time_ms = create->expire_time_ms;
  } else if (auto* put = std::get_if<PutObject>(&work.asked)) {
    MoveContent(put->content, object);
  }
  return work;
}

// ---- What there is ------------------------------------------------------------------------------

absl::Status ObjectEdit::Permit(ObjectVerb verb, const std::string& name) const {
  return scene_.access(verb, name) ? absl::OkStatus() : NameForbidden(verb, name);
}

absl::Status ObjectEdit::PermitReference(ObjectVerb verb, const std::string& reference) const {
  return IsObjectId(reference) ? absl::OkStatus() : Permit(verb, reference);
}

absl::Status ObjectEdit::PermitFound(ObjectVerb verb, const Object& found,
                                     const std::string& reference, int64_t generation) const {
  if (IsObjectId(reference)) scene_.origin.NoteName(reference, found.name);
  if (scene_.access(verb, found.name)) return absl::OkStatus();
  return scene_.access(ObjectVerb::kRead, found.name) ? NameForbidden(verb, found.name)
                                                      : ObjectNotFound(reference, generation);
}

absl::Status ObjectEdit::PermitInside(ObjectVerb verb, const std::string& folder,
                                      const std::string& name) const {
  if (scene_.access(verb, name)) return absl::OkStatus();
  return scene_.access(ObjectVerb::kRead, name) ? NameForbidden(verb, name)
                                                : InsideForbidden(verb, folder);
}

ObjectEdit::Found ObjectEdit::FindRow(const std::string& reference) const {
  return IsObjectId(reference) ? scene_.rows.FindById(reference)
                               : scene_.rows.FindByName(reference);
}

ObjectEdit::Found ObjectEdit::FindLive(const std::string& reference) const {
  Found found = FindRow(reference);
  if (found.ok() && found->has_value() && Expired(**found)) found->reset();
  return found;
}

absl::StatusOr<bool> ObjectEdit::FolderExists(const std::string& folder) const {
  const auto next = scene_.rows.NameFrom(folder);
  if (!next.ok()) return next.status();
  return next->starts_with(folder);
}

absl::Status ObjectEdit::Missing(const std::string& reference) const {
  if (IsObjectId(reference)) return ObjectNotFound(reference);
  if (reference.ends_with('/')) {
    std::string name = reference.substr(0, reference.size() - 1);
    const auto object = FindLive(name);
    if (!object.ok()) return object.status();
    return object->has_value() ? NotAFolder(reference, name) : ObjectNotFound(reference);
  }
  const auto folder = FolderExists(reference + "/");
  if (!folder.ok()) return folder.status();
  return *folder ? IsAFolder(reference) : ObjectNotFound(reference);
}

// ---- Where a new object may be ------------------------------------------------------------------

// Two objects never lie one below the other. So what lies in the same folder already proves that
// none of the folders above is an object.
absl::Status ObjectEdit::CheckPlace(const std::string& name, ObjectStep& step) const {
  auto next = scene_.rows.NameFrom(name);
  if (!next.ok()) return next.status();
  if (*next == name) {
    auto owner = scene_.rows.FindByName(name);
    if (!owner.ok()) return owner.status();
    if (!owner->has_value() || !Expired(**owner))
      return ObjectNameTaken(owner->value_or(Object{.name = name}));
    step.expired.push_back(**std::move(owner));
    return absl::OkStatus();
  }
  const std::string_view folder(name.data(), name.rfind('/') + 1);
  const bool has_neighbour = next->starts_with(folder);
  if (next->starts_with(name)) {
    // "/a-b" comes between "/a" and "/a/".
    const std::string below = name + "/";
    if ((*next)[name.size()] < '/') next = scene_.rows.NameFrom(below);
    if (!next.ok()) return next.status();
    if (next->starts_with(below)) {
      if (auto status = CheckNothingBelow(below, step); !status.ok()) return status;
    }
  }
  if (has_neighbour || folder.size() == 1) return absl::OkStatus();
  const auto before = scene_.rows.NameBefore(name);
  if (!before.ok()) return before.status();
  return before->starts_with(folder) ? absl::OkStatus() : CheckAncestors(name, step);
}

absl::Status ObjectEdit::CheckAncestors(const std::string& name, ObjectStep& step) const {
  for (const std::string& ancestor : AncestorsOf(name)) {
    const auto exists = scene_.rows.Exists(ancestor);
    if (!exists.ok()) return exists.status();
    if (!*exists) continue;
    auto object = scene_.rows.FindByName(ancestor);
    if (!object.ok()) return object.status();
    if (!object->has_value() || !Expired(**object)) return NotAFolder(name, ancestor);
    step.expired.push_back(**std::move(object));
  }
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckNothingBelow(const std::string& folder, ObjectStep& step) const {
  auto below = scene_.rows.List(folder, "", kExpiredInTheWay);
  if (!below.ok()) return below.status();
  if (below->size() == kExpiredInTheWay) return IsAFolder(folder);
  for (Object& object : *below) {
    if (!Expired(object)) return IsAFolder(folder);
    step.expired.push_back(std::move(object));
  }
  return absl::OkStatus();
}

// ---- The changes --------------------------------------------------------------------------------

void ObjectEdit::MakeNew(const std::string& id, Object& object) {
  object.number = scene_.revision << 16 | made_++;
  object.id = id.empty() ? ObjectIdOf(object.number) : id;
  object.generation = object.create_revision = object.revision = scene_.revision;
  object.metageneration = 1;
  object.owner = scene_.origin.record.user;
  object.create_time_ms = object.update_time_ms = scene_.now_ms;
}

absl::Status ObjectEdit::Check(ObjectWork& work, const std::vector<ObjectWork>& earlier,
                               size_t index) {
  absl::Status status = std::visit(
      [&](const auto& asked) {
        using Asked = std::decay_t<decltype(asked)>;
        if constexpr (std::is_same_v<Asked, CreateObject>) return CheckCreate(asked, work.step);
        if constexpr (std::is_same_v<Asked, PutObject>) return CheckPut(asked, work.step);
        if constexpr (std::is_same_v<Asked, UpdateObject>) return CheckUpdate(asked, work.step);
        if constexpr (std::is_same_v<Asked, DeleteObject>) return CheckDelete(asked, work.step);
        if constexpr (std::is_same_v<Asked, GetObject>)
          return CheckGet(asked, earlier, index, work.step);
      },
      work.asked);
  if (!status.ok()) return status;
  rows_ += static_cast<int64_t>(work.step.affected.size() + work.step.expired.size());
  return rows_ > limits::kObjectsPerCall ? TooManyTogether(work.step.object.name)
                                         : absl::OkStatus();
}

absl::Status ObjectEdit::CheckCreate(const CreateObject& asked, ObjectStep& step) {
  if (auto status = Permit(ObjectVerb::kWrite, asked.name); !status.ok()) return status;
  if (asked.name.ends_with('/')) return IsAFolder(asked.name);
  if (auto status = CheckPlace(asked.name, step); !status.ok()) return status;
  if (!asked.id.empty()) {
    if (auto status = CheckId(asked.id); !status.ok()) return status;
  }
  MakeNew(asked.id, step.object);
  if (asked.ttl_ms != 0) step.object.expire_time_ms = scene_.now_ms + asked.ttl_ms;
  step.kind = ObjectStep::Kind::kInsert;
  step.action = "created";
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckId(const std::string& id) const {
  const auto live = scene_.rows.FindById(id);
  if (!live.ok()) return live.status();
  auto version = live->has_value() ? *live : scene_.rows.FindVersion(id, 0);
  if (!version.ok()) return version.status();
  if (!version->has_value()) return absl::OkStatus();
  const Object& owner = **version;
  if (!scene_.access(ObjectVerb::kRead, owner.name)) return HiddenIdTaken(id);
  return live->has_value() && !Expired(owner) ? ObjectIdTaken(owner) : DeletedIdTaken(owner);
}

template <typename Asked>
int64_t ObjectEdit::ExpiryOf(const Asked& asked, int64_t old_ms) const {
  return asked.ttl_ms != 0 ? scene_.now_ms + asked.ttl_ms : asked.expire_time_ms.value_or(old_ms);
}

absl::Status ObjectEdit::CheckPut(const PutObject& asked, ObjectStep& step) {
  if (auto status = PermitReference(ObjectVerb::kWrite, asked.name); !status.ok()) return status;
  if (asked.name.ends_with('/')) return IsAFolder(asked.name);
  auto live = FindLive(asked.name);
  if (!live.ok()) return live.status();
  if (IsObjectId(asked.name)) {
    if (!live->has_value()) return ObjectNotFound(asked.name);
    if (auto status = PermitFound(ObjectVerb::kWrite, **live, asked.name); !status.ok())
      return status;
    if ((*live)->folder) return IsAFolder((*live)->name);
  }
  if (auto status = CheckPreconditions(asked.preconditions, asked.name,
                                       live->has_value() ? &**live : nullptr);
      !status.ok() && !Defect("defect.put_without_preconditions"))
    return status;
  Object& object = step.object;
  if (!live->has_value()) {
    if (auto status = CheckPlace(asked.name, step); !status.ok()) return status;
    object.name = asked.name;
    object.content_type = OrDefault(asked.content_type.value_or(""));
    object.metadata = asked.metadata.value_or(std::map<std::string, std::string>());
    object.expire_time_ms = ExpiryOf(asked, 0);
    MakeNew("", object);
    step.kind = ObjectStep::Kind::kInsert;
    step.action = "created";
    return absl::OkStatus();
  }
  const Object& old = step.live.emplace(**std::move(live));
  object.number = old.number;
  object.id = old.id;
  object.name = old.name;
  object.generation = object.revision = scene_.revision;
  object.metageneration = 1;
  object.create_revision = old.create_revision;
  object.owner = old.owner;
  object.create_time_ms = old.create_time_ms;
  object.update_time_ms = scene_.now_ms;
  object.content_type = OrDefault(asked.content_type.value_or(old.content_type));
  object.metadata = asked.metadata.has_value() ? *asked.metadata : old.metadata;
  object.expire_time_ms = ExpiryOf(asked, old.expire_time_ms);
  step.kind = ObjectStep::Kind::kReplace;
  step.action = "updated";
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckUpdate(const UpdateObject& asked, ObjectStep& step) {
  if (auto status = PermitReference(ObjectVerb::kWrite, asked.name); !status.ok()) return status;
  auto live = FindLive(asked.name);
  if (!live.ok()) return live.status();
  if (!live->has_value()) return Missing(asked.name);
  if (auto status = PermitFound(ObjectVerb::kWrite, **live, asked.name); !status.ok())
    return status;
  if ((*live)->folder) return IsAFolder((*live)->name);
  if (auto status = CheckPreconditions(asked.preconditions, (*live)->name, &**live); !status.ok())
    return status;
  Object& object = step.object = **std::move(live);
  if (asked.content_type.has_value()) object.content_type = OrDefault(*asked.content_type);
  if (asked.metadata.has_value()) object.metadata = *asked.metadata;
  object.expire_time_ms = ExpiryOf(asked, object.expire_time_ms);
  ++object.metageneration;
  object.revision = scene_.revision;
  object.update_time_ms = scene_.now_ms;
  step.kind = ObjectStep::Kind::kUpdate;
  step.action = "changed";
  return absl::OkStatus();
}

absl::Status ObjectEdit::CheckGet(const GetObject& asked, const std::vector<ObjectWork>& earlier,
                                  size_t index, ObjectStep& step) {
  if (auto status = PermitReference(ObjectVerb::kRead, asked.name); !status.ok()) return status;
  const bool by_id = IsObjectId(asked.name);
  const auto is_asked_for = [&](const Object& object) {
    return (by_id ? object.id : object.name) == asked.name;
  };
  const Object* found = nullptr;
  bool has_content = false;  // with it
  for (size_t i = 0; i < index && found == nullptr; ++i) {
    const ObjectStep& one = earlier[i].step;
    for (const Object& removed : one.affected)
      if (is_asked_for(removed)) return ObjectNotFound(asked.name);
    if (one.kind == ObjectStep::Kind::kNothing || !is_asked_for(one.object)) continue;
    if (one.kind == ObjectStep::Kind::kForget) continue;
    found = &one.object;
    has_content = one.kind != ObjectStep::Kind::kUpdate;
  }
  Found row = std::optional<Object>();
  if (found == nullptr) {
    row = FindLive(asked.name);
    if (!row.ok()) return row.status();
    if (!row->has_value()) return Missing(asked.name);
    found = &**row;
  }
  if (auto status = PermitFound(ObjectVerb::kRead, *found, asked.name); !status.ok()) return status;
  if (auto status = CheckPreconditions(asked.preconditions, found->name, found); !status.ok())
    return status;
  step.object = *found;
  if (!asked.data || found->blob || found->folder) {
    step.object.data.clear();
  } else if (!has_content) {
    auto data = scene_.rows.DataOf(*found);
    if (!data.ok()) return data.status();
    step.object.data = *std::move(data);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ObjectEdit::Compare(const CompareObject& wanted) {
  if (auto status = PermitReference(ObjectVerb::kRead, wanted.name); !status.ok()) return status;
  const auto live = FindLive(wanted.name);
  if (!live.ok()) return live.status();
  const bool there = live->has_value() && scene_.access(ObjectVerb::kRead, (*live)->name);
  const Object* object = there ? &**live : nullptr;
  if (!CheckPreconditions(wanted.preconditions, wanted.name, object).ok()) return false;
  return wanted.sha256.empty() || (object != nullptr && object->sha256 == wanted.sha256);
}

// ---- Writing ------------------------------------------------------------------------------------

absl::Status ObjectEdit::Write(ObjectStep& step) {
  using Kind = ObjectStep::Kind;
  for (const Object& object : step.expired) {
    if (auto status = ClearAway(object); !status.ok()) return status;
  }
  absl::Status status;
  switch (step.kind) {
    case Kind::kNothing:
      return absl::OkStatus();
    case Kind::kInsert:
      status = scene_.rows.Insert(step.object);
      if (status.ok() && step.restored_generation != 0)
        status = scene_.rows.RemoveVersion(step.object.number, step.restored_generation);
      break;
    case Kind::kReplace:
      status = scene_.rows.Retire(*step.live, scene_.now_ms, false);
      if (status.ok()) status = scene_.rows.Update(step.object, ObjectRows::Content::kReplaced);
      break;
    case Kind::kUpdate:
      status = scene_.rows.Update(step.object, ObjectRows::Content::kStays);
      break;
    case Kind::kRemove:
      return WriteRemoval(step);
    case Kind::kForget:
      return ForgetVersions(step);
    case Kind::kRename:
      return WriteRename(step);
    case Kind::kMove:
      return WriteMove(step);
  }
  if (status.ok()) Tell(step.object, step.action, step.from);
  return status;
}

absl::Status ObjectEdit::WriteRename(ObjectStep& step) {
  const auto renamed =
      scene_.rows.Rename(step.from, step.object.name, scene_.revision, scene_.now_ms);
  if (!renamed.ok()) return renamed.status();
  for (Object& object : step.affected) {
    const std::string from =
        std::exchange(object.name, step.object.name + object.name.substr(step.from.size()));
    Tell(object, "renamed", from);
  }
  return absl::OkStatus();
}

absl::Status ObjectEdit::WriteMove(ObjectStep& step) {
  for (const Object& folder : step.merged) {
    if (auto status = scene_.rows.Remove(folder); !status.ok()) return status;
    Tell(folder, "deleted");
  }
  for (Object& object : step.affected) {
    const std::string from =
        std::exchange(object.name, step.object.name + object.name.substr(step.from.size()));
    if (auto status = scene_.rows.Update(object, ObjectRows::Content::kStays); !status.ok())
      return status;
    Tell(object, "renamed", from);
  }
  step.count = static_cast<int64_t>(step.affected.size() + step.merged.size());
  return absl::OkStatus();
}

absl::Status ObjectEdit::ClearAway(const Object& object) {
  if (!cleared_.insert(object.number).second) return absl::OkStatus();
  if (auto status = scene_.rows.Retire(object, scene_.now_ms, true); !status.ok()) return status;
  if (auto status = scene_.rows.Remove(object); !status.ok()) return status;
  Tell(object, "expired");
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ObjectEdit::Sweep(int limit) {
  const auto expired = scene_.rows.ListExpired(scene_.now_ms, limit);
  if (!expired.ok()) return expired.status();
  std::set<int64_t> gone;
  std::vector<QuotaDelta> deltas;
  AddRemovals(*expired, /*retired=*/true, gone, deltas);
  if (auto status = scene_.rows.Charge(deltas); !status.ok()) return status;
  for (const Object& object : *expired) {
    if (auto status = ClearAway(object); !status.ok()) return status;
  }
  return static_cast<int64_t>(expired->size());
}

void ObjectEdit::Tell(const Object& object, const char* action, const std::string& from) {
  Event& event = scene_.events.emplace_back();
  event.time_ms = scene_.now_ms;
  event.kind = "object";
  event.resource_id = object.id;
  event.name = object.name;
  event.action = action;
  event.attributes["generation"] = absl::StrCat(object.generation);
  event.attributes["metageneration"] = absl::StrCat(object.metageneration);
  if (!object.folder) {
    event.attributes["size_bytes"] = absl::StrCat(object.size_bytes);
    event.attributes["content_type"] = object.content_type;
  }
  if (!from.empty()) event.attributes["from"] = from;
}

// ---- Changes of one transaction -----------------------------------------------------------------

absl::Status ObjectClaims::Add(const ObjectStep& step, size_t index) {
  using Kind = ObjectStep::Kind;
  if (step.kind == Kind::kNothing) return absl::OkStatus();
  const std::string_view name =
      step.kind == Kind::kForget && !IsObjectId(step.from) ? step.from : step.object.name;
  const auto twice = [&] { return ChangedTwice(std::string(name), index); };
  if (!names_.insert(name).second) return twice();
  for (const std::string_view folder : folders_)
    if (name.starts_with(folder)) return twice();
  if (step.object.folder) {
    folders_.insert(name);
    const auto inside = names_.upper_bound(name);
    if (inside != names_.end() && inside->starts_with(name)) return twice();
  }
  if (step.kind != Kind::kInsert) return absl::OkStatus();
  if (!ids_.insert(step.object.id).second) return ChangedTwice(step.object.id, index);
  const std::string below = absl::StrCat(step.object.name, "/");
  const auto inside = made_.lower_bound(below);
  if (inside != made_.end() && inside->starts_with(below))
    return AtIndex(IsAFolder(step.object.name), index);
  for (const std::string& ancestor : AncestorsOf(name)) {
    if (made_.contains(ancestor)) return AtIndex(NotAFolder(step.object.name, ancestor), index);
  }
  made_.insert(name);
  return absl::OkStatus();
}

}  // namespace grpc_os::core
