// Calls in progress.
#ifndef GRPC_OS_SERVICES_CALL_H_
#define GRPC_OS_SERVICES_CALL_H_

#include <grpcpp/support/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/identity/identity.h"
#include "core/logger.h"
#include "core/scheduler.h"
#include "services/method_table.h"
#include "services/rpc_counters.h"

namespace grpc_os::services {

class Call;

// What all calls share; outlives them. Thread-safe.
class CallEnvironment {
 public:
  CallEnvironment(core::Identity& identity_in, core::Logger& logger_in, const core::Clock& clock_in,
                  MethodTable methods_in)
      : identity(identity_in),
        logger(logger_in),
        clock(clock_in),
        methods(std::move(methods_in)),
        counters(methods.all().size()) {}

  void Add(const std::shared_ptr<Call>& call);
  void Remove(const Call* call);
  // Once a second: ends the calls whose deadline has passed or whose session has ended, and lets
  // idle streams send a heartbeat.
  void Tick();
  // From now on calls are refused; those in progress end with UNAVAILABLE (SHUTTING_DOWN).
  void ShutDown();
  bool shutting_down() const { return shutting_down_.load(); }

  core::Identity& identity;
  core::Logger& logger;
  const core::Clock& clock;
  const MethodTable methods;
  RpcCounters counters;
  std::atomic<int> in_flight{0};
  std::atomic<int> streams{0};

 private:
  std::vector<std::shared_ptr<Call>> Live();

  std::atomic<bool> shutting_down_{false};
  std::mutex mutex_;
  std::set<std::shared_ptr<Call>> calls_;
};

// One call. Kept alive by whoever still owes it an answer, even when the client has long gone.
// Thread-safe.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(CallEnvironment& environment, const MethodInfo& method, bool stream);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call();

  // Ends the call, unless it has ended: only the first end counts.
  virtual void End(const absl::Status& status) = 0;
  virtual void Tick(int64_t now_ms);

  // The funnel, up to the handler: request id, log-in, permission, deadline, limits. Not OK: end
  // the call with it.
  absl::Status Admit(const std::string& authorization, int64_t deadline_ms);

  const core::Caller& caller() const { return caller_; }
  const std::string& request_id() const { return request_id_; }
  bool local() const { return local_; }  // came over the unix socket
  CallEnvironment& environment() { return environment_; }

  void set_request_id(std::string id) { request_id_ = std::move(id); }
  void set_local(bool local) { local_ = local; }

 protected:
  // The end of the funnel: error map, counters, log line.
  grpc::Status Close(const absl::Status& status);

 private:
  CallEnvironment& environment_;
  const MethodInfo& method_;
  const bool stream_;
  const int64_t start_ms_;
  std::string request_id_;
  bool local_ = false;
  core::Caller caller_;
  std::atomic<int64_t> deadline_ms_{INT64_MAX};
  std::atomic<bool> counted_{true};  // among those in flight

  void Uncount();
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CALL_H_
