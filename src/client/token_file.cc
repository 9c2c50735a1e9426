#include "client/token_file.h"

#include <openssl/sha.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "client/private_file.h"

namespace grpc_os::client {
namespace {

constexpr char kLoggedOut[] = "logged-out";
constexpr char kRefresh[] = "refresh ";
constexpr char kUser[] = "user ";
// A name in a directory has at most 255, and the lock's is longer by ".lock".
constexpr size_t kNameBytes = 240;
constexpr size_t kFileBytes = size_t{3} * limits::kTokenBytes;

// Everything but letters, digits, '.', '_' and '-' as %XX, a long end as its SHA-256: two addresses
// never get the same name.
std::string FileName(std::string_view address) {
  std::string name;
  for (const char c : address) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.') {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  if (name.size() <= kNameBytes) return name;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  ::SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest.data());
  name.resize(kNameBytes - 2 * digest.size());
  for (const unsigned char byte : digest) absl::StrAppendFormat(&name, "%02x", byte);
  return name;
}

absl::Status Untrusted(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("The token file ", path, " ", why, "; remove it and log in again."));
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

std::string OwnDirectory(const char* variable, const char* below_home) {
  const char* base = std::getenv(variable);
  if (base != nullptr && base[0] == '/') return absl::StrCat(base, "/grpc-os");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return absl::StrCat(home, below_home, "/grpc-os");
  std::vector<char> buffer(16 << 10);
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return absl::StrCat(found->pw_dir, below_home, "/grpc-os");
  }
  return absl::StrCat("/run/user/", ::geteuid(), "/grpc-os");
}

}  // namespace

TokenFile::TokenFile(const std::string& directory, std::string_view kept_as)
    : path_(directory + "/" + FileName(kept_as)) {}

absl::StatusOr<TokenFile::Content> TokenFile::Read() const {
  const auto text = ReadPrivateFile(path_, kFileBytes);
  if (absl::IsFailedPrecondition(text.status())) {
    return Untrusted(path_, std::string(text.status().message()));
  }
  if (!text.ok()) return text.status();
  Content content;
  if (*text && !Parse(**text, content)) return Untrusted(path_, "holds no token");
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
  return LockPrivateFile(
      path_, patience,
      absl::StrCat("Another grpc-os of yours has been logging in for a while (it holds ", path_,
                   ".lock). Try again when it is done."));
}

absl::Status TokenFile::WriteText(std::string_view text) const {
  return WritePrivateFile(path_, text);
}

std::string StateDirectory() { return OwnDirectory("XDG_STATE_HOME", "/.local/state"); }

std::string ConfigDirectory() { return OwnDirectory("XDG_CONFIG_HOME", "/.config"); }

}  // namespace grpc_os::client
