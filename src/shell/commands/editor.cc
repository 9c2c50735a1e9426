#include "shell/commands/editor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace grpc_os::shell {
namespace {

// Empty: none is named, and none can be meant.
std::string Command(EditorInput input) {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return input == EditorInput::kTerminal ? "vi" : "";
}

// As a job of its own in front of the terminal, so that what is typed there is not for us.
class Spawned {
 public:
  Spawned(const std::string& command, const std::string& file, EditorInput input) {
    const bool terminal = input == EditorInput::kTerminal;
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (terminal) flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (terminal) ::posix_spawn_file_actions_addtcsetpgrp_np(&actions, STDIN_FILENO);
    if (input == EditorInput::kNone) {
      ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    const std::string script = command + " \"$1\"";
    const char* const argv[] = {"sh", "-c", script.c_str(), "sh", file.c_str(), nullptr};
    error_ = ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, const_cast<char* const*>(argv),
                           environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  int error() const { return error_; }

  // Its wait status. A stop of it, which nobody here could end, is ended at once.
  int Wait() const {
    int status = 0;
    while (true) {
      const pid_t ended = ::waitpid(pid_, &status, WUNTRACED);
      if (ended < 0 && errno != EINTR) return -1;
      if (ended != pid_) continue;
      if (!WIFSTOPPED(status)) return status;
      ::kill(-pid_, SIGCONT);
    }
  }

 private:
  pid_t pid_ = -1;
  int error_ = 0;
};

// The terminal is ours again; taking it from the background would stop us.
void TakeTerminalBack() {
  sigset_t output;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &output, &before);
  ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

absl::Status RunEditor(const std::string& file, EditorInput input) {
  const std::string command = Command(input);
  if (command.empty()) {
    return absl::FailedPreconditionError(
        "There is no terminal to edit on, and $EDITOR names no program that needs none; nothing "
        "was "
        "stored. `put FILE NAME` stores a file.");
  }
  const Spawned spawned(command, file, input);
  const int status = spawned.error() == 0 ? spawned.Wait() : 0;
  if (input == EditorInput::kTerminal) TakeTerminalBack();
  if (spawned.error() != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("The editor could not be started: ", std::strerror(spawned.error()), "."));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "The editor `", command, "` ",
      WIFEXITED(status) ? absl::StrCat("ended with ", WEXITSTATUS(status)) : "was killed",
      "; nothing was stored. $EDITOR names another."));
}

}  // namespace grpc_os::shell
