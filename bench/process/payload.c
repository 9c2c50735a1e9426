// What both supervisors run. It writes its own timestamps, so that neither supervisor is asked for them.
//
//   payload FILE LABEL stay
//     writes one record, then waits for a signal.
//   payload FILE LABEL crash PERIOD_MS PHASE_MS COUNT
//     writes a record, lives until the clock next stands at PHASE_MS of a period (for at least 1.2 s, which is longer
//     than the second after which a process counts as ready), writes another and exits with 1. After COUNT such ends
//     it stays.
//   payload chatter PERIOD_MS
//     writes a line to its output every PERIOD_MS, for ever.
//
// A record is a line of RECORD_BYTES: start|exit, label, pid, CLOCK_MONOTONIC in nanoseconds; appended with one write.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 64 };
static const long long kMs = 1000000;
static const long long kLifeMs = 1200;

static long long Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void Record(int file, const char* what, const char* label, long long time_ns) {
  char line[RECORD_BYTES + 1];
  snprintf(line, sizeof line, "%-5s %-26.26s %10d %19lld\n", what, label, (int)getpid(), time_ns);
  if (write(file, line, RECORD_BYTES) != RECORD_BYTES) _exit(3);
}

static void Stay(void) {
  for (;;) pause();
}

static void Chatter(long period_ms) {
  const struct timespec pause = {.tv_sec = period_ms / 1000, .tv_nsec = period_ms % 1000 * kMs};
  for (;;) {
    if (write(STDOUT_FILENO, ".\n", 2) != 2) _exit(3);
    nanosleep(&pause, NULL);
  }
}

int main(int argc, char** argv) {
  const long long started_ns = Now();
  if (argc == 3 && strcmp(argv[1], "chatter") == 0) Chatter(atol(argv[2]));
  if (argc < 4) return 2;
  const int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return 3;
  Record(file, "start", argv[2], started_ns);
  if (strcmp(argv[3], "crash") != 0) Stay();
  if (argc != 7) return 2;
  const long long period_ns = atoll(argv[4]) * kMs;
  const long long phase_ns = atoll(argv[5]) * kMs;
  struct stat info;
  if (fstat(file, &info) != 0) return 3;
  // Of n ends so far there are n "exit" records and n + 1 "start" records.
  if (info.st_size / RECORD_BYTES / 2 >= atoll(argv[6])) Stay();

  const long long earliest_ns = started_ns + kLifeMs * kMs;
  long long end_ns = earliest_ns - earliest_ns % period_ns + phase_ns;
  if (end_ns < earliest_ns) end_ns += period_ns;
  const struct timespec end = {.tv_sec = end_ns / 1000000000, .tv_nsec = end_ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) != 0) {
  }
  Record(file, "exit", argv[2], Now());
  _exit(1);
}
