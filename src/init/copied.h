// Whether a data directory is a copy of another one, whose processes must not run twice.
#ifndef GRPC_OS_INIT_COPIED_H_
#define GRPC_OS_INIT_COPIED_H_

#include <string>

#include "protocol/system_identity.h"

namespace grpc_os::init {

// What is seen of the place where the directory now is.
struct Surroundings {
  std::string machine_id;  // empty: the machine has none that lasts
  std::string path;        // of the data directory, absolute
  // At the path where the system last ran: no other data directory with its id; one; or that cannot
  // be seen.
  enum class Original { kGone, kThere, kHidden };
  Original original = Original::kGone;
};

// Why it is a copy, as a clause; empty: it is none. A copy is one that last ran on another machine,
// or at another path where a system with the same id still is. Neither a reboot nor a directory
// that was moved or renamed is one.
std::string WhyCopied(const protocol::SystemIdentity& recorded, const Surroundings& found);

// `directory` is a descriptor of the data directory, `machine_id_file` usually /etc/machine-id.
Surroundings LookAround(const protocol::SystemIdentity& recorded, int directory,
                        const std::string& path, const std::string& machine_id_file);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_COPIED_H_
