// What a gRPC server answers to Health/Check, read from the bytes of an HTTP/2 connection.
#ifndef GRPC_OS_INIT_HEALTH_ANSWER_H_
#define GRPC_OS_INIT_HEALTH_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os::init {

// The whole of what the client sends: preface, SETTINGS, and grpc.health.v1.Health/Check of the
// server as such, on stream 1.
const std::string& HealthRequest();
// What it then owes: the acknowledgement of the server's SETTINGS.
const std::string& HealthSettingsAck();

// Reads frames (RFC 9113) and looks at those alone that answer the call: headers, and so HPACK, are
// left unread. Whatever comes, it holds no more than a frame of the default size, and takes
// kBytes in all.
class HealthAnswer {
 public:
  static constexpr size_t kBytes = 64 << 10;
  enum class State {
    kIncomplete,
    kServes,
    kFailed,  // it said NOT_SERVING, or no answer will come; why() says which
  };

  // The next bytes, or, of size 0, that there are no more.
  State Take(std::string_view bytes);
  // The server's SETTINGS have come, as its first frame.
  bool has_settings() const { return has_settings_; }
  // A clause, "it …".
  const std::string& why() const { return why_; }

 private:
  State TakeFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);
  State TakeData(uint8_t flags, std::string_view payload);
  State Fail(std::string why);

  State state_ = State::kIncomplete;
  bool has_settings_ = false;
  size_t taken_ = 0;
  std::string buffer_;   // of a frame that is not whole
  std::string message_;  // gRPC's: prefix and HealthCheckResponse
  std::string why_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_HEALTH_ANSWER_H_
