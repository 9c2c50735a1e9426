#include "init/control_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::init {
namespace {

// More than the list of all instances of a full system takes, with a notice of each.
constexpr size_t kQueueMessages = 12'000;

}  // namespace

ControlSocket::ControlSocket(EventLoop& loop, UniqueFd listener, std::string path, Listen listen,
                             uid_t peer, Log& log, Handler& handler)
    : loop_(loop),
      peer_(peer),
      log_(log),
      handler_(handler),
      listener_(loop, std::move(listener),
                {.path = std::move(path),
                 .listen = std::move(listen),
                 .take = [this](UniqueFd socket) { Take(std::move(socket)); },
                 .say = [this](const std::string& text) { log_.Warn(text); }}) {}

ControlSocket::~ControlSocket() {
  for (const auto& [fd, connection] : connections_) loop_.Unwatch(fd);
}

void ControlSocket::Take(UniqueFd socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != 0 && peer.uid != peer_)) {
    return;
  }
  MakeRoom();
  const int fd = socket.get();
  auto connection = std::make_unique<Connection>();
  connection->socket = std::move(socket);
  connection->number = ++accepted_;
  connections_[fd] = std::move(connection);
  loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t events) { OnEvents(fd, events); });
}

void ControlSocket::MakeRoom() {
  if (connections_.size() < static_cast<size_t>(limits::kControlConnections)) return;
  const auto goes_first = [this](const auto& one, const auto& other) {
    const auto rank = [this](const auto& entry) {
      return std::tuple(entry.first == osd_, !entry.second->role.empty(), entry.second->number);
    };
    return rank(one) < rank(other);
  };
  Close(std::min_element(connections_.begin(), connections_.end(), goes_first)->first);
}

void ControlSocket::OnEvents(int fd, uint32_t events) {
  Connection& connection = *connections_.at(fd);
  bool open = true;
  if ((events & EPOLLOUT) != 0) open = Flush(connection);
  if (open && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    open = Receive(connection, limits::kPacketsPerTurn);
  }
  if (!open) Close(fd);
}

bool ControlSocket::Receive(Connection& connection, int packets) {
  for (int i = 0; i < packets; ++i) {
    absl::StatusOr<protocol::Packet> packet = protocol::ReceivePacket(connection.socket.get());
    if (!packet.ok()) {
      log_.Warn(absl::StrCat("init.sock: ", std::string(packet.status().message())));
      return false;
    }
    if (packet->empty) return true;
    if (packet->closed || !Take(connection, *std::move(packet))) return false;
  }
  return true;  // the loop comes again for the rest
}

bool ControlSocket::Take(Connection& connection, protocol::Packet packet) {
  internal::InitRequest request;
  if (!request.ParseFromString(packet.bytes)) return false;
  const bool is_osd = connection.role == "osd";
  switch (request.kind_case()) {
    case internal::InitRequest::kHello:
      return TakeHello(connection, request.hello());
    case internal::InitRequest::kLaunch:
      if (!is_osd || !packet.fd) return false;
      handler_.OnLaunch(request.launch(), std::move(packet.fd));
      return true;
    case internal::InitRequest::kDaemonReady:
      if (is_osd) handler_.OnOsdReady();
      return is_osd;
    case internal::InitRequest::kRemoveProcessDirectory:
      if (is_osd)
        handler_.OnRemoveProcessDirectory(request.remove_process_directory().process_name());
      return is_osd;
    case internal::InitRequest::kStop:
    case internal::InitRequest::kStopAll:
      if (connection.role.empty()) return false;
      connection.asked_stop = true;
      handler_.OnStopRequested(request.has_stop_all());
      return true;
    case internal::InitRequest::kPing: {
      internal::InitReply reply;
      reply.mutable_pong();
      Send(connection, reply);
      return true;
    }
    default:
      return true;  // a newer program's
  }
}

bool ControlSocket::TakeHello(Connection& connection, const internal::InitHello& hello) {
  if (!connection.role.empty() || (hello.role() != "osd" && hello.role() != "control"))
    return false;
  if (hello.role() == "control") {
    connection.role = hello.role();
    return true;
  }
  // A launch that the last one sent is a launch that is seen: first its connection is emptied, then
  // closed.
  if (osd_ >= 0) {
    Receive(*connections_.at(osd_), std::numeric_limits<int>::max());
    loop_.Unwatch(osd_);
    connections_.erase(osd_);
  }
  connection.role = hello.role();
  osd_ = connection.socket.get();
  ucred peer{};
  socklen_t size = sizeof peer;
  getsockopt(osd_, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  UniqueFd process;
  if (peer.pid > 0) process.Reset(static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)));
  // Only while its connection stands is that number surely still its own.
  char byte = 0;
  if (recv(osd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) process.Reset();
  handler_.OnOsdConnected(std::move(process));
  return true;
}

void ControlSocket::SendToOsd(const internal::InitReply& reply) {
  if (osd_ >= 0) Send(*connections_.at(osd_), reply);
}

void ControlSocket::SendToStoppers(const internal::InitReply& reply) {
  for (const auto& [fd, connection] : connections_)
    if (connection->asked_stop) Send(*connection, reply);
}

void ControlSocket::Send(Connection& connection, const internal::InitReply& reply) {
  if (connection.waiting.size() >= kQueueMessages) {
    // Its end is noticed by the loop; what is shut down cannot be written to either.
    shutdown(connection.socket.get(), SHUT_RDWR);
    return;
  }
  connection.waiting.push_back(reply);
  if (connection.waiting.size() == 1) Flush(connection);
}

bool ControlSocket::Flush(Connection& connection) {
  while (!connection.waiting.empty()) {
    const absl::Status sent =
        protocol::SendPacket(connection.socket.get(), connection.waiting.front());
    if (absl::IsResourceExhausted(sent)) {
      loop_.Rewatch(connection.socket.get(), EPOLLIN | EPOLLOUT);
      return true;
    }
    if (!sent.ok()) {
      connection.waiting.clear();
      return false;
    }
    connection.waiting.pop_front();
  }
  loop_.Rewatch(connection.socket.get(), EPOLLIN);
  return true;
}

void ControlSocket::Close(int fd) {
  const bool was_osd = fd == osd_;
  if (was_osd) osd_ = -1;
  loop_.Unwatch(fd);
  connections_.erase(fd);
  if (was_osd) handler_.OnOsdDisconnected();
}

}  // namespace grpc_os::init
