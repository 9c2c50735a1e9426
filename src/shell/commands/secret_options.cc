#include "shell/commands/secret_options.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "shell/commands/spec_options.h"
#include "shell/escape.h"
#include "shell/parser.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<std::string> ValueOf(Session& session, const std::string& name) {
  if (const char* value = std::getenv(name.c_str()); value != nullptr) return std::string(value);
  if (!session.console().ask_secret) {
    // In a script the next line may be the value: it must not become a command, nor be shown.
    if (session.console().input_is_script) session.Leave();
    return absl::InvalidArgumentError(
        absl::StrCat("There is no ", name,
                     " in the environment of this program, and no terminal to ask for its value "
                     "on. Export it there, so that it is in no command line."));
  }
  auto answer = session.console().ask_secret(absl::StrCat("Value of ", name, ": "));
  if (!answer) return absl::CancelledError("Interrupted; nothing was changed.");
  return *std::move(answer);
}

}  // namespace

absl::StatusOr<Secrets> ReadSecrets(Session& session, const Arguments& arguments,
                                    const std::set<std::string>& assigned) {
  Secrets secrets;
  for (const std::string& word : arguments.Values("secret")) {
    if (const auto assignment = ParseAssignment(word)) {
      secrets[assignment->first] = assignment->second;
      continue;
    }
    if (!ParseAssignment(word + "=")) {
      // What stands before a '=' can be shown; all else could be the value.
      return absl::InvalidArgumentError(
          "--secret takes NAME or NAME=VALUE, and a name is letters, digits and _, not beginning "
          "with a digit.");
    }
    if (assigned.contains(word)) {
      secrets[word] = std::nullopt;
      continue;
    }
    auto value = ValueOf(session, word);
    if (!value.ok()) return value.status();
    secrets[word] = *std::move(value);
  }
  return secrets;
}

void ApplySecrets(const Secrets& secrets, v1::ProcessSpec& spec) {
  for (const auto& [name, value] : secrets) {
    if (value) (*spec.mutable_environment())[name] = *value;
    const auto& names = spec.secret_environment();
    if (std::find(names.begin(), names.end(), name) == names.end())
      spec.add_secret_environment(name);
  }
}

bool RemoveSecret(const std::string& name, v1::ProcessSpec& spec) {
  auto* names = spec.mutable_secret_environment();
  const auto it = std::find(names->begin(), names->end(), name);
  if (it == names->end()) return false;
  names->erase(it);
  return true;
}

}  // namespace grpc_os::shell
