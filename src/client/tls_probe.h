// What is wrong with TLS at an address, for a call that has failed: gRPC itself does not say.
#ifndef GRPC_OS_CLIENT_TLS_PROBE_H_
#define GRPC_OS_CLIENT_TLS_PROBE_H_

#include <chrono>
#include <functional>
#include <string>

#include "client/address.h"

namespace grpc_os::client {

struct TlsFinding {
  enum class Kind {
    kNoAnswer,  // or no connection
    kPlain,     // what answers there does not speak TLS
    kFailed,    // it does, but the handshake did not come to its end
    kGood,      // with a certificate that `address` takes
    kUntrusted,
    kWrongName,
    kExpired,
    kNotYetValid,
    kOther,  // another flaw of the certificate
  };
  Kind kind = Kind::kNoAnswer;
  // Of a flaw: the certificate in words ("it is for a.example, b.example"); of kFailed: why.
  std::string detail = {};
};

// One handshake, after which nothing is sent; it takes at most `time`, and ends soon once
// `cancelled` is true. `address` is no unix socket.
TlsFinding ProbeTls(const Address& address, std::chrono::milliseconds time,
                    const std::function<bool()>& cancelled);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_TLS_PROBE_H_
