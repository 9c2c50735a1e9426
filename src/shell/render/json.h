// Messages of the API as JSON.
#ifndef GRPC_OS_SHELL_RENDER_JSON_H_
#define GRPC_OS_SHELL_RENDER_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace grpc_os::shell {

enum class JsonLayout { kIndented, kOneLine };

// The canonical protobuf JSON mapping with defaults printed, ending with a newline.
std::string ToJson(const google::protobuf::Message& message,
                   JsonLayout layout = JsonLayout::kIndented);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_JSON_H_
