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

// One file, <directory>/<address>, 0600. Several programs may read and write it at once: a write
// replaces the whole file by rename. Who reads it to write what follows from that (a refresh token
// serves once) holds its lock meanwhile. Not thread-safe itself.
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

  // `directory` is made (0700) at the first write. Other addresses never share a file.
  TokenFile(std::string directory, std::string_view address);

  // An absent file has nothing. A file that is a symbolic link, belongs to someone else, or can be
  // read by others is not trusted: FAILED_PRECONDITION, naming it and what to do.
  absl::StatusOr<Content> Read() const;
  absl::Status Write(const Content& content) const;
  absl::Status WriteLoggedOut() const;
  // After a write that failed: what the file still says must not be used again.
  void Remove() const;

  // Keeps every other holder of the lock away, in this program too, until what is returned is
  // closed; the system does that for a program that dies. UNAVAILABLE: not had within `patience`,
  // or the lock's file cannot be made.
  absl::StatusOr<UniqueFd> Lock(std::chrono::milliseconds patience) const;

  const std::string& path() const { return path_; }

 private:
  absl::Status WriteText(std::string_view text) const;

  std::string directory_;
  std::string path_;
};

// $XDG_STATE_HOME/grpc-os, else ~/.local/state/grpc-os (the home directory of $HOME, else of the
// account). Reference: XDG Base Directory Specification 0.8.
std::string StateDirectory();

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_TOKEN_FILE_H_
