// Every limit of the transport, once, with its unit: what a peer may hold and how long it may take.
#ifndef GRPC_OS_TRANSPORT_BUDGETS_H_
#define GRPC_OS_TRANSPORT_BUDGETS_H_

#include <cstddef>
#include <cstdint>

namespace grpc_os::transport {

// The defaults are the product's; tests lower them. A peer's "user" is its uid where the kernel
// knows it (unix sockets, connections within this machine), else its address, of IPv6 the /64.
struct Budgets {
  // Connections. One more is closed at once.
  int connections = 1024;
  int connections_each = 256;  // of one user
  // Places beyond those of all for root and the daemon's own account, over the unix socket: init
  // asks the daemon for its health, and somebody must be able to stop what runs.
  int connections_kept = 16;

  // Time, in milliseconds.
  int64_t handshake_ms = 5'000;   // until TLS, preface, SETTINGS and their acknowledgement are in
  int64_t idle_ms = 600'000;      // without a call: GOAWAY, and the client connects again
  int64_t keepalive_ms = 30'000;  // without a byte from the peer: a PING
  int64_t keepalive_wait_ms = 10'000;  // for any byte after it
  int64_t stall_ms = 30'000;           // over its bytes, or nothing taken of what waits for it
  int64_t goaway_wait_ms = 1'000;      // for calls that are on their way to a connection that goes
  int64_t sweep_ms = 1'000;            // how often all these are looked at
  // In microseconds: how long a thread goes on with what streams have to report and calls that
  // begin, before it looks at its sockets and at other threads again. Connections take turns.
  int64_t turn_us = 2'000;

  // Of one connection.
  uint32_t streams = 128;
  size_t header_bytes = size_t{16} << 10;        // names, values and 32 each, as in RFC 9113, 6.5.2
  size_t header_bytes_fatal = size_t{64} << 10;  // then the connection is closed
  size_t message_bytes = size_t{4} << 20;        // one message, inflated

  // Bytes that wait: requests not handed on, answers not taken.
  size_t bytes_each_stream = size_t{16} << 10;  // that a stream may send before it is granted more
  size_t bytes_connection = size_t{8} << 20;  // then nothing is granted; of answers: no call begun
  size_t bytes_user = size_t{32} << 20;       // then refused: RESOURCE_EXHAUSTED
  size_t bytes_all = size_t{128} << 20;       // likewise, but for users with less than the next
  size_t bytes_share = size_t{1} << 20;
  size_t lookahead_bytes = (size_t{2} << 20) + 4096;  // of next messages, in streams of large ones
  size_t out_bytes = size_t{256} << 10;               // framed and not yet taken by the kernel

  // Beyond four times what was sent, a user's messages are inflated to so much at once, then to so
  // much a second, and refused past that: 4 KiB of zeros cost the thread as much as 40 calls.
  size_t inflate_burst = size_t{64} << 20;
  size_t inflate_rate = size_t{32} << 20;

  // What carries no call: resets; and PING, SETTINGS, PRIORITY, WINDOW_UPDATE and empty DATA. Each
  // is a bucket of so many, refilled by so many a second; an empty one ends the connection
  // (ENHANCE_YOUR_CALM). Honest clients that cancel 1,000 calls at once stay far below.
  uint64_t reset_burst = 5'000;
  uint64_t reset_rate = 500;
  uint64_t idle_frame_burst = 5'000;
  uint64_t idle_frame_rate = 500;

  // Once so much was in use, and little is any more, free memory goes back to the system.
  size_t trim_bytes = size_t{8} << 20;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_BUDGETS_H_
