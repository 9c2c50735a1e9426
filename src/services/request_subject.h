// What a request is about, for the audit of its refusal.
#ifndef GRPC_OS_SERVICES_REQUEST_SUBJECT_H_
#define GRPC_OS_SERVICES_REQUEST_SUBJECT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace grpc_os::services {

// The fields of one sort of request that name things: its `name`, `process`, `user`, `prefix`,
// `upload_id`, `id` or `label`, the first that it has, or else those of the messages in it.
// Immutable.
class RequestSubject {
 public:
  RequestSubject() = default;
  explicit RequestSubject(const google::protobuf::Descriptor& request);

  bool empty() const { return paths_.empty(); }
  // The names and ids, each once, in their order, with spaces between; of many, the first ones.
  std::string Of(const google::protobuf::Message& request) const;

 private:
  using Path = std::vector<const google::protobuf::FieldDescriptor*>;  // from the outermost

  std::vector<Path> paths_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_REQUEST_SUBJECT_H_
