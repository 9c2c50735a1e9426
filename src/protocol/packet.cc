#include "protocol/packet.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/kept_listener.h"
#include "base/limits.h"

namespace grpc_os::protocol {
namespace {

constexpr int64_t kMemfdBytes = 8 << 20;
// Once a reader checked these, what it reads can no longer change or shrink under it.
constexpr int kContentSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

absl::Status ErrnoStatus(absl::StatusCode code, const std::string& what, int error) {
  return absl::Status(code, absl::StrCat(what, ": ", strerror(error)));
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& directory) {
  UniqueFd fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  return ErrnoStatus(error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kInternal,
                     absl::StrCat("cannot open the directory ", directory), error);
}

// The address of `name` in an open directory, however long the directory's own path is.
absl::StatusOr<sockaddr_un> AddressIn(int directory_fd, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("not the name of a socket: '", name, "'"));
  }
  const std::string path = absl::StrCat("/proc/self/fd/", directory_fd, "/", name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("the name of a socket is too long: '", name, "'"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd NewSocket(int type) {
  return UniqueFd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Takes the descriptors out of a received header: all are owned at once, so that none leaks on an
// error.
std::vector<UniqueFd> TakeDescriptors(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

absl::Status SendPacket(int socket, const google::protobuf::MessageLite& message, int fd) {
  std::string bytes;
  if (!message.SerializeToString(&bytes)) {
    return absl::InvalidArgumentError("a message for another program cannot be serialized");
  }
  // An empty packet could not be told from a hang-up.
  if (bytes.empty()) return absl::InvalidArgumentError("a message without content cannot be sent");
  if (static_cast<int64_t>(bytes.size()) > limits::kPacketBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a message of ", bytes.size(),
                                                   " bytes exceeds the ", limits::kPacketBytes,
                                                   " bytes of a packet"));
  }
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return absl::OkStatus();  // SOCK_SEQPACKET: all or nothing
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ETOOMANYREFS:
      return absl::ResourceExhaustedError("the other side does not read: its buffer is full");
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case ECONNREFUSED:
      return absl::UnavailableError("the other side has closed the connection");
    default:
      return ErrnoStatus(absl::StatusCode::kInternal, "cannot send a packet", errno);
  }
}

absl::StatusOr<Packet> ReceivePacket(int socket) {
  Packet packet;
  packet.bytes.resize(limits::kPacketBytes);
  iovec part{packet.bytes.data(), packet.bytes.size()};
  // Room for more than one, so that too many are seen as such.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 4)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = 0;
  // ECONNRESET is told once, before what the other side still sent: it closed without having read
  // all that was sent to it. What it said before is read all the same; then comes the end.
  bool reset = false;
  do {
    size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  // Also those of a packet without content.
  std::vector<UniqueFd> fds;
  if (size >= 0) fds = TakeDescriptors(header);
  if (size <= 0) {
    packet.bytes.clear();
    if (size == 0 || errno == ECONNRESET || errno == EPIPE) {
      packet.closed = true;
    } else if (errno == EAGAIN) {
      packet.empty = true;
    } else {
      return ErrnoStatus(absl::StatusCode::kInternal, "cannot receive a packet", errno);
    }
    return packet;
  }
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("a packet of more than ", limits::kPacketBytes,
                                                   " bytes came; it was dropped"));
  }
  if (fds.empty() && (header.msg_flags & MSG_CTRUNC) != 0) {
    return absl::ResourceExhaustedError(
        "a packet came with a descriptor, and this program has none free to take it");
  }
  if (fds.size() > 1 || (header.msg_flags & MSG_CTRUNC) != 0) {
    return absl::InvalidArgumentError("a packet came with more than one descriptor");
  }
  packet.bytes.resize(static_cast<size_t>(size));
  if (!fds.empty()) packet.fd = std::move(fds.front());
  return packet;
}

absl::StatusOr<UniqueFd> ListenAt(const std::string& directory, const std::string& name) {
  absl::StatusOr<UniqueFd> directory_fd = OpenDirectory(directory);
  if (!directory_fd.ok()) return directory_fd.status();
  if (absl::Status free =
          CheckSocketPlace(absl::StrCat("/proc/self/fd/", directory_fd->get(), "/", name));
      !free.ok())
    return free;
  // Bound under another name and renamed once it listens: whoever finds the file can connect to it.
  const std::string making = absl::StrCat(".", name, ".new");
  absl::StatusOr<sockaddr_un> address = AddressIn(directory_fd->get(), making);
  if (!address.ok()) return address.status();
  UniqueFd listener = NewSocket(SOCK_SEQPACKET);
  if (!listener) return ErrnoStatus(absl::StatusCode::kInternal, "cannot make a socket", errno);
  // Before bind this sets the mode of the file to come (less the umask), without touching the
  // process's umask.
  fchmod(listener.get(), 0600);
  unlinkat(directory_fd->get(), making.c_str(), 0);
  const auto* raw = reinterpret_cast<const sockaddr*>(&*address);
  if (bind(listener.get(), raw, sizeof *address) != 0 || listen(listener.get(), SOMAXCONN) != 0 ||
      renameat(directory_fd->get(), making.c_str(), directory_fd->get(), name.c_str()) != 0) {
    const int error = errno;
    unlinkat(directory_fd->get(), making.c_str(), 0);
    return ErrnoStatus(absl::StatusCode::kInternal,
                       absl::StrCat("cannot listen at ", directory, "/", name), error);
  }
  return listener;
}

absl::StatusOr<UniqueFd> ConnectTo(const std::string& directory, const std::string& name,
                                   int type) {
  absl::StatusOr<UniqueFd> directory_fd = OpenDirectory(directory);
  if (!directory_fd.ok()) return directory_fd.status();
  absl::StatusOr<sockaddr_un> address = AddressIn(directory_fd->get(), name);
  if (!address.ok()) return address.status();
  UniqueFd connection = NewSocket(type);
  if (!connection) return ErrnoStatus(absl::StatusCode::kInternal, "cannot make a socket", errno);
  const auto* raw = reinterpret_cast<const sockaddr*>(&*address);
  if (connect(connection.get(), raw, sizeof *address) == 0) return connection;
  const int error = errno;
  const std::string what = absl::StrCat("cannot connect to ", directory, "/", name);
  switch (error) {
    case ENOENT:
      return ErrnoStatus(absl::StatusCode::kNotFound, what, error);
    case EAGAIN:  // its queue of connections is full: it lives
      return ErrnoStatus(absl::StatusCode::kResourceExhausted, what, error);
    case ECONNREFUSED:
      return ErrnoStatus(absl::StatusCode::kUnavailable, what, error);
    case EACCES:
    case EPERM:
      return ErrnoStatus(absl::StatusCode::kPermissionDenied, what, error);
    default:
      return ErrnoStatus(absl::StatusCode::kInternal, what, error);
  }
}

absl::StatusOr<UniqueFd> ToMemfd(const google::protobuf::MessageLite& message) {
  std::string bytes;
  if (!message.SerializeToString(&bytes)) {
    return absl::InvalidArgumentError("a message for another program cannot be serialized");
  }
  if (static_cast<int64_t>(bytes.size()) > kMemfdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", bytes.size(), " bytes exceeds ", kMemfdBytes, " bytes"));
  }
  UniqueFd fd(memfd_create("grpc-os-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoStatus(absl::StatusCode::kInternal, "cannot make a memfd", errno);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return ErrnoStatus(absl::StatusCode::kResourceExhausted, "cannot write a memfd", errno);
    }
    done += static_cast<size_t>(written);
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kContentSeals | F_SEAL_SEAL) != 0) {
    return ErrnoStatus(absl::StatusCode::kInternal, "cannot seal a memfd", errno);
  }
  return fd;
}

absl::Status FromMemfd(int fd, google::protobuf::MessageLite& message) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kContentSeals) != kContentSeals) {
    return absl::InvalidArgumentError("expected a sealed memfd, got another kind of descriptor");
  }
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return ErrnoStatus(absl::StatusCode::kInternal, "cannot stat a memfd", errno);
  }
  if (status.st_size > kMemfdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a memfd of ", status.st_size, " bytes exceeds ", kMemfdBytes, " bytes"));
  }
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ErrnoStatus(absl::StatusCode::kInternal, "cannot read a memfd", errno);
    done += static_cast<size_t>(got);
  }
  if (!message.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("the memfd does not hold the expected message");
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::protocol
