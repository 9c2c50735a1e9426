// Calls in progress.
#ifndef GRPC_OS_SERVICES_CALL_H_
#define GRPC_OS_SERVICES_CALL_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/audit/audit_trail.h"
#include "core/change/envelope.h"
#include "core/digest.h"
#include "core/identity/identity.h"
#include "core/logger.h"
#include "core/request/requests.h"
#include "core/requester.h"
#include "core/scheduler.h"
#include "services/admission.h"
#include "services/declarations.h"
#include "services/exchange.h"
#include "services/method_table.h"
#include "services/rpc_counters.h"

namespace grpc_os::services {

class Call;

// What all calls share; outlives them. Thread-safe.
class CallEnvironment {
 public:
  struct Parts {
    core::Identity& identity;
    core::AuditTrail& audit;
    core::Requests& requests;
    const core::Digest& digest;
    core::Logger& logger;
    const core::Clock& clock;
    std::string edge_secret = {};  // that the edge alone knows; empty: nobody does
  };
  CallEnvironment(const Parts& parts, MethodTable methods_in, Declarations declarations_in)
      : identity(parts.identity),
        audit(parts.audit),
        requests(parts.requests),
        digest(parts.digest),
        logger(parts.logger),
        clock(parts.clock),
        edge_secret(parts.edge_secret),
        methods(std::move(methods_in)),
        declarations(std::move(declarations_in)),
        counters(methods.all().size()) {}

  // From now on others may end the call: after its handler has begun with it, because what it knows
  // of itself is not guarded. `call` lives until it was removed; one that was is not added.
  void Add(Call* call);
  void Remove(Call* call);
  // Once a second: ends the calls whose deadline has passed and the streams whose caller may not
  // have them any more, and lets idle streams send a heartbeat.
  void Tick();
  // From now on calls are refused; those in progress end with UNAVAILABLE (SHUTTING_DOWN).
  void ShutDown();
  bool shutting_down() const { return shutting_down_.load(); }

  core::Identity& identity;
  core::AuditTrail& audit;
  core::Requests& requests;
  const core::Digest& digest;
  core::Logger& logger;
  const core::Clock& clock;
  const std::string edge_secret;
  const MethodTable methods;
  const Declarations declarations;
  RpcCounters counters;
  Admission admission;

 private:
  std::vector<std::shared_ptr<Call>> Live();

  std::atomic<bool> shutting_down_{false};
  std::mutex mutex_;
  Call* first_ = nullptr;  // of a list through the calls themselves
};

// One call. Kept alive by whoever still owes it an answer, even when the client has long gone.
// Thread-safe.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(CallEnvironment& environment, const MethodInfo& method, bool stream, const Arrival& arrival);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call();

  // Ends the call, unless it has ended: only the first end counts.
  virtual void End(const absl::Status& status) = 0;
  virtual void Tick(int64_t now_ms);

  // Of its transport: what was written is taken, or cannot be any more.
  virtual void OnWritten(bool /*taken*/) {}
  // A message has come, or no more do.
  virtual void OnRead(bool /*came*/) {}
  // The transport has done with it.
  virtual void OnGone() { environment_.Remove(this); }

  // The funnel, up to the handler: request id, log-in, permission, deadline, limits. Not OK: end
  // the call with it.
  absl::Status Admit(const Arrival& arrival);

  // Nobody, where no log-in is needed.
  const core::Caller& caller() const { return *caller_; }
  // For a handler whose answer needs another permission than its method declares, or two:
  // PERMISSION_DENIED without it. A stream ends when its caller loses it.
  absl::Status AlsoNeeds(const char* permission);
  // PERMISSION_DENIED unless the permission of its method covers the thing of this name.
  absl::Status CheckName(std::string_view name) const;
  // The same with the roles of now: before a call that has waited tells anything.
  absl::Status CheckNameNow(std::string_view name) const;
  bool Permits(std::string_view name) const {
    return !NeedsPermission() || caller_->authority.AllowsName(method_.permission, name);
  }
  bool PermitsAll() const {
    return !NeedsPermission() || caller_->authority.AllowsAllNames(method_.permission, "");
  }
  // For a change that this call asks for; the permission of its method is asked again with the
  // change. `resource`: what it is about, for the audit. `name`: of the one thing that it changes;
  // empty: it is about none, or is not known yet (Origin::name).
  core::Origin MakeOrigin(std::string resource, std::string name = "");
  // For what is read on its behalf: in its user's turn, and no more once it has ended.
  core::Requester requester() {
    return core::Requester(
        std::shared_ptr<const core::Requester::Call>(shared_from_this(), &asked_));
  }
  // Where the call comes from: an address, or "uid N" of the local socket.
  std::string source() const;
  // From now on its source is the address and the uid behind it, "127.0.0.1 uid 1000", if the
  // kernel knows that of a connection within this machine. Before anything takes the source.
  void AddUid();
  const std::string& request_id() const { return request_id_; }
  bool local() const { return local_; }  // came over the unix socket
  // Of the program that called, as the kernel tells it of the unix socket; -1: it came another way.
  int64_t local_uid() const { return local_ ? peer_uid_ : -1; }
  CallEnvironment& environment() { return environment_; }
  const MethodInfo& method() const { return method_; }

  // `then` is called once the call has ended, however that was: who waits for the world on its
  // behalf need not any more. While the handler runs, before anyone else knows the call.
  void WhenEnded(std::function<void()> then) { when_ended_ = std::move(then); }

 protected:
  // The end of the funnel: error map, counters, log line.
  WireStatus Close(const absl::Status& status);

 private:
  CallEnvironment& environment_;
  const MethodInfo& method_;
  const bool stream_;
  const int64_t start_ms_;
  const std::string request_id_;
  const bool local_;
  std::string address_;  // of a client that is not local, without its port
  const int64_t peer_uid_;
  std::shared_ptr<const core::Caller> caller_;
  core::Requester::Call asked_;  // the user is set while it is admitted
  std::array<std::atomic<const char*>, 8> also_needed_ = {};
  std::string resource_;
  // Of the change that it asked for: whether a transaction carries its audit record, and what it
  // found out.
  std::shared_ptr<std::atomic<bool>> audited_;
  std::shared_ptr<Guarded<core::OriginFindings>> findings_;
  std::atomic<int64_t> deadline_ms_{INT64_MAX};
  std::function<void()> when_ended_;
  Admission::Place place_;
  std::atomic<bool> has_place_{false};
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  // In the list of the environment, under its lock; null when not in it.
  friend class CallEnvironment;
  Call* next_ = nullptr;
  Call** link_ = nullptr;  // what points here
  bool removed_ = false;

  bool NeedsPermission() const {
    return method_.permission != kNoLogin && method_.permission != kAnyLogin;
  }
  int64_t DurationUs() const;
  absl::Status TakePlace();
  void LeavePlace();
  void Audit(const absl::Status& status);
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CALL_H_
