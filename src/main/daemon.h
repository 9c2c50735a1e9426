// grpc-osd put together: which concrete parts, in which order they start and stop.
#ifndef GRPC_OS_MAIN_DAEMON_H_
#define GRPC_OS_MAIN_DAEMON_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "manifest/settings.h"

namespace grpc_os {

struct DaemonOptions {
  std::string data_directory;
  int grpc_port = 50051;
  int http_port = 50052;
  bool shielded = false;  // init runs with --user: only uid 0 logs in by peer
  std::string boot_id;
  manifest::Settings settings;
};

class Daemon {
 public:
  // Opens, recovers, listens, serves. An error is one sentence with its cure. `on_shutdown` is
  // called, on some thread, when init asks for the end.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const DaemonOptions& options,
                                                       std::function<void()> on_shutdown);
  // Refuses new calls, ends streams, drains, lets processes be, closes the store.
  ~Daemon();

  // What whoever started it should know; empty: nothing.
  const std::string& notice() const;
  // What of its start it could do without and did not get.
  const std::vector<std::string>& warnings() const;

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_DAEMON_H_
