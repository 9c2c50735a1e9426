#include "services/method_table.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/options.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"
#include "grpc_os/v1/volume_services.pb.h"

namespace grpc_os::services {

namespace {

// How people get in and out, and rid of what runs: the shell looks it up before it ends it.
constexpr std::string_view kKept[] = {
    "grpc_os.v1.AuthService/EndSession",       "grpc_os.v1.AuthService/Login",
    "grpc_os.v1.AuthService/LoginPeer",        "grpc_os.v1.AuthService/Logout",
    "grpc_os.v1.AuthService/RefreshToken",     "grpc_os.v1.ProcessService/GetProcess",
    "grpc_os.v1.ProcessService/SignalProcess", "grpc_os.v1.ProcessService/StopProcess",
};

}  // namespace

absl::StatusOr<MethodTable> MethodTable::Build(
    const std::vector<const google::protobuf::FileDescriptor*>& files) {
  MethodTable table;
  std::vector<std::string> missing;
  std::vector<std::string> shared;
  for (const auto* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        const auto* method = service->method(m);
        MethodInfo info;
        info.index = static_cast<int>(table.methods_.size());
        info.full_name = absl::StrCat(service->full_name(), "/", method->name());
        info.permission = method->options().GetExtension(v1::permission);
        info.mutation = method->options().GetExtension(v1::mutation);
        info.kept =
            std::find(std::begin(kKept), std::end(kKept), info.full_name) != std::end(kKept);
        if (info.permission.empty()) missing.push_back(info.full_name);
        info.descriptor = method;
        if (!method->client_streaming()) info.subject = RequestSubject(*method->input_type());
        if (!table.by_request_.emplace(method->input_type(), info.index).second)
          shared.push_back(
              absl::StrCat(info.full_name, " (", method->input_type()->full_name(), ")"));
        table.methods_.push_back(std::move(info));
      }
    }
  }
  if (!missing.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("these methods declare no permission in their proto, so nothing is served: ",
                     absl::StrJoin(missing, ", ")));
  }
  if (!shared.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("these methods take a request that another method takes too, so nothing is "
                     "served: give each a request of its own: ",
                     absl::StrJoin(shared, ", ")));
  }
  return table;
}

absl::StatusOr<MethodTable> MethodTable::BuildApi() { return Build(ApiFiles()); }

std::vector<const google::protobuf::FileDescriptor*> MethodTable::ApiFiles() {
  return {v1::LoginRequest::descriptor()->file(), v1::Process::descriptor()->file(),
          v1::System::descriptor()->file(),       v1::Event::descriptor()->file(),
          v1::Object::descriptor()->file(),       v1::Volume::descriptor()->file(),
          v1::Revision::descriptor()->file(),     v1::Domain::descriptor()->file()};
}

const MethodInfo* MethodTable::Find(const google::protobuf::Descriptor* request) const {
  const auto found = by_request_.find(request);
  return found == by_request_.end() ? nullptr : &methods_[static_cast<size_t>(found->second)];
}

}  // namespace grpc_os::services
