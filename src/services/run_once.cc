#include "services/run_once.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "base/limits.h"
#include "core/violations.h"

namespace grpc_os::services {

std::string ContentOf(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  if (const auto* field = copy->GetDescriptor()->FindFieldByName("request_id"); field != nullptr)
    copy->GetReflection()->ClearField(copy.get(), field);
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // maps in the order of their keys
    copy->SerializeToCodedStream(&coded);
  }
  return out;
}

absl::Status CheckRequestId(const std::string& request_id) {
  const bool fits = request_id.size() <= limits::kRequestIdBytes;
  const bool printable = std::all_of(request_id.begin(), request_id.end(),
                                     [](char byte) { return absl::ascii_isgraph(byte); });
  core::Violations violations;
  if (!fits || !printable)
    violations.Add("request_id", "give 1 to 128 printable ASCII characters without spaces");
  return violations.ToStatus();
}

}  // namespace grpc_os::services
