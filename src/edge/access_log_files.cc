#include "edge/access_log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace grpc_os::edge {
namespace {

constexpr char kEnd[] = ".log";
// Looking again because a rotation came between, as often as this.
constexpr int kTries = 100;
// Of a number in a name, at least and at most.
constexpr size_t kDigits = 6;
constexpr size_t kMostDigits = 18;

// Of one log: the numbers of its renamed files, ascending, and whether nginx has one to write to.
struct Listed {
  std::vector<uint64_t> renamed;
  bool current = false;
};

std::string CurrentName(const std::string& log) { return absl::StrCat(log, kEnd); }
std::string RenamedName(const std::string& log, uint64_t number) {
  return absl::StrFormat("%s.%06d.log", log, number);
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ENOTDIR || errno == ELOOP)
    return absl::FailedPreconditionError(absl::StrCat(path, " is no directory; remove it"));
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
}

absl::StatusOr<UniqueFd> OpenFile(int directory, const std::string& name) {
  UniqueFd fd(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (fd && fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode)) return fd;
  if (fd || errno == ELOOP) {
    return absl::FailedPreconditionError(absl::StrCat("expected a regular file at logs/", name,
                                                      ", found something else; remove it"));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the access log ", name));
}

// Calls `take` with each name in it.
template <typename Take>
absl::Status ForEachName(int directory, Take take) {
  // A stream of its own: the position of a shared one would be shared too.
  UniqueFd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fd ? fdopendir(fd.get()) : nullptr, closedir);
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "cannot list the access logs");
  (void)fd.Release();  // the stream's from here on
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    take(std::string_view(entry->d_name));
    errno = 0;
  }
  return errno == 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, "cannot list the access logs");
}

// The log that a file belongs to, and its number (0: nginx writes it); nullopt: it is none.
std::optional<std::pair<std::string, uint64_t>> ParseName(std::string_view name) {
  if (!name.ends_with(kEnd)) return std::nullopt;
  name.remove_suffix(sizeof kEnd - 1);
  const size_t dot = name.find('.');
  const std::string log(name.substr(0, dot));
  if (log.empty()) return std::nullopt;
  if (dot == std::string_view::npos) return std::pair(log, uint64_t{0});
  const std::string digits(name.substr(dot + 1));
  uint64_t number = 0;
  if (digits.size() < kDigits || digits.size() > kMostDigits ||
      digits.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(digits, &number) || number == 0) {
    return std::nullopt;
  }
  return std::pair(log, number);
}

absl::StatusOr<std::map<std::string, Listed>> List(int directory) {
  std::map<std::string, Listed> logs;
  const absl::Status status = ForEachName(directory, [&](std::string_view name) {
    const auto parsed = ParseName(name);
    if (!parsed) return;
    Listed& log = logs[parsed->first];
    if (parsed->second == 0)
      log.current = true;
    else
      log.renamed.push_back(parsed->second);
  });
  if (!status.ok()) return status;
  for (auto& [name, log] : logs) std::sort(log.renamed.begin(), log.renamed.end());
  return logs;
}

bool SameFile(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool IsSame(int one, int other) {
  struct stat first {};
  struct stat second {};
  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && SameFile(first, second);
}

bool IsAt(int file, int directory, const std::string& name) {
  struct stat ours {};
  struct stat there {};
  return fstat(file, &ours) == 0 &&
         fstatat(directory, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         SameFile(ours, there);
}

}  // namespace

bool RotateAccessLogs(const std::string& directory, int64_t max_bytes, int keep) {
  const auto opened = OpenDirectory(directory);
  if (!opened.ok()) return false;
  const int fd = opened->get();
  auto logs = List(fd);
  if (!logs.ok()) return false;
  bool reopen = false;
  for (auto& [name, log] : *logs) {
    struct stat status {};
    const std::string current = CurrentName(name);
    if (log.current && fstatat(fd, current.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && status.st_size > max_bytes) {
      const uint64_t number = log.renamed.empty() ? 1 : log.renamed.back() + 1;
      if (renameat2(fd, current.c_str(), fd, RenamedName(name, number).c_str(), RENAME_NOREPLACE) ==
          0) {
        log.renamed.push_back(number);
        log.current = false;
      }
    }
    reopen = reopen || !log.current;
    const size_t kept = std::min(log.renamed.size(), static_cast<size_t>(std::max(keep, 1)));
    for (size_t i = 0; i + kept < log.renamed.size(); ++i)
      unlinkat(fd, RenamedName(name, log.renamed[i]).c_str(), 0);
  }
  return reopen;
}

void RemoveOtherAccessLogs(const std::string& directory, const std::set<std::string>& domain_ids) {
  const auto opened = OpenDirectory(directory);
  const auto logs = opened.ok() ? List(opened->get()) : opened.status();
  if (!logs.ok()) return;
  for (const auto& [id, log] : *logs) {
    if (!IsDomainId(id) || domain_ids.contains(id)) continue;
    if (log.current) unlinkat(opened->get(), CurrentName(id).c_str(), 0);
    for (const uint64_t number : log.renamed)
      unlinkat(opened->get(), RenamedName(id, number).c_str(), 0);
  }
}

bool IsDomainId(const std::string& text) {
  constexpr std::string_view kPrefix = "dom_";
  return text.size() > kPrefix.size() && text.size() <= NAME_MAX / 2 && text.starts_with(kPrefix) &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", kPrefix.size()) ==
             std::string::npos;
}

// Of `file`, which nginx wrote to before `renamed` was listed; nullopt: it was removed meanwhile.
std::optional<uint64_t> AccessLogFiles::NumberOf(int file, int directory,
                                                 const std::vector<uint64_t>& renamed) const {
  for (auto number = renamed.rbegin(); number != renamed.rend(); ++number)
    if (IsAt(file, directory, RenamedName(domain_id_, *number))) return *number;
  struct stat status {};
  if (fstat(file, &status) != 0 || status.st_nlink == 0) return std::nullopt;
  return renamed.empty() ? 1 : renamed.back() + 1;
}

absl::StatusOr<std::optional<AccessLogFile>> AccessLogFiles::Newest() const {
  for (int i = 0; i < kTries; ++i) {
    const auto directory = OpenDirectory(directory_);
    if (absl::IsNotFound(directory.status())) return std::nullopt;
    if (!directory.ok()) return directory.status();
    // Before the names are listed: if it is renamed in between, it is found among them.
    auto current = OpenFile(directory->get(), CurrentName(domain_id_));
    if (!current.ok() && !absl::IsNotFound(current.status())) return current.status();
    auto logs = List(directory->get());
    if (!logs.ok()) return logs.status();
    const std::vector<uint64_t>& renamed = (*logs)[domain_id_].renamed;
    const uint64_t last = renamed.empty() ? 0 : renamed.back();
    if (current.ok()) {
      const auto number = NumberOf(current->get(), directory->get(), renamed);
      if (!number) continue;
      return AccessLogFile{*std::move(current), *number};
    }
    if (last == 0) return std::nullopt;
    auto file = OpenFile(directory->get(), RenamedName(domain_id_, last));
    if (file.ok()) return AccessLogFile{*std::move(file), last};
    if (!absl::IsNotFound(file.status())) return file.status();
  }
  return absl::UnavailableError(
      "the access log is rotated faster than it can be listed; try again");
}

absl::StatusOr<std::optional<AccessLogFile>> AccessLogFiles::At(uint64_t number) const {
  auto newest = Newest();
  if (!newest.ok() || !*newest || (*newest)->number == number) return newest;
  if (number > (*newest)->number) return std::nullopt;
  const auto directory = OpenDirectory(directory_);
  if (!directory.ok()) return directory.status();
  auto file = OpenFile(directory->get(), RenamedName(domain_id_, number));
  if (file.ok()) return AccessLogFile{*std::move(file), number};
  if (absl::IsNotFound(file.status())) return std::nullopt;
  return file.status();
}

absl::StatusOr<std::optional<AccessLogFile>> AccessLogFiles::After(uint64_t number,
                                                                   int file) const {
  for (int i = 0; i < kTries; ++i) {
    auto newest = Newest();
    if (!newest.ok() || !*newest) return newest;
    if ((*newest)->number <= number) {
      if (file < 0 || IsSame(file, (*newest)->file.get())) return std::nullopt;
      return newest;
    }
    const auto directory = OpenDirectory(directory_);
    if (!directory.ok()) return directory.status();
    auto logs = List(directory->get());
    if (!logs.ok()) return logs.status();
    const std::vector<uint64_t>& renamed = (*logs)[domain_id_].renamed;
    const auto next = std::upper_bound(renamed.begin(), renamed.end(), number);
    if (next == renamed.end() || *next >= (*newest)->number) return newest;
    auto opened = OpenFile(directory->get(), RenamedName(domain_id_, *next));
    if (opened.ok()) return AccessLogFile{*std::move(opened), *next};
    if (!absl::IsNotFound(opened.status())) return opened.status();
  }
  return absl::UnavailableError(
      "the access log is rotated faster than it can be opened; try again");
}

bool AccessLogFiles::IsLeft(int file) const {
  struct stat ours {};
  struct stat there {};
  if (fstat(file, &ours) != 0) return false;
  if (lstat(absl::StrCat(directory_, "/", CurrentName(domain_id_)).c_str(), &there) == 0)
    return !SameFile(ours, there);
  const auto newest = Newest();
  return newest.ok() && *newest && !IsSame(file, (*newest)->file.get());
}

}  // namespace grpc_os::edge
