#include "shell/render/json.h"

#include <google/protobuf/util/json_util.h>

#include "shell/escape.h"

namespace grpc_os::shell {

std::string ToJson(const google::protobuf::Message& message, JsonLayout layout) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = layout == JsonLayout::kIndented;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only a time or duration out of the range of its type has no JSON form.
  if (!status.ok()) json = "{}";
  if (json.empty() || json.back() != '\n') json.push_back('\n');
  return EscapeJson(json);
}

std::string ToYaml(const google::protobuf::Message& message) { return JsonToYaml(ToJson(message)); }

}  // namespace grpc_os::shell
