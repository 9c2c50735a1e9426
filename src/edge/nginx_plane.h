// core::DataPlane over nginx: configuration files, their check, the reload and its acknowledgement.
#ifndef GRPC_OS_EDGE_NGINX_PLANE_H_
#define GRPC_OS_EDGE_NGINX_PLANE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/reconcile/data_plane.h"
#include "core/reconcile/worker.h"
#include "core/scheduler.h"
#include "edge/nginx_process.h"
#include "edge/private_socket.h"

namespace grpc_os::edge {

// `directory`/conf/gen-N has nginx.conf and d/<id>.conf of generation N; conf/live is a link to the
// one that nginx reads when it starts or is told to. Lives on the core's thread.
class NginxPlane final : public core::DataPlane {
 public:
  struct Parts {
    std::string directory;
    core::Worker& worker;
    core::Scheduler& scheduler;
    NginxProcess& process;
    const PrivateSocket& socket;
    // The text of nginx.conf, or why there is none. On the worker's thread.
    std::function<absl::StatusOr<std::string>(int64_t generation)> main_file;
    // What keeps nginx from running here at all, with the cure; OK: nothing.
    std::function<absl::Status()> check_host;
    // What keeps it from listening, asked while it does not run. On the worker's thread.
    std::function<absl::Status()> check_ports;
    // Lets nginx read a file that only we may: by its descriptor.
    std::function<absl::Status(int)> share;
    // Before a generation is made live: the edge's endpoints are in place.
    std::function<void(std::function<void()>)> prepare;
  };
  explicit NginxPlane(Parts parts);

  // The files that are live, before anything else; of which generations of their domains, they do
  // not say. Blocks.
  absl::StatusOr<core::PlaneFiles> ReadLive();

  // core::DataPlane:
  void Check(const core::PlaneFiles& files, Checked done) override;
  void Apply(std::function<void(absl::Status)> done) override;
  bool Idle() const override { return !parts_.process.Wanted(); }
  int Draining() const override { return draining_; }

  // Looks how many generations drain. Between rounds.
  void Look();

  static constexpr int64_t kAcknowledgeMs = 15'000;  // an nginx that starts may wait for a port
  static constexpr int64_t kPollMs = 20;
  static constexpr int64_t kAskMs = 2'000;

 private:
  struct Written;
  using Done = std::function<void(absl::Status)>;

  void Judge(const absl::StatusOr<NginxProcess::Run>& run, int64_t generation,
             const Checked& done) const;
  void Swap(const Done& done);
  void Reload(const Done& done);
  void Acknowledge(int64_t deadline_ms, const Done& done);
  void AskPorts(std::function<void(absl::Status)> then) const;
  void NotAcknowledged(const absl::Status& last, const Done& done) const;

  const Parts parts_;
  int64_t generation_ = 0;            // of the last check
  int64_t live_ = 0;                  // the one that conf/live leads to; 0: none
  std::shared_ptr<Written> written_;  // of the worker's thread
  int draining_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_PLANE_H_
