#include "main/parts/grpc_part.h"

#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/loopback_peers.h"
#include "transport/listener.h"

namespace grpc_os {
namespace {

constexpr int64_t kStopGraceMs = 5000;

}  // namespace

absl::Status GrpcPart::Start() {
  auto server = server::GrpcServer::Start(
      {.socket_path = needs_.directory.PathOf("run/api.sock"),
       .edge_socket_path = needs_.edge.api_socket(),
       .loopback = needs_.ports.TakeGrpcListener(),
       .tls_listener = needs_.ports.TakeTlsListener(),
       .tls = needs_.ports.TakeTls(),
       .transport = {.uid_of = host::UidOfLoopbackPeer,
                     .io_threads = needs_.io_threads,
                     .say =
                         [this](const std::string& text) {
                           needs_.log.logger().Write(core::LogLevel::kWarning, text, {});
                         }},
       .stuck = [this] { return needs_.vitals.Stuck(); }},
      needs_.services.handlers());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  needs_.edge.AddOwnPort(needs_.ports.grpc_port());
  if (needs_.ports.tls_port() != 0) {
    needs_.edge.AddOwnPort(needs_.ports.tls_port());
    needs_.files.Write("run/grpc.tls.port", absl::StrCat(needs_.ports.tls_port(), "\n"));
  } else {
    unlink(needs_.directory.PathOf("run/grpc.tls.port").c_str());  // of a start before
  }
  ListenForOldClients();
  needs_.files.Write("run/grpc.port", absl::StrCat(needs_.ports.grpc_port(), "\n"));
  return absl::OkStatus();
}

// On the loop's thread.
void GrpcPart::Tick(int64_t /*now_ms*/) {
  if (old_clients_ != nullptr) old_clients_->Look();
}

void GrpcPart::Stop() {
  needs_.services.environment().ShutDown();
  server_->Stop(kStopGraceMs);
  RunOnLoop([this] { old_clients_.reset(); });
}

void GrpcPart::ListenForOldClients() {
  const std::string path = needs_.directory.PathOf("run/peer.sock");
  auto listener = transport::ListenUnix(path);
  if (!listener.ok()) return;  // there may be none
  RunOnLoop([&] {
    old_clients_ = std::make_unique<KeptListener>(
        needs_.loop, *std::move(listener),
        KeptListener::Settings{.path = path,
                               .listen = [path] { return transport::ListenUnix(path); },
                               .take =
                                   [](UniqueFd client) {
                                     constexpr std::string_view kNone = "none\n";
                                     (void)!send(client.get(), kNone.data(), kNone.size(),
                                                 MSG_NOSIGNAL | MSG_DONTWAIT);
                                   }});
  });
}

void GrpcPart::RunOnLoop(const std::function<void()>& work) {
  std::promise<void> done;
  needs_.loop.Post([&] {
    work();
    done.set_value();
  });
  done.get_future().get();
}

}  // namespace grpc_os
