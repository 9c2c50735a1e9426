// What the options of `touch` and `put` say about an object.
#ifndef GRPC_OS_SHELL_COMMANDS_OBJECT_FIELDS_H_
#define GRPC_OS_SHELL_COMMANDS_OBJECT_FIELDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/command_table.h"
#include "shell/parser.h"

namespace grpc_os::shell {

struct ObjectFields {
  v1::Object object;              // its name and what is given
  std::vector<std::string> mask;  // the fields that are given
  std::optional<v1::Preconditions> preconditions;
};

// --type, --meta, --expire and --if-generation.
std::vector<Option> FieldOptions();
// What they say. INVALID_ARGUMENT, naming the option.
absl::StatusOr<ObjectFields> ReadObjectFields(const Arguments& arguments, std::string name);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_OBJECT_FIELDS_H_
