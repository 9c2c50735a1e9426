// Milliseconds and nanoseconds since 1970 as protobuf times.
#ifndef GRPC_OS_SERVICES_CONVERT_TIME_CONVERT_H_
#define GRPC_OS_SERVICES_CONVERT_TIME_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>

#include "core/violations.h"

namespace grpc_os::services {

inline void SetTimeNs(int64_t ns, google::protobuf::Timestamp* out) {
  int64_t seconds = ns / 1'000'000'000;
  int64_t rest = ns % 1'000'000'000;
  if (rest < 0) {  // before 1970
    rest += 1'000'000'000;
    --seconds;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(rest));
}

inline void SetTimeMs(int64_t ms, google::protobuf::Timestamp* out) {
  SetTimeNs(ms * 1'000'000, out);
}

inline constexpr int64_t kLatestSecond = 253'402'300'799;  // in 9999

// Not before it: rounded up. What is none is among the violations.
inline int64_t TimeMsFromProto(const google::protobuf::Timestamp& time, const char* field,
                               core::Violations& violations) {
  if (time.seconds() >= 0 && time.seconds() <= kLatestSecond && time.nanos() >= 0 &&
      time.nanos() <= 999'999'999)
    return time.seconds() * 1000 + (time.nanos() + 999'999) / 1'000'000;
  violations.Add(field, "give a time from 1970 to 9999");
  return 0;
}

inline void SetDurationMs(int64_t ms, google::protobuf::Duration* out) {
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

inline int64_t DurationMs(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000 + duration.nanos() / 1'000'000;
}

inline constexpr int64_t kWaitMaxMs = 30'000;

// How long a call is to wait: its `timeout`, at most kWaitMaxMs, which is also the default.
template <typename Request>
int64_t WaitTimeoutMs(const Request& request, core::Violations& violations) {
  if (!request.has_timeout()) return kWaitMaxMs;
  const google::protobuf::Duration& given = request.timeout();
  if (given.seconds() < 0 || given.nanos() < 0) violations.Add("timeout", "give 0 to 30 seconds");
  return given.seconds() < kWaitMaxMs / 1000 ? DurationMs(given) : kWaitMaxMs;
}

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_TIME_CONVERT_H_
