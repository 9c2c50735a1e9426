// grpc-osd: the control plane. Started by grpc-os-init; exit code 78 (EX_CONFIG): cannot start as
// configured, said in one sentence; 71 (EX_OSERR): no memory was left.
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/setting_names.h"
#include "base/version.h"
#include "main/check.h"
#include "main/daemon.h"
#include "manifest/settings.h"

namespace grpc_os {
namespace {

constexpr char kUsage[] =
    "usage: grpc-osd --data-dir DIR [--grpc-port N] [--http-port N] [--env-file FILE] "
    "[--config-dir DIR] [--shielded] [--accounts FILE] [--domains-file FILE] --boot-id ID\n"
    "It is started by grpc-os-init; start that instead.\n"
    "       grpc-osd --check DIR\n"
    "Reads the database in the data directory DIR and says what is wrong with it.\n";

struct Arguments {
  manifest::SettingPlaces places{.environment = manifest::SettingsInEnvironment()};
  std::string boot_id;
  bool shielded = false;
  std::string accounts_file;
  std::string domains_file;
};

// False: wrong usage.
bool Parse(int argc, char** argv, Arguments& out) {
  static const option kOptions[] = {{"data-dir", required_argument, nullptr, 'd'},
                                    {"grpc-port", required_argument, nullptr, 'p'},
                                    {"http-port", required_argument, nullptr, 'h'},
                                    {"env-file", required_argument, nullptr, 'e'},
                                    {"config-dir", required_argument, nullptr, 'i'},
                                    {"shielded", no_argument, nullptr, 's'},
                                    {"accounts", required_argument, nullptr, 'a'},
                                    {"domains-file", required_argument, nullptr, 'f'},
                                    {"boot-id", required_argument, nullptr, 'b'},
                                    {"version", no_argument, nullptr, 'v'},
                                    {"check", required_argument, nullptr, 'c'},
                                    {nullptr, 0, nullptr, 0}};
  for (int choice = 0; (choice = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (choice) {
      case 'd':
        out.places.flags["DATA_DIR"] = {optarg, "--data-dir"};
        break;
      case 'p':
        out.places.flags["GRPC_PORT"] = {optarg, "--grpc-port"};
        break;
      case 'h':
        out.places.flags["HTTP_PORT"] = {optarg, "--http-port"};
        break;
      case 'e':
        out.places.env_file = optarg;
        break;
      case 'i':
        out.places.directory = optarg;
        break;
      case 's':
        out.shielded = true;
        break;
      case 'a':
        out.accounts_file = optarg;
        break;
      case 'f':
        out.domains_file = optarg;
        break;
      case 'b':
        out.boot_id = optarg;
        break;
      case 'c':
        exit(optind == argc ? CheckDataDirectory(optarg) : EX_USAGE);
      case 'v':
        printf("grpc-osd %s\n", grpc_os::kVersion);
        exit(0);
      default:
        return false;
    }
  }
  return optind == argc && !out.places.flags["DATA_DIR"].value.empty() && !out.boot_id.empty();
}

absl::StatusOr<DaemonOptions> Resolve(const Arguments& arguments) {
  auto settings = manifest::LoadSettings(arguments.places);
  if (!settings.ok()) return settings.status();
  DaemonOptions options;
  options.shielded = arguments.shielded;
  if (!arguments.accounts_file.empty()) options.accounts_file = arguments.accounts_file;
  if (!arguments.domains_file.empty()) options.domains_file = arguments.domains_file;
  options.boot_id = arguments.boot_id;
  options.settings = *std::move(settings);
  if (const std::string path = options.settings.data_dir + "/run/api.sock";
      path.size() > limits::kSocketPathBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path ", path, " is longer than the ", limits::kSocketPathBytes,
                     " bytes that a socket may have; choose a shorter --data-dir"));
  }
  return options;
}

// Out of the environment, where /proc would show them.
void ForgetSecrets() {
  for (const SettingName& setting : kSettingNames) {
    if (!setting.secret) continue;
    if (char* secret = getenv(setting.name); secret != nullptr)
      explicit_bzero(secret, strlen(secret));
    unsetenv(setting.name);
  }
}

// The pipe that init reads until this program serves or ends: it shows the lines to whoever started
// it.
void WriteToInit(const std::string& text) {
  const char* fd = getenv("GRPC_OS_STARTUP_FD");
  if (fd == nullptr) return;
  (void)!write(atoi(fd), text.data(), text.size());
}

void CloseInitPipe() {
  if (const char* fd = getenv("GRPC_OS_STARTUP_FD"); fd != nullptr) close(atoi(fd));
  unsetenv("GRPC_OS_STARTUP_FD");  // its number may be another file's from here on
}

// For whoever started us, and the log.
int Refuse(const absl::Status& status) {
  const std::string text = absl::StrCat(status.message(), "\n");
  WriteToInit(text);
  fprintf(stderr, "grpc-osd: %s", text.c_str());
  return EX_CONFIG;
}

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Sanitizers map terabytes, and make stack frames larger.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Of threads to come; eight is the default. The bound below counts a stack as a whole, used or not.
void UseSmallStacks() {
  constexpr size_t kStackBytes = size_t{1} << 20;
  pthread_attr_t attributes;
  if (kSanitized || pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

// Whatever takes more than it should ends this program, which is started again, and not one of a
// user's. RLIMIT_DATA counts what may be written to and is ours alone: heaps, as far as they ever
// grew, and stacks; not what is reserved, nor mapped files (getrlimit(2); mm/mmap.c,
// may_expand_vm, since Linux 4.7).
void BoundMemory(int64_t bytes) {
  // An allocation that fails has no answer that the callers of all code could give.
  std::set_new_handler([] {
    constexpr char kText[] = "grpc-osd: no memory is left; GRPC_OSD_MEMORY bounds it\n";
    (void)!write(STDERR_FILENO, kText, sizeof kText - 1);
    _exit(EX_OSERR);
  });
  rlimit limit{};
  if (kSanitized || bytes == 0 || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_max = std::min(limit.rlim_max, static_cast<rlim_t>(bytes));
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_DATA, &limit);
}

int Run(DaemonOptions options) {
  BoundMemory(options.settings.memory_bytes);
  // Blocked before any thread begins, so that only this one takes them.
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
  options.say = [](const std::string& line) { WriteToInit(absl::StrCat(line, "\n")); };
  auto daemon = Daemon::Start(options, [] { kill(getpid(), SIGTERM); });
  explicit_bzero(options.settings.admin_password.data(), options.settings.admin_password.size());
  if (!daemon.ok()) return Refuse(daemon.status());
  if (!options.settings.warning.empty())
    WriteToInit(absl::StrCat("warning: ", options.settings.warning, "\n"));
  CloseInitPipe();
  int received = 0;
  do {
    sigwait(&ends, &received);
  } while (received == SIGHUP);
  return 0;
}

}  // namespace
}  // namespace grpc_os

int main(int argc, char** argv) {
  grpc_os::Arguments arguments;
  if (!grpc_os::Parse(argc, argv, arguments)) {
    fputs(grpc_os::kUsage, stderr);
    return EX_USAGE;
  }
  umask(077);
  // The pieces of an upload are not given back to the kernel one by one, to be faulted in again.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  // malloc_trim leaves each arena but the first so much of what is free at its top.
  mallopt(M_ARENA_MAX, 2);
  grpc_os::UseSmallStacks();
  grpc_os::RaiseFileLimit();
  // Debian's abseil looks for cycles at each lock of gRPC's: 3 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  auto options = grpc_os::Resolve(arguments);
  grpc_os::ForgetSecrets();
  if (!options.ok()) return grpc_os::Refuse(options.status());
  return grpc_os::Run(*std::move(options));
}
