// A listening unix socket whose file stays in its place.
#ifndef GRPC_OS_BASE_KEPT_LISTENER_H_
#define GRPC_OS_BASE_KEPT_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/acceptor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace grpc_os {

// Whether the place of a socket whose last owner is surely dead may be taken: nothing is there, or
// a socket. FAILED_PRECONDITION, naming the cure: another file is.
absl::Status CheckSocketPlace(const std::string& path);

// An Acceptor of a socket with a path. Without its file a program cannot be reached by anybody new:
// Look finds out that it is gone, and listens anew. Connections go on, and those that wait for
// accept() are accepted. What somebody else put there is left alone. Lives on the loop's thread.
class KeptListener {
 public:
  struct Settings {
    std::string path;
    std::function<absl::StatusOr<UniqueFd>()> listen;  // at `path`, where nothing is
    std::function<void(UniqueFd)> take;                // as Acceptor's
    // What was found and done, as a sentence; the same is said once. Empty: nobody is told.
    std::function<void(const std::string&)> say = {};
  };
  static constexpr int64_t kLookEveryMs = 1000;

  // `listener` is of `listen`, just now.
  KeptListener(EventLoop& loop, UniqueFd listener, Settings settings);

  // To be called every kLookEveryMs. Costs one stat.
  void Look();

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const File&) const = default;
  };
  // nullopt: nothing is there.
  std::optional<File> FileThere() const;
  void Say(const std::string& text);

  EventLoop& loop_;
  const Settings settings_;
  // Its inode is not another file's as long as the socket lives.
  std::optional<File> own_;
  std::optional<Acceptor> acceptor_;
  std::string said_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_KEPT_LISTENER_H_
