#include "host/account.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/accounts_file.h"

namespace grpc_os::host {

absl::StatusOr<uid_t> UidOfAccount(const std::string& account, bool shielded) {
  if (account.empty()) return geteuid();
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(account.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return absl::UnavailableError(absl::StrCat("passwd: ", strerror(error)));
  if (found == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("this machine has no account '", account, "'; see /etc/grpc-os/accounts"));
  }
  if (!shielded && entry.pw_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("without --user processes run as the daemon's own account, not as '", account,
                     "'; leave the account out"));
  }
  return entry.pw_uid;
}

absl::StatusOr<std::string> DefaultAccount(const std::string& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  const std::vector<std::string> names = ParseAccounts(text.str());
  if (!names.empty()) return names.front();
  return absl::FailedPreconditionError(
      absl::StrCat("the account that it is to run as is not known, because ", file,
                   " cannot be read or names none; name one: `user: ACCOUNT` in process.yml"));
}

}  // namespace grpc_os::host
