#include "shell/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "client/errors.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/table.h"
#include "shell/suggest.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

// Stands in for an address that could not be read; no command gets as far as using it.
client::Address NoAddress() { return {.is_unix = true, .path = "/nonexistent/api.sock"}; }

absl::Status UnknownCommand(const std::string& word) {
  const std::string nearest = Nearest(word, CommandNames());
  return absl::InvalidArgumentError(absl::StrCat(
      "There is no command ", word, ".",
      nearest.empty() ? "" : absl::StrCat(" Did you mean `", nearest, "`?"), " `help` lists all."));
}

}  // namespace

absl::StatusOr<Format> ParseFormat(const std::string& word) {
  if (word == "table") return Format::kTable;
  if (word == "json") return Format::kJson;
  if (word == "name") return Format::kName;
  return absl::InvalidArgumentError(
      absl::StrCat("There is no output format ", word, "; expected: table, json or name."));
}

Session::Session(Console console, absl::StatusOr<client::Address> address,
                 std::string state_directory, Defaults defaults)
    : console_(std::move(console)),
      defaults_(defaults),
      address_error_(address.status()),
      client_(std::make_unique<client::Client>(
          address.ok() ? *std::move(address) : NoAddress(),
          client::ClientOptions{.timeout = defaults.timeout,
                                .state_directory = std::move(state_directory)})),
      format_(defaults.format) {}

ExitCode Session::RunLine(const std::string& line) {
  const auto words = SplitLine(line);
  if (!words.ok()) return Report(words.status());
  return words->empty() ? ExitCode::kOk : Run(*words);
}

ExitCode Session::Run(std::span<const std::string> words) {
  const Command* command = FindCommand(words.front());
  if (command == nullptr) return Report(UnknownCommand(words.front()));
  const auto arguments = ParseArguments(*command, words.subspan(1));
  if (!arguments.ok()) return Report(arguments.status());
  return RunParsed(*command, *arguments);
}

ExitCode Session::RunParsed(const Command& command, const Arguments& arguments) {
  if (arguments.Has("help")) {
    out() << HelpText(command);
    return ExitCode::kOk;
  }
  format_ = defaults_.format;
  if (const auto word = arguments.Value("output")) {
    const auto format = ParseFormat(*word);
    if (!format.ok()) return Report(format.status());
    format_ = *format;
  }
  auto timeout = defaults_.timeout;
  timeout_given_ = defaults_.timeout_given;
  // A command with a --timeout of its own means something else by it.
  bool own_timeout = false;
  for (const Option& option : command.options) own_timeout |= option.name == "timeout";
  if (const auto text = arguments.Value("timeout"); text && !own_timeout) {
    const auto given = ParseDurationMs(*text);
    if (!given.ok()) return Report(given.status());
    timeout = std::chrono::milliseconds(*given);
    timeout_given_ = true;
  }
  if (command.needs_daemon && !address_error_.ok()) return Report(address_error_);

  client_->BeginCommand();
  client_->set_timeout(timeout);
  interrupted_ = false;
  // One that came after the line was entered and before the two lines above would be lost.
  if (console_.interrupt_pending && console_.interrupt_pending()) Interrupt();
  const ExitCode code = command.run(*this, arguments);
  out().flush();
  return interrupted_ ? ExitCode::kInterrupted : code;
}

void Session::Interrupt() {
  {
    const std::lock_guard<std::mutex> lock(pause_mutex_);
    interrupted_ = true;
  }
  pause_ended_.notify_all();
  client_->Cancel();
}

bool Session::Pause(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(pause_mutex_);
  return !pause_ended_.wait_for(lock, time, [this] { return interrupted_.load(); });
}

ExitCode Session::Report(const absl::Status& status) {
  out().flush();
  if (absl::IsUnauthenticated(status)) user_.reset();
  if (absl::IsCancelled(status) && interrupted_) return ExitCode::kInterrupted;
  std::string text = EscapeForTerminal(std::string(status.message()));
  if (const auto detail = DetailOf(status)) {
    for (const FieldViolation& violation : detail->violations) {
      const std::string line =
          EscapeForTerminal(absl::StrCat(violation.field, ": ", violation.description));
      if (text.find(EscapeForTerminal(violation.description)) == std::string::npos) {
        absl::StrAppend(&text, "\n  ", line);
      }
    }
  }
  if (client::ReasonOf(status) == "NOT_LOGGED_IN" && client_->address().is_unix &&
      text.find("login") == std::string::npos) {
    absl::StrAppend(&text, " `", Typed("login"), "` logs in.");
  }
  err() << text << "\n" << std::flush;
  return ExitCodeFor(status);
}

std::string Session::Typed(const std::string& command) const {
  return console_.interactive ? command : absl::StrCat("grpc-os ", command);
}

}  // namespace grpc_os::shell
