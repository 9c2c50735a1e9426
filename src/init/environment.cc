#include "init/environment.h"

#include <string.h>

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/secret_variables.h"

namespace grpc_os::init {
namespace {

template <typename Names = std::initializer_list<const char*>>
bool IsOneOf(const std::string& name, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

// The _OPTIONS are those of builds with sanitizers.
bool IsForAll(const std::string& name) {
  return IsOneOf(name, {"PATH", "HOME", "LANG", "GRPC_OS_FAILPOINT_DIR", "ASAN_OPTIONS",
                        "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"});
}

bool IsSetting(const std::string& name) {
  return IsOneOf(name, {"JWT_SECRET", "HTTP_PORT", "DEBUG", "DATA_DIR", "EVENTS_KEPT",
                        "HELD_ON_COPY", "PROCESS_PORTS", "GRPC_PORT", "GRPC_IO_THREADS",
                        "GRPC_OSD_MEMORY", kAdminPasswordVariable}) ||
         absl::StartsWith(name, "DB_") || absl::StartsWith(name, "EDGE_") ||
         absl::StartsWith(name, "GRPC_TLS_");
}

std::vector<std::string> Filter(const std::vector<std::string>& ours,
                                const std::optional<Account>& control, bool with_settings) {
  std::vector<std::string> kept;
  for (const std::string& variable : ours) {
    const std::string name = variable.substr(0, variable.find('='));
    if (control && name == "HOME") continue;
    if (IsForAll(name) || (with_settings && IsSetting(name))) kept.push_back(variable);
  }
  if (control) kept.push_back(absl::StrCat("HOME=", control->home));
  return kept;
}

}  // namespace

std::vector<std::string> TakeEnvironment(char** variables) {
  std::vector<std::string> taken;
  for (; *variables != nullptr; ++variables) {
    taken.emplace_back(*variables);
    const size_t name_end = taken.back().find('=');
    if (name_end == std::string::npos) continue;
    if (!IsOneOf(taken.back().substr(0, name_end), kSecretVariables)) continue;
    explicit_bzero(*variables + name_end + 1, taken.back().size() - name_end - 1);
  }
  return taken;
}

void ForgetFirstPassword(std::vector<std::string>& environment) {
  for (std::string& variable : environment) {
    if (!absl::StartsWith(variable, absl::StrCat(kAdminPasswordVariable, "="))) continue;
    explicit_bzero(variable.data(), variable.size());
    variable.clear();
  }
  std::erase(environment, "");
}

std::vector<std::string> SuperviseEnvironment(const std::vector<std::string>& ours,
                                              const std::optional<Account>& control) {
  return Filter(ours, control, false);
}

std::vector<std::string> DaemonEnvironment(const std::vector<std::string>& ours,
                                           const std::optional<Account>& control) {
  return Filter(ours, control, true);
}

}  // namespace grpc_os::init
