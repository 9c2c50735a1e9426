// Which system lives in a data directory, and where it last ran: the file DATA_DIR/system-id.
// grpc-os-init keeps it; grpc-osd reads it, and takes the hold out of it.
#ifndef GRPC_OS_PROTOCOL_SYSTEM_IDENTITY_H_
#define GRPC_OS_PROTOCOL_SYSTEM_IDENTITY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::protocol {

struct SystemIdentity {
  std::string id;          // 32 hexadecimal digits; a copy gets one of its own
  std::string machine_id;  // of the machine that it last ran on; empty: not known
  std::string path;        // of the directory there, absolute
  // Why its processes are held: from when init finds that it is a copy until `resume`. Empty: they
  // are not.
  std::string held;

  bool operator==(const SystemIdentity&) const = default;
};

// `directory` is a descriptor of the data directory (O_PATH will do). nullopt: it has no such file.
// PERMISSION_DENIED, UNAVAILABLE: it cannot be read. DATA_LOSS: it is not as it was written.
absl::StatusOr<std::optional<SystemIdentity>> ReadSystemIdentity(int directory);

// Durable when it returns. A failure leaves the file as it was. RESOURCE_EXHAUSTED: the disk is
// full.
absl::Status WriteSystemIdentity(int directory, const SystemIdentity& identity);

}  // namespace grpc_os::protocol

#endif  // GRPC_OS_PROTOCOL_SYSTEM_IDENTITY_H_
