// Our side of bench/store: one callback method that commits a value under its key, an event and an
// audit record in one transaction of store::Store, and answers once they are durable.
//   bench-store DIRECTORY    Listens on a free port of 127.0.0.1. Ends with its standard input.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "store/store.pb.h"
#include "transport/listener.h"
#include "transport/message.h"
#include "transport/server.h"

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

// Answers one Put, from the store's writer. Deletes itself.
class PutUser final : public transport::StreamUser {
 public:
  explicit PutUser(transport::Stream& stream) : stream_(stream) {}

  void Answer(const absl::StatusOr<int64_t>& revision) {
    PutResponse response;
    if (revision.ok()) response.set_revision(*revision);
    std::string message = transport::NewMessage(response.ByteSizeLong());
    response.SerializeWithCachedSizesToArray(
        reinterpret_cast<uint8_t*>(message.data() + transport::kPrefixBytes));
    stream_.Finish(
        {static_cast<int>(revision.status().code()), std::string(revision.status().message())},
        std::move(message));
  }

 private:
  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool) override {}
  void OnCancelled(const absl::Status&) override {}  // the writer answers in any case
  void OnGone() override { delete this; }

  transport::Stream& stream_;
};

transport::Methods MethodsOf(store::Store& store) {
  transport::Methods methods;
  methods[absl::StrCat("/", kMethod)] = {
      .client_streams = false, .begin = [&store](transport::Stream& stream) {
        auto* user = new PutUser(stream);
        PutRequest request;
        const std::string_view bytes = stream.request();
        if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
          user->Answer(absl::InvalidArgumentError("this is no PutRequest"));
          return user;
        }
        store.Commit(WriteOf(request), EnvelopeOf(request),
                     [user](const absl::StatusOr<int64_t>& revision) { user->Answer(revision); });
        return user;
      }};
  return methods;
}

int Main(const std::string& directory) {
  auto database = store::OpenSqlite(directory + "/grpc-os.db");
  store::StoreOptions options;
  auto store =
      database.ok() ? store::Store::Open(*std::move(database), options) : database.status();
  if (!store.ok()) {
    fprintf(stderr, "bench-store: %s\n", std::string(store.status().message()).c_str());
    return 1;
  }
  auto listener = transport::ListenTcp("127.0.0.1", 0);
  if (!listener.ok()) {
    fprintf(stderr, "bench-store: %s\n", std::string(listener.status().message()).c_str());
    return 1;
  }
  const int port = transport::PortOf(listener->get());
  std::vector<transport::Server::Endpoint> endpoints;
  endpoints.push_back({.listener = *std::move(listener)});
  transport::Server server(std::move(endpoints), MethodsOf(**store), {});
  printf("listens on %d\n", port);
  fflush(stdout);
  while (getchar() != EOF) {
  }
  server.Stop(0);
  return 0;
}

}  // namespace
}  // namespace grpc_os::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: bench-store DIRECTORY\n", stderr);
    return 2;
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return grpc_os::bench::Main(argv[1]);
}
