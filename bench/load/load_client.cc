#include "load/load_client.h"

#include <grpcpp/support/byte_buffer.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

namespace grpc_os::bench {
namespace {

using Clock = std::chrono::steady_clock;

enum class Phase { kWarmUp, kCounts, kOver };

struct Shared {
  const LoadOptions& options;
  const MakeRequest& make;
  std::atomic<Phase> phase{Phase::kWarmUp};
  std::atomic<int64_t> next{0};
};

// One thread: a completion queue and its share of the calls.
class Worker {
 public:
  Worker(Shared& shared, std::vector<std::shared_ptr<grpc::Channel>> channels, int in_flight)
      : shared_(shared), in_flight_(in_flight) {
    for (auto& channel : channels)
      stubs_.push_back(std::make_unique<grpc::GenericStub>(std::move(channel)));
  }

  void Run() {
    for (int i = 0; i < in_flight_; ++i) Begin(i);
    void* tag = nullptr;
    bool ok = false;
    while (open_ > 0 && queue_.Next(&tag, &ok)) End(static_cast<Call*>(tag));
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

  LoadResult result;

 private:
  struct Call {
    int slot = 0;
    Phase began = Phase::kWarmUp;
    Clock::time_point start;
    grpc::ClientContext context;
    grpc::ByteBuffer answer;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  };

  void Begin(int slot) {
    auto* call = new Call();
    call->slot = slot;
    for (const auto& [name, value] : shared_.options.metadata)
      call->context.AddMetadata(name, value);
    const std::string bytes = shared_.make(shared_.next.fetch_add(1, std::memory_order_relaxed));
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    call->began = shared_.phase.load(std::memory_order_relaxed);
    call->start = Clock::now();
    call->reader = stubs_[slot % stubs_.size()]->PrepareUnaryCall(
        &call->context, shared_.options.method, request, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->answer, &call->status, call);
    ++open_;
  }

  void End(Call* ended) {
    const std::unique_ptr<Call> call(ended);
    --open_;
    const Phase phase = shared_.phase.load(std::memory_order_relaxed);
    if (!call->status.ok()) {
      if (result.first_error.empty()) result.first_error = call->status.error_message();
      ++result.failed[call->status.error_code()];
    } else if (phase == Phase::kCounts) {
      ++result.calls;
      const std::chrono::duration<float, std::micro> took = Clock::now() - call->start;
      if (call->began == Phase::kCounts) result.latencies_us.push_back(took.count());
    }
    if (phase != Phase::kOver) Begin(call->slot);
  }

  Shared& shared_;
  const int in_flight_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  grpc::CompletionQueue queue_;
  int open_ = 0;
};

std::vector<std::shared_ptr<grpc::Channel>> Connect(const LoadOptions& options) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection each
    channels.push_back(
        grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(), arguments));
  }
  for (const auto& channel : channels)
    channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
  return channels;
}

void Sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

LoadResult RunLoad(const LoadOptions& options, const MakeRequest& make,
                   const std::function<void()>& on_start, const std::function<void()>& on_end) {
  Shared shared{options, make};
  const auto channels = Connect(options);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int t = 0; t < options.threads; ++t) {
    // Each channel belongs to one thread, as far as there are enough of them.
    std::vector<std::shared_ptr<grpc::Channel>> own;
    for (size_t c = 0; c < channels.size(); ++c) {
      if (c % options.threads == t % channels.size()) own.push_back(channels[c]);
    }
    const int share =
        options.in_flight / options.threads + (t < options.in_flight % options.threads ? 1 : 0);
    workers.push_back(std::make_unique<Worker>(shared, own.empty() ? channels : own, share));
  }
  std::vector<std::thread> threads;
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });

  Sleep(options.warm_up_s);
  on_start();
  const auto start = Clock::now();
  shared.phase = Phase::kCounts;
  Sleep(options.seconds);
  shared.phase = Phase::kOver;
  const std::chrono::duration<double> took = Clock::now() - start;
  on_end();
  for (auto& thread : threads) thread.join();

  LoadResult all;
  all.seconds = took.count();
  for (auto& worker : workers) {
    const LoadResult& one = worker->result;
    all.calls += one.calls;
    for (const auto& [code, count] : one.failed) all.failed[code] += count;
    if (all.first_error.empty()) all.first_error = one.first_error;
    all.latencies_us.insert(all.latencies_us.end(), one.latencies_us.begin(),
                            one.latencies_us.end());
  }
  std::sort(all.latencies_us.begin(), all.latencies_us.end());
  return all;
}

int64_t CpuMicroseconds(int pid) {
  const std::filesystem::path root = "/proc/" + std::to_string(pid);
  int64_t threads_ns = 0;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator(root / "task", ignored)) {
    int64_t ns = 0;
    std::istringstream(ReadAll(task.path() / "schedstat")) >> ns;
    threads_ns += ns;
  }
  const std::string stat = ReadAll(root / "stat");
  const size_t name_end = stat.rfind(')');
  int64_t ticks = 0;
  if (name_end != std::string::npos) {
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    int64_t utime = 0;
    int64_t stime = 0;
    for (int i = 3; i < 14; ++i) fields >> field;
    fields >> utime >> stime;
    ticks = utime + stime;
  }
  return std::max(threads_ns / 1000, ticks * 1'000'000 / sysconf(_SC_CLK_TCK));
}

}  // namespace grpc_os::bench
