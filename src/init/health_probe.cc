#include "init/health_probe.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::init {

HealthProbe::HealthProbe(EventLoop& loop, UniqueFd socket, Done done)
    : loop_(loop), socket_(std::move(socket)), done_(std::move(done)) {
  loop_.Watch(socket_.get(), EPOLLIN | EPOLLOUT, [this](uint32_t) { OnEvents(); });
}

HealthProbe::~HealthProbe() { loop_.Unwatch(socket_.get()); }

// Once a wake-up, so that a peer that sends without end does not keep the loop.
void HealthProbe::OnEvents() {
  if (!std::exchange(asked_, true)) {
    Send(HealthRequest());
    loop_.Rewatch(socket_.get(), EPOLLIN);
  }
  std::array<char, 4096> bytes;
  const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return Finish(absl::StrCat("it cut the connection: ", strerror(errno)));
  const auto state = answer_.Take(std::string_view(bytes.data(), static_cast<size_t>(size)));
  if (state != HealthAnswer::State::kIncomplete) return Finish(answer_.why());
  if (answer_.has_settings() && !std::exchange(acknowledged_, true)) Send(HealthSettingsAck());
}

// The buffer of a new connection takes all of it. What becomes of one that the peer has closed is
// seen when it is read from.
void HealthProbe::Send(const std::string& bytes) const {
  (void)!send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void HealthProbe::Finish(std::string why) {
  std::exchange(done_, nullptr)(why);  // may destroy this object
}

}  // namespace grpc_os::init
