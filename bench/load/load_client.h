// Calls, so many at a time, and how long each took: the client of every benchmark over gRPC.
#ifndef GRPC_OS_BENCH_LOAD_LOAD_CLIENT_H_
#define GRPC_OS_BENCH_LOAD_LOAD_CLIENT_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace grpc_os::bench {

struct LoadOptions {
  std::string address;  // "unix:/…", "127.0.0.1:1"
  std::string method;   // "/grpc_os.v1.AuthService/WhoAmI"
  int channels = 4;     // connections
  int in_flight = 64;   // calls at a time, over all channels
  int threads = 1;      // of the client
  double warm_up_s = 0.5;
  double seconds = 3;
  std::vector<std::pair<std::string, std::string>> metadata;
};

struct LoadResult {
  int64_t calls = 0;              // that ended with OK within the time
  std::map<int, int64_t> failed;  // by status code
  std::string first_error;
  double seconds = 0;
  std::vector<float> latencies_us;  // of `calls`, sorted
};

// Makes the bytes of the `number`th request, from 0; called by all threads.
using MakeRequest = std::function<std::string(int64_t number)>;

// Each call that ends is followed by the next one. `on_start` and `on_end` are called around what
// counts: take the server's processor time there.
LoadResult RunLoad(const LoadOptions& options, const MakeRequest& make,
                   const std::function<void()>& on_start, const std::function<void()>& on_end);

// Processor time that a process has used, in microseconds. The larger of two sources: the schedstat
// of its threads is exact but forgets those that have ended; /proc/PID/stat counts by 10 ms.
int64_t CpuMicroseconds(int pid);

}  // namespace grpc_os::bench

#endif  // GRPC_OS_BENCH_LOAD_LOAD_CLIENT_H_
