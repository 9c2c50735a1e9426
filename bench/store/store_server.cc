// Our side of bench/store: one callback method that commits a value under its key, an event and an
// audit record in one transaction of store::Store, and answers once they are durable.
//   bench-store ADDRESS DIRECTORY    Ends with its standard input.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "host/batch_scheduling.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.grpc.pb.h"
#include "store/store.h"

namespace grpc_os::bench {
namespace {

constexpr char kMethod[] = "grpc_os.bench.StoreService/Put";

int64_t NowMs() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

// The value lies in the table of committed requests, which has the shape of one: a key, and bytes.
core::ProcessWrite WriteOf(const PutRequest& request) {
  const int64_t now = NowMs();
  core::ProcessWrite write;
  core::Event& event = write.events.emplace_back();
  event.time_ms = now;
  event.kind = "object";
  event.resource_id = request.key();
  event.name = request.key();
  event.action = "updated";
  return write;
}

core::Envelope EnvelopeOf(const PutRequest& request) {
  const int64_t now = NowMs();
  core::Origin origin;
  core::AuditRecord& record = origin.record;
  record.time_ms = now;
  record.user = "admin";
  record.session_id = "0123456789abcdef0123456789abcdef";
  record.source = "unix";
  record.method = kMethod;
  record.resource = request.key();
  core::CommittedRequest& value = origin.request.emplace();
  value.key = {.user = "admin", .method = kMethod, .id = request.key()};
  value.time_ms = now;
  return core::Envelope(std::move(origin), request.value());
}

// As the product's calls end (services/unary_call.h): without gRPC's executor.
class Reactor final : public grpc::ServerUnaryReactor {
  void OnDone() override { delete this; }
  bool InternalInlineable() override { return true; }
};

class PutService final : public grpc_os::bench::StoreService::CallbackService {
 public:
  explicit PutService(store::Store& store) : store_(store) {}
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext*, const PutRequest* request,
                                PutResponse* response) override {
    auto* reactor = new Reactor();
    store_.Commit(WriteOf(*request), EnvelopeOf(*request),
                  [reactor, response](const absl::StatusOr<int64_t>& revision) {
                    if (revision.ok()) response->set_revision(*revision);
                    reactor->Finish(revision.ok()
                                        ? grpc::Status::OK
                                        : grpc::Status(grpc::StatusCode::UNAVAILABLE,
                                                       std::string(revision.status().message())));
                  });
    return reactor;
  }

 private:
  store::Store& store_;
};

int Main(const std::string& address, const std::string& directory) {
  auto database = store::OpenSqlite(directory + "/grpc-os.db");
  store::StoreOptions options;
  options.begin_writer = host::UseNormalScheduling;  // as grpc-osd
  auto store =
      database.ok() ? store::Store::Open(*std::move(database), options) : database.status();
  if (!store.ok()) {
    fprintf(stderr, "bench-store: %s\n", std::string(store.status().message()).c_str());
    return 1;
  }
  PutService service(**store);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    fprintf(stderr, "bench-store: cannot listen on %s\n", address.c_str());
    return 1;
  }
  printf("listens on %d\n", port);
  fflush(stdout);
  while (getchar() != EOF) {
  }
  server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace grpc_os::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: bench-store ADDRESS DIRECTORY\n", stderr);
    return 2;
  }
  // As grpc-osd.
  grpc_os::host::UseBatchScheduling();
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return grpc_os::bench::Main(argv[1], argv[2]);
}
