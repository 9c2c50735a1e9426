// Objects and what is to be done with them, from the messages of the API and into them.
#ifndef GRPC_OS_SERVICES_CONVERT_OBJECT_CONVERT_H_
#define GRPC_OS_SERVICES_CONVERT_OBJECT_CONVERT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/object_name.h"
#include "core/object/objects.h"
#include "core/object/storage_usage.h"
#include "core/violations.h"
#include "grpc_os/v1/filesystem_services.pb.h"

namespace grpc_os::services {

// With its data, if it has any.
v1::Object ToProto(const core::Object& object);
v1::TransactObjectsResponse ToProto(const core::ObjectTransactionResult& result);
v1::StorageUsage ToProto(const core::StorageUsage& usage);

// An id as it is, or a name in its absolute form.
std::string ReferenceFromProto(const std::string& given, const std::string& field,
                               core::Violations& violations,
                               core::Root root = core::Root::kRefused);
// Of a list: absolute, a folder's with its slash; with `recursive` any beginning of names.
std::string PrefixFromProto(const std::string& given, bool recursive, const std::string& field,
                            core::Violations& violations);
// A version's number, or 0.
int64_t GenerationFromProto(int64_t given, const std::string& field, core::Violations& violations);
core::Preconditions PreconditionsFromProto(const v1::Preconditions& given, const std::string& field,
                                           core::Violations& violations);
// 64 hexadecimal digits as 32 bytes; empty as it is.
std::string Sha256FromProto(const std::string& given, const std::string& field,
                            core::Violations& violations);

// Reads requests that make and change objects. What is wrong with one is in `violations` and
// `mismatch` afterwards. `prefix`: what stands before its fields in error messages, "" or
// "success[0].put.".
class ObjectReader {
 public:
  struct Tools {
    const core::Digest& digest;
    const core::Checksum& checksum;
    int64_t now_ms;
  };
  explicit ObjectReader(const Tools& tools) : tools_(tools) {}

  core::CreateObject Create(const v1::CreateObjectRequest& request, const std::string& prefix);
  core::PutObject Put(const v1::PutObjectRequest& request, const std::string& prefix);
  // Of a PutObject that gets its content later.
  core::PutObject Target(const v1::Object& object, const v1::Preconditions& preconditions,
                         const std::string& prefix);
  core::UpdateObject Update(const v1::UpdateObjectRequest& request, const std::string& prefix);
  core::DeleteObject Delete(const v1::DeleteObjectRequest& request, const std::string& prefix);
  core::GetObject Get(const v1::GetObjectRequest& request, const std::string& prefix);
  core::ObjectTransaction Transaction(const v1::TransactObjectsRequest& request);

  // FIELD_INVALID with all fields, else CHECKSUM_MISMATCH, else OK.
  absl::Status status() const;
  core::Violations& violations() { return violations_; }

 private:
  core::ObjectContent Content(const std::string& data, std::optional<uint32_t> crc32c,
                              const std::string& field);
  std::string ContentType(const v1::Object& object, const std::string& prefix);
  std::map<std::string, std::string> Metadata(const v1::Object& object, const std::string& prefix);
  int64_t ExpireTime(const v1::Object& object, const std::string& prefix);
  // 0: none.
  int64_t Ttl(const v1::Object& object, const std::string& prefix);
  core::CompareObject Compare(const v1::TransactObjectsRequest::Compare& compare,
                              const std::string& prefix);
  std::optional<core::ObjectChange> Change(const v1::TransactObjectsRequest::Change& change,
                                           const std::string& prefix);
  void Changes(
      const google::protobuf::RepeatedPtrField<v1::TransactObjectsRequest::Change>& changes,
      const std::string& list, std::vector<core::ObjectChange>& out);

  const Tools tools_;
  core::Violations violations_;
  absl::Status mismatch_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_OBJECT_CONVERT_H_
