// Tries what a process must not be able to do. Each attempt says one line, "refused WHAT: WHY" or "succeeded WHAT". A
// usage error says "usage", and nothing at all must not be taken for a refusal.
//
//   hostile kill PID…            SIGTERM, SIGKILL, SIGSTOP, also through a pidfd
//   hostile inspect PID…         ptrace, memory, environment, descriptors, limits, out-of-memory score
//   hostile open PATH…           to read it (or list it)
//   hostile change PATH…         to write, append, truncate, remove, replace it by a symlink, chmod
//   hostile plant DIR…           to make a file and a symlink in it
//   hostile write TEXT PATH…     TEXT to an existing file
//   hostile connect PATH…        to a socket
//   hostile notify NAME…         READY=1 to an abstract datagram socket (tells only whether it was sent)
//   hostile become UID GID       every way to change one's ids
//   hostile privileges PROGRAM   capabilities; PROGRAM is this one, owned by root, with the set-user-id bit
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void Tell(int worked, const char* how, const char* what) {
  if (worked) printf("succeeded %s %s\n", how, what);
  else printf("refused %s %s: %s\n", how, what, strerrorname_np(errno));
}

static int TryOpen(const char* path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int TryWrite(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const int worked = write(fd, text, strlen(text)) > 0;
  const int error = errno;
  close(fd);
  errno = error;
  return worked;
}

static void Kill(const char* target) {
  const pid_t pid = atoi(target);
  const int signals[] = {0, SIGCONT, SIGSTOP, SIGTERM, SIGKILL};
  const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i) {
    char how[64];
    snprintf(how, sizeof how, "pidfd_send_signal %d", signals[i]);
    Tell(syscall(SYS_pidfd_send_signal, fd, signals[i], NULL, 0) == 0, how, target);
    snprintf(how, sizeof how, "kill %d", signals[i]);
    Tell(kill(pid, signals[i]) == 0, how, target);
  }
  Tell(kill(-pid, SIGKILL) == 0, "kill its group", target);
}

static void Inspect(const char* target) {
  const pid_t pid = atoi(target);
  char path[64];
  Tell(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0, "ptrace", target);
  const char* files[] = {"mem", "environ", "maps", "fd", "cwd/.", "root/etc", "io", "auxv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
    Tell(TryOpen(path, O_RDONLY), "open", path);
  }
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  Tell(TryOpen(path, O_RDWR), "open to write", path);
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
  Tell(TryWrite(path, "1000"), "write", path);
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void*)0x400000, 1};
  Tell(process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1, "process_vm_readv", target);
  struct rlimit none = {0, 0};
  Tell(prlimit(pid, RLIMIT_NOFILE, &none, NULL) == 0, "prlimit", target);
  Tell(setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0, "setpriority", target);
  const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  Tell(syscall(SYS_pidfd_getfd, fd, 3, 0) >= 0, "pidfd_getfd", target);
}

static void Change(const char* path) {
  char temporary[4096];
  snprintf(temporary, sizeof temporary, "%s.hostile", path);
  Tell(TryOpen(path, O_WRONLY), "open to write", path);
  Tell(TryOpen(path, O_WRONLY | O_APPEND), "open to append", path);
  Tell(truncate(path, 0) == 0, "truncate", path);
  Tell(chmod(path, 0666) == 0, "chmod", path);
  Tell(chown(path, getuid(), getgid()) == 0, "chown", path);
  Tell(link(path, temporary) == 0, "link", path);
  Tell(symlink("/etc/passwd", temporary) == 0, "symlink beside", path);
  Tell(rename(path, temporary) == 0, "rename", path);
  Tell(unlink(path) == 0, "unlink", path);
  Tell(symlink("/etc/passwd", path) == 0, "symlink in place of", path);
}

static void Plant(const char* directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/hostile", directory);
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  Tell(fd >= 0, "create", path);
  Tell(symlink("/etc/passwd", path) == 0, "symlink", path);
  Tell(mkdir(path, 0777) == 0, "mkdir", path);
  Tell(rmdir(directory) == 0, "rmdir", directory);
  snprintf(path, sizeof path, "%s.hostile", directory);
  Tell(rename(directory, path) == 0, "rename", directory);
}

static void Connect(const char* path) {
  const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
    Tell(connect(fd, (struct sockaddr*)&address, sizeof address) == 0, "connect", path);
    close(fd);
  }
}

static void Notify(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const char text[] = "READY=1\nSTATUS=forged";
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  Tell(sendto(fd, text, sizeof text - 1, 0, (struct sockaddr*)&address, size) > 0, "notify", name);
  // As if it came from the main process of another.
  struct ucred forged = {1, 0, 0};
  struct iovec data = {(void*)text, sizeof text - 1};
  char control[CMSG_SPACE(sizeof forged)] = {0};
  struct msghdr message = {&address, size, &data, 1, control, sizeof control, 0};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof forged);
  memcpy(CMSG_DATA(header), &forged, sizeof forged);
  Tell(sendmsg(fd, &message, 0) > 0, "forged credentials", name);
}

static void Become(uid_t uid, gid_t gid) {
  char what[64];
  snprintf(what, sizeof what, "%u:%u", uid, gid);
  Tell(setuid(uid) == 0, "setuid", what);
  Tell(seteuid(uid) == 0, "seteuid", what);
  Tell(setreuid(uid, uid) == 0, "setreuid", what);
  Tell(setresuid(uid, uid, uid) == 0, "setresuid", what);
  setfsuid(uid);
  errno = EPERM;
  Tell((uid_t)setfsuid((uid_t)-1) == uid, "setfsuid", what);
  Tell(setgid(gid) == 0, "setgid", what);
  Tell(setresgid(gid, gid, gid) == 0, "setresgid", what);
  Tell(setgroups(1, &gid) == 0, "setgroups", what);
}

static void Privileges(const char* program) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}, {0}};
  syscall(SYS_capget, &header, data);
  const int none = data[0].effective == 0 && data[0].permitted == 0 && data[0].inheritable == 0 &&
                   data[1].effective == 0 && data[1].permitted == 0 && data[1].inheritable == 0;
  errno = 0;
  Tell(!none, "have", "capabilities");
  const int wanted[] = {CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_SYS_ADMIN, CAP_DAC_OVERRIDE};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
    char what[32];
    snprintf(what, sizeof what, "capability %d", wanted[i]);
    data[0].effective = data[0].permitted = data[0].inheritable = 1u << wanted[i];
    Tell(syscall(SYS_capset, &header, data) == 0, "capset", what);
    Tell(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, wanted[i], 0, 0) == 0, "raise ambient", what);
  }
  Tell(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0, "clear", "no_new_privs");
  errno = 0;
  Tell(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1, "lack", "no_new_privs");
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl(program, program, "whoami", NULL);
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  errno = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) Tell(0, "set-user-id", program);
  else Tell(1, "set-user-id (or could not try)", program);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc == 2 && strcmp(argv[1], "whoami") == 0) return geteuid() != getuid() || geteuid() == 0 ? 0 : 1;
  if (argc < 3) return puts("usage"), 2;
  const char* what = argv[1];
  const struct {
    const char* name;
    void (*attack)(const char*);
  } attacks[] = {{"kill", Kill},   {"inspect", Inspect}, {"change", Change},
                 {"plant", Plant}, {"connect", Connect}, {"notify", Notify}};
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; ++i) {
    if (strcmp(what, attacks[i].name) != 0) continue;
    for (int j = 2; j < argc; ++j) attacks[i].attack(argv[j]);
    return 0;
  }
  if (strcmp(what, "open") == 0) {
    for (int j = 2; j < argc; ++j) Tell(TryOpen(argv[j], O_RDONLY), "open", argv[j]);
  } else if (strcmp(what, "write") == 0 && argc > 3) {
    for (int j = 3; j < argc; ++j) Tell(TryWrite(argv[j], argv[2]), "write", argv[j]);
  } else if (strcmp(what, "become") == 0 && argc == 4) {
    Become((uid_t)atoi(argv[2]), (gid_t)atoi(argv[3]));
  } else if (strcmp(what, "privileges") == 0) {
    Privileges(argv[2]);
  } else {
    return puts("usage"), 2;
  }
  return 0;
}
