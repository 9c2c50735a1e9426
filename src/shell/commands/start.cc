// start, update.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/explain.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/secret_options.h"
#include "shell/commands/selection.h"
#include "shell/commands/spec_options.h"
#include "shell/commands/wait.h"
#include "shell/current_directory.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/process.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

constexpr int kUpdateAttempts = 5;

// What `start` was given: words, then K=V.
struct StartWords {
  std::vector<std::string> words;
  std::vector<std::pair<std::string, std::string>> environment;
};

// Whether a word would set a variable if it could be called so. A path in it is one of a command
// that was not quoted.
bool HasBadName(const std::string& word) {
  const size_t equals = word.find('=');
  return equals != std::string::npos && !ParseAssignment(word) &&
         word.find_first_of(" \t\"'/") > equals;
}

// `cure` takes a command, which is `command` now.
absl::Status BadName(const std::string& word, const std::string& cure, const std::string& command) {
  const std::string name = word.substr(0, word.find('='));
  if (name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", word, "\" has no name before its =; expected: K=V."));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name,
                   "\" cannot be the name of a variable; expected: letters, digits and _, not "
                   "beginning with a digit. A program that needs such a one can be given it by "
                   "env(1) in its command: `",
                   cure, " ",
                   QuoteWord(absl::StrCat("env ", name, "=",
                                          QuoteWord(word.substr(name.size() + 1)), " ", command)),
                   "`."));
}

absl::StatusOr<StartWords> SortWords(const std::vector<std::string>& positional) {
  StartWords sorted;
  for (const std::string& word : positional) {
    // The name and the command come first, whatever they look like.
    const auto assignment = sorted.words.empty() ? std::nullopt : ParseAssignment(word);
    if (assignment) {
      sorted.environment.push_back(*assignment);
    } else if (sorted.words.size() >= 2 && HasBadName(word)) {
      return BadName(word, absl::StrCat("start ", sorted.words[0]), sorted.words[1]);
    } else if (!sorted.environment.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word,
                       "\" follows a K=V but is none itself. Quote the whole command, "
                       "and put K=V after it: start NAME \"COMMAND\" K=V…"));
    } else {
      sorted.words.push_back(word);
    }
  }
  return sorted;
}

std::vector<Option> CreateOptions() {
  return With(SpecOptions(), {{"id", 0, "ID", "its id (proc_…) instead of a generated one"}});
}

bool HasCreateOptions(const Arguments& arguments) {
  const std::vector<Option> options = CreateOptions();
  return std::any_of(options.begin(), options.end(),
                     [&](const Option& option) { return arguments.Has(option.name); });
}

// Those of the words that name no process.
absl::StatusOr<std::vector<std::string>> Missing(Session& session,
                                                 const std::vector<std::string>& words) {
  const auto all = session.client().ListProcesses();
  if (!all.ok()) return all.status();
  std::set<std::string> known;
  for (const v1::Process& process : all->processes()) {
    known.insert(process.name());
    known.insert(process.id());
  }
  std::vector<std::string> missing;
  for (const std::string& word : words) {
    if (!known.contains(word)) missing.push_back(word);
  }
  return missing;
}

bool MayBeName(const std::string& word) {
  return word.find_first_of(" \t/=\"'") == std::string::npos;
}

std::string StartedSentence(const Session& session, const v1::Process& process,
                            const StartWait& wait) {
  return absl::StrCat("started ", process.name(), " (", process.id(), ")", OutcomeOfStart(process),
                      wait.sentence, ". Its output: `",
                      session.Typed(absl::StrCat(
                          IsLive(process.status().state()) ? "logs -f " : "logs ", process.name())),
                      "`");
}

// A pattern does not run again what has run to its end: who starts what was stopped would run every
// migration and import of the past once more.
std::string WhyNotStarted(const v1::Process& process, bool named) {
  if (named || !HasFinished(process)) return "";
  return absl::StrCat("left ", process.name(), " as it is (exited, ",
                      ExitWord(process.status().last_exit()),
                      "); name it by itself to run it again");
}

ExitCode StartExisting(Session& session, const std::vector<std::string>& words,
                       const StartWait& wait) {
  const auto start = [&](const v1::Process& process) {
    v1::StartProcessRequest request;
    request.set_name(process.id());
    return AwaitStart(session, session.client().StartProcess(request), wait);
  };
  const auto sentence = [&](const v1::Process& before, const v1::Process& process) {
    const bool ran = IsLive(before.status().state()) && before.status().pid() > 0 &&
                     before.status().pid() == process.status().pid();
    if (!ran) return StartedSentence(session, process, wait);
    return absl::StrCat(process.name(), " (", process.id(), ") runs already, pid ",
                        process.status().pid(), wait.sentence);
  };
  return ForEach(session, words, {.run = start, .sentence = sentence, .leave = WhyNotStarted});
}

// `start web sleep` where web is gone and a process is called sleep: surely both were meant to run,
// and not a new process the command `sleep`, which would end and be restarted for ever.
absl::Status SecondIsAProcess(const Session& session, const std::vector<std::string>& words,
                              const std::string& known) {
  const std::string& name = words[0];
  const std::string command = absl::StrJoin(words.begin() + 1, words.end(), " ");
  const std::string create = absl::StrCat("start ", name, " ", QuoteWord(command),
                                          words.size() == 2 ? " --restart always" : "");
  return absl::NotFoundError(absl::StrCat(
      "There is no process ", name, ", while ", known, " is one, so nothing was started. `",
      session.Typed(absl::StrCat("start ", known)), "` starts that one; `", session.Typed(create),
      "` creates ", name, " with the command ", command, "."));
}

// `start web wbe`, or `start web sleep` where web is there.
absl::Status FirstIsAProcess(const std::string& name, const std::string& other) {
  return absl::AlreadyExistsError(absl::StrCat(
      "There is a process ", name, " and none called ", other, ", so nothing was started. `start ",
      name, "` starts it; `update ", name, " --command ", other, "` changes its command."));
}

ExitCode Create(Session& session, const Arguments& arguments, const StartWords& start,
                const StartWait& wait) {
  v1::CreateProcessRequest request;
  request.mutable_process()->set_name(start.words[0]);
  v1::ProcessSpec& spec = *request.mutable_process()->mutable_spec();
  std::vector<std::string> ignored_paths;
  if (auto status = ApplySpecOptions(arguments, spec, ignored_paths); !status.ok()) {
    return session.Report(status);
  }
  spec.set_command(start.words[1]);
  std::set<std::string> assigned;
  for (const auto& [name, value] : start.environment) {
    (*spec.mutable_environment())[name] = value;
    assigned.insert(name);
  }
  const auto secrets = ReadSecrets(session, arguments, assigned);
  if (!secrets.ok()) return session.Report(secrets.status());
  ApplySecrets(*secrets, spec);
  request.set_process_id(arguments.Value("id").value_or(""));
  if (session.client().address().is_unix) {
    request.set_caller_directory(CurrentDirectory());
  }
  auto process = session.client().CreateProcess(request);
  // Nothing of it stays behind: the error says all there is.
  if (!process.ok()) return session.Report(process.status());
  const std::string id = process->id();
  process = AwaitStart(session, std::move(process), wait);
  if (!process.ok()) {
    const ExitCode code = session.Report(process.status());
    ExplainFailure(session, id, process.status());
    return code;
  }
  const bool waits = WaitsForExecution(*process);
  session.Show(*process, process->name(), waits ? "" : StartedSentence(session, *process, wait));
  if (session.for_people()) ExplainEnd(session, *process);
  return waits ? ExitCode::kFailure : ExitCode::kOk;
}

// Applies what the user wants to `spec`, and says which fields that changed.
absl::Status Change(const Arguments& arguments, const Secrets& secrets, v1::ProcessSpec& spec,
                    std::vector<std::string>& paths) {
  auto& environment = *spec.mutable_environment();
  bool secrecy = !secrets.empty();
  for (const std::string& name : arguments.Values("unset")) {
    environment.erase(name);
    secrecy = RemoveSecret(name, spec) || secrecy;
  }
  const auto& words = arguments.positional();
  for (size_t i = 1; i < words.size(); ++i) {
    const auto assignment = ParseAssignment(words[i]);
    if (!assignment && HasBadName(words[i])) {
      return BadName(words[i], absl::StrCat("update ", words[0], " --command"), spec.command());
    }
    if (!assignment) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", words[i], "\" is not K=V. `update NAME --command \"…\"` changes the command."));
    }
    environment[assignment->first] = assignment->second;
  }
  ApplySecrets(secrets, spec);
  if (words.size() > 1 || arguments.Has("unset") || secrecy) paths.push_back("spec.environment");
  if (secrecy) paths.push_back("spec.secret_environment");
  if (auto status = ApplySpecOptions(arguments, spec, paths); !status.ok()) return status;
  if (paths.empty()) {
    return absl::InvalidArgumentError(
        "Nothing to change is given. `help update` shows what can be changed.");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Process> ReadModifyWrite(Session& session, const Arguments& arguments) {
  std::set<std::string> assigned;
  for (const std::string& word : arguments.positional()) {
    if (const auto assignment = ParseAssignment(word)) assigned.insert(assignment->first);
  }
  const auto secrets = ReadSecrets(session, arguments, assigned);
  if (!secrets.ok()) return secrets.status();
  absl::StatusOr<v1::Process> updated = absl::UnknownError("not tried");
  for (int attempt = 0; attempt < kUpdateAttempts; ++attempt) {
    const auto process = session.client().GetProcess(arguments.positional()[0]);
    if (!process.ok()) return process.status();
    v1::UpdateProcessRequest request;
    request.mutable_process()->set_id(process->id());
    request.mutable_process()->set_etag(process->etag());
    *request.mutable_process()->mutable_spec() = process->spec();
    std::vector<std::string> paths;
    if (auto status =
            Change(arguments, *secrets, *request.mutable_process()->mutable_spec(), paths);
        !status.ok()) {
      return status;
    }
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    updated = session.client().UpdateProcess(request);
    // Somebody else changed it between our reading and writing: read again.
    if (!absl::IsAborted(updated.status())) break;
  }
  return updated;
}

ExitCode RunStart(Session& session, const Arguments& arguments) {
  const auto start = SortWords(arguments.positional());
  if (!start.ok()) return session.Report(start.status());
  const auto wait = ReadStartWait(arguments);
  if (!wait.ok()) return session.Report(wait.status());
  const auto& words = start->words;
  const bool create_options = HasCreateOptions(arguments) || !start->environment.empty();
  if (words.size() == 1 && create_options) {
    return session.Report(absl::InvalidArgumentError(absl::StrCat(
        "Which command? `start ", words[0], " \"COMMAND\" …` creates a process; `update ", words[0],
        " …` changes one that exists.")));
  }
  if (words.size() == 1 || IsPattern(words[0])) return StartExisting(session, words, *wait);
  if (!create_options && std::all_of(words.begin() + 1, words.end(), MayBeName)) {
    const auto missing = Missing(session, words);
    if (!missing.ok()) return session.Report(missing.status());
    if (missing->empty()) return StartExisting(session, words, *wait);
    const auto is_known = [&](const std::string& word) {
      return std::find(missing->begin(), missing->end(), word) == missing->end();
    };
    const auto known = std::find_if(words.begin() + 1, words.end(), is_known);
    if (known != words.end()) {
      // Those that are none are reported, and the others started.
      if (is_known(words[0])) return StartExisting(session, words, *wait);
      return session.Report(SecondIsAProcess(session, words, *known));
    }
    if (words.size() == 2 && is_known(words[0])) {
      return session.Report(FirstIsAProcess(words[0], words[1]));
    }
  }
  if (words.size() > 2) {
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    return session.Report(
        absl::InvalidArgumentError(absl::StrCat("A command is one word: quote it, as in: start ",
                                                words[0], " \"", absl::StrJoin(rest, " "), "\"")));
  }
  return Create(session, arguments, *start, *wait);
}

ExitCode RunUpdate(Session& session, const Arguments& arguments) {
  const auto process = ReadModifyWrite(session, arguments);
  if (!process.ok()) return session.Report(process.status());
  session.Show(*process, process->name(),
               absl::StrCat("updated ", process->name(), " (generation ", process->generation(),
                            IsLive(process->status().state())
                                ? absl::StrCat("). It takes effect at the next restart: `",
                                               session.Typed("restart " + process->name()), "`")
                                : "). It takes effect when it is started."));
  return ExitCode::kOk;
}

}  // namespace

Command StartRow() {
  return {
      .name = "start",
      .elsewhere = {"create", "new", "add", "launch", "enable"},
      .synopsis = "NAME [\"COMMAND\"] [K=V…]",
      .arguments = {&kProcessWord},
      .summary = "Create a process and start it, or start one that exists",
      .details =
          "With a command: creates NAME; K=V become its environment. Without: starts NAME,\n"
          "also several names and patterns; a pattern passes over jobs that have run to their\n"
          "end. The command is split into words as a shell does, without expansion; for pipes\n"
          "and the like: \"sh -c '…'\".\n"
          "It ends when the command runs, which is not yet a success: `--wait ready` waits until\n"
          "it is ready, `--wait 5s` until it has run for so long. If it ends before, the exit\n"
          "code is 1, and how it ended is shown with the end of its log.\n"
          "`--secret K` takes the value from a K=V of the same line, from this program's\n"
          "own environment, or asks for it, so that it need not be in the command line.\n",
      .options = With(CreateOptions(), {StartWaitOption()}),
      .examples = {"start web-server \"python3 -m http.server 8099\" PORT=8099 DEBUG=true",
                   "start job \"sh -c 'date; sleep 5'\" --restart never", "start web-server",
                   "start api \"./api\" --ready notify --wait ready",
                   "start shop \"./shop\" PORT=8080 --secret DATABASE_PASSWORD"},
      .least = 1,
      .run = RunStart};
}

Command UpdateRow() {
  return {.name = "update",
          .elsewhere = {"set", "modify", "config", "configure", "env"},
          .synopsis = "NAME [K=V…]",
          .arguments = {&kProcessWord, nullptr},
          .summary = "Change a process; takes effect at its next restart",
          .details =
              "K=V sets a variable of its environment and leaves the others. A secret one stays\n"
              "secret; `--unset K K=V` makes it an ordinary one with a new value. Where `--secret\n"
              "K` has its value from: see `start`.\n",
          .options = With(
              {CommandOption(), {"unset", 0, "K", "remove a variable of its environment", true}},
              SpecOptions()),
          .examples = {"update web-server PORT=8098",
                       "update web-server --unset DEBUG --restart never"},
          .least = 1,
          .run = RunUpdate};
}

}  // namespace grpc_os::shell
