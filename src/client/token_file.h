// Where a user's access token for one daemon is kept between commands.
#ifndef GRPC_OS_CLIENT_TOKEN_FILE_H_
#define GRPC_OS_CLIENT_TOKEN_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::client {

// One file, <directory>/<address>, 0600. Several programs may read and write it at once: a write
// replaces the whole file by rename. Not thread-safe itself.
class TokenFile {
 public:
  // What the file says.
  struct Content {
    std::string token;        // empty: none
    bool logged_out = false;  // the user logged out: nothing may log in by itself
  };

  // `directory` is made (0700) at the first write. Other addresses never share a file.
  TokenFile(std::string directory, std::string_view address);

  // An absent file has neither. A file that is a symbolic link, belongs to someone else, or can be
  // read by others is not trusted: FAILED_PRECONDITION, naming it and what to do.
  absl::StatusOr<Content> Read() const;
  absl::Status WriteToken(std::string_view token) const;
  absl::Status WriteLoggedOut() const;

  const std::string& path() const { return path_; }

 private:
  absl::Status Write(std::string_view content) const;

  std::string directory_;
  std::string path_;
};

// $XDG_STATE_HOME/grpc-os, else ~/.local/state/grpc-os (the home directory of $HOME, else of the
// account). Reference: XDG Base Directory Specification 0.8.
std::string StateDirectory();

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_TOKEN_FILE_H_
