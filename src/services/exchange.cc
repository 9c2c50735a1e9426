#include "services/exchange.h"

#include "absl/strings/str_cat.h"
#include "core/violations.h"

namespace grpc_os::services {

absl::Status MalformedRequest(const google::protobuf::Message& message, std::string_view how) {
  core::Violations violations;
  violations.Add("request", absl::StrCat("cannot be read as a ", message.GetTypeName(), "; ",
                                         std::string(how)));
  return violations.ToStatus();
}

}  // namespace grpc_os::services
