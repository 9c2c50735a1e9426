// stranger PID: starts a process that has this pid, which must be free, and lives until standard input ends. Says "there"
// once it is so, and "killed" if the process did not live so long. Exit code 2: the pid could not be had.
#define _GNU_SOURCE
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  pid_t wanted = atoi(argv[1]);
  int pidfd = -1;
  // The kernel's own way to choose a pid; checkpoints are restored by it.
  struct clone_args arguments = {.flags = CLONE_PIDFD,
                                 .pidfd = (uintptr_t)&pidfd,
                                 .exit_signal = SIGCHLD,
                                 .set_tid = (uintptr_t)&wanted,
                                 .set_tid_size = 1};
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) {
    perror("clone3");
    return 2;
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();  // a group of its own: nobody reaches it by another's number
    for (;;) pause();
  }
  if (pid != wanted) return 2;
  puts("there");
  fflush(stdout);
  struct pollfd watched[2] = {{pidfd, POLLIN, 0}, {0, POLLIN, 0}};
  poll(watched, 2, -1);
  // Both may have come: who is dead was killed.
  if (poll(watched, 1, 0) > 0) puts("killed");
  fflush(stdout);
  return 0;
}
