#include "server/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "server/grpc_adapter.h"

namespace grpc_os::server {
namespace {

// Sources of the numbers: research on gRPC 1.51's limits, docs/decisions/0002-grpc-1.51.md.
void Limit(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                             0);  // a second daemon must not share the port
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8192);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // A piece of an upload comes without a wait for leave to send the rest of it: 1 GiB in four
  // fifths of the time that windows of 64 KiB take. It is also about what a connection may send
  // unread.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
                             static_cast<int>(limits::kUploadChunkBytes));
  // 1 MB of gzip may be 1 GiB, and gRPC asks how much it is only once it has inflated it.
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP})
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  grpc::ResourceQuota quota("grpc-osd");
  quota.Resize(256 << 20);
  builder.SetResourceQuota(quota);
  // Only reflection, which gRPC itself brings, is of the synchronous kind.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

absl::Status CannotListen(int port) {
  return absl::UnavailableError(absl::StrCat("cannot listen on 127.0.0.1:", port,
                                             "; another program has the port: choose one with "
                                             "GRPC_PORT=… in .env or --grpc-port (0: any)"));
}

}  // namespace

absl::Status GrpcServer::CheckPort(int port) {
  const UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;  // as gRPC does: a port that was left a moment ago is free
  setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return absl::OkStatus();
  return CannotListen(port);
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Options& options,
                                                              const services::Handlers& handlers) {
  // Never shut down: when the last user of gRPC goes, it waits for its threads, and one of them may
  // poll for up to 10 s on behalf of a large message that was once under way.
  grpc_init();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<GrpcServer> out(new GrpcServer());
  grpc::ServerBuilder builder;
  Limit(builder);
  // The port first: it may be taken, and a socket that goes at once would look like a start.
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", options.port),
                           grpc::InsecureServerCredentials(), &out->port_);
  int unix_port = 0;
  builder.AddListeningPort(absl::StrCat("unix:", options.socket_path),
                           grpc::InsecureServerCredentials(), &unix_port);
  out->services_ = MakeGrpcServices(handlers);
  for (const auto& service : out->services_) builder.RegisterService(service.get());
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr) {
    return CannotListen(options.port);
  }
  out->threads_ = std::make_unique<CallbackThreads>(*out->server_);
  // The directory keeps others out; the socket says so too.
  chmod(options.socket_path.c_str(), 0600);
  return out;
}

GrpcServer::~GrpcServer() { Stop(0); }

void GrpcServer::Tick(int64_t calls) {
  const std::lock_guard lock(threads_mutex_);
  if (threads_ != nullptr) threads_->Tick(calls);
}

void GrpcServer::Wake() {
  const std::lock_guard lock(threads_mutex_);
  if (threads_ != nullptr) threads_->Wake();
}

void GrpcServer::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void GrpcServer::Stop(int64_t grace_ms) {
  if (server_ == nullptr) return;
  {
    const std::lock_guard lock(threads_mutex_);
    threads_.reset();
  }
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
  server_->Wait();
  server_.reset();
}

}  // namespace grpc_os::server
