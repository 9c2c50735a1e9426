// Who listens on a TCP port of this machine, and whether anybody does.
#ifndef GRPC_OS_HOST_PORT_OWNER_H_
#define GRPC_OS_HOST_PORT_OWNER_H_

#include <map>
#include <string>
#include <vector>

namespace grpc_os::host {

// "nginx (pid 12)"; empty: nobody that may be seen: those of other users only root sees. Reads
// /proc/net/tcp, tcp6 and the descriptors of all processes: some milliseconds.
std::string OwnerOfPort(int port);

// Connects to these ports of 127.0.0.1, all at once: `accepts`, or the system's words. Blocks, 500
// ms at most.
std::map<int, std::string> ProbePorts(const std::vector<int>& ports, const std::string& accepts);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_PORT_OWNER_H_
