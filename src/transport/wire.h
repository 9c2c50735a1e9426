// The bytes of a connection: as they are, or through TLS.
#ifndef GRPC_OS_TRANSPORT_WIRE_H_
#define GRPC_OS_TRANSPORT_WIRE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::transport {

// Never blocks. Does not own the descriptor. On one thread.
class Wire {
 public:
  static constexpr ssize_t kLater = -1;  // when the descriptor is ready
  static constexpr ssize_t kDead = -2;

  virtual ~Wire() = default;
  // Bytes that were read or written (at least 1), or kLater, or kDead: closed, or broken.
  virtual ssize_t Read(char* to, size_t size) = 0;
  virtual ssize_t Write(const char* from, size_t size) = 0;
  // Whether there is more to be read that the descriptor does not show.
  virtual bool HasMore() const { return false; }
  // Whether the last kLater of Read waits until it can write (of a TLS handshake).
  virtual bool ReadWaitsForWrite() const { return false; }
  // Before the peer is closed.
  virtual void Close() {}
};

std::unique_ptr<Wire> MakePlainWire(int fd);

// A certificate and its key, and the rules of the handshake: TLS 1.2 and up, ALPN "h2" only.
// Thread-safe. The program ignores SIGPIPE, which OpenSSL's writes may raise.
class TlsContext {
 public:
  // PEM files; the certificate's chain after it. FAILED_PRECONDITION: what is wrong with them.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Load(const std::string& certificate_file,
                                                          const std::string& key_file);
  ~TlsContext();

  // Of a connection that was accepted.
  std::unique_ptr<Wire> MakeWire(int fd) const;

 private:
  explicit TlsContext(void* context) : context_(context) {}

  void* const context_;  // SSL_CTX
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_WIRE_H_
