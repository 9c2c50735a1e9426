// grpc-os-supervise: runs one instance of a process. docs/ARCHITECTURE.md, "Supervise".
#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "supervise/control.h"
#include "supervise/instance.h"
#include "supervise/options.h"

namespace grpc_os::supervise {
namespace {

constexpr int kListenerFd = 3;
constexpr int kSpecFd = 4;
// How long a task waits for who asked for it.
constexpr int64_t kCallerMs = 10'000;

void Say(const std::string& text) {
  dprintf(STDERR_FILENO, "grpc-os-supervise: %s\n", text.c_str());
}

// Descriptors 0 to 2 exist, so that none of ours gets these numbers; all above them are closed on
// execution.
bool ArrangeDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return false;
  }
  if (syscall(SYS_close_range, kListenerFd, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = kListenerFd; fd < 1024; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return fcntl(kListenerFd, F_GETFD) >= 0;
}

UniqueFd ArrangeSignals() {
  for (const int ignored : {SIGINT, SIGPIPE}) signal(ignored, SIG_IGN);
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  sigaddset(&handled, SIGTERM);
  sigaddset(&handled, SIGHUP);
  // What the parent may have blocked is not blocked here.
  sigprocmask(SIG_SETMASK, &handled, nullptr);
  return UniqueFd(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
}

int Run(const Options& options) {
  // Its complaints about what others send would go to standard error, a file that all supervisors
  // share: who sends it loses the connection.
  google::protobuf::SetLogHandler(nullptr);
  if (!ArrangeDescriptors()) {
    Say("descriptor 3 is not a listening socket: this program is started by grpc-os-init");
    return 1;
  }
  UniqueFd listener(kListenerFd);
  UniqueFd spec(fcntl(kSpecFd, F_GETFD) >= 0 ? kSpecFd : -1);
  const UniqueFd signals = ArrangeSignals();
  umask(027);
  setsid();  // fails if it leads its group already, which is as good
  if (!signals || chdir("/") != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    Say("cannot become a supervisor of processes");
    return 1;
  }

  EventLoop loop;
  std::optional<Control> control;
  absl::Status started;
  Instance instance(loop, options,
                    {.on_report =
                         [&control] {
                           if (control) control->SendReports();
                         },
                     .on_end = [&loop] { loop.Stop(); },
                     .on_output =
                         [&control](protocol::LogStream stream, std::string_view bytes) {
                           if (control) control->Relay(stream, bytes);
                         }});
  control.emplace(loop, instance, options.instance_id, std::move(listener), options.directory);
  loop.Watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info{};
    while (read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGCHLD) instance.OnChildren();
      if (info.ssi_signo == SIGTERM) instance.ShutDown();
      if (info.ssi_signo == SIGHUP) control->LookAtFiles();
    }
  });
  const bool first = static_cast<bool>(spec);
  bool begun = false;
  const auto begin = [&] {
    if (std::exchange(begun, true)) return;
    started = instance.Start(spec.get());
    spec.Reset();
    if (!started.ok()) loop.Stop();
  };
  if (options.task) {
    control->WatchCaller(begin, [&instance] { instance.Abandon(); });
    loop.After(kCallerMs, [&] {
      if (!control->has_caller()) instance.Abandon();
    });
  }
  // A task is executed for a caller that is there; what one leaves is cleared away in any case.
  if (!options.task || !first) begin();
  if (started.ok()) loop.Run();
  control.reset();
  if (!started.ok()) Say(std::string(started.message()));
  return started.ok() ? 0 : 1;
}

}  // namespace
}  // namespace grpc_os::supervise

int main(int argc, char** argv) {
  const auto options =
      grpc_os::supervise::ParseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    grpc_os::supervise::Say(std::string(options.status().message()));
    return 2;
  }
  return grpc_os::supervise::Run(*options);
}
