// What carries a call: the port between calls and a transport.
#ifndef GRPC_OS_SERVICES_EXCHANGE_H_
#define GRPC_OS_SERVICES_EXCHANGE_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/error_map.h"

namespace grpc_os::services {

class Call;

// What comes with a call, besides its messages. The views need only be valid while it begins.
struct Arrival {
  std::string_view authorization = {};  // of its metadata; empty: none, or several
  std::string_view request_id = {};     // x-request-id; likewise
  int64_t deadline_ms = INT64_MAX;      // since the epoch; INT64_MAX: none
  bool local = false;                   // over the unix socket
  int64_t peer_uid = -1;                // of a client within this machine; -1: unknown
  std::string address = {};             // of a client that is not local, without its port
  std::string_view edge_secret = {};    // x-grpc-os-edge; as above
  std::string_view forwarded_for = {};  // x-forwarded-for; as above
  bool through_edge = false;            // set by TakeForwarded
};

// Of a call that brings a secret of the edge: if it is `secret`, the call is of the client that the
// edge names. If not, it is one that anybody could make. Neither is local: what the edge passes on
// never is, and who says to be the edge gains nothing.
void TakeForwarded(std::string_view secret, Arrival& arrival);

// One call, as its transport sees it. The call asks for one message at a time: for the next after
// the transport has reported the last. The transport reports nothing before Handlers::Begin has
// returned; when the client gives up it calls Call::End. It lives until Call::OnGone, its last
// report, which comes after Finish only.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Keeps the call, and sends its request_id() along with whatever is sent first.
  virtual void Open(std::shared_ptr<Call> call) = 0;
  // The request of a call that has one. Once, before anything is sent. MalformedRequest if what
  // came is none.
  virtual absl::Status Parse(google::protobuf::Message& request) = 0;
  // Of a call of a stream of requests: the next into `message`, then Call::OnRead, also if the call
  // has been finished meanwhile. The transport ends a call that sends what is none.
  virtual void Read(google::protobuf::Message& message) = 0;
  // Of a call that is answered with a stream: then Call::OnWritten. `message` is used before this
  // returns only.
  virtual void Write(const google::protobuf::Message& message) = 0;
  // The end: with the answer, if the call has one and `status` is OK; then Call::OnGone. Nothing
  // that was written is outstanding.
  virtual void Finish(const google::protobuf::Message* answer, const WireStatus& status) = 0;
};

// INVALID_ARGUMENT (FIELD_INVALID): what came is no such message; `how`: what to do
// about it.
absl::Status MalformedRequest(const google::protobuf::Message& message, std::string_view how);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EXCHANGE_H_
