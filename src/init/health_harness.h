// For tests: frames as a gRPC server sends them.
#ifndef GRPC_OS_INIT_HEALTH_HARNESS_H_
#define GRPC_OS_INIT_HEALTH_HARNESS_H_

#include <cstddef>
#include <string>

namespace grpc_os::init {

inline std::string ServerFrame(int type, int flags, int stream, const std::string& payload) {
  std::string frame = {static_cast<char>(payload.size() >> 16),
                       static_cast<char>(payload.size() >> 8),
                       static_cast<char>(payload.size()),
                       static_cast<char>(type),
                       static_cast<char>(flags),
                       0,
                       0,
                       0,
                       static_cast<char>(stream)};
  return frame + payload;
}

inline const std::string kServerSettings =
    ServerFrame(4, 0, 0, std::string("\0\x03\0\0\0\x80", 6));  // MAX_CONCURRENT_STREAMS = 128
// ":status: 200" by the static table, and a field with a Huffman-coded value.
inline const std::string kServerHeaders = ServerFrame(
    1, 4, 1, std::string("\x88\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64", 14));
inline const std::string kServerTrailers = ServerFrame(1, 5, 1, std::string("\x40\x01x\x01y", 5));

// The message of an answer whose status is `status`.
inline std::string HealthMessage(char status) { return {0, 0, 0, 0, 2, 8, status}; }

// As far as it is looked at.
inline std::string AnswerWithoutTrailers(char status) {
  return kServerSettings + ServerFrame(4, 1, 0, "") + ServerFrame(6, 0, 0, "01234567") +
         kServerHeaders + ServerFrame(0, 0, 1, HealthMessage(status));
}
inline std::string WholeAnswer(char status) {
  return AnswerWithoutTrailers(status) + kServerTrailers;
}

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_HEALTH_HARNESS_H_
