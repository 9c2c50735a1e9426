#include "core/object/object_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/objects.h"
#include "core/violations.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

namespace {

absl::Status FieldInvalid(const std::string& field, const std::string& description) {
  Violations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

}  // namespace

absl::Status ObjectNotFound(const std::string& name_or_id, int64_t generation) {
  ErrorDetail detail{.reason = reason::kObjectNotFound, .metadata = {{"name", name_or_id}}};
  if (generation == 0) {
    return MakeError(StatusCode::kNotFound,
                     StrCat("there is no object '", name_or_id, "'; `ls` lists what there is"),
                     detail);
  }
  detail.metadata["generation"] = StrCat(generation);
  return MakeError(StatusCode::kNotFound,
                   StrCat("of '", name_or_id, "' there is no generation ", generation,
                          " (any more); `history ", name_or_id, "` lists those there are"),
                   detail);
}

absl::Status NothingDeleted(const std::string& name_or_id, int64_t generation) {
  ErrorDetail detail{.reason = reason::kObjectNotFound, .metadata = {{"name", name_or_id}}};
  if (generation != 0) detail.metadata["generation"] = StrCat(generation);
  return MakeError(
      StatusCode::kNotFound,
      StrCat("nothing of '", name_or_id, "'", generation == 0 ? "" : StrCat("@", generation),
             " is kept that could be brought back; `history ", name_or_id, "` lists what is"),
      detail);
}

absl::Status NameForbidden(ObjectVerb verb, std::string_view name) {
  const bool write = verb == ObjectVerb::kWrite;
  return MakeError(
      StatusCode::kPermissionDenied,
      StrCat("your roles do not let you ", write ? "write" : "read", " '",
             absl::string_view(name.data(), name.size()), "'; ask an admin for one that does"),
      {.reason = reason::kPermissionMissing,
       .metadata = {{"permission", write ? "object.write" : "object.read"},
                    {"name", std::string(name)}}});
}

absl::Status InsideForbidden(ObjectVerb verb, const std::string& folder) {
  const bool write = verb == ObjectVerb::kWrite;
  return MakeError(
      StatusCode::kPermissionDenied,
      StrCat("your roles do not let you ", write ? "write" : "read", " all that lies in '", folder,
             "'; name what they let you, or ask an admin for one that does"),
      {.reason = reason::kPermissionMissing,
       .metadata = {{"permission", write ? "object.write" : "object.read"}, {"name", folder}}});
}

absl::Status SystemObject(const std::string& name) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", name,
                          "' belongs to the system: what lies in /proc, /sys and /domains can only "
                          "be read; choose a name elsewhere"),
                   {.reason = reason::kSystemObject, .metadata = {{"name", name}}});
}

absl::Status SystemObjectInChange(const std::string& name) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("'", name,
             "' belongs to the system and is made anew for each read, so no change can "
             "refer to it; read it, and write what you read"),
      {.reason = reason::kSystemObject, .metadata = {{"name", name}}});
}

absl::Status ObjectNameTaken(const Object& owner) {
  return MakeError(
      StatusCode::kAlreadyExists,
      StrCat("the name '", owner.name, "' is taken by ", owner.id.empty() ? "a folder" : owner.id,
             "; remove it with `rm ", owner.name, "`, or choose another name"),
      {.reason = reason::kNameTaken, .metadata = {{"name", owner.name}, {"id", owner.id}}});
}

absl::Status ObjectIdTaken(const Object& owner) {
  return MakeError(
      StatusCode::kAlreadyExists,
      StrCat("the id '", owner.id, "' is taken by '", owner.name,
             "'; choose another or leave it out"),
      {.reason = reason::kIdTaken, .metadata = {{"id", owner.id}, {"name", owner.name}}});
}

absl::Status HiddenIdTaken(const std::string& id) {
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("the id '", id, "' is taken; choose another or leave it out"),
                   {.reason = reason::kIdTaken, .metadata = {{"id", id}}});
}

absl::Status DeletedIdTaken(const Object& version) {
  return MakeError(
      StatusCode::kAlreadyExists,
      StrCat("the id '", version.id, "' is that of '", version.name,
             "', which was deleted; bring it back with `undelete ", version.id,
             "`, remove it for good with `rm --now ", version.id, "`, or choose another id"),
      {.reason = reason::kIdTaken, .metadata = {{"id", version.id}, {"name", version.name}}});
}

absl::Status NotDeleted(const Object& live) {
  return MakeError(
      StatusCode::kAlreadyExists,
      StrCat("'", live.name, "' (", live.id,
             ") is there and was not deleted; copy one of its versions with `cp ", live.name,
             "@GENERATION NAME`"),
      {.reason = reason::kNameTaken, .metadata = {{"name", live.name}, {"id", live.id}}});
}

absl::Status NotAFolder(const std::string& name, const std::string& object) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("'", object, "' is an object and no folder, so there can be no '", name,
             "'; remove or rename the object, or choose another name"),
      {.reason = reason::kNotAFolder, .metadata = {{"name", name}, {"object", object}}});
}

absl::Status IsAFolder(const std::string& name) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", name, "' is a folder, and this needs an object; name one in it"),
                   {.reason = reason::kIsAFolder, .metadata = {{"name", name}}});
}

absl::Status FolderNotEmpty(const std::string& folder) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("the folder '", folder, "' is not empty; `rm -r ", folder,
                          "` deletes it with all that lies in it"),
                   {.reason = reason::kFolderNotEmpty, .metadata = {{"name", folder}}});
}

absl::Status FolderIntoItself(const std::string& folder, const std::string& destination) {
  return FieldInvalid("destination", StrCat("'", destination, "' and '", folder,
                                            "' lie one in the other; choose one outside of it"));
}

absl::Status NameTooLong(const std::string& field, size_t bytes) {
  return FieldInvalid(field, StrCat("makes a name of ", bytes, " bytes, the limit is ",
                                    limits::kPathBytes, "; choose a shorter one"));
}

absl::Status TooManyObjects(const std::string& folder) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat(
          "in '", folder, "' lie more than ", limits::kObjectsPerCall,
          " objects, the most that one revision takes; `rm -r` and `mv` take it in parts, programs "
          "with DeleteObject `in_parts` and MoveFolder"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "objects_per_call"}, {"value", StrCat(limits::kObjectsPerCall)}}});
}

absl::Status TooManyTogether(const std::string& name) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("with '", name, "' this transaction deletes more than ", limits::kObjectsPerCall,
             " objects, the most that one call takes; make several transactions of it"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "objects_per_call"}, {"value", StrCat(limits::kObjectsPerCall)}}});
}

absl::Status TooManyVersions(const std::string& name, int64_t most) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("of '", name, "' this would remove more than ", most,
                          " old versions, the most that one revision takes; `rm -r` takes them in "
                          "parts, programs with DeleteObject `in_parts`"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "versions_per_call"}, {"value", StrCat(most)}}});
}

absl::Status TooMuchToAnswer(int64_t most) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("the answer of this transaction would have more than ", most,
                          " bytes; read fewer contents and objects with much metadata in one"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "answer_bytes"}, {"value", StrCat(most)}}});
}

absl::Status VersionsForbidden(const std::string& name) {
  return MakeError(
      StatusCode::kPermissionDenied,
      StrCat("of '", name,
             "' this would remove versions under other names, which your roles do not let you "
             "write; delete it without them, or ask an admin to remove them"),
      {.reason = reason::kPermissionMissing,
       .metadata = {{"permission", "object.write"}, {"name", name}}});
}

absl::Status CheckPreconditions(const Preconditions& wanted, const std::string& name,
                                const Object* live) {
  const int64_t generation = live == nullptr ? 0 : live->generation;
  const int64_t metageneration = live == nullptr ? 0 : live->metageneration;
  const char* field = nullptr;
  int64_t value = 0;
  const auto check = [&](const std::optional<int64_t>& given, bool equal, int64_t found,
                         const char* one) {
    if (field != nullptr || !given.has_value() || (*given == found) == equal) return;
    field = one;
    value = *given;
  };
  check(wanted.generation, true, generation, "if_generation_match");
  check(wanted.not_generation, false, generation, "if_generation_not_match");
  check(wanted.metageneration, true, metageneration, "if_metageneration_match");
  check(wanted.not_metageneration, false, metageneration, "if_metageneration_not_match");
  if (field == nullptr) return absl::OkStatus();
  const std::string found = live == nullptr ? std::string("it does not exist")
                                            : StrCat("it has generation ", generation,
                                                     " and metageneration ", metageneration);
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", name, "' is not as wanted (", field, " ", value, "): ", found,
                          "; read it and decide again"),
                   {.reason = reason::kPreconditionFailed,
                    .metadata = {{"name", name},
                                 {"field", field},
                                 {"wanted", StrCat(value)},
                                 {"generation", StrCat(generation)},
                                 {"metageneration", StrCat(metageneration)}}});
}

absl::Status AtIndex(const absl::Status& status, size_t index) {
  auto detail = DetailOf(status);
  if (!detail.has_value()) return status;  // of the storage, not of the change
  detail->metadata["index"] = StrCat(index);
  return MakeError(status.code(), StrCat("change ", index, ": ", status.message()), *detail);
}

absl::Status ChangedTwice(const std::string& name, size_t index) {
  return AtIndex(FieldInvalid("name", StrCat("'", name,
                                             "' is changed twice by this transaction; make one "
                                             "change of it, or two transactions")),
                 index);
}

absl::Status QuotaExceeded(const Quota& quota, const std::string& what, int64_t used, int64_t more,
                           int64_t limit) {
  const std::string cure =
      quota.include_versions
          ? StrCat("old versions count: drop them with `rm --versions -r ", quota.prefix, "`")
          : "delete something below it, which is always allowed";
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("the quota of '", quota.prefix, "' is ", limit, " ", what, ": ", used,
             " are used, and this would add ", more, "; ", cure, ", or have the quota raised"),
      {.reason = reason::kQuotaExceeded,
       .metadata = {{"prefix", quota.prefix},
                    {"quota", what},
                    {"used", StrCat(used)},
                    {"limit", StrCat(limit)}}});
}

absl::Status QuotaNotFound(const std::string& prefix) {
  return MakeError(
      StatusCode::kNotFound,
      StrCat("'", prefix, "' has no quota of its own; `quota ls` lists those there are"),
      {.reason = reason::kQuotaNotFound, .metadata = {{"prefix", prefix}}});
}

absl::Status TooManyQuotas() {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("there are ", limits::kQuotas,
                          " quotas, the most there may be; delete one that is not needed any more"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "quotas"}, {"value", StrCat(limits::kQuotas)}}});
}

absl::Status OffsetOutOfRange(int64_t offset, int64_t size_bytes) {
  return MakeError(StatusCode::kOutOfRange,
                   StrCat("the offset ", offset, " lies outside of the content's ", size_bytes,
                          " bytes; give one within it"),
                   {.reason = reason::kOffsetOutOfRange,
                    .metadata = {{"offset", StrCat(offset)}, {"size_bytes", StrCat(size_bytes)}}});
}

}  // namespace grpc_os::core
