#include "shell/commands/for_each.h"

#include "absl/strings/str_cat.h"

namespace grpc_os::shell {

bool EndsEverything(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnauthenticated(status) ||
         absl::IsCancelled(status);
}

ExitCode ForEachWord(Session& session, const std::vector<std::string>& words,
                     const std::function<absl::Status(const std::string& word)>& action) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& word : words) {
    const absl::Status status = action(word);
    if (!status.ok()) code = Worst(code, session.Report(status));
    if (EndsEverything(status) || session.interrupted()) break;
  }
  return code;
}

bool MayAsk(const Session& session, const Arguments& arguments) {
  return session.console().ask && !arguments.Has("yes");
}

absl::Status Confirm(Session& session, const Arguments& arguments, const std::string& question,
                     const std::string& name) {
  if (!MayAsk(session, arguments) || session.console().ask(question)) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(name, " is kept."));
}

}  // namespace grpc_os::shell
