// The gRPC server.
#ifndef GRPC_OS_MAIN_PARTS_GRPC_PART_H_
#define GRPC_OS_MAIN_PARTS_GRPC_PART_H_

#include <functional>
#include <memory>

#include "base/event_loop.h"
#include "base/kept_listener.h"
#include "main/parts/data_directory.h"
#include "main/parts/edge_part.h"
#include "main/parts/ports.h"
#include "main/parts/published_files.h"
#include "main/parts/services_part.h"
#include "main/parts/vitals.h"
#include "server/grpc_server.h"

namespace grpc_os {

class GrpcPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    PublishedFiles& files;
    EdgePart& edge;
    ServicesPart& services;
    const Vitals& vitals;
    Ports& ports;
    EventLoop& loop;  // which runs
    int io_threads;
  };
  explicit GrpcPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  void Tick(int64_t now_ms) override;
  // Ends the streams, refuses new calls, and waits for those in progress for a while.
  void Stop() override;

  server::GrpcServer& server() const { return *server_; }

 private:
  // Clients of the version before go to run/peer.sock first, for a ticket. What they get is none,
  // so that they bring it to LoginPeer, which says what to do. Goes with the next version.
  void ListenForOldClients();
  // On the loop's thread, and waited for.
  void RunOnLoop(const std::function<void()>& work);

  const Needs needs_;
  std::unique_ptr<server::GrpcServer> server_;
  std::unique_ptr<KeptListener> old_clients_;  // of the loop's thread
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_GRPC_PART_H_
