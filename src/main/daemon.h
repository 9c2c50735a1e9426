// grpc-osd put together: which concrete parts, in which order they start and stop.
#ifndef GRPC_OS_MAIN_DAEMON_H_
#define GRPC_OS_MAIN_DAEMON_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "manifest/settings.h"

namespace grpc_os {

struct DaemonOptions {
  bool shielded = false;  // init runs with --user: only uid 0 logs in by peer
  std::string accounts_file = "/etc/grpc-os/accounts";  // of processes, then
  std::string domains_file = "/etc/grpc-os/domains.conf";
  std::string boot_id;
  manifest::Settings settings;
  // Takes what whoever started it should know, a line each, as soon as it is known.
  std::function<void(const std::string& line)> say;
};

class Daemon {
 public:
  // Opens, recovers, listens, serves. An error is one sentence with its cure. `on_shutdown` is
  // called, on some thread, when init asks for the end.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const DaemonOptions& options,
                                                       std::function<void()> on_shutdown);
  // Refuses new calls, ends streams, drains, lets processes be, closes the store.
  ~Daemon();

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_DAEMON_H_
