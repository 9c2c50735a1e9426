// A process whose life can be checked from outside of gRPC OS. In the directory named by BEATER_DIR:
//
//   starts               one line "NAME PID START VERSION" per execution (START: field 22 of /proc/self/stat)
//   locks/NAME           locked for life, by its children too; who finds it taken writes into `doubles`
//   counts/NAME.PID.START  the number of the last line whose writing to standard output has ended (8 bytes)
//
// It writes the lines "NAME PID START N", N = 1, 2, 3…, to standard output.
//
//   --every-ms N       between two lines (50)
//   --lines N          then none any more, but it lives on
//   --life-ms MIN MAX  ends by itself after so long, see --end
//   --end clean|crash  exit 0, or in turn exit 3 and SIGSEGV (crash)
//   --ignore-term      SIGTERM does nothing
//   --child            leaves a child in a session of its own, which ignores SIGTERM
// SIGUSR1 makes it exit with 7.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char* directory;
static char self[256];

static void Die(const char* what) {
  dprintf(2, "beater: %s: %s\n", what, strerror(errno));
  _exit(99);
}

static int OpenIn(const char* name, int flags) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  const int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) Die(path);
  return fd;
}

static void AppendLine(const char* file, const char* line) {
  const int fd = OpenIn(file, O_WRONLY | O_APPEND);
  if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) Die(file);
  close(fd);
}

static unsigned long long StartTime(void) {
  char text[2048];
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(fd, text, sizeof text - 1);
  if (size <= 0) Die("/proc/self/stat");
  close(fd);
  text[size] = '\0';
  const char* at = strrchr(text, ')');
  for (int field = 3; field <= 22; ++field) at = strchr(at + 1, ' ');
  return strtoull(at, NULL, 10);
}

static int64_t NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void OnUsr1(int number) {
  (void)number;
  _exit(7);
}

static void LeaveChild(void) {
  if (fork() != 0) return;
  setsid();
  signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}

static void End(int crash) {
  if (!crash) _exit(0);
  if (getpid() % 2 == 0) _exit(3);
  raise(SIGSEGV);
}

int main(int argc, char** argv) {
  int64_t every_ms = 50, lines = INT64_MAX, life_min_ms = 0, life_max_ms = 0;
  int crash = 0, child = 0;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--every-ms") == 0) every_ms = atoll(argv[++i]);
    else if (strcmp(argv[i], "--lines") == 0) lines = atoll(argv[++i]);
    else if (strcmp(argv[i], "--end") == 0) crash = strcmp(argv[++i], "crash") == 0;
    else if (strcmp(argv[i], "--ignore-term") == 0) signal(SIGTERM, SIG_IGN);
    else if (strcmp(argv[i], "--child") == 0) child = 1;
    else if (strcmp(argv[i], "--life-ms") == 0) {
      life_min_ms = atoll(argv[++i]);
      life_max_ms = atoll(argv[++i]);
    } else return 2;
  }
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  signal(SIGUSR1, OnUsr1);  // before anyone can know of this execution
  const char* name = getenv("GRPC_OS_PROCESS");
  const char* version = getenv("VERSION");
  directory = getenv("BEATER_DIR");
  if (name == NULL || directory == NULL) return 2;
  snprintf(self, sizeof self, "%s %d %llu", name, getpid(), StartTime());

  char text[400];
  snprintf(text, sizeof text, "locks/%s", name);
  if (flock(OpenIn(text, O_RDWR), LOCK_EX | LOCK_NB) != 0) {
    snprintf(text, sizeof text, "%s\n", self);
    AppendLine("doubles", text);
  }
  snprintf(text, sizeof text, "counts/%s.%d.%llu", name, getpid(), StartTime());
  const int file = OpenIn(text, O_RDWR);
  if (ftruncate(file, 8) != 0) Die(text);
  volatile int64_t* count = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (count == MAP_FAILED) Die("mmap");
  snprintf(text, sizeof text, "%s %s\n", self, version != NULL ? version : "0");
  AppendLine("starts", text);

  if (child) LeaveChild();
  srand((unsigned)(getpid() ^ StartTime()));
  const int64_t life_ms = life_min_ms + (life_max_ms > life_min_ms ? rand() % (life_max_ms - life_min_ms) : 0);
  const int64_t began_ms = NowMs();
  for (int64_t number = 1;; ++number) {
    if (number <= lines) {
      const int size = snprintf(text, sizeof text, "%s %lld\n", self, (long long)number);
      if (write(1, text, (size_t)size) != size) Die("standard output");
      *count = number;
    }
    int64_t wait_ms = every_ms;
    if (life_max_ms > 0) {
      const int64_t left_ms = began_ms + life_ms - NowMs();
      if (left_ms <= 0) End(crash);
      if (left_ms < wait_ms) wait_ms = left_ms;
    }
    usleep((useconds_t)wait_ms * 1000);
  }
}
