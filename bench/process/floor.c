// The least that starting N processes under N supervisors costs on this machine: nothing but the executions.
//
//   floor supervise N SUPERVISE SPEC DIRECTORY    executes the real grpc-os-supervise, which executes what SPEC says
//   floor fork      N PAYLOAD ARGUMENT...         forks a stand-in of a pre-forked supervisor, which executes PAYLOAD
//   floor payload   N PAYLOAD ARGUMENT...         executes PAYLOAD alone
//   floor respawn   N PAYLOAD ARGUMENT...         executes PAYLOAD, waits for its end, executes it again; N times
//
// Prints CLOCK_MONOTONIC in nanoseconds as it stood before the first of them. When standard input ends, it ends what it
// started.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 4096, LISTENER = 3, SPEC_BYTES_MAX = 1 << 20 };

struct supervisor {
  char id[33];
  char directory[512];
  char log_directory[512];
  int listener;
};

static pid_t children[MAX];
static struct supervisor supervisors[MAX];
static char spec[SPEC_BYTES_MAX];

static void Die(const char* what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// What grpc-os-init makes before it launches one; not part of the time.
static void Prepare(struct supervisor* one, int number, const char* above, ssize_t spec_bytes) {
  snprintf(one->id, sizeof one->id, "%032x", number);
  snprintf(one->directory, sizeof one->directory, "%s/%s", above, one->id);
  snprintf(one->log_directory, sizeof one->log_directory, "%s/log-%d", above, number);
  if (mkdir(one->directory, 0700) != 0 || mkdir(one->log_directory, 0700) != 0) Die("mkdir");
  char path[600];
  snprintf(path, sizeof path, "%s/spec", one->directory);
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 || write(file, spec, (size_t)spec_bytes) != spec_bytes) Die("writing the spec");
  close(file);
  one->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%.80s/s%d", above, number);
  if (bind(one->listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(one->listener, 8) != 0) {
    Die("listening");
  }
}

static pid_t LaunchSupervisor(const char* program, const struct supervisor* one) {
  const pid_t child = vfork();
  if (child != 0) return child;
  if (one->listener == LISTENER) {
    fcntl(LISTENER, F_SETFD, 0);
  } else {
    dup2(one->listener, LISTENER);
  }
  execl(program, "grpc-os-supervise", "--instance", one->id, "--process-id", "proc_floor", "--process-name", "floor",
        "--dir", one->directory, "--log-dir", one->log_directory, "--cgroup", "none", (char*)NULL);
  _exit(127);
}

static pid_t LaunchPayload(char** argv) {
  const pid_t child = vfork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execv(argv[0], argv);
  _exit(127);
}

// The least between an end and the next execution: no log, no record, no policy.
static void Respawn(int times, char** argv) {
  for (int i = 0; i < times; ++i) {
    const pid_t child = LaunchPayload(argv);
    if (child < 0) Die("fork");
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
  }
}

static pid_t ForkSupervisor(char** argv) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (LaunchPayload(argv) < 0) _exit(1);
  for (;;) pause();
}

int main(int argc, char** argv) {
  const int count = argc > 3 ? atoi(argv[2]) : 0;
  if (count < 1 || count > MAX) return 2;
  const char* mode = argv[1];
  const int supervise = strcmp(mode, "supervise") == 0;
  if (supervise) {
    if (argc != 6) return 2;
    const int file = open(argv[4], O_RDONLY | O_CLOEXEC);
    const ssize_t spec_bytes = file < 0 ? -1 : read(file, spec, sizeof spec);
    if (spec_bytes <= 0) Die(argv[4]);
    close(file);
    for (int i = 0; i < count; ++i) Prepare(&supervisors[i], i, argv[5], spec_bytes);
  }
  if (strcmp(mode, "respawn") == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Respawn(count, argv + 3);
    return 0;
  }
  printf("%lld\n", Now());
  fflush(stdout);
  for (int i = 0; i < count; ++i) {
    if (supervise) {
      children[i] = LaunchSupervisor(argv[3], &supervisors[i]);
    } else if (strcmp(mode, "fork") == 0) {
      children[i] = ForkSupervisor(argv + 3);
    } else {
      children[i] = LaunchPayload(argv + 3);
    }
    if (children[i] < 0) Die("fork");
  }
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  // They are our children and were not waited for: the numbers are theirs.
  for (int i = 0; i < count; ++i) kill(children[i], SIGTERM);
  for (int i = 0; i < count; ++i) waitpid(children[i], NULL, 0);
  return 0;
}
