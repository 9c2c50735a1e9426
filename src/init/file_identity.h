// Whose rights a file is opened with.
#ifndef GRPC_OS_INIT_FILE_IDENTITY_H_
#define GRPC_OS_INIT_FILE_IDENTITY_H_

#include <sys/fsuid.h>
#include <unistd.h>

#include <optional>

#include "init/accounts.h"

namespace grpc_os::init {

// While it lives, files are made and opened by this thread with the rights of `account` (none: our
// own), so that nothing the control plane's account plants in its directories leads root astray.
// Not nested.
class FileIdentity {
 public:
  explicit FileIdentity(const std::optional<Account>& account) : changed_(account.has_value()) {
    if (!changed_) return;
    setfsgid(account->gid);
    setfsuid(account->uid);
  }
  FileIdentity(const FileIdentity&) = delete;
  FileIdentity& operator=(const FileIdentity&) = delete;
  ~FileIdentity() {
    if (!changed_) return;
    setfsuid(geteuid());
    setfsgid(getegid());
  }

 private:
  bool changed_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_FILE_IDENTITY_H_
