// What the transport has seen, for the metrics page.
#ifndef GRPC_OS_TRANSPORT_COUNTERS_H_
#define GRPC_OS_TRANSPORT_COUNTERS_H_

#include <atomic>
#include <cstdint>

namespace grpc_os::transport {

// Thread-safe; each for itself.
struct Counters {
  std::atomic<int64_t> connections_accepted{0};
  std::atomic<int64_t> connections_refused{0};  // too many, in all or of one user
  std::atomic<int64_t> handshakes_failed{0};    // too slow, or no HTTP/2
  std::atomic<int64_t> connections_cut{0};      // stalled, dead, or over a rate
  std::atomic<int64_t> streams_open{0};
  std::atomic<int64_t> streams_refused{0};  // before a handler was asked, or for what they sent
  std::atomic<int64_t> resets{0};           // by clients
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_COUNTERS_H_
