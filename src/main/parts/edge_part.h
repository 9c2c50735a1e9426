// The edge: nginx, which serves the domains.
#ifndef GRPC_OS_MAIN_PARTS_EDGE_PART_H_
#define GRPC_OS_MAIN_PARTS_EDGE_PART_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "core/domain/edge.h"
#include "core/domain/targets.h"
#include "core/domain/traffic_book.h"
#include "core/process/process_traffic.h"
#include "core/reconcile/reconciler.h"
#include "core/scheduler.h"
#include "edge/access_logs.h"
#include "edge/nginx_endpoints.h"
#include "edge/nginx_plane.h"
#include "edge/nginx_process.h"
#include "edge/private_socket.h"
#include "main/parts/data_directory.h"
#include "main/parts/domains_part.h"
#include "main/parts/edge_directory.h"
#include "main/parts/ports.h"
#include "main/parts/processes_part.h"
#include "main/parts/published_files.h"
#include "main/parts/system_log.h"
#include "main/parts/worker_thread.h"
#include "manifest/settings.h"

namespace grpc_os {

class EdgePart final : public Part, private core::Edge, private core::ProcessTraffic {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    PublishedFiles& files;
    const DomainsPart& domains;
    const ProcessesPart& processes;
    core::Scheduler& scheduler;
    bool shielded;
    const manifest::Settings& settings;
  };
  explicit EdgePart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  // Begins once it is known what runs.
  void Tick(int64_t now_ms) override;
  // nginx goes on.
  void Stop() override;

  core::Edge& edge() { return *this; }
  // No domain leads to a port that gRPC OS itself listens on. Thread-safe.
  void AddOwnPort(int port) { own_ports_.Lock()->insert(port); }
  // Where it passes calls of the API on to, and what it says with each. No path: nginx cannot run.
  std::string api_socket() const;
  const std::string& secret() const { return secret_; }
  core::LogSource& access_logs() const { return *access_logs_; }
  // On the core's thread.
  std::vector<core::DomainCounts> CountDomains() const;

 private:
  // core::Edge:
  std::string Problem() const override;
  bool Serves() const override { return begun_ && process_->Runs() && !IsSilent(); }
  std::string FileProblem() const override { return file_problem_; }
  std::string UrlOf(const core::Domain& domain) const override;
  std::vector<core::Targets::View> TargetsOf(const core::Domain& domain) const override;
  core::TrafficRates RatesOf(const core::Domain& domain) const override;
  std::string OwnerOf(int port) const override;
  void Probe(std::vector<int> ports, std::function<void(std::map<int, std::string>)> done) override;
  void WhenServed(std::function<void()> done) override;
  void ReloadFile(bool only_compare,
                  std::function<void(absl::StatusOr<core::Domains::FileChanges>)> done) override;

  // core::ProcessTraffic: of targets, and of nginx itself.
  bool Drain(const core::Process& process, std::function<void()> done) override;
  void EndDrain(const core::Process& process) override;
  void OnChanged(const core::Process& process, bool there) override;

  void Make(core::Process nginx);
  std::vector<core::Domain> AllDomains() const;
  absl::StatusOr<core::PlaneFile> Render(const core::Domain& domain) const;
  absl::StatusOr<std::string> RenderMain(int64_t generation) const;
  absl::Status CheckHost() const;
  absl::Status CheckPorts() const;
  void AwaitProcesses(int64_t patience_ms);
  void Begin();
  void OnDomains();
  bool IsSilent() const;
  void LookWhyDown();
  void PollTraffic();
  void RotateLogs();

  const Needs needs_;
  EdgePorts ports_;
  std::string secret_;
  std::optional<uid_t> uid_;                  // of nginx, if it is not ours
  mutable Guarded<std::set<int>> own_ports_;  // of the API
  absl::Status directory_;                    // whether it could be made
  std::string file_problem_;                  // of domains.conf, as it was read last
  std::unique_ptr<edge::PrivateSocket> socket_;
  std::unique_ptr<edge::NginxProcess> process_;
  std::unique_ptr<edge::NginxEndpoints> endpoints_;
  std::unique_ptr<edge::NginxPlane> plane_;
  std::unique_ptr<core::Targets> targets_;
  std::unique_ptr<core::Reconciler<core::Domain>> reconciler_;
  std::unique_ptr<edge::AccessLogs> access_logs_;
  core::TrafficBook book_;
  bool begun_ = false;
  bool awaiting_ = false;
  // What is asked for before that: to wait for, and drains by ids of processes.
  std::vector<std::function<void()>> early_waiters_;
  std::map<std::string, std::function<void()>> early_drains_;
  absl::Status down_;  // why nginx does not run, as it was looked at last; OK: nothing was found
  bool looking_ = false;
  bool polling_ = false;
  int64_t nginx_start_ms_ = 0;           // of the execution that is known
  int64_t silent_since_ms_ = 0;          // 0: it answered last
  std::unique_ptr<WorkerThread> slow_;   // files, and what nginx says of them
  std::unique_ptr<WorkerThread> quick_;  // last: endpoints
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_EDGE_PART_H_
