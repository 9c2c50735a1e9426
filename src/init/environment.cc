#include "init/environment.h"

#include <string.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/setting_names.h"

namespace grpc_os::init {
namespace {

// The _OPTIONS are those of builds with sanitizers.
bool IsForAll(const std::string& name) {
  constexpr std::string_view kForAll[] = {
      "PATH",         "HOME",         "LANG",         "GRPC_OS_FAILPOINT_DIR",
      "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};
  return std::find(std::begin(kForAll), std::end(kForAll), name) != std::end(kForAll);
}

const SettingName* FindSetting(const std::string& name) {
  const SettingName* const found =
      std::find_if(std::begin(kSettingNames), std::end(kSettingNames),
                   [&](const SettingName& setting) { return name == setting.name; });
  return found == std::end(kSettingNames) ? nullptr : found;
}

std::vector<std::string> Filter(const std::vector<std::string>& ours,
                                const std::optional<Account>& control, bool with_settings) {
  std::vector<std::string> kept;
  for (const std::string& variable : ours) {
    const std::string name = variable.substr(0, variable.find('='));
    if (control && name == "HOME") continue;
    if (IsForAll(name) || (with_settings && FindSetting(name) != nullptr)) kept.push_back(variable);
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
    const SettingName* const setting = FindSetting(taken.back().substr(0, name_end));
    if (setting == nullptr || !setting->secret) continue;
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
