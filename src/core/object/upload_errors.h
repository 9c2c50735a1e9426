// What goes wrong with uploads and blobs, as errors that say what to do.
#ifndef GRPC_OS_CORE_OBJECT_UPLOAD_ERRORS_H_
#define GRPC_OS_CORE_OBJECT_UPLOAD_ERRORS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace grpc_os::core {

absl::Status UploadNotFound(const std::string& id);
absl::Status UploadBusy(const std::string& id);
// It gave way to one that was begun later.
absl::Status UploadSuperseded(const std::string& id);
absl::Status UploadOffset(const std::string& id, int64_t offset, int64_t persisted_bytes);
// The piece repeats an offset with other bytes.
absl::Status UploadDiffers(const std::string& id, int64_t offset, int64_t persisted_bytes);
absl::Status UploadTooLong(const std::string& id, int64_t size_bytes, int64_t persisted_bytes);
absl::Status UploadIncomplete(const std::string& id, int64_t persisted_bytes, int64_t size_bytes);
absl::Status UploadComplete(const std::string& id, int64_t persisted_bytes);
absl::Status TooManyUploads(int limit);
absl::Status TooManyUploadsOfUser(int limit);
absl::Status TooManyUploadStreams(int limit);
absl::Status TooManyUploadStreamsOfUser(int limit);
absl::Status ObjectTooLarge();
// `what`: "the piece at 4096", "the content"; wanted and found in the form that the client gave.
absl::Status ChecksumMismatch(std::string_view what, const std::string& wanted,
                              const std::string& found);
// `name` of an object, or "the upload …".
absl::Status ObjectDamaged(const std::string& name, const std::string& sha256,
                           const std::string& how);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_UPLOAD_ERRORS_H_
