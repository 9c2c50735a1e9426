#include "client/token_file.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

constexpr char kLoggedOut[] = "logged-out";
constexpr char kRefresh[] = "refresh ";
constexpr char kUser[] = "user ";
constexpr size_t kFileBytes = size_t{3} * limits::kTokenBytes;

// Everything but letters, digits, '.', '_' and '-' as %XX: two addresses never get the same name.
std::string FileName(std::string_view address) {
  std::string name;
  for (const char c : address) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.') {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return name;
}

absl::Status Untrusted(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("The token file ", path, " ", why, "; remove it and log in again."));
}

absl::Status FileError(const std::string& what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(errno), "."));
}

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot write", path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

// A token goes into a header line: nothing but visible characters can be one.
bool IsToken(std::string_view text) {
  if (text.size() > limits::kTokenBytes) return false;
  for (const char c : text) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// The access token on a line of its own, then what else there is by name.
bool Parse(const std::string& text, TokenFile::Content& content) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.empty()) return true;
  if (!IsToken(lines[0])) return false;
  if (lines[0] == kLoggedOut) {
    content.logged_out = true;
    return lines.size() == 1;
  }
  content.token = lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    std::string* field = nullptr;
    if (line.starts_with(kRefresh)) field = &content.refresh_token;
    if (line.starts_with(kUser)) field = &content.user;
    if (field == nullptr) return false;
    *field = std::string(line.substr(line.find(' ') + 1));
    if (!IsToken(*field)) return false;
  }
  return true;
}

}  // namespace

TokenFile::TokenFile(std::string directory, std::string_view address)
    : directory_(std::move(directory)), path_(directory_ + "/" + FileName(address)) {}

absl::StatusOr<TokenFile::Content> TokenFile::Read() const {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return Content{};
    if (errno == ELOOP) return Untrusted(path_, "is a symbolic link");
    return FileError("Cannot open", path_);
  }
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return FileError("Cannot read", path_);
  if (!S_ISREG(info.st_mode)) return Untrusted(path_, "is not a regular file");
  if (info.st_uid != ::geteuid()) return Untrusted(path_, "belongs to another account");
  if ((info.st_mode & 077) != 0) return Untrusted(path_, "can be read by others");

  std::string text(kFileBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot read", path_);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  text.resize(size);
  if (size > kFileBytes) return Untrusted(path_, "is too long for a token");
  Content content;
  if (!Parse(text, content)) return Untrusted(path_, "holds no token");
  return content;
}

absl::Status TokenFile::Write(const Content& content) const {
  std::string text = content.token + "\n";
  if (!content.refresh_token.empty()) {
    absl::StrAppend(&text, kRefresh, content.refresh_token, "\n", kUser, content.user, "\n");
  }
  return WriteText(text);
}

absl::Status TokenFile::WriteLoggedOut() const { return WriteText(absl::StrCat(kLoggedOut, "\n")); }

void TokenFile::Remove() const { ::unlink(path_.c_str()); }

absl::StatusOr<UniqueFd> TokenFile::Lock(std::chrono::milliseconds patience) const {
  if (auto status = MakeDirectory(); !status.ok()) return status;
  const std::string path = path_ + ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return FileError("Cannot open", path);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FileError("Cannot lock", path);
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::UnavailableError(
          absl::StrCat("Another grpc-os of yours has been logging in for a while (it holds ", path,
                       "). Try again when it is done."));
    }
    ::poll(nullptr, 0, 10);
  }
  return fd;
}

absl::Status TokenFile::MakeDirectory() const {
  // Parents as the user's umask wants them, the last directory private.
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(directory_).parent_path(), error);
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return FileError("Cannot make the directory", directory_);
  }
  return absl::OkStatus();
}

absl::Status TokenFile::WriteText(std::string_view text) const {
  if (auto status = MakeDirectory(); !status.ok()) return status;
  const std::string temporary = absl::StrCat(directory_, "/.new-", RandomHex128());
  UniqueFd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return FileError("Cannot write", temporary);
  absl::Status status = WriteAll(fd.get(), text, temporary);
  fd.Reset();
  if (status.ok() && ::rename(temporary.c_str(), path_.c_str()) != 0) {
    status = FileError("Cannot write", path_);
  }
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

std::string StateDirectory() {
  const char* state_home = std::getenv("XDG_STATE_HOME");
  if (state_home != nullptr && state_home[0] == '/') return absl::StrCat(state_home, "/grpc-os");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return absl::StrCat(home, "/.local/state/grpc-os");
  std::vector<char> buffer(16 << 10);
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return absl::StrCat(found->pw_dir, "/.local/state/grpc-os");
  }
  return absl::StrCat("/run/user/", ::geteuid(), "/grpc-os");
}

}  // namespace grpc_os::client
