// One client's tail of a log: from core::LogSource to a StreamCall, at the client's pace.
#ifndef GRPC_OS_SERVICES_LOG_STREAM_H_
#define GRPC_OS_SERVICES_LOG_STREAM_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "core/process/process_ports.h"
#include "grpc_os/v1/process_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// Lives as long as the call or the tail refers to it. Thread-safe.
class LogStream final : public std::enable_shared_from_this<LogStream> {
 public:
  explicit LogStream(std::string name) : name_(std::move(name)) {}
  using LogCall = StreamCall<v1::TailLogsResponse>;
  static std::shared_ptr<LogStream> Start(const std::shared_ptr<LogCall>& call,
                                          core::LogSource& source, std::string name,
                                          core::LogSource::Options options);
  // Ends it, once all that is there was read, as soon as nothing more is written: `when` calls what
  // it is given then, unless what it gives was let go before.
  using Notify = std::function<std::shared_ptr<void>(std::function<void()>)>;
  void FinishWhen(const Notify& when);

 private:
  struct State {
    std::shared_ptr<core::LogSource::Tail> tail;
    bool continue_early = false;  // the first batch was taken before `tail` was known
    bool gone = false;
    std::shared_ptr<void> finish;  // keeps FinishWhen registered
  };
  void OnLines(const std::shared_ptr<LogCall>& call, core::LogLines lines);
  void OnReady();
  void OnGone();
  void Finish();

  const std::string name_;  // of whose log it is
  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_LOG_STREAM_H_
