// How it is found out whether a process is ready, and whether it still answers.
#ifndef GRPC_OS_CORE_PROCESS_PROBES_H_
#define GRPC_OS_CORE_PROCESS_PROBES_H_

#include <cstdint>
#include <optional>
#include <string>

namespace grpc_os::core {

inline constexpr int kPortMax = 65'535;
inline constexpr int64_t kProbePathBytes = 1024;
inline constexpr int64_t kReadyTimeoutDefaultMs = 30'000;
inline constexpr int64_t kReadyTimeoutMinMs = 1'000;
inline constexpr int64_t kProbeTimeMaxMs = 3'600'000;  // of each time that a probe has
inline constexpr int64_t kLivenessPeriodDefaultMs = 10'000;
inline constexpr int64_t kLivenessPeriodMinMs = 100;
inline constexpr int kLivenessFailuresDefault = 3;
inline constexpr int kLivenessFailuresMax = 100;
inline constexpr int64_t kLivenessTimeoutDefaultMs = 5'000;

// kDefault: READY=1 if the process speaks on NOTIFY_SOCKET, else its port, else one second up.
enum class ReadyKind { kDefault, kNotify, kHttp, kTcp, kDelay };
enum class LivenessKind { kNone, kHttp, kTcp };

// The words that the store sees.
const char* ToString(ReadyKind kind);
const char* ToString(LivenessKind kind);
std::optional<ReadyKind> ReadyKindFrom(const std::string& word);
std::optional<LivenessKind> LivenessKindFrom(const std::string& word);

struct ReadySpec {
  ReadyKind kind = ReadyKind::kDefault;
  std::string path;      // of kHttp
  int port = 0;          // of kHttp and kTcp; 0: the process's
  int64_t delay_ms = 0;  // of kDelay
  int64_t timeout_ms = kReadyTimeoutDefaultMs;

  bool operator==(const ReadySpec&) const = default;
};

struct LivenessSpec {
  LivenessKind kind = LivenessKind::kNone;
  std::string path;  // of kHttp
  int port = 0;      // 0: the process's
  int64_t period_ms = kLivenessPeriodDefaultMs;
  int failures = kLivenessFailuresDefault;  // in a row, then it is restarted
  int64_t timeout_ms = kLivenessTimeoutDefaultMs;

  bool operator==(const LivenessSpec&) const = default;
};

// As they are stored: tagged.h. The values of absent fields never change.
template <typename Fields>
void Describe(Fields& fields, ReadySpec& ready) {
  fields.Word(1, ready.kind, ReadyKind::kDefault, ReadyKindFrom);
  fields.Text(2, ready.path);
  fields.Int(3, ready.port);
  fields.Int(4, ready.delay_ms);
  fields.Int(5, ready.timeout_ms, 30'000);
}

template <typename Fields>
void Describe(Fields& fields, LivenessSpec& liveness) {
  fields.Word(1, liveness.kind, LivenessKind::kNone, LivenessKindFrom);
  fields.Text(2, liveness.path);
  fields.Int(3, liveness.port);
  fields.Int(4, liveness.period_ms, 10'000);
  fields.Int(5, liveness.failures, 3);
  fields.Int(6, liveness.timeout_ms, 5'000);
}

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROBES_H_
