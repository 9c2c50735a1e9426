#include "init/health_answer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/version.h"

namespace grpc_os::init {
namespace {

// RFC 9113, 4.1, 4.2 and 6.
constexpr size_t kFrameHeader = 9;
constexpr size_t kFrameBytes = 16 << 10;  // SETTINGS_MAX_FRAME_SIZE, as we leave it
constexpr uint8_t kData = 0;
constexpr uint8_t kHeaders = 1;
constexpr uint8_t kResetStream = 3;
constexpr uint8_t kSettings = 4;
constexpr uint8_t kAck = 1;  // of SETTINGS
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kPadded = 8;
constexpr uint32_t kOurStream = 1;

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

// A literal without indexing (RFC 7541, 6.2.2); texts shorter than 127 bytes.
std::string Field(const std::string& name, const std::string& value) {
  std::string field(1, '\0');
  for (const std::string& text : {name, value}) {
    field += static_cast<char>(text.size());
    field += text;
  }
  return field;
}

// gRPC over HTTP/2 (PROTOCOL-HTTP2.md): one byte "not compressed", four of length, the message. Of
// HealthCheckResponse (health.proto) the field 1, status, is SERVING (1) or NOT_SERVING (2).
constexpr std::string_view kServing("\0\0\0\0\x02\x08\x01", 7);
constexpr std::string_view kNotServing("\0\0\0\0\x02\x08\x02", 7);

}  // namespace

const std::string& HealthRequest() {
  static const auto* const request = new std::string(absl::StrCat(
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(kSettings, 0, 0, ""),
      Frame(kHeaders, kEndHeaders, kOurStream,
            absl::StrCat(Field(":method", "POST"), Field(":scheme", "http"),
                         Field(":path", "/grpc.health.v1.Health/Check"),
                         Field(":authority", "localhost"), Field("te", "trailers"),
                         Field("content-type", "application/grpc"),
                         Field("user-agent", absl::StrCat("grpc-os-init/", kVersion)))),
      Frame(kData, kEndStream, kOurStream, std::string(5, '\0'))));
  return *request;
}

const std::string& HealthSettingsAck() {
  static const auto* const ack = new std::string(Frame(kSettings, kAck, 0, ""));
  return *ack;
}

HealthAnswer::State HealthAnswer::Take(std::string_view bytes) {
  if (state_ != State::kIncomplete) return state_;
  if (bytes.empty()) return Fail("it closed the connection without an answer");
  taken_ += bytes.size();
  if (taken_ > kBytes) return Fail(absl::StrCat("it sent ", kBytes, " bytes without an answer"));
  buffer_ += bytes;
  size_t at = 0;
  while (state_ == State::kIncomplete && buffer_.size() - at >= kFrameHeader) {
    const auto number = [&](size_t from, size_t size) {
      uint32_t value = 0;
      for (size_t i = 0; i < size; ++i)
        value = value << 8 | static_cast<uint8_t>(buffer_[from + i]);
      return value;
    };
    const size_t size = number(at, 3);
    const auto type = static_cast<uint8_t>(buffer_[at + 3]);
    if (!has_settings_ && type != kSettings) return Fail("it does not speak HTTP/2");
    if (size > kFrameBytes) return Fail(absl::StrCat("it sent a frame of ", size, " bytes"));
    if (buffer_.size() - at < kFrameHeader + size) break;
    state_ = TakeFrame(type, static_cast<uint8_t>(buffer_[at + 4]),
                       number(at + 5, 4) & 0x7fffffff,  // without the reserved bit
                       std::string_view(buffer_).substr(at + kFrameHeader, size));
    at += kFrameHeader + size;
  }
  buffer_.erase(0, at);
  return state_;
}

HealthAnswer::State HealthAnswer::TakeFrame(uint8_t type, uint8_t flags, uint32_t stream,
                                            std::string_view payload) {
  if (type == kSettings) has_settings_ = true;
  if (stream != kOurStream) return State::kIncomplete;
  if (type == kData) return TakeData(flags, payload);
  // Headers that end the stream are trailers, which say why there is no message.
  const bool ends = type == kHeaders && (flags & kEndStream) != 0;
  return ends || type == kResetStream ? Fail("it refused the call") : State::kIncomplete;
}

HealthAnswer::State HealthAnswer::TakeData(uint8_t flags, std::string_view payload) {
  if ((flags & kPadded) != 0) {
    const size_t padding = payload.empty() ? 0 : static_cast<uint8_t>(payload[0]);
    if (payload.size() < 1 + padding) return Fail("it sent a frame with more padding than content");
    payload = payload.substr(1, payload.size() - 1 - padding);
  }
  message_ += payload.substr(0, kServing.size() + 1 - message_.size());
  if (message_ == kServing) return State::kServes;
  if (message_ == kNotServing) return Fail("it says that it does not serve (osd.jsonl says why)");
  if (!kServing.starts_with(message_.substr(0, kServing.size() - 1)) ||
      message_.size() >= kServing.size())
    return Fail("its answer is not one of Health/Check");
  return (flags & kEndStream) != 0 ? Fail("it refused the call") : State::kIncomplete;
}

HealthAnswer::State HealthAnswer::Fail(std::string why) {
  why_ = std::move(why);
  return state_ = State::kFailed;
}

}  // namespace grpc_os::init
