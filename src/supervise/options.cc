#include "supervise/options.h"

#include <cstdint>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace grpc_os::supervise {
namespace {

absl::StatusOr<uint32_t> ParseNumericId(const std::string& option, const std::string& value) {
  uint32_t number = 0;
  if (!absl::SimpleAtoi(value, &number) || number == UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " takes a numeric id, not '", value, "'"));
  }
  return number;
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> given;
  for (const char* known :
       {"--instance", "--process-id", "--process-name", "--dir", "--log-dir", "--cgroup", "--uid",
        "--gid", "--groups", "--account", "--home", "--shell", "--low-ports", "--kind"}) {
    given[known] = "";
  }
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const auto option = given.find(arguments[i]);
    if (option == given.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown option '", arguments[i], "'"));
    }
    if (i + 1 == arguments.size()) {
      return absl::InvalidArgumentError(absl::StrCat(arguments[i], " needs a value"));
    }
    option->second = arguments[i + 1];
  }
  for (const char* needed :
       {"--instance", "--process-id", "--process-name", "--dir", "--log-dir", "--cgroup"}) {
    if (given[needed].empty()) {
      return absl::InvalidArgumentError(absl::StrCat(needed, " is missing"));
    }
  }
  Options options{.instance_id = given["--instance"],
                  .process_id = given["--process-id"],
                  .process_name = given["--process-name"],
                  .directory = given["--dir"],
                  .log_directory = given["--log-dir"],
                  .cgroup = given["--cgroup"] == "none" ? "" : given["--cgroup"],
                  .account = std::nullopt,
                  .task = given["--kind"] == "task"};
  if (!given["--kind"].empty() && !options.task) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kind is task or left out, not '", given["--kind"], "'"));
  }
  const bool low_ports = given["--low-ports"] == "yes";
  if (!given["--low-ports"].empty() && (!low_ports || given["--uid"].empty())) {
    return absl::InvalidArgumentError("--low-ports is yes, with an account, or left out");
  }
  if (given["--uid"].empty()) return options;
  const auto uid = ParseNumericId("--uid", given["--uid"]);
  const auto gid = ParseNumericId("--gid", given["--gid"]);
  if (!uid.ok()) return uid.status();
  if (!gid.ok()) return gid.status();
  if (*uid == 0) return absl::InvalidArgumentError("--uid 0: a process never runs as root");
  options.account =
      Account{*uid, *gid, {}, given["--account"], given["--home"], given["--shell"], low_ports};
  const std::vector<std::string> groups = absl::StrSplit(given["--groups"], ',', absl::SkipEmpty());
  for (const std::string& group : groups) {
    const auto id = ParseNumericId("--groups", group);
    if (!id.ok()) return id.status();
    options.account->groups.push_back(*id);
  }
  return options;
}

}  // namespace grpc_os::supervise
