#include "core/object/upload_errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

using absl::StatusCode;
using absl::StrCat;

}  // namespace

absl::Status UploadNotFound(const std::string& id) {
  return MakeError(StatusCode::kNotFound,
                   StrCat("there is no upload '", id,
                          "' of yours; it may have been finished, cancelled, or forgotten after 24 "
                          "hours without a piece: start another"),
                   {.reason = reason::kUploadNotFound, .metadata = {{"upload_id", id}}});
}

absl::Status UploadBusy(const std::string& id) {
  return MakeError(StatusCode::kAborted,
                   StrCat("another call works on the upload ", id,
                          " just now; wait for its end, or end it, and try again"),
                   {.reason = reason::kUploadBusy,
                    .metadata = {{"upload_id", id}},
                    .violations = {},
                    .retry_after_ms = 1000});
}

absl::Status UploadSuperseded(const std::string& id) {
  return MakeError(StatusCode::kAborted,
                   StrCat("the upload ", id,
                          " was idle for longest when more were begun than may be open, and gave "
                          "way: start it anew"),
                   {.reason = reason::kUploadSuperseded, .metadata = {{"upload_id", id}}});
}

absl::Status UploadOffset(const std::string& id, int64_t offset, int64_t persisted_bytes) {
  return MakeError(StatusCode::kOutOfRange,
                   StrCat("the piece at ", offset, " does not follow what is there of the upload ",
                          id, "; go on at ", persisted_bytes),
                   {.reason = reason::kUploadOffset,
                    .metadata = {{"upload_id", id}, {"persisted_bytes", StrCat(persisted_bytes)}}});
}

absl::Status UploadDiffers(const std::string& id, int64_t offset, int64_t persisted_bytes) {
  return MakeError(
      StatusCode::kOutOfRange,
      StrCat("the piece at ", offset, " has other bytes than were written there of the upload ", id,
             "; go on at ", persisted_bytes, ", or cancel the upload and start another"),
      {.reason = reason::kUploadOffset,
       .metadata = {{"upload_id", id}, {"persisted_bytes", StrCat(persisted_bytes)}}});
}

absl::Status UploadTooLong(const std::string& id, int64_t size_bytes, int64_t persisted_bytes) {
  return MakeError(StatusCode::kOutOfRange,
                   StrCat("the upload ", id, " was announced with ", size_bytes,
                          " bytes and gets more; finish it with these, or cancel it and start one "
                          "of another size"),
                   {.reason = reason::kUploadOffset,
                    .metadata = {{"upload_id", id}, {"persisted_bytes", StrCat(persisted_bytes)}}});
}

absl::Status UploadIncomplete(const std::string& id, int64_t persisted_bytes, int64_t size_bytes) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("the upload ", id, " has ", persisted_bytes, " of ", size_bytes, " bytes; ",
             persisted_bytes < size_bytes ? "write the rest, then finish it"
                                          : "finish it with its true size"),
      {.reason = reason::kUploadIncomplete,
       .metadata = {{"upload_id", id},
                    {"persisted_bytes", StrCat(persisted_bytes)},
                    {"size_bytes", StrCat(size_bytes)}}});
}

absl::Status UploadComplete(const std::string& id, int64_t persisted_bytes) {
  return MakeError(StatusCode::kOutOfRange,
                   StrCat("the upload ", id, " is complete with its ", persisted_bytes,
                          " bytes and takes no more; finish or cancel it"),
                   {.reason = reason::kUploadOffset,
                    .metadata = {{"upload_id", id}, {"persisted_bytes", StrCat(persisted_bytes)}}});
}

absl::Status TooManyUploads(int limit) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("there are ", limit,
             " unfinished uploads already, and none may give way; finish or cancel one of them"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "uploads open"}, {"value", StrCat(limit)}}});
}

absl::Status TooManyUploadsOfUser(int limit) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("you have ", limit,
             " unfinished uploads already, and none may give way; finish or cancel one of them"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "uploads open of one user"}, {"value", StrCat(limit)}}});
}

absl::Status TooManyUploadStreams(int limit) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat(limit, " uploads are written just now; try again when one has ended"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "uploads written at a time"}, {"value", StrCat(limit)}},
                    .violations = {},
                    .retry_after_ms = 1000});
}

absl::Status TooManyUploadStreamsOfUser(int limit) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat(limit, " uploads of yours are written just now; try again when one has ended"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "uploads written at a time by one user"}, {"value", StrCat(limit)}},
       .violations = {},
       .retry_after_ms = 1000});
}

absl::Status ObjectTooLarge() {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("an object has at most ", limits::kObjectBytes,
             " bytes; split the content among several objects"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "bytes of an object"}, {"value", StrCat(limits::kObjectBytes)}}});
}

absl::Status ChecksumMismatch(std::string_view what, const std::string& wanted,
                              const std::string& found) {
  return MakeError(
      StatusCode::kInvalidArgument,
      StrCat(absl::string_view(what.data(), what.size()), " should have the checksum ", wanted,
             ", the bytes that arrived have ", found, "; send them again"),
      {.reason = reason::kChecksumMismatch, .metadata = {{"wanted", wanted}, {"found", found}}});
}

absl::Status ObjectDamaged(const std::string& name, const std::string& sha256,
                           const std::string& how) {
  return MakeError(
      StatusCode::kDataLoss,
      StrCat("the stored content of ", name, " is damaged (", how,
             "); restore it from a backup, or put the same content again"),
      {.reason = reason::kObjectDamaged,
       .metadata = {{"name", name}, {"sha256", absl::BytesToHexString(sha256)}, {"found", how}}});
}

}  // namespace grpc_os::core
