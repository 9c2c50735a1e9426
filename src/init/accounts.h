// Accounts of the machine, and which of them processes may run as.
#ifndef GRPC_OS_INIT_ACCOUNTS_H_
#define GRPC_OS_INIT_ACCOUNTS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::init {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // gid included
  std::string home;
  std::string shell;
};

// The account database, read from the files themselves: a static program cannot load NSS modules.
struct AccountDatabase {
  std::string passwd = "/etc/passwd";
  std::string group = "/etc/group";

  // NOT_FOUND: no such account.
  absl::StatusOr<Account> Find(const std::string& name) const;
};

// The accounts that an administrator allows for processes, or for those of gRPC OS itself: a file
// with one name per line, `#` begins a comment, the first is the default. Read anew for every
// question, so that a change needs no restart.
class AllowedAccounts {
 public:
  // The file must belong to `owner` and be writable by nobody else. `control` is the account of the
  // control plane, which processes may never have. `whose`, for messages: "processes".
  AllowedAccounts(std::string file, uid_t owner, AccountDatabase database, Account control,
                  std::string whose = "processes");

  // Whether the file can be trusted and names an account at all.
  absl::Status Check() const;
  // `name`, or the default one if empty, without the control plane's group. PERMISSION_DENIED: not
  // allowed, uid 0, the control plane's, or unknown.
  absl::StatusOr<Account> Resolve(const std::string& name) const;
  // Whether an account of that uid is in the file, by whatever name.
  bool Lists(uid_t uid) const;
  const std::string& file() const { return file_; }

 private:
  absl::StatusOr<std::vector<std::string>> Names() const;

  std::string file_;
  uid_t owner_;
  AccountDatabase database_;
  Account control_;
  std::string whose_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_ACCOUNTS_H_
