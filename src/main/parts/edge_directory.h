// What nginx finds on the disk, and the ports that it listens on.
#ifndef GRPC_OS_MAIN_PARTS_EDGE_DIRECTORY_H_
#define GRPC_OS_MAIN_PARTS_EDGE_DIRECTORY_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "manifest/settings.h"

namespace grpc_os {

// nginx's; nullopt: our own.
absl::StatusOr<std::optional<uid_t>> FindEdgeAccount(const std::string& account, bool shielded);
// Makes the directories, with the rights that this account needs, and writes edge.lua.
absl::Status MakeEdgeDirectory(const std::string& path, std::optional<uid_t> uid);

struct EdgePorts {
  int http = 0;
  int https = 0;
  int grpc = 0;
};
// Those of the settings; for one that may be any, the one that was taken last, as
// `run_directory`/edge.*.port has it, or a free one.
EdgePorts ChooseEdgePorts(const manifest::Settings& settings, const std::string& run_directory);
// What the edge listens on, at EDGE_ADDRESS: "0.0.0.0:8880", "[::]:8880".
std::vector<std::string> ListenAddresses(const std::string& address, int port);

// nginx as a process: processes/default/nginx/config.yml, for this directory.
absl::StatusOr<core::Process> NginxProcessFor(const std::string& directory,
                                              const manifest::Settings& settings,
                                              const EdgePorts& ports, bool shielded);

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_EDGE_DIRECTORY_H_
