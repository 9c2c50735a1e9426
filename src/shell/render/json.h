// Messages of the API as programs read them: by the canonical protobuf JSON mapping, with defaults
// printed. Control characters and those that reorder text are escaped, as a terminal may show it.
#ifndef GRPC_OS_SHELL_RENDER_JSON_H_
#define GRPC_OS_SHELL_RENDER_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace grpc_os::shell {

enum class JsonLayout { kIndented, kOneLine };

// Ends with a newline.
std::string ToJson(const google::protobuf::Message& message,
                   JsonLayout layout = JsonLayout::kIndented);

// A YAML 1.2 document of the same content in block style, without `---`. Ends with a newline.
// Strings are quoted unless no reader of YAML can take them for anything else.
std::string ToYaml(const google::protobuf::Message& message);

// `json`, which ToJson made, as YAML.
std::string JsonToYaml(const std::string& json);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_JSON_H_
