// The gRPC server, and the side socket by which local clients log in.
#ifndef GRPC_OS_MAIN_PARTS_GRPC_PART_H_
#define GRPC_OS_MAIN_PARTS_GRPC_PART_H_

#include <functional>
#include <memory>

#include "base/event_loop.h"
#include "main/parts/data_directory.h"
#include "main/parts/edge_part.h"
#include "main/parts/identity_part.h"
#include "main/parts/ports.h"
#include "main/parts/published_files.h"
#include "main/parts/services_part.h"
#include "server/grpc_server.h"
#include "server/peer_socket.h"

namespace grpc_os {

class GrpcPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    PublishedFiles& files;
    const IdentityPart& identity;
    EdgePart& edge;
    ServicesPart& services;
    Ports& ports;
    EventLoop& loop;  // which runs
    int io_threads;
  };
  explicit GrpcPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  // Ends the streams, refuses new calls, and waits for those in progress for a while.
  void Stop() override;

  server::GrpcServer& server() const { return *server_; }

 private:
  // On the loop's thread, which owns the side socket, and waited for.
  void RunOnLoop(const std::function<void()>& work);
  absl::Status ListenForPeers();

  const Needs needs_;
  std::unique_ptr<server::GrpcServer> server_;
  std::unique_ptr<server::PeerSocket> peers_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_GRPC_PART_H_
