// Where a user's log-in to one daemon is kept between commands.
#ifndef GRPC_OS_CLIENT_TOKEN_FILE_H_
#define GRPC_OS_CLIENT_TOKEN_FILE_H_

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::client {

// One file, <directory>/<what it is kept as>, 0600. Several programs may read and write it at once:
// a write replaces the whole file by rename. Who reads it to write what follows from that (a
// refresh token serves once) holds its lock meanwhile. Not thread-safe itself.
class TokenFile {
 public:
  // What the file says.
  struct Content {
    std::string token = {};          // empty: none
    std::string refresh_token = {};  // empty: the log-in was none by password
    std::string user = {};           // whom the refresh token is for
    bool logged_out = false;         // the user logged out: nothing may log in by itself

    bool operator==(const Content&) const = default;
  };

  // `directory` is made (0700) at the first write. What is kept as something else is never in the
  // same file.
  TokenFile(const std::string& directory, std::string_view kept_as);

  // An absent file has nothing. A file that is a symbolic link, belongs to someone else, or can be
  // read by others is not trusted: FAILED_PRECONDITION, naming it and what to do.
  absl::StatusOr<Content> Read() const;
  absl::Status Write(const Content& content) const;
  absl::Status WriteLoggedOut() const;
  // What the file says must not be used again.
  void Remove() const;

  // LockPrivateFile.
  absl::StatusOr<UniqueFd> Lock(std::chrono::milliseconds patience) const;

  const std::string& path() const { return path_; }

 private:
  absl::Status WriteText(std::string_view text) const;

  std::string path_;
};

// $XDG_STATE_HOME/grpc-os, else ~/.local/state/grpc-os (the home directory of $HOME, else of the
// account). Reference: XDG Base Directory Specification 0.8.
std::string StateDirectory();
// The same of $XDG_CONFIG_HOME and ~/.config.
std::string ConfigDirectory();

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_TOKEN_FILE_H_
