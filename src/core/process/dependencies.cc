#include "core/process/dependencies.h"

#include <algorithm>
#include <deque>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/signal_name.h"

namespace grpc_os::core {
namespace {

std::string HowItEnded(const Process& process) {
  const auto& exit = process.status.last_exit;
  if (exit && exit->signal != 0) return absl::StrCat("was ended by ", SignalName(exit->signal));
  if (exit && exit->exit_code.value_or(0) != 0)
    return absl::StrCat("ended with exit code ", *exit->exit_code);
  return "has ended";
}

}  // namespace

bool HasCome(DependencyCondition condition, const Process& process) {
  const ProcessStatus& status = process.status;
  switch (condition) {
    case DependencyCondition::kStarted:
      return status.state == ProcessState::kRunning;
    case DependencyCondition::kReady:
      return status.state == ProcessState::kRunning && status.ready;
    case DependencyCondition::kCompleted:
      return process.desired == DesiredState::kCompleted && status.last_exit &&
             status.last_exit->exit_code == 0;
  }
  return false;
}

std::string Wanted(const Dependency& dependency) {
  switch (dependency.condition) {
    case DependencyCondition::kStarted:
      return absl::StrCat(dependency.process, " to start");
    case DependencyCondition::kReady:
      break;
    case DependencyCondition::kCompleted:
      return absl::StrCat(dependency.process, " to complete");
  }
  return absl::StrCat(dependency.process, " to be ready");
}

std::string Wanted(const Dependency& dependency, const Process* process) {
  const std::string& name = dependency.process;
  const auto which = [&name](const std::string& clause) {
    return absl::StrCat(name, ", which ", clause);
  };
  if (process == nullptr) return which("does not exist");
  std::string clause;
  if (process->desired == DesiredState::kStopped) {
    clause = "is stopped";
  } else if (process->desired == DesiredState::kCompleted) {
    clause = HowItEnded(*process);
  } else if (process->status.state == ProcessState::kFailed) {
    clause = "could not be executed";
  } else {
    return Wanted(dependency);
  }
  return which(absl::StrCat(clause, ": `start ", name, "`"));
}

std::vector<std::string> FindCycle(
    const std::string& name,
    const std::function<std::vector<std::string>(const std::string&)>& of) {
  std::map<std::string, std::string> from;  // how each was reached first
  std::deque<std::string> queue = {name};
  while (!queue.empty()) {
    const std::string at = std::move(queue.front());
    queue.pop_front();
    for (const std::string& next : of(at)) {
      if (next == name) {
        std::vector<std::string> way = {name};
        for (std::string back = at; back != name; back = from.at(back)) way.push_back(back);
        way.push_back(name);
        std::reverse(way.begin(), way.end());
        return way;
      }
      if (from.emplace(next, at).second) queue.push_back(next);
    }
  }
  return {};
}

}  // namespace grpc_os::core
