#include "init/reaper.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cgroup/children.h"

namespace grpc_os::init {
namespace {

// Every process of ours is given its id, and gives it to what it begets.
bool HasProcessId(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/environ"));
  std::string variable;
  while (std::getline(file, variable, '\0'))
    if (absl::StartsWith(variable, "GRPC_OS_PROCESS_ID=")) return true;
  return false;
}

}  // namespace

Reaper::Reaper() : all_are_ours_(getpid() != 1 && cgroup::OwnChildren().empty()) {}

void Reaper::Expect(pid_t child, std::function<void(int)> on_end) {
  expected_[child] = std::move(on_end);
}

void Reaper::Signal(pid_t child, int signal) const {
  if (expected_.count(child) > 0) kill(child, signal);
}

std::vector<pid_t> Reaper::KillStrays() const {
  std::vector<pid_t> strays;
  for (const pid_t child : cgroup::OwnChildren()) {
    if (expected_.contains(child) || (!all_are_ours_ && !HasProcessId(child))) continue;
    kill(child, SIGKILL);  // its number is its own until it is collected
    strays.push_back(child);
  }
  return strays;
}

void Reaper::Reap() {
  int status = 0;
  pid_t child = 0;
  while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
    auto node = expected_.extract(child);
    if (!node.empty()) node.mapped()(status);
  }
}

}  // namespace grpc_os::init
