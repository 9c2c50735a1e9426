#include "shell/commands/selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "shell/commands/explain.h"
#include "shell/commands/for_each.h"
#include "shell/commands/together.h"
#include "shell/escape.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<std::vector<v1::Process>> Find(client::Client& client, const std::string& word,
                                              const std::vector<v1::Process>& listed) {
  std::vector<v1::Process> found;
  if (!IsPattern(word)) {
    auto process = client.GetProcess(word);
    if (!process.ok()) return process.status();
    found.push_back(*std::move(process));
    return found;
  }
  for (const v1::Process& process : listed) {
    if (::fnmatch(word.c_str(), process.name().c_str(), 0) == 0) found.push_back(process);
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("No process's name fits ", word, ". `ps` lists all."));
  }
  return found;
}

// `status` with the name of the process that it is of, which the daemon's answer may not have.
absl::Status Naming(const std::string& name, const absl::Status& status) {
  if (status.message().find(name) != std::string_view::npos) return status;
  absl::Status naming(status.code(), absl::StrCat(name, ": ", status.message()));
  status.ForEachPayload(
      [&](auto type, const absl::Cord& payload) { naming.SetPayload(type, payload); });
  return naming;
}

}  // namespace

bool IsPattern(const std::string& word) { return word.find_first_of("*?[") != std::string::npos; }

Selection Select(Session& session, const std::vector<std::string>& words, bool system) {
  Selection selection;
  std::vector<v1::Process> listed;
  if (std::any_of(words.begin(), words.end(), IsPattern)) {
    auto all = session.client().ListProcesses(system);
    if (!all.ok()) {
      selection.code = session.Report(all.status());
      return selection;
    }
    listed.assign(all->processes().begin(), all->processes().end());
  }
  std::map<std::string, size_t> seen;
  for (const std::string& word : words) {
    auto found = Find(session.client(), word, listed);
    if (!found.ok()) {
      selection.code = Worst(selection.code, session.Report(found.status()));
      if (EndsEverything(found.status())) break;
      continue;
    }
    for (v1::Process& process : *found) {
      const auto [known, is_new] = seen.emplace(process.id(), selection.processes.size());
      if (is_new) {
        selection.processes.push_back(std::move(process));
        selection.named.push_back(false);
      }
      if (!IsPattern(word)) selection.named[known->second] = true;
    }
  }
  return selection;
}

v1::ListProcessesResponse ToList(const std::vector<v1::Process>& processes) {
  v1::ListProcessesResponse list;
  list.mutable_processes()->Assign(processes.begin(), processes.end());
  return list;
}

ExitCode ForEach(Session& session, const std::vector<std::string>& words, const Action& action) {
  Selection selection = Select(session, words);
  ExitCode code = selection.code;
  std::vector<v1::Process> processes;
  for (size_t i = 0; i < selection.processes.size(); ++i) {
    const v1::Process& process = selection.processes[i];
    const absl::StatusOr<std::string> why =
        action.leave ? action.leave(process, selection.named[i]) : std::string();
    if (session.interrupted()) return ExitCode::kInterrupted;
    if (!why.ok()) {
      code = Worst(code, session.Report(why.status()));
    } else if (why->empty()) {
      processes.push_back(process);
    } else if (session.for_people()) {
      session.out() << EscapeForTerminal(*why) << "\n";
    }
  }
  std::vector<v1::Process> done;
  bool ended = false;  // by an error that was reported
  // Shows an answer; false if the others need not be tried.
  const auto show = [&](size_t i, absl::StatusOr<v1::Process> result) {
    if (!result.ok() && ended && EndsEverything(result.status())) return false;
    if (!result.ok()) {
      const bool one = processes.size() == 1 || EndsEverything(result.status());
      code = Worst(code, session.Report(one ? result.status()
                                            : Naming(processes[i].name(), result.status())));
      ExplainFailure(session, processes[i].name(), result.status());
      ended = ended || EndsEverything(result.status());
      return !ended;
    }
    // It was to run, and does not.
    const bool fails = action.explains_end && WaitsForExecution(*result);
    if (fails) code = Worst(code, ExitCode::kFailure);
    if (session.collects()) {
      done.push_back(*std::move(result));
    } else {
      session.Show(*result, result->name(), fails ? "" : action.sentence(processes[i], *result));
      if (session.for_people() && action.explains_end) ExplainEnd(session, *result);
    }
    return !ended && !session.interrupted();
  };
  if (action.together && processes.size() > 1) {
    DoTogether(
        processes.size(), [&](size_t i) { return action.run(processes[i]); }, show);
  } else {
    for (size_t i = 0; i < processes.size() && !session.interrupted(); ++i) {
      if (!show(i, action.run(processes[i]))) break;
    }
  }
  if (!session.collects()) return code;
  const bool one = words.size() == 1 && !IsPattern(words[0]);
  if (!one) {
    session.Print(ToList(done));
  } else if (!done.empty()) {
    session.Print(done[0]);
  }
  return code;
}

}  // namespace grpc_os::shell
