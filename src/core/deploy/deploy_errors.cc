#include "core/deploy/deploy_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

absl::Status RevisionNotFound(const std::string& process, int64_t number) {
  return MakeError(StatusCode::kNotFound,
                   number == 0
                       ? StrCat("'", process, "' has no revision: it was never deployed; ",
                                "`register-process DIR` does that")
                       : StrCat("'", process, "' has no revision ", number,
                                " (any more); `revisions ", process, "` lists those that are kept"),
                   {.reason = reason::kRevisionNotFound,
                    .metadata = {{"process", process}, {"number", StrCat(number)}}});
}

absl::Status NothingToRollBackTo(const std::string& process) {
  return MakeError(
      StatusCode::kNotFound,
      StrCat("'", process, "' has no earlier revision that was deployed; `revisions ", process,
             "` lists those that are kept"),
      {.reason = reason::kRevisionNotFound, .metadata = {{"process", process}, {"number", "0"}}});
}

absl::Status DeployInProgress(const std::string& process, int64_t number) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat(number == 0 ? "another deploy" : StrCat("revision ", number), " of '",
                          process, "' is being deployed just now; try again once it is done: `",
                          "revisions ", process, "`"),
                   {.reason = reason::kDeployInProgress,
                    .metadata = {{"process", process}, {"number", StrCat(number)}}});
}

absl::Status SpecTooLarge(int64_t bytes) {
  return MakeError(
      StatusCode::kInvalidArgument,
      StrCat("the spec has ", bytes, " bytes, and one that is deployed has at most ",
             limits::kRevisionSpecBytes, "; put large values into files of the directory"),
      {.reason = reason::kFieldInvalid});
}

absl::Status BundleNotFound(const std::string& digest) {
  return MakeError(
      StatusCode::kNotFound,
      StrCat("there is no bundle ", digest,
             " (any more); upload it again: "
             "`register-process DIR` does"),
      {.reason = reason::kObjectNotFound, .metadata = {{"name", StrCat("/bundles/", digest)}}});
}

absl::Status BundleRefused(const std::string& digest, const std::string& why) {
  return MakeError(StatusCode::kInvalidArgument, why,
                   {.reason = reason::kBundleRefused, .metadata = {{"bundle", digest}}});
}

absl::Status BundleDamaged(const std::string& digest, const std::string& why) {
  return MakeError(
      StatusCode::kDataLoss,
      StrCat(why, "; remove what is damaged of it (the object /bundles/", digest,
             ", or in the data directory bundles/", digest, ") and register the directory again"),
      {.reason = reason::kBundleDamaged, .metadata = {{"bundle", digest}}});
}

}  // namespace grpc_os::core
