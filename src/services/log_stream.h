// One client's tail of a log: from core::LogSource to a StreamCall, at the client's pace.
#ifndef GRPC_OS_SERVICES_LOG_STREAM_H_
#define GRPC_OS_SERVICES_LOG_STREAM_H_

#include <memory>
#include <string>

#include "base/guarded.h"
#include "core/process/process_ports.h"
#include "grpc_os/v1/process_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// Lives as long as the call or the tail refers to it. Thread-safe.
class LogStream final : public std::enable_shared_from_this<LogStream> {
 public:
  using LogCall = StreamCall<v1::TailLogsResponse>;
  static void Start(const std::shared_ptr<LogCall>& call, core::LogSource& source,
                    core::LogSource::Options options, const std::string& process_name);

 private:
  struct State {
    std::shared_ptr<core::LogSource::Tail> tail;
    bool continue_early = false;  // the first batch was taken before `tail` was known
    bool gone = false;
  };
  void OnLines(const std::shared_ptr<LogCall>& call, core::LogLines lines);
  void OnReady();
  void OnGone();

  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_LOG_STREAM_H_
