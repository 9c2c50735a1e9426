// bench-watch: streams of EventService.Watch that are read as fast as they come.
//   bench-watch ADDRESS PREFIX…    One stream per prefix. The metadata as NAME=VALUE lines from
//   standard input, then an empty line; says "watches" once all are synced; ends with its standard
//   input and prints how many events each of them got, as a line of JSON.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "grpc_os/v1/event_services.grpc.pb.h"

namespace grpc_os::bench {
namespace {

struct Watcher {
  grpc::ClientContext context;
  int64_t events = 0;
  std::thread thread;
};

int Main(const std::string& address, const std::vector<std::string>& prefixes) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (std::string line; std::getline(std::cin, line) && !line.empty();) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos)
      metadata.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const auto stub = v1::EventService::NewStub(channel);
  std::mutex mutex;
  std::condition_variable changed;
  size_t synced = 0;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (const std::string& prefix : prefixes) {
    Watcher& watcher = *watchers.emplace_back(std::make_unique<Watcher>());
    for (const auto& [name, value] : metadata) watcher.context.AddMetadata(name, value);
    watcher.thread = std::thread([&, prefix] {
      v1::WatchRequest request;
      request.add_kinds("object");
      request.set_prefix(prefix);
      const auto stream = stub->Watch(&watcher.context, request);
      for (v1::WatchResponse message; stream->Read(&message);) {
        watcher.events += message.events_size();
        if (!message.synced()) continue;
        const std::lock_guard lock(mutex);
        ++synced;
        changed.notify_one();
      }
    });
  }
  {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(30),
                          [&] { return synced == watchers.size(); })) {
      fputs("bench-watch: the streams are not synced\n", stderr);
      return 1;
    }
  }
  puts("watches");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  printf("[");
  for (size_t i = 0; i < watchers.size(); ++i) {
    watchers[i]->context.TryCancel();
    watchers[i]->thread.join();
    printf("%s%lld", i == 0 ? "" : ", ", static_cast<long long>(watchers[i]->events));
  }
  puts("]");
  return 0;
}

}  // namespace
}  // namespace grpc_os::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: bench-watch ADDRESS PREFIX...\n", stderr);
    return 2;
  }
  return grpc_os::bench::Main(argv[1], {argv + 2, argv + argc});
}
