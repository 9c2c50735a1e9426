// Messages between our programs: one protobuf message, one SOCK_SEQPACKET packet, descriptors
// beside it.
#ifndef GRPC_OS_PROTOCOL_PACKET_H_
#define GRPC_OS_PROTOCOL_PACKET_H_

#include <google/protobuf/message_lite.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::protocol {

// Sends one packet without blocking. `fd`, if not -1, goes with it (SCM_RIGHTS). UNAVAILABLE: the
// other side is gone; RESOURCE_EXHAUSTED: its buffer is full (try again when writable);
// INVALID_ARGUMENT: larger than limits::kPacketBytes.
absl::Status SendPacket(int socket, const google::protobuf::MessageLite& message, int fd = -1);

struct Packet {
  bool closed = false;  // the other side hung up: nothing else is set
  bool empty = false;   // nothing to read just now
  std::string bytes;
  UniqueFd fd;  // that came with it
};
// Receives one packet without blocking. Descriptors come CLOEXEC; more than one is an error. What
// is not in the answer is closed, whatever came. A packet without content is a hang-up.
absl::StatusOr<Packet> ReceivePacket(int socket);

// A listening socket at `name` in the directory `directory` (any length of path: bound through
// /proc/self/fd), mode 0600. Takes the place of another socket: whoever calls must hold the
// lock that says that its owner is gone. FAILED_PRECONDITION as CheckSocketPlace.
absl::StatusOr<UniqueFd> ListenAt(const std::string& directory, const std::string& name);
// Connects without waiting; NOT_FOUND: no such file; UNAVAILABLE: nobody listens;
// RESOURCE_EXHAUSTED: its queue of connections is full. `type` is SOCK_STREAM for what speaks no
// packets.
absl::StatusOr<UniqueFd> ConnectTo(const std::string& directory, const std::string& name,
                                   int type = SOCK_SEQPACKET);

// A sealed (unchangeable) memfd holding the message, and the reverse (at most 8 MiB).
absl::StatusOr<UniqueFd> ToMemfd(const google::protobuf::MessageLite& message);
absl::Status FromMemfd(int fd, google::protobuf::MessageLite& message);

}  // namespace grpc_os::protocol

#endif  // GRPC_OS_PROTOCOL_PACKET_H_
