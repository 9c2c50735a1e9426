#include "core/process/validate.h"

#include <signal.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/command.h"
#include "base/domain_name.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/process/bundle_place.h"

namespace grpc_os::core {
namespace {

bool IsNameByte(char byte) {
  return absl::ascii_isalnum(byte) || byte == '.' || byte == '_' || byte == '-';
}

}  // namespace

void CheckEnvironment(const ProcessSpec& spec, const std::string& field, Violations& violations) {
  int64_t total = 0;
  for (const auto& [name, value] : spec.environment) {
    total += static_cast<int64_t>(name.size() + value.size()) + 2;
    const bool good_start = !name.empty() && (absl::ascii_isalpha(name[0]) || name[0] == '_');
    const bool good_rest = std::all_of(name.begin(), name.end(), [](char byte) {
      return absl::ascii_isalnum(byte) || byte == '_';
    });
    if (!good_start || !good_rest) {
      violations.Add(field,
                     "a variable's name is letters, digits and _, not beginning with a digit");
    }
    if (value.find('\0') != std::string::npos) {
      violations.Add(absl::StrCat(field, ".", name), "has a NUL byte; remove it");
    }
    if (static_cast<int64_t>(name.size() + value.size()) + 1 > limits::kArgumentBytes) {
      violations.Add(
          absl::StrCat(field, ".", name),
          absl::StrCat("is longer than the ", limits::kArgumentBytes,
                       " bytes that the kernel takes for one variable; put it in a file"));
    }
  }
  if (total > limits::kEnvironmentBytes) {
    violations.Add(field, absl::StrCat("has ", total, " bytes in all, the limit is ",
                                       limits::kEnvironmentBytes, "; put large values in files"));
  }
}

namespace {

void CheckSecrets(const ProcessSpec& spec, const std::string& field, Violations& violations) {
  for (const std::string& name : spec.secrets) {
    if (spec.environment.contains(name)) continue;
    violations.Add(field, absl::StrCat("'", absl::CHexEscape(name.substr(0, 64)),
                                       "' is no variable of the environment; give it there too, or "
                                       "leave it out here"));
  }
}

}  // namespace

void CheckCommand(const std::string& command, const std::string& field, Violations& violations) {
  if (static_cast<int64_t>(command.size()) > limits::kCommandBytes) {
    violations.Add(field, absl::StrCat("has ", command.size(), " bytes, the limit is ",
                                       limits::kCommandBytes, "; put it in a script"));
    return;
  }
  const auto words = SplitCommand(command);
  if (!words.ok()) {
    violations.Add(field, std::string(words.status().message()));
    return;
  }
  for (const std::string& word : *words) {
    if (static_cast<int64_t>(word.size()) > limits::kArgumentBytes) {
      violations.Add(
          field, absl::StrCat("has an argument of ", word.size(), " bytes, the kernel's limit is ",
                              limits::kArgumentBytes, "; put it in a file"));
    }
  }
}

namespace {

void CheckPort(int port, const std::string& field, Violations& violations) {
  if (port < 0 || port > kPortMax) {
    violations.Add(field, absl::StrCat("give a port from 1 to ", kPortMax));
  }
}

void CheckTime(int64_t ms, int64_t least_ms, const std::string& field, Violations& violations) {
  if (ms >= least_ms && ms <= kProbeTimeMaxMs) return;
  violations.Add(field, absl::StrCat("give ", least_ms >= 1000 ? least_ms / 1000 : least_ms,
                                     least_ms >= 1000 ? " s" : " ms", " to 1 hour"));
}

void CheckTarget(bool http, const std::string& path, int port, const std::string& field,
                 Violations& violations) {
  const bool good_path = path.starts_with('/') &&
                         static_cast<int64_t>(path.size()) <= kProbePathBytes &&
                         std::all_of(path.begin(), path.end(), absl::ascii_isgraph);
  if (http && !good_path) {
    violations.Add(field + ".http.path",
                   absl::StrCat("give a path that begins with /, of at most ", kProbePathBytes,
                                " printable ASCII characters without spaces"));
  }
  CheckPort(port, field + (http ? ".http.port" : ".tcp.port"), violations);
}

void CheckProbes(const ProcessSpec& spec, const std::string& prefix, Violations& violations) {
  CheckPort(spec.port, prefix + ".port", violations);
  const ReadySpec& ready = spec.ready;
  const std::string field = prefix + ".ready";
  if (ready.kind == ReadyKind::kHttp || ready.kind == ReadyKind::kTcp) {
    CheckTarget(ready.kind == ReadyKind::kHttp, ready.path, ready.port, field, violations);
  }
  CheckTime(ready.timeout_ms, kReadyTimeoutMinMs, field + ".timeout", violations);
  if (ready.kind == ReadyKind::kDelay &&
      (ready.delay_ms < 0 || ready.delay_ms > ready.timeout_ms)) {
    violations.Add(field + ".delay", "give 0 s to the timeout");
  }
  const LivenessSpec& liveness = spec.liveness;
  if (liveness.kind == LivenessKind::kNone) return;
  const std::string live = prefix + ".liveness";
  CheckTarget(liveness.kind == LivenessKind::kHttp, liveness.path, liveness.port, live, violations);
  CheckTime(liveness.period_ms, kLivenessPeriodMinMs, live + ".period", violations);
  CheckTime(liveness.timeout_ms, kLivenessPeriodMinMs, live + ".timeout", violations);
  if (liveness.failures < 1 || liveness.failures > kLivenessFailuresMax) {
    violations.Add(live + ".failures", absl::StrCat("give 1 to ", kLivenessFailuresMax));
  }
}

void CheckVolumePlace(const std::string& path, const std::string& field, Violations& violations) {
  if (path.empty()) return;
  CheckDirectory(path, field, violations);
  const std::vector<std::string> names = absl::StrSplit(path.substr(1), '/');
  const bool plain = std::none_of(names.begin(), names.end(), [](const std::string& name) {
    return name.empty() || name == "." || name == "..";
  });
  if (!plain) {
    violations.Add(field, "give a path without '.', '..' and empty names");
  } else if (!IsInBundle(path) || PathInBundle(path).empty()) {
    violations.Add(field, absl::StrCat("give a place below ", kBundleRoot,
                                       "; any other needs a jacket, which there is not yet"));
  }
}

void CheckVolumes(const ProcessSpec& spec, const std::string& field, Violations& violations) {
  if (static_cast<int64_t>(spec.volumes.size()) > limits::kVolumesPerProcess)
    violations.Add(field, absl::StrCat("a process has at most ", limits::kVolumesPerProcess));
  std::map<std::string, std::string> variables;  // and whose
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    const VolumeUse& use = spec.volumes[i];
    const std::string one = absl::StrCat(field, "[", i, "]");
    CheckProcessName(use.name, one + ".name", violations);
    CheckVolumePlace(use.path, one + ".path", violations);
    const auto [it, is_new] = variables.emplace(VolumeVariable(use.name), use.name);
    if (is_new) continue;
    const std::string other = absl::CHexEscape(it->second.substr(0, 64));
    violations.Add(one + ".name", absl::StrCat("would have the same variable as '", other,
                                               "'; give another volume, or only one of them"));
  }
}

void CheckDependencies(const ProcessSpec& spec, const std::string& field, Violations& violations) {
  if (static_cast<int64_t>(spec.depends_on.size()) > limits::kDependencies)
    violations.Add(field, absl::StrCat("a process has at most ", limits::kDependencies));
  std::set<std::string> names;
  for (size_t i = 0; i < spec.depends_on.size(); ++i) {
    const std::string one = absl::StrCat(field, "[", i, "].process");
    CheckProcessName(spec.depends_on[i].process, one, violations);
    if (!names.insert(spec.depends_on[i].process).second) violations.Add(one, "comes twice");
  }
}

// At most `most` bytes of UTF-8 (the transport takes no other) without control characters.
bool IsShortText(std::string_view text, int64_t most) {
  return static_cast<int64_t>(text.size()) <= most &&
         std::none_of(text.begin(), text.end(), absl::ascii_iscntrl);
}

// What is kept for people and for other kinds.
void CheckNotes(const ProcessSpec& spec, const std::string& prefix, Violations& violations) {
  if (!IsShortText(spec.version, limits::kVersionBytes)) {
    violations.Add(prefix + ".version", absl::StrCat("give at most ", limits::kVersionBytes,
                                                     " bytes without control characters"));
  }
  if (static_cast<int64_t>(spec.labels.size()) > limits::kProcessLabels)
    violations.Add(prefix + ".labels",
                   absl::StrCat("a process has at most ", limits::kProcessLabels));
  for (const auto& [name, value] : spec.labels) {
    if (!name.empty() && IsShortText(name, limits::kProcessLabelBytes) &&
        IsShortText(value, limits::kProcessLabelBytes))
      continue;
    violations.Add(
        prefix + ".labels",
        absl::StrCat("a name has 1 to ", limits::kProcessLabelBytes, " bytes, a value at most ",
                     limits::kProcessLabelBytes, ", without control characters"));
  }
  if (static_cast<int64_t>(spec.domains.size()) > limits::kDomainsPerProcess) {
    violations.Add(prefix + ".domains",
                   absl::StrCat("a process has at most ", limits::kDomainsPerProcess));
  }
  for (size_t i = 0; i < spec.domains.size(); ++i) {
    std::string problem = DomainNameProblem(CanonicalDomainName(spec.domains[i]));
    if (!problem.empty())
      violations.Add(absl::StrCat(prefix, ".domains[", i, "]"), std::move(problem));
  }
}

void CheckBundle(const ProcessSpec& spec, const std::string& field, Violations& violations) {
  const bool good =
      spec.bundle.empty() || (spec.bundle.size() == 64 &&
                              std::all_of(spec.bundle.begin(), spec.bundle.end(), [](char byte) {
                                return absl::ascii_isdigit(byte) || (byte >= 'a' && byte <= 'f');
                              }));
  if (!good) violations.Add(field, "give a SHA-256: 64 of 0-9 and a-f");
}

}  // namespace

void CheckTogether(const ProcessSpec& spec, const std::string& prefix, Violations& violations) {
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    if (spec.volumes[i].path.empty() || !spec.bundle.empty()) continue;
    violations.Add(absl::StrCat(prefix, ".volumes[", i, "].path"),
                   "give none to a process without a bundle: its variable names the directory; "
                   "a place needs a bundle, or a jacket, which there is not yet");
  }
  if (spec.auto_port || PortOf(spec) > 0) return;
  const bool ready = spec.ready.kind == ReadyKind::kHttp || spec.ready.kind == ReadyKind::kTcp;
  const bool live = spec.liveness.kind != LivenessKind::kNone;
  constexpr char kCure[] = "the process has no port; give it one, or one to what is probed";
  if (ready && spec.ready.port == 0) violations.Add(prefix + ".ready", kCure);
  if (live && spec.liveness.port == 0) violations.Add(prefix + ".liveness", kCure);
}

void CheckProcessName(std::string_view name, const std::string& field, Violations& violations) {
  const bool good = !name.empty() && static_cast<int64_t>(name.size()) <= limits::kNameBytes &&
                    absl::ascii_isalnum(name[0]) &&
                    std::all_of(name.begin(), name.end(), IsNameByte);
  if (!good) {
    violations.Add(field,
                   "a name is a letter or digit, then up to 62 letters, digits, '.', '_' or '-'");
  } else if (LooksLikeId(name)) {
    violations.Add(
        field,
        "a name may not look like an id; choose another beginning (an id is given with --id)");
  }
}

void CheckProcessId(std::string_view id, const std::string& field, Violations& violations) {
  const bool good = id.size() > 5 && id.size() <= 37 && id.substr(0, 5) == "proc_" &&
                    std::all_of(id.begin() + 5, id.end(), [](char byte) {
                      return absl::ascii_islower(byte) || absl::ascii_isdigit(byte);
                    });
  if (!good) violations.Add(field, "an id is proc_ and 1 to 32 of a-z and 0-9");
}

void CheckProcessReference(std::string_view reference, const std::string& field,
                           Violations& violations) {
  const bool good = !reference.empty() &&
                    static_cast<int64_t>(reference.size()) <= limits::kNameBytes &&
                    std::all_of(reference.begin(), reference.end(), IsNameByte);
  if (!good) violations.Add(field, "give a process's name or id");
}

void CheckDirectory(std::string_view directory, const std::string& field, Violations& violations) {
  if (directory.empty()) return;
  if (directory[0] != '/' || static_cast<int64_t>(directory.size()) > limits::kPathBytes ||
      directory.find('\0') != std::string_view::npos) {
    violations.Add(field,
                   absl::StrCat("give an absolute path of at most ", limits::kPathBytes, " bytes"));
  }
}

void CheckAccount(std::string_view account, const std::string& field, Violations& violations) {
  if (account.size() > 32 || !std::all_of(account.begin(), account.end(), IsNameByte))
    violations.Add(field, "give the name of an account of this machine");
}

void CheckSpec(const ProcessSpec& spec, const std::string& prefix, Violations& violations) {
  CheckCommand(spec.command, prefix + ".command", violations);
  if (!spec.release.empty()) CheckCommand(spec.release, prefix + ".release", violations);
  CheckEnvironment(spec, prefix + ".environment", violations);
  CheckSecrets(spec, prefix + ".secret_environment", violations);
  CheckDirectory(spec.working_directory, prefix + ".working_directory", violations);
  CheckProbes(spec, prefix, violations);
  CheckVolumes(spec, prefix + ".volumes", violations);
  CheckDependencies(spec, prefix + ".depends_on", violations);
  CheckNotes(spec, prefix, violations);
  CheckBundle(spec, prefix + ".bundle", violations);
  CheckAccount(spec.account, prefix + ".account", violations);
  if (spec.stop_timeout_ms < 0 || spec.stop_timeout_ms > limits::kStopTimeoutMaxMs) {
    violations.Add(prefix + ".stop_timeout", "give 0 to 3600 seconds");
  }
  if (spec.stop_signal < 1 || spec.stop_signal > SIGRTMAX) {
    violations.Add(prefix + ".stop_signal", "give a signal's name, such as TERM");
  }
  if (spec.log_max_bytes < limits::kLogMaxBytesMin ||
      spec.log_max_bytes > limits::kLogMaxBytesMax) {
    violations.Add(prefix + ".log_max_bytes", "give 64 KiB to 64 GiB");
  }
}

}  // namespace grpc_os::core
