#include "supervise/listeners.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/unique_fd.h"
#include "supervise/printable.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kCommandBytes = 80;  // as far as it is shown
constexpr std::string_view kListening = "0A";

template <typename Number>
bool ReadNumber(std::string_view text, int base, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

// "0100007F": each eight digits are four bytes as they lie in memory.
bool ReadAddress(std::string_view text, int port, Listener& listener) {
  std::array<uint32_t, 4> words{};
  const size_t count = text.size() / 8;
  if (text.size() % 8 != 0 || (count != 1 && count != 4)) return false;
  for (size_t i = 0; i < count; ++i) {
    if (!ReadNumber(text.substr(i * 8, 8), 16, words[i])) return false;
  }
  if (count == 1) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = words[0] == INADDR_ANY ? htonl(INADDR_LOOPBACK) : words[0];
    memcpy(&listener.address, &address, sizeof address);
    listener.address_bytes = sizeof address;
    return true;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<uint16_t>(port));
  memcpy(&address.sin6_addr, words.data(), sizeof address.sin6_addr);
  if (IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr)) address.sin6_addr = in6addr_loopback;
  memcpy(&listener.address, &address, sizeof address);
  listener.address_bytes = sizeof address;
  return true;
}

std::vector<Listener> ReadListeners(const char* path, int port) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  std::vector<Listener> listeners;
  if (!file) return listeners;
  std::string text;
  char buffer[16 << 10];
  bool done = false;
  while (!done) {
    const ssize_t size = read(file.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer, static_cast<size_t>(size));
    const size_t whole = text.rfind('\n') + 1;
    for (Listener& listener : ParseListeners(text.substr(0, whole), port, &done)) {
      listeners.push_back(listener);
    }
    text.erase(0, whole);
  }
  return listeners;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// nullopt: its descriptors may not be seen.
std::optional<bool> HasSocket(pid_t pid, uint64_t inode) {
  const std::string path = absl::StrCat("/proc/", pid, "/fd");
  const Directory directory(opendir(path.c_str()));
  if (directory == nullptr) {
    return errno == EACCES || errno == EPERM ? std::nullopt : std::optional(false);
  }
  const std::string wanted = absl::StrCat("socket:[", inode, "]");
  char link[64];
  while (const dirent* entry = readdir(directory.get())) {
    const ssize_t size = readlinkat(dirfd(directory.get()), entry->d_name, link, sizeof link);
    if (size > 0 && std::string_view(link, static_cast<size_t>(size)) == wanted) return true;
    if (size < 0 && errno == EACCES) return std::nullopt;
  }
  return false;
}

PortHolder::Whose WhoseIs(const Listener& listener, const SocketOwner& owner) {
  bool all_seen = owner.complete;
  for (const pid_t pid : owner.pids) {
    const std::optional<bool> has = HasSocket(pid, listener.inode);
    if (has == true) return PortHolder::Whose::kOwn;
    all_seen = all_seen && has.has_value();
  }
  return !all_seen && listener.uid == owner.uid ? PortHolder::Whose::kOwnByUid
                                                : PortHolder::Whose::kStranger;
}

std::string CommandOf(pid_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/cmdline");
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[512];
  const ssize_t size = file ? read(file.get(), text, sizeof text) : 0;
  if (size <= 0) return "";
  std::string command(text, static_cast<size_t>(size));
  while (!command.empty() && command.back() == '\0') command.pop_back();
  for (char& byte : command) {
    if (byte == '\0') byte = ' ';
  }
  return Printable(command, kCommandBytes);
}

}  // namespace

std::vector<Listener> ParseListeners(std::string_view text, int port, bool* done) {
  std::vector<Listener> listeners;
  const std::vector<std::string> lines = absl::StrSplit(std::string(text), '\n');
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    if (words.size() < 10 || !words[0].ends_with(':')) continue;  // its heading
    if (words[3] != kListening) {
      if (done != nullptr) *done = true;
      break;
    }
    const size_t colon = words[1].find(':');
    Listener listener;
    int number = 0;
    if (colon == std::string::npos ||
        !ReadNumber(std::string_view(words[1]).substr(colon + 1), 16, number) || number != port ||
        !ReadAddress(std::string_view(words[1]).substr(0, colon), port, listener) ||
        !ReadNumber(words[7], 10, listener.uid) || !ReadNumber(words[9], 10, listener.inode)) {
      continue;
    }
    listeners.push_back(listener);
  }
  return listeners;
}

PortHolder FindPortHolder(int port, const SocketOwner& owner) {
  using Whose = PortHolder::Whose;
  PortHolder found;
  for (const char* path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    for (const Listener& listener : ReadListeners(path, port)) {
      const Whose whose = WhoseIs(listener, owner);
      if (whose == Whose::kOwn) return {whose, listener};
      if (found.whose != Whose::kOwnByUid) found = {whose, listener};
    }
  }
  return found;
}

std::string DescribeHolder(const Listener& listener) {
  const Directory processes(opendir("/proc"));
  while (const dirent* entry = processes == nullptr ? nullptr : readdir(processes.get())) {
    pid_t pid = 0;
    if (!ReadNumber(entry->d_name, 10, pid) || HasSocket(pid, listener.inode) != true) continue;
    const std::string command = CommandOf(pid);
    return absl::StrCat("pid ", pid, command.empty() ? "" : absl::StrCat(" (", command, ")"));
  }
  return absl::StrCat("uid ", listener.uid);
}

}  // namespace grpc_os::supervise
