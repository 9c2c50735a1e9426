// What goes wrong with objects, as errors that say what to do. Of contents: upload_errors.h.
#ifndef GRPC_OS_CORE_OBJECT_OBJECT_ERRORS_H_
#define GRPC_OS_CORE_OBJECT_OBJECT_ERRORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/object/object.h"
#include "core/object/quota.h"

namespace grpc_os::core {

enum class ObjectVerb;

// `generation`: of the version that was asked for; 0: the live object.
absl::Status ObjectNotFound(const std::string& name_or_id, int64_t generation = 0);
// Nothing that could be brought back.
absl::Status NothingDeleted(const std::string& name_or_id, int64_t generation);
// For a name that the caller's roles do not let read or write.
absl::Status NameForbidden(ObjectVerb verb, std::string_view name);
// For something in `folder` that the caller's roles do not even let know of.
absl::Status InsideForbidden(ObjectVerb verb, const std::string& folder);
absl::Status SystemObject(const std::string& name);
// As what is copied, compared or read by a change.
absl::Status SystemObjectInChange(const std::string& name);
absl::Status ObjectNameTaken(const Object& owner);
absl::Status ObjectIdTaken(const Object& owner);
// By an object that the caller's roles do not let know of.
absl::Status HiddenIdTaken(const std::string& id);
// By an object that was deleted and can still be brought back.
absl::Status DeletedIdTaken(const Object& version);
// What was to be brought back is there.
absl::Status NotDeleted(const Object& live);
// `object` is a part of the path of `name`.
absl::Status NotAFolder(const std::string& name, const std::string& object);
absl::Status IsAFolder(const std::string& name);
absl::Status FolderNotEmpty(const std::string& folder);
absl::Status FolderIntoItself(const std::string& folder, const std::string& destination);
absl::Status NameTooLong(const std::string& field, size_t bytes);
// More than limits::kObjectsPerCall.
absl::Status TooManyObjects(const std::string& folder);
// As TooManyObjects: with what the changes of the transaction before it are about.
absl::Status TooManyTogether(const std::string& name);
// That would be removed, more than `most`.
absl::Status TooManyVersions(const std::string& name, int64_t most);
// Of a transaction, more than `most`.
absl::Status TooMuchToAnswer(int64_t most);
// Versions of `name` lie under other names, which the caller's roles do not let write or know of.
absl::Status VersionsForbidden(const std::string& name);
// OK if `wanted` holds for the live object `name`; nullptr: there is none.
absl::Status CheckPreconditions(const Preconditions& wanted, const std::string& name,
                                const Object* live);

// Of a transaction: what is wrong with its change `index`.
absl::Status AtIndex(const absl::Status& status, size_t index);
absl::Status ChangedTwice(const std::string& name, size_t index);

// `what`: "bytes" or "objects", of which `more` would be added.
absl::Status QuotaExceeded(const Quota& quota, const std::string& what, int64_t used, int64_t more,
                           int64_t limit);
absl::Status QuotaNotFound(const std::string& prefix);
absl::Status TooManyQuotas();
absl::Status OffsetOutOfRange(int64_t offset, int64_t size_bytes);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECT_ERRORS_H_
