// What differs between two specs of a process, field by field.
#ifndef GRPC_OS_SHELL_COMMANDS_SPEC_DIFFERENCE_H_
#define GRPC_OS_SHELL_COMMANDS_SPEC_DIFFERENCE_H_

#include <google/protobuf/struct.pb.h>

#include <optional>
#include <string>
#include <vector>

#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

struct Difference {
  std::string field;                  // as the API calls it: "command", "environment.PORT"
  std::optional<std::string> before;  // nullopt: it was not set
  std::optional<std::string> after;   // nullopt: it is not set

  bool operator==(const Difference&) const = default;
};

// In the order of the fields. Of secret variables only that there are such.
std::vector<Difference> DifferencesOf(const v1::ProcessSpec& before, const v1::ProcessSpec& after);

// "- field: before" and "+ field: after", for people.
void PrintDifferences(Session& session, const std::vector<Difference>& differences);
// {"differences": [{"field": …, "before": …, "after": …}]}, for programs.
google::protobuf::Struct ToStruct(const std::vector<Difference>& differences);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_SPEC_DIFFERENCE_H_
