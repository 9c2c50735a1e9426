#include "shell/session.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/error_detail.h"
#include "client/errors.h"
#include "manifest/quantity.h"
#include "manifest/suggest.h"
#include "shell/escape.h"
#include "shell/help.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/json.h"
#include "shell/render/table.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

// Stands in for one that could not be found; no command gets as far as using it.
Target NoTarget() { return {.address = {.is_unix = true, .path = "/nonexistent/api.sock"}}; }

client::ClientOptions OptionsOf(const Target& target, const Session::Directories& directories,
                                const Session::Defaults& defaults, std::string token) {
  client::ClientOptions options = OptionsFor(target, directories.state, std::move(token));
  options.timeout = defaults.timeout;
  return options;
}

absl::Status UnknownCommand(std::span<const std::string> words) {
  const std::vector<std::string> known = Subcommands(words[0]);
  if (known.empty()) {
    const std::string nearest = LikelyCommand(words[0]);
    return absl::InvalidArgumentError(
        absl::StrCat("There is no command ", words[0], ".",
                     nearest.empty() ? "" : absl::StrCat(" Did you mean `", nearest, "`?"),
                     " `help` lists all."));
  }
  if (words.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat("`", words[0],
                                                   "` needs one of: ", absl::StrJoin(known, ", "),
                                                   ". `help ", words[0], "` describes them."));
  }
  const std::string nearest = manifest::Nearest(words[1], known);
  return absl::InvalidArgumentError(absl::StrCat(
      "There is no command ", words[0], " ", words[1], ".",
      nearest.empty() ? "" : absl::StrCat(" Did you mean `", words[0], " ", nearest, "`?"),
      " `help ", words[0], "` lists all."));
}

// What helps against an error of a reason, for messages that do not say so: those of the daemon
// speak to every client. Commands are as they are typed at the prompt.
std::string CureOf(const std::string& reason) {
  static const auto* const cures = new std::map<std::string, std::string>{
      {"NOT_LOGGED_IN", "`login` logs in."},
      {"TOKEN_INVALID", "`login` logs in again."},
      {"TOKEN_OF_OTHER_SYSTEM", "`login` logs in to this one."},
      {"LOGIN_FAILED", "Check the name and the password and try again."},
      {"PROCESS_NOT_FOUND", "`ps` lists all."},
      {"DOMAIN_NOT_FOUND", "`domains` lists all."},
      {"DOMAIN_EXISTS", "--replace takes it, --weight N adds to it."},
      {"NO_PORT", "`assign DOMAIN PROCESS PORT` names one."},
      {"SESSION_NOT_FOUND", "`sessions` lists those that are open."},
      {"OBJECT_NOT_FOUND", "`ls` shows what there is, `history NAME` what there was."},
      {"FOLDER_NOT_EMPTY", "`rm -r NAME` deletes it with everything in it."},
      {"PRECONDITION_FAILED", "`stat NAME` shows how it is now."},
      {"QUOTA_EXCEEDED", "`quota ls` shows what is used."},
      {"REVISION_UNAVAILABLE", "`events` without --since shows what is kept."},
      {"SHUTTING_DOWN", "Try again in a moment."},
      {"RUNTIME_UNAVAILABLE", "Try again in a moment."},
  };
  const auto found = cures->find(reason);
  if (found != cures->end()) return found->second;
  // "ROLE_NOT_FOUND": what lists things of the kind.
  const std::string list =
      absl::StrCat(absl::AsciiStrToLower(reason.substr(0, reason.find("_NOT_FOUND"))), " ls");
  return reason.ends_with("_NOT_FOUND") && FindCommand(list) != nullptr
             ? absl::StrCat("`", list, "` lists all.")
             : "";
}

constexpr int64_t kWatchDefaultMs = 2'000;
constexpr int64_t kWatchLeastMs = 100;

}  // namespace

absl::StatusOr<Format> ParseFormat(const std::string& word) {
  constexpr std::pair<const char*, Format> kFormats[] = {
      {"table", Format::kTable},     {"wide", Format::kWide}, {"json", Format::kJson},
      {"jsonl", Format::kJsonLines}, {"yaml", Format::kYaml}, {"name", Format::kName}};
  for (const auto& [name, format] : kFormats) {
    if (word == name) return format;
  }
  const std::string nearest = manifest::Nearest(word, WordsOf(kFormatWord));
  return absl::InvalidArgumentError(absl::StrCat(
      "There is no output format ", word, "; expected: table, wide, json, jsonl, yaml or name.",
      nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?")));
}

Session::Session(Console console, absl::StatusOr<Target> target, Directories directories,
                 Defaults defaults, std::string token)
    : console_(std::move(console)),
      out_(&console_.out),
      err_(&console_.err),
      defaults_(defaults),
      target_error_(target.status()),
      target_(target.ok() ? *std::move(target) : NoTarget()),
      directories_(std::move(directories)),
      client_(std::make_unique<client::Client>(
          target_.address, OptionsOf(target_, directories_, defaults, std::move(token)))),
      format_(defaults.format) {}

void Session::Print(const Table& table) {
  const bool cut = format_ != Format::kWide && console_.out_is_terminal && console_.size;
  out() << table.Render(console_.color, cut ? console_.size().columns : 0);
}

void Session::Print(const google::protobuf::Message& message) {
  if (format_ == Format::kYaml) {
    out() << ToYaml(message);
  } else {
    out() << ToJson(message,
                    format_ == Format::kJsonLines ? JsonLayout::kOneLine : JsonLayout::kIndented);
  }
}

void Session::PrintName(const std::string& name) {
  if (!name.empty()) out() << EscapeForTerminal(name) << "\n";
}

void Session::Show(const google::protobuf::Message& message, const std::string& name,
                   const std::string& sentence) {
  if (for_programs()) return Print(message);
  if (!for_people()) return PrintName(name);
  if (!sentence.empty()) out() << EscapeForTerminal(sentence) << "\n" << std::flush;
}

void Session::ShowNext(const google::protobuf::Message& message, const std::string& name,
                       const std::string& line) {
  if (format_ == Format::kYaml) {
    out() << "---\n" << ToYaml(message);
  } else if (for_programs()) {
    out() << ToJson(message, JsonLayout::kOneLine);
  } else if (for_people()) {
    out() << line << "\n";
  } else {
    PrintName(name);
  }
}

bool Session::Hint(const std::string& text) {
  const bool wanted = for_people() && console_.out_is_terminal;
  if (wanted) out() << TypedIn(text) << "\n";
  return wanted;
}

ExitCode Session::RunLine(const std::string& line) {
  const auto words = SplitLine(line);
  if (!words.ok()) return Report(words.status());
  return words->empty() ? ExitCode::kOk : Run(*words);
}

ExitCode Session::Run(std::span<const std::string> words) {
  const auto [command, name_words] = FindCommand(words);
  const bool is_group = !Subcommands(words[0]).empty();
  if (is_group && words.size() == 2 && (words[1] == "--help" || words[1] == "-h")) {
    out() << GroupHelpText(words[0]) << std::flush;
    return ExitCode::kOk;
  }
  // A word behind the first of a group is meant to be the second.
  const bool misses_second =
      is_group && name_words == 1 && words.size() > 1 && !words[1].starts_with("-");
  if (command == nullptr || misses_second) return Report(UnknownCommand(words));
  const auto arguments = ParseArguments(*command, words.subspan(name_words));
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
    const auto given = manifest::ParseDurationMs(*text);
    if (!given.ok()) return Report(given.status());
    timeout = std::chrono::milliseconds(*given);
    timeout_given_ = true;
  }
  if (command.needs_daemon && !target_error_.ok()) return Report(target_error_);

  client_->BeginCommand();
  client_->set_timeout(timeout);
  interrupted_ = false;
  // One that came after the line was entered and before the two lines above would be lost.
  if (console_.interrupt_pending && console_.interrupt_pending()) Interrupt();
  ExitCode code = ExitCode::kOk;
  if (const auto text = arguments.Value("watch")) {
    const auto given = text->empty() ? kWatchDefaultMs : manifest::ParseDurationMs(*text);
    if (!given.ok()) return Report(given.status());
    code =
        RunWatched(command, arguments, std::chrono::milliseconds(std::max(*given, kWatchLeastMs)));
  } else {
    code = command.run(*this, arguments);
  }
  out().flush();
  return interrupted_ ? ExitCode::kInterrupted : code;
}

void Session::ShowFrame(const std::string& frame) {
  if (!console_.can_redraw) {
    console_.out << frame << std::flush;
    return;
  }
  // What does not fit would push the rest out of the window.
  std::string text = frame;
  const size_t rows = console_.size ? console_.size().rows : 0;
  size_t end = 0;
  for (size_t row = 1; rows > 1 && row < rows && end != std::string::npos; ++row) {
    end = text.find('\n', end == 0 ? 0 : end + 1);
  }
  if (rows > 1 && end != std::string::npos) text.resize(end + 1);
  console_.out << "\x1b[H\x1b[2J" << text << std::flush;
}

ExitCode Session::RunWatched(const Command& command, const Arguments& arguments,
                             std::chrono::milliseconds interval) {
  std::string before;
  bool shown = false;
  while (true) {
    std::ostringstream frame;
    std::ostringstream errors;
    out_ = &frame;
    err_ = &errors;
    const ExitCode code = command.run(*this, arguments);
    out_ = &console_.out;
    err_ = &console_.err;
    // A daemon that is restarted does not end it, once it was under way.
    const bool away = code == ExitCode::kUnavailable || code == ExitCode::kTimeout;
    if (code != ExitCode::kOk && !(away && shown)) {
      console_.out << frame.str() << std::flush;
      if (code != ExitCode::kInterrupted) console_.err << errors.str() << std::flush;
      return code;
    }
    const std::string text = frame.str() + errors.str();
    const bool changed = !shown || text != before;
    if (changed && (console_.can_redraw || code == ExitCode::kOk)) {
      ShowFrame(text);
    } else if (changed) {
      console_.err << text << std::flush;
    }
    before = text;
    shown = true;
    if (!Pause(interval)) return ExitCode::kInterrupted;
  }
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
  // A log-in that failed leaves the one that there is.
  if (absl::IsUnauthenticated(status) && client::ReasonOf(status) != "LOGIN_FAILED") user_.reset();
  if (absl::IsCancelled(status) && interrupted_) return ExitCode::kInterrupted;
  std::string text = EscapeForTerminal(std::string(status.message()));
  // The transport's own answer for a method that there is not.
  if (text.empty() && absl::IsUnimplemented(status)) {
    text = "This daemon cannot do that: it is older than this program. `status` shows its version.";
  } else if (text.empty()) {
    text = absl::StrCat("The daemon refused and gave no reason (",
                        absl::StatusCodeToString(status.code()), ").");
  }
  if (const auto detail = DetailOf(status)) {
    for (const FieldViolation& violation : detail->violations) {
      const std::string line =
          EscapeForTerminal(absl::StrCat(violation.field, ": ", violation.description));
      if (text.find(EscapeForTerminal(violation.description)) == std::string::npos) {
        absl::StrAppend(&text, "\n  ", line);
      }
    }
  }
  if (const auto detail = DetailOf(status);
      detail && detail->retry_after_ms > 0 && text.find("again") == std::string::npos) {
    absl::StrAppend(&text, " Try again in ", FormatDuration(detail->retry_after_ms), ".");
  }
  const std::string reason = client::ReasonOf(status);
  const std::string cure = CureOf(reason);
  if (!cure.empty() && text.find('`') == std::string::npos &&
      text.find(" again") == std::string::npos) {
    absl::StrAppend(&text, text.ends_with('.') ? " " : ". ", cure);
  }
  text = TypedIn(text);
  if (client::IsDaemonAway(status) && !target_.reason.empty()) {
    absl::StrAppend(&text, " ", target_.reason);
  } else if (!reason.empty() && !console_.interactive && !target_.name.empty() &&
             !target_.reason.empty()) {
    // The prompt does not show it, and the command line did not name it.
    absl::StrAppend(&text, "\n  That is the answer of ", client_->address().ToString(), ": ",
                    target_.reason);
  }
  err() << text << "\n" << std::flush;
  return ExitCodeFor(status);
}

absl::Status Session::MayReadInput(const std::string& cure) {
  if (!console_.input_is_script) return absl::OkStatus();
  Leave();
  return absl::InvalidArgumentError(
      absl::StrCat("Standard input holds the commands of this script, so none of them can read it; "
                   "nothing after this one was run. Give it input of its own: `",
                   cure, "`."));
}

absl::Status Session::TakeInput(const std::string& cure) {
  if (absl::Status status = MayReadInput(cure); !status.ok()) return status;
  const bool once = console_.read_line != nullptr;
  if (once && std::exchange(input_taken_, true)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "An earlier command has read standard input to its end. Give each input of its own: `",
        cure, "`."));
  }
  return absl::OkStatus();
}

std::string Session::TypedIn(const std::string& text) const {
  // Every second part stands between two of them.
  std::vector<std::string> parts = absl::StrSplit(text, '`');
  for (size_t i = 1; i + 1 < parts.size(); i += 2) {
    const std::vector<std::string> words = absl::StrSplit(parts[i], ' ');
    if (FindCommand(words).command != nullptr) parts[i] = Typed(parts[i]);
  }
  return absl::StrJoin(parts, "`");
}

std::string Session::Typed(const std::string& command) const {
  return console_.interactive ? command : absl::StrCat("grpc-os ", command);
}

}  // namespace grpc_os::shell
