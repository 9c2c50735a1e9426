// The methods of the API and the permission that each one declares.
#ifndef GRPC_OS_SERVICES_METHOD_TABLE_H_
#define GRPC_OS_SERVICES_METHOD_TABLE_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "services/request_subject.h"

namespace grpc_os::services {

inline constexpr char kNoLogin[] = "none";
inline constexpr char kAnyLogin[] = "authenticated";

struct MethodInfo {
  int index = 0;           // from 0, without gaps
  std::string full_name;   // "grpc_os.v1.ProcessService/GetProcess"
  std::string permission;  // "process.read", kNoLogin or kAnyLogin
  bool mutation = false;   // changes something, so that each call is audited
  bool kept = false;       // has a lane of its own when there is no place for others (admission.h)
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  RequestSubject subject = {};
};

// Immutable after it was made.
class MethodTable {
 public:
  // Of the services of these files. FAILED_PRECONDITION, naming each one, if a method declares no
  // permission, or takes the request of another method: handlers are found by it.
  static absl::StatusOr<MethodTable> Build(
      const std::vector<const google::protobuf::FileDescriptor*>& files);
  // Of the API of this program.
  static absl::StatusOr<MethodTable> BuildApi();
  static std::vector<const google::protobuf::FileDescriptor*> ApiFiles();

  // The one that takes this request; null: none.
  const MethodInfo* Find(const google::protobuf::Descriptor* request) const;
  const std::vector<MethodInfo>& all() const { return methods_; }

 private:
  std::vector<MethodInfo> methods_;
  std::unordered_map<const google::protobuf::Descriptor*, int> by_request_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_METHOD_TABLE_H_
