#include "shell/commands/spec_options.h"

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "shell/current_directory.h"
#include "shell/quantity.h"
#include "shell/suggest.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<v1::ProcessSpec::RestartPolicy> ParsePolicy(const std::string& word) {
  if (word == "always") return v1::ProcessSpec::RESTART_POLICY_ALWAYS;
  if (word == "on-failure") return v1::ProcessSpec::RESTART_POLICY_ON_FAILURE;
  if (word == "never") return v1::ProcessSpec::RESTART_POLICY_NEVER;
  const std::string nearest = Nearest(word, {"always", "on-failure", "never"});
  return absl::InvalidArgumentError(
      absl::StrCat("There is no restart policy ", word, "; expected: always, on-failure or never.",
                   nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?")));
}

absl::Status SetDuration(const std::string& text, google::protobuf::Duration& duration) {
  const auto ms = ParseDurationMs(text);
  if (!ms.ok()) return ms.status();
  duration.set_seconds(*ms / 1000);
  duration.set_nanos(static_cast<int32_t>(*ms % 1000 * 1'000'000));
  return absl::OkStatus();
}

}  // namespace

std::optional<std::pair<std::string, std::string>> ParseAssignment(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 ||
      absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
    return std::nullopt;
  }
  for (const char c : word.substr(0, equals)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return std::nullopt;
  }
  return std::make_pair(word.substr(0, equals), word.substr(equals + 1));
}

absl::Status ApplySpecOptions(const Arguments& arguments, v1::ProcessSpec& spec,
                              std::vector<std::string>& paths) {
  if (const auto command = arguments.Value("command")) {
    spec.set_command(*command);
    paths.push_back("spec.command");
  }
  if (const auto directory = arguments.Value("dir")) {
    const std::filesystem::path here = CurrentDirectory();
    std::string path = here.empty() || directory->empty()
                           ? *directory
                           : (here / *directory).lexically_normal().string();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    spec.set_working_directory(std::move(path));
    paths.push_back("spec.working_directory");
  }
  if (const auto account = arguments.Value("user")) {
    spec.set_account(*account);
    paths.push_back("spec.account");
  }
  if (const auto word = arguments.Value("restart")) {
    const auto policy = ParsePolicy(*word);
    if (!policy.ok()) return policy.status();
    spec.set_restart_policy(*policy);
    paths.push_back("spec.restart_policy");
  }
  if (const auto text = arguments.Value("stop-timeout")) {
    if (auto status = SetDuration(*text, *spec.mutable_stop_timeout()); !status.ok()) return status;
    paths.push_back("spec.stop_timeout");
  }
  if (const auto signal = arguments.Value("stop-signal")) {
    spec.set_stop_signal(*signal);
    paths.push_back("spec.stop_signal");
  }
  if (const auto text = arguments.Value("log-max")) {
    const auto bytes = ParseBytes(*text);
    if (!bytes.ok()) return bytes.status();
    spec.set_log_max_bytes(*bytes);
    paths.push_back("spec.log_max_bytes");
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::shell
