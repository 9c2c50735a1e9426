#include "base/kept_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os {
namespace {

bool SomebodyListens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // EAGAIN: its queue is full; EPROTOTYPE: it is of another type.
  return probe &&
         (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
          errno == EAGAIN || errno == EPROTOTYPE);
}

}  // namespace

absl::Status CheckSocketPlace(const std::string& path) {
  struct stat there {};
  if (lstat(path.c_str(), &there) != 0) return absl::OkStatus();  // bind says what else is wrong
  if (!S_ISSOCK(there.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot listen at ", path, ": a file that is no socket is there; move it away"));
  }
  return absl::OkStatus();
}

KeptListener::KeptListener(EventLoop& loop, UniqueFd listener, Settings settings)
    : loop_(loop), settings_(std::move(settings)), own_(FileThere()) {
  acceptor_.emplace(loop_, std::move(listener), settings_.take);
}

void KeptListener::Look() {
  if (own_.has_value() && FileThere() == own_) return said_.clear();
  absl::Status free = CheckSocketPlace(settings_.path);
  if (free.ok() && SomebodyListens(settings_.path)) {
    free = absl::FailedPreconditionError(
        absl::StrCat("cannot listen at ", settings_.path,
                     ": another program does; end that, or remove the file"));
  }
  absl::StatusOr<UniqueFd> anew = free.ok() ? settings_.listen() : absl::StatusOr<UniqueFd>(free);
  if (!anew.ok()) return Say(std::string(anew.status().message()));
  own_ = FileThere();
  acceptor_->TakeWaiting();
  acceptor_.emplace(loop_, *std::move(anew), settings_.take);
  Say(absl::StrCat("the socket ", settings_.path, " was gone; made it again"));
}

std::optional<KeptListener::File> KeptListener::FileThere() const {
  struct stat there {};
  if (lstat(settings_.path.c_str(), &there) != 0) return std::nullopt;
  return File{there.st_dev, there.st_ino};
}

void KeptListener::Say(const std::string& text) {
  if (std::exchange(said_, text) != text && settings_.say) settings_.say(text);
}

}  // namespace grpc_os
