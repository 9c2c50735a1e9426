#include "main/daemon.h"

#include <utility>

#include "base/event_loop.h"
#include "host/loop_scheduler.h"
#include "main/parts/composition.h"
#include "main/parts/copy_hold.h"
#include "main/parts/data_directory.h"
#include "main/parts/deploys_part.h"
#include "main/parts/domains_part.h"
#include "main/parts/edge_part.h"
#include "main/parts/first_admin.h"
#include "main/parts/grpc_part.h"
#include "main/parts/http_part.h"
#include "main/parts/identity_part.h"
#include "main/parts/objects_part.h"
#include "main/parts/ports.h"
#include "main/parts/processes_part.h"
#include "main/parts/published_files.h"
#include "main/parts/readiness.h"
#include "main/parts/retention_clocks.h"
#include "main/parts/runtime_thread.h"
#include "main/parts/services_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "main/parts/vitals.h"
#include "main/parts/volumes_part.h"

namespace grpc_os {

class Daemon::Impl {
 public:
  // The parts, in the order in which they start.
  Impl(const DaemonOptions& options, std::function<void()> on_shutdown) : scheduler_(loop_) {
    const manifest::Settings& settings = options.settings;
    auto& directory = parts_.Add<DataDirectory>(settings.data_dir);
    auto& log = parts_.Add<SystemLog>(directory, settings, options.say);
    auto& files = parts_.Add<PublishedFiles>(directory, log);
    auto& clocks = parts_.Add<RetentionClocks>(directory, scheduler_, options.boot_id);
    auto& copy = parts_.Add<CopyHold>(directory, log, settings.held_on_copy);
    auto& store = parts_.Add<StorePart>(
        StorePart::Needs{directory, log, files, clocks, scheduler_, settings.events_kept});
    auto& identity = parts_.Add<IdentityPart>(
        IdentityPart::Needs{directory, store, clocks, scheduler_, options.shielded, settings});
    auto& volumes = parts_.Add<VolumesPart>(
        VolumesPart::Needs{directory, log, store, identity, scheduler_, options.shielded});
    auto& domains = parts_.Add<DomainsPart>(
        DomainsPart::Needs{log, store, identity, scheduler_, options.domains_file});
    auto& processes = parts_.Add<ProcessesPart>(
        ProcessesPart::Needs{directory,
                             log,
                             store,
                             copy,
                             volumes,
                             domains,
                             loop_,
                             scheduler_,
                             options.shielded,
                             options.boot_id,
                             {settings.process_ports_first, settings.process_ports_last},
                             std::move(on_shutdown)});
    auto& objects = parts_.Add<ObjectsPart>(
        ObjectsPart::Needs{directory, log, store, clocks, processes, domains, scheduler_});
    auto& deploys = parts_.Add<DeploysPart>(
        DeploysPart::Needs{directory, log, store, clocks, volumes, processes, objects, scheduler_,
                           options.shielded, options.accounts_file});
    auto& edge = parts_.Add<EdgePart>(EdgePart::Needs{directory, log, files, domains, processes,
                                                      scheduler_, options.shielded, settings});
    edge.AddOwnPort(settings.grpc_port);
    edge.AddOwnPort(settings.http_port);
    auto& vitals = parts_.Add<Vitals>(log, store, processes);
    auto& services = parts_.Add<ServicesPart>(
        ServicesPart::Needs{log, copy, store, identity, processes, volumes, objects, deploys,
                            domains, edge, vitals, settings, scheduler_});
    auto& ports = parts_.Add<Ports>(Ports::Wanted{settings, options.say});
    parts_.Add<FirstAdmin>(directory, identity, settings.admin_password, options.say);
    parts_.Add<RuntimeThread>(loop_, processes, vitals.runtime(),
                              [this](int64_t now_ms) { parts_.Tick(now_ms); });
    auto& grpc = parts_.Add<GrpcPart>(GrpcPart::Needs{directory, log, files, edge, services, vitals,
                                                      ports, loop_, settings.grpc_io_threads});
    parts_.Add<HttpPart>(
        HttpPart::Needs{files, store, processes, objects, edge, services, grpc, ports, scheduler_});
    parts_.Add<Readiness>(log, processes, grpc, ports);
  }

  absl::Status Start() { return parts_.Start(); }

 private:
  EventLoop loop_;
  host::LoopScheduler scheduler_;
  Composition parts_;  // last: they end first
};

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Daemon::~Daemon() = default;

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const DaemonOptions& options,
                                                      std::function<void()> on_shutdown) {
  auto impl = std::make_unique<Impl>(options, std::move(on_shutdown));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

}  // namespace grpc_os
