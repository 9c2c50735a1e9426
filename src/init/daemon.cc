#include "init/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "init/environment.h"
#include "init/file_identity.h"
#include "init/spawn.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

// Of sysexits.h, as in osd_main.cc.
constexpr int kBadConfiguration = 78;  // EX_CONFIG
constexpr int kOutOfMemory = 71;       // EX_OSERR
constexpr int kStartupPlace = 3;
constexpr size_t kStartupBytes = 16 << 10;
constexpr char kWarning[] = "warning: ";
constexpr char kNote[] = "note: ";
constexpr int64_t kLockPollMs = 100;
constexpr int64_t kConnectMs = 10'000;
constexpr int64_t kKilledMs = 5'000;
constexpr int64_t kRetryFirstMs = 100;
constexpr int64_t kRetryMaxMs = 5'000;

std::string HowItEnded(int wait_status) {
  if (!WIFEXITED(wait_status)) return absl::StrCat("was ended by signal ", WTERMSIG(wait_status));
  return absl::StrCat("exited with ", WEXITSTATUS(wait_status),
                      WEXITSTATUS(wait_status) == kOutOfMemory
                          ? ": it had no memory left; GRPC_OSD_MEMORY bounds it"
                          : "");
}

}  // namespace

Daemon::Daemon(EventLoop& loop, Reaper& reaper, const DataDirectory& data, Log& log,
               Settings settings)
    : loop_(loop),
      reaper_(reaper),
      data_(data),
      log_(log),
      settings_(std::move(settings)),
      watch_(loop, {.interval_ms = settings_.health_interval_ms,
                    .connect = [this] { return ConnectToApi(); },
                    .on_failed = [this](const std::string& why) { OnUnhealthy(why); },
                    .on_missed =
                        [this](const std::string& why, int64_t left_ms) {
                          log_.Warn(absl::StrCat("grpc-osd gives ", why,
                                                 "; it is killed if that lasts for ", left_ms,
                                                 " ms more"));
                        },
                    .on_better = [this] { log_.Info("grpc-osd answers health checks again"); }}) {}

absl::StatusOr<UniqueFd> Daemon::ConnectToApi() const {
  const FileIdentity as_control(data_.control());
  return protocol::ConnectTo(data_.path() + "/run", "api.sock", SOCK_STREAM);
}

Daemon::~Daemon() {
  loop_.Cancel(timer_);
  loop_.Cancel(kill_timer_);
  if (startup_) loop_.Unwatch(startup_.get());
}

void Daemon::Start() { StartOrWait(); }

void Daemon::StartOrWait() {
  timer_ = 0;
  if (child_ != 0 || connected_) return;
  const bool lives = data_.OsdLives();
  if (stopping_) {
    if (!lives) return FinishStop();
  } else if (!lives) {
    waiting_since_ms_ = 0;
    return Execute();
  }
  const int64_t now_ms = EventLoop::NowMs();
  if (waiting_since_ms_ == 0) {
    waiting_since_ms_ = now_ms;
    log_.Info("a living grpc-osd holds osd.lock; waits for it to connect");
    if (!stopping_) watch_.StartOfOneThatStarts();
  } else if (now_ms - waiting_since_ms_ >= kConnectMs) {
    log_.Warn(absl::StrCat("a process holds ", data_.path(),
                           "/run/osd.lock but has not connected for ", kConnectMs / 1000,
                           " s; if it is a grpc-osd that hangs, end it"));
    waiting_since_ms_ = now_ms;
  }
  timer_ = loop_.After(kLockPollMs, [this] { StartOrWait(); });
}

void Daemon::Execute() {
  int ends[2];
  UniqueFd writer;
  if (pipe2(ends, O_CLOEXEC) == 0) {
    startup_.Reset(ends[0]);
    writer.Reset(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    loop_.Watch(startup_.get(), EPOLLIN, [this](uint32_t) { OnStartupText(); });
  }
  startup_text_.clear();
  Program program;
  program.path = settings_.program;
  program.arguments = settings_.arguments;
  program.arguments.insert(program.arguments.begin(), "grpc-osd");
  program.environment = settings_.environment;
  program.account = data_.control();
  if (writer) {
    program.descriptors.emplace_back(writer.get(), kStartupPlace);
    program.environment.push_back(absl::StrCat("GRPC_OS_STARTUP_FD=", kStartupPlace));
  }
  const absl::StatusOr<UniqueFd> output = data_.OpenSystemLog("osd.log");
  if (output.ok()) {
    program.descriptors.emplace_back(output->get(), STDOUT_FILENO);
    program.descriptors.emplace_back(output->get(), STDERR_FILENO);
  } else {
    log_.Warn(absl::StrCat("what grpc-osd says is lost: ", std::string(output.status().message())));
  }
  const absl::StatusOr<pid_t> child = Spawn(program);
  if (child.ok()) {
    child_ = *child;
    watch_.StartOfOneThatStarts();
    ready_ = false;
    reaper_.Expect(child_, [this](int status) { OnEnd(status); });
    return;
  }
  const std::string why(child.status().message());
  if (!ever_ready_ && !absl::IsResourceExhausted(child.status())) return settings_.on_refused(why);
  retry_ms_ = std::clamp(retry_ms_ * 2, kRetryFirstMs, kRetryMaxMs);
  log_.Warn(absl::StrCat(why, "; tries again in ", retry_ms_, " ms"));
  timer_ = loop_.After(retry_ms_, [this] { StartOrWait(); });
}

void Daemon::OnStartupText() {
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(startup_.get(), buffer, sizeof buffer)) > 0) {
    startup_text_.append(buffer, static_cast<size_t>(size));
    startup_text_.resize(std::min(startup_text_.size(), kStartupBytes));
  }
  ShowNotes();
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  loop_.Unwatch(startup_.get());
  startup_.Reset();
}

// Whole lines of them; what is left is why it refuses.
void Daemon::ShowNotes() {
  for (size_t end = 0; (end = startup_text_.find('\n')) != std::string::npos;) {
    const std::string line = startup_text_.substr(0, end);
    if (line.rfind(kWarning, 0) == 0) {
      log_.Warn(line.substr(sizeof kWarning - 1));
    } else if (line.rfind(kNote, 0) == 0) {
      log_.Info(line.substr(sizeof kNote - 1));
      printf("%s\n", line.c_str() + sizeof kNote - 1);
      fflush(stdout);
    } else {
      return;
    }
    startup_text_.erase(0, end + 1);
  }
}

void Daemon::OnEnd(int wait_status) {
  child_ = 0;
  watch_.Stop();
  if (startup_) OnStartupText();
  if (startup_) {  // something that it started holds the other end
    loop_.Unwatch(startup_.get());
    startup_.Reset();
  }
  absl::StripAsciiWhitespace(&startup_text_);
  if (stopping_) return FinishStop();
  const bool bad_configuration =
      WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kBadConfiguration;
  if (bad_configuration && !ever_ready_) {
    return settings_.on_refused(startup_text_.empty()
                                    ? absl::StrCat("grpc-osd refuses its configuration; see ",
                                                   data_.path(), "/logs/system/osd.log")
                                    : startup_text_);
  }
  const std::string how = HowItEnded(wait_status);
  if (ready_) {
    retry_ms_ = 0;
    log_.Warn(absl::StrCat("grpc-osd ", how, "; starts it again"));
    return StartOrWait();
  }
  retry_ms_ = std::clamp(retry_ms_ * 2, kRetryFirstMs, kRetryMaxMs);
  const std::string why = absl::StrReplaceAll(startup_text_, {{"\n", "; "}});
  log_.Warn(absl::StrCat("grpc-osd ", how, " before it was ready",
                         why.empty() ? "" : absl::StrCat(" (", why, ")"), "; see ", data_.path(),
                         "/logs/system/osd.log; starts it again in ", retry_ms_, " ms"));
  if (!ever_ready_ && settings_.on_start_failed) settings_.on_start_failed();
  timer_ = loop_.After(retry_ms_, [this] { StartOrWait(); });
}

void Daemon::OnConnected(UniqueFd process) {
  connected_ = true;
  process_ = std::move(process);
  waiting_since_ms_ = 0;
  if (child_ == 0) loop_.Cancel(std::exchange(timer_, 0));
  if (stopping_) AskToEnd();
}

void Daemon::OnDisconnected() {
  connected_ = false;
  process_.Reset();
  // Our child's end is seen by itself. Another one may come back, or be dead: the lock tells.
  if (child_ != 0) return;
  if (timer_ == 0) StartOrWait();
}

void Daemon::OnReady() {
  ready_ = true;
  retry_ms_ = 0;
  if (stopping_) return;
  watch_.Start();
  if (std::exchange(ever_ready_, true)) return;
  ForgetFirstPassword(settings_.environment);
  settings_.on_first_ready();
}

void Daemon::Stop(std::function<void()> done) {
  stopping_ = true;
  on_stopped_ = std::move(done);
  loop_.Cancel(std::exchange(timer_, 0));
  watch_.Stop();
  kill_timer_ = loop_.After(kStopMs, [this] { OnStopOverdue(); });
  AskToEnd();
}

void Daemon::AskToEnd() {
  if (child_ != 0) {
    reaper_.Signal(child_, SIGTERM);
  } else if (connected_) {
    settings_.ask_to_end();
  } else {
    StartOrWait();
  }
}

// What ends it is seen as any end is.
void Daemon::OnUnhealthy(const std::string& why) {
  if (Kill()) return log_.Warn(absl::StrCat("grpc-osd gave ", why, "; killed it"));
  log_.Warn(absl::StrCat("grpc-osd gave ", why, "; it cannot be killed from here, end it"));
  watch_.Start();
}

void Daemon::OnStopOverdue() {
  kill_timer_ = 0;
  log_.Warn(absl::StrCat("grpc-osd did not end within ", kStopMs / 1000, " s"));
  if (!Kill()) return FinishStop();  // one that never connected
  // The kernel may not let it go just now, as where its disk hangs: the others do not wait for
  // that.
  kill_timer_ = loop_.After(kKilledMs, [this] { FinishStop(); });
}

bool Daemon::Kill() const {
  if (child_ != 0) {
    reaper_.Signal(child_, SIGKILL);
    return true;
  }
  const UniqueFd found = process_ ? UniqueFd() : FindByApi();
  const int process = process_ ? process_.get() : found.get();
  return process >= 0 && syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0) == 0;
}

// The kernel names who began to listen. As long as the connection waits there, that one lives: it
// hands the socket on to nobody.
UniqueFd Daemon::FindByApi() const {
  const absl::StatusOr<UniqueFd> api = ConnectToApi();
  const uid_t own = data_.control() ? data_.control()->uid : geteuid();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!api.ok() || getsockopt(api->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.pid <= 0 || peer.uid != own) {
    return {};
  }
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)));
  char byte = 0;
  const bool waits = recv(api->get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  return waits && data_.OsdLives() ? std::move(process) : UniqueFd();
}

void Daemon::FinishStop() {
  loop_.Cancel(std::exchange(kill_timer_, 0));
  loop_.Cancel(std::exchange(timer_, 0));
  if (on_stopped_) std::exchange(on_stopped_, nullptr)();
}

}  // namespace grpc_os::init
