#include "init/accounts.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/accounts_file.h"
#include "base/unique_fd.h"

namespace grpc_os::init {
namespace {

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

constexpr size_t kEntryBytes = 64 << 10;    // one line of the database
constexpr size_t kAccountsBytes = 1 << 20;  // the whole accounts file

absl::StatusOr<Account> FindInPasswd(const std::string& path, const std::string& name) {
  const File file(fopen(path.c_str(), "re"));
  if (!file) return absl::InternalError(absl::StrCat("cannot read ", path, ": ", strerror(errno)));
  std::vector<char> buffer(kEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  while (fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
    if (name != entry.pw_name) continue;
    return Account{entry.pw_name,  entry.pw_uid, entry.pw_gid,
                   {entry.pw_gid}, entry.pw_dir, entry.pw_shell};
  }
  return absl::NotFoundError(absl::StrCat("there is no account '", name, "' in ", path));
}

void AddGroups(const std::string& path, Account& account) {
  const File file(fopen(path.c_str(), "re"));
  if (!file) return;  // no supplementary groups
  std::vector<char> buffer(kEntryBytes);
  group entry{};
  group* found = nullptr;
  while (fgetgrent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
    if (entry.gr_gid == account.gid) continue;
    for (char** member = entry.gr_mem; *member != nullptr; ++member) {
      if (account.name == *member) account.groups.push_back(entry.gr_gid);
    }
  }
}

}  // namespace

absl::StatusOr<Account> AccountDatabase::Find(const std::string& name) const {
  absl::StatusOr<Account> account = FindInPasswd(passwd, name);
  if (account.ok()) AddGroups(group, *account);
  return account;
}

AllowedAccounts::AllowedAccounts(std::string file, uid_t owner, AccountDatabase database,
                                 Account control, std::string whose)
    : file_(std::move(file)),
      owner_(owner),
      database_(std::move(database)),
      control_(std::move(control)),
      whose_(std::move(whose)) {}

absl::StatusOr<std::vector<std::string>> AllowedAccounts::Names() const {
  const UniqueFd fd(open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return absl::FailedPreconditionError(absl::StrCat("cannot read ", file_, ": ", strerror(errno),
                                                      "; write into it the accounts that ", whose_,
                                                      " may run as, one per line"));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(file_, " is not a regular file"));
  }
  if (status.st_uid != owner_ || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        file_, " must belong to root and be writable by nobody else; run: chown root:root ", file_,
        " && chmod 644 ", file_));
  }
  std::string text(kAccountsBytes, '\0');
  const ssize_t size = read(fd.get(), text.data(), text.size());
  if (size < 0) {
    return absl::InternalError(absl::StrCat("cannot read ", file_, ": ", strerror(errno)));
  }
  text.resize(static_cast<size_t>(size));
  std::vector<std::string> names = ParseAccounts(text);
  if (names.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(file_, " names no account; write one that ", whose_, " may run as into it"));
  }
  return names;
}

absl::Status AllowedAccounts::Check() const { return Names().status(); }

absl::StatusOr<Account> AllowedAccounts::Resolve(const std::string& name) const {
  const absl::StatusOr<std::vector<std::string>> names = Names();
  if (!names.ok()) return absl::PermissionDeniedError(std::string(names.status().message()));
  const std::string& wanted = name.empty() ? names->front() : name;
  if (std::find(names->begin(), names->end(), wanted) == names->end()) {
    return absl::PermissionDeniedError(absl::StrCat("the account '", wanted,
                                                    "' is not allowed for ", whose_,
                                                    "; an administrator allows it in ", file_));
  }
  absl::StatusOr<Account> account = database_.Find(wanted);
  if (!account.ok()) return absl::PermissionDeniedError(std::string(account.status().message()));
  if (account->uid == 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("the account '", wanted, "' has uid 0; processes never run as root"));
  }
  if (account->uid == control_.uid) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the account '", wanted, "' is the control plane's own; processes never run as it"));
  }
  // What is the control plane's by its group, no process may have.
  if (account->gid == control_.gid) {
    return absl::PermissionDeniedError(
        absl::StrCat("the account '", wanted, "' has the control plane's group ", control_.gid,
                     " as its own; give it another one: usermod -g GROUP ", wanted));
  }
  std::erase(account->groups, control_.gid);
  return account;
}

bool AllowedAccounts::Lists(uid_t uid) const {
  const absl::StatusOr<std::vector<std::string>> names = Names();
  return names.ok() && std::any_of(names->begin(), names->end(), [&](const std::string& name) {
           const absl::StatusOr<Account> account = database_.Find(name);
           return account.ok() && account->uid == uid;
         });
}

}  // namespace grpc_os::init
