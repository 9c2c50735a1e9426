#include "core/resource/resource_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

namespace {

std::string Command(const ResourceKind& kind, const char* own, const char* verb) {
  return own != nullptr ? StrCat("`", own, "`") : StrCat("`", kind.name, " ", verb, "`");
}
std::string List(const ResourceKind& kind) { return Command(kind, kind.list_command, "ls"); }
std::string Change(const ResourceKind& kind) {
  return Command(kind, kind.change_command, "update");
}
std::string Remove(const ResourceKind& kind) { return Command(kind, kind.remove_command, "rm"); }

}  // namespace

absl::Status ResourceNotFound(const ResourceKind& kind, const std::string& reference) {
  return MakeError(
      StatusCode::kNotFound,
      StrCat("there is no ", kind.name, " '", reference, "'; ", List(kind), " lists all"),
      {.reason = kind.not_found, .metadata = {{kind.name, reference}}});
}

absl::Status ResourceExists(const ResourceKind& kind, const std::string& name) {
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("there is a ", kind.name, " '", name, "' already; change it with ",
                          Change(kind), ", or take another name"),
                   {.reason = kind.exists, .metadata = {{kind.name, name}}});
}

absl::Status ResourceChanged(const ResourceKind& kind, const ResourceMeta& actual,
                             const std::string& given_etag) {
  const std::string etag = EtagOf(actual);
  return MakeError(
      StatusCode::kAborted,
      StrCat("the ", kind.name, " '", actual.name, "' changed meanwhile (its etag is ", etag,
             ", not ", given_etag, "); read it and try again"),
      {.reason = reason::kEtagMismatch, .metadata = {{kind.name, actual.name}, {"etag", etag}}});
}

absl::Status TooManyResources(const ResourceKind& kind) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("there are ", kind.most, " ", kind.name,
                          "s, the limit; remove some with ", Remove(kind)),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", kind.limit}, {"value", StrCat(kind.most)}}});
}

absl::Status ResourceDamaged(const ResourceKind& kind, const std::string& name,
                             const absl::Status& why) {
  return MakeError(StatusCode::kDataLoss,
                   StrCat("the stored ", kind.name, " '", name, "' is damaged: ", why.message(),
                          "; restore a backup of the database, or remove it with ", Remove(kind),
                          " and make it anew"),
                   {.reason = reason::kStoreDamaged, .metadata = {{kind.name, name}}});
}

}  // namespace grpc_os::core
