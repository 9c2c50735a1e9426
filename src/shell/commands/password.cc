#include "shell/commands/password.h"

#include "absl/strings/str_cat.h"
#include "shell/escape.h"
#include "shell/parser.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<std::string> FromInput(Session& session, const std::string& command) {
  const std::string alone = absl::StrCat("grpc-os ", command, " --password-stdin < FILE");
  if (absl::Status status = session.MayReadInput(alone); !status.ok()) return status;
  if (!session.console().read_line) {
    return absl::InvalidArgumentError(
        "--password-stdin reads from a pipe or a file, and standard input is a terminal. Leave it "
        "out to be asked.");
  }
  auto line = session.console().read_line();
  if (!line || line->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("A password was expected on standard input, but there is no more of it. Give "
                     "it as a line of its own: `",
                     alone, "`."));
  }
  if (line->ends_with('\r')) line->pop_back();
  return *std::move(line);
}

absl::StatusOr<std::string> Ask(Session& session, const std::string& question) {
  auto answer = session.console().ask_secret(EscapeForTerminal(question) + ": ");
  if (!answer) return absl::CancelledError("Interrupted; nothing was changed.");
  return *std::move(answer);
}

}  // namespace

absl::StatusOr<std::string> ReadPassword(Session& session, const Arguments& arguments,
                                         const std::string& question, const std::string& command) {
  if (arguments.Has("password-stdin")) return FromInput(session, command);
  if (session.console().ask_secret) return Ask(session, question);
  if (session.console().input_is_script) return FromInput(session, command);
  return absl::InvalidArgumentError(
      absl::StrCat("There is no terminal to ask for the password on. Give it on standard input: `",
                   session.Typed(command), " --password-stdin`."));
}

absl::StatusOr<std::string> ReadNewPassword(Session& session, const Arguments& arguments,
                                            const std::string& user, const std::string& command) {
  if (arguments.Has("password-stdin")) return FromInput(session, command);
  if (!session.console().ask_secret) return std::string();
  auto password = Ask(session, absl::StrCat("New password of ", user));
  if (!password.ok() || password->empty()) return password;
  const auto again = Ask(session, "The same again");
  if (!again.ok()) return again.status();
  if (*again != *password) {
    return absl::InvalidArgumentError("The two are not the same; nothing was changed. Try again.");
  }
  return password;
}

}  // namespace grpc_os::shell
