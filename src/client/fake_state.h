// What a fake daemon keeps, and how its services begin and end a call.
#ifndef GRPC_OS_CLIENT_FAKE_STATE_H_
#define GRPC_OS_CLIENT_FAKE_STATE_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "grpc_os/internal/v1/rpc_status.pb.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"

namespace grpc_os::client {

// A directory of its own for a test, removed with everything in it at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/grpc-os-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline grpc::Status FakeError(grpc::StatusCode code, const std::string& message,
                              const std::string& reason, int64_t retry_after_ms = 0,
                              const std::string& limit = "") {
  internal::v1::RpcStatus status;
  status.set_code(code);
  status.set_message(message);
  internal::v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("grpc-os");
  if (!limit.empty()) (*info.mutable_metadata())["limit"] = limit;
  auto* any = status.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any->set_value(info.SerializeAsString());
  if (retry_after_ms > 0) {
    internal::v1::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_after_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(retry_after_ms % 1000) * 1'000'000);
    any = status.add_details();
    any->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
    any->set_value(retry.SerializeAsString());
  }
  return grpc::Status(code, message, status.SerializeAsString());
}

struct FakeUpload {
  v1::StartUploadRequest request;
  std::string data;
  v1::Object object;  // once it is finished
  bool busy = false;  // another client writes it
};

// What a test sets up and looks at; guarded by `mutex`.
struct FakeState {
  std::mutex mutex;
  std::map<std::string, v1::Identity> tokens;         // by "Bearer token-1"
  std::map<std::string, std::string> refresh_tokens;  // to the session's id; spent ones stay
  std::set<std::string> spent;
  int next_number = 1;
  int logins = 0;                                // all tokens that were given out
  int refreshes = 0;                             // those of them for a refresh token
  std::map<std::string, v1::Process> processes;  // by name
  std::vector<std::string> calls;                // "StopProcess web"
  std::vector<v1::TailLogsResponse> log;
  std::condition_variable changed;
  int stops_begun = 0;
  int stops_at_once = 0;      // StopProcess answers once so many have come
  int cut_stream_after = 0;   // messages, then UNAVAILABLE, once; 0: never
  int etag_mismatches = 0;    // how many updates are answered ABORTED
  bool exec_fails = false;    // for create, start and restart
  std::string held;           // why, of a system with two processes; empty: it is not
  bool ends_at_once = false;  // what is created, started or restarted has exited with 0
  bool hang = false;          // GetSystem and ListProcesses answer only when the caller gave up
  bool is_another = false;    // than the one that unknown tokens say issued them
  bool hold_refresh = false;  // RefreshToken answers only once this is false again
  int unavailable = 0;        // how many mutations are carried out and answered UNAVAILABLE
  int busy = 0;               // how many calls are refused, to come again after…
  int64_t busy_ms = 1;
  std::map<std::string, v1::User> users;  // by name
  std::map<std::string, std::string> passwords;
  std::map<std::string, v1::Session> sessions;  // by id
  std::vector<v1::AuditRecord> audit;           // the newest first
  std::vector<v1::WatchResponse> events;
  std::vector<v1::WatchRequest> watches;
  std::vector<std::string> request_ids;
  v1::LogLevel log_level = v1::LOG_LEVEL_INFO;
  v1::GetConfigurationResponse configuration;
  v1::CreateProcessRequest last_create;
  v1::UpdateProcessRequest last_update;
  std::vector<v1::TailLogsRequest> tails;
  // Objects, with their contents, by name; those of folders end with a slash.
  std::map<std::string, v1::Object> objects;
  std::vector<v1::Object> versions;  // the newest last
  std::string undelete_taken;        // a name that cannot be brought back
  size_t objects_per_call = 1000;    // and a tenth of it in a part
  std::function<grpc::Status()> before_part;
  int64_t revision = 100;
  std::map<std::string, FakeUpload> uploads;
  int cut_uploads_after = 0;  // bytes of a stream, then UNAVAILABLE, once; 0: never
  int cut_reads_after = 0;    // the same of ReadObject, every time
  int lose_reads = 0;         // how many ReadObject are answered UNAVAILABLE before anything came
  bool stays_away = false;    // after a cut transfers are answered UNAVAILABLE, and `away` is set
  bool away = false;
  bool damage_reads = false;  // the content is sent with another checksum than it has
  bool has_uploads = true;
  bool damage_pieces = false;  // pieces of a content are sent with another checksum than they have
  std::vector<v1::ReadObjectRequest> reads;
  std::map<std::string, v1::Quota> quotas;  // by prefix
  std::vector<v1::CheckObjectsResponse> checks;
  std::map<std::string, std::vector<v1::Revision>> revisions;  // by process, the oldest first
  std::vector<v1::DeployProcessRequest> deploys;  // those that were to change something
  std::vector<v1::Revision::Step> deploy_steps;   // which one after the other take
  std::string deploy_fails;    // the message of the next that has ended; empty: it is ready
  std::string deploy_refused;  // the reason with which all are refused; empty: they are not
  std::map<std::string, v1::Domain> domains;  // by name
  v1::DomainStatus domain_status;             // what an assigned one comes to
  int domains_served_after = 0;               // so many GetDomain; 0: never by themselves
  std::string edge_problem;
  v1::ReloadDomainsResponse reloaded;
  std::string reload_refused;  // the message; empty: it is not
  std::vector<v1::AssignDomainRequest> assigned;
  std::vector<v1::UnassignDomainRequest> unassigned;
  std::vector<v1::UpdateDomainRequest> domain_updates;
  std::vector<v1::TailDomainLogsRequest> domain_tails;
  std::function<void()> before_deploy;                // DeployProcess that is no validation, once
  std::function<void()> at_wait;                      // something that happens during WaitRevision
  std::function<void(v1::Process&)> at_process_wait;  // to the process, during WaitProcess
  bool never_ready = false;                           // as WaitProcess says
  std::function<void()> before_put;                   // something that happens in between, once
  std::function<void()> before_get;                   // GetObject
  std::function<void()> before_read;
};

// Notes the call and checks the token.
inline grpc::Status EnterFake(FakeState& state, grpc::ServerContext* context,
                              const std::string& what, v1::Identity* identity = nullptr) {
  state.calls.push_back(what);
  const auto found = context->client_metadata().find("authorization");
  if (found == context->client_metadata().end()) {
    return FakeError(grpc::UNAUTHENTICATED, "Log in first.", "NOT_LOGGED_IN");
  }
  const auto known = state.tokens.find(std::string(found->second.data(), found->second.size()));
  if (known == state.tokens.end()) {
    return state.is_another
               ? FakeError(grpc::UNAUTHENTICATED, "The token is of another system.",
                           "TOKEN_OF_OTHER_SYSTEM")
               : FakeError(grpc::UNAUTHENTICATED, "The token is not valid.", "TOKEN_INVALID");
  }
  if (state.busy > 0) {
    --state.busy;
    return FakeError(grpc::RESOURCE_EXHAUSTED, "There are 512 calls in flight.", "LIMIT_REACHED",
                     state.busy_ms);
  }
  if (identity != nullptr) *identity = known->second;
  return grpc::Status::OK;
}

// Of a mutation: its request_id is noted, and its answer may be lost.
inline grpc::Status LeaveFake(FakeState& state, const std::string& request_id) {
  state.request_ids.push_back(request_id);
  if (state.unavailable == 0) return grpc::Status::OK;
  --state.unavailable;
  return grpc::Status(grpc::UNAVAILABLE, "Socket closed");
}

// The log of what `request`, which is noted in `tails`, names.
template <typename Request>
grpc::Status WriteFakeLog(FakeState& state, grpc::ServerContext* context, const std::string& call,
                          const Request& request, std::vector<Request>& tails,
                          grpc::ServerWriter<v1::TailLogsResponse>* writer) {
  std::vector<v1::TailLogsResponse> log;
  size_t cut = 0;
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    if (auto status = EnterFake(state, context, call + request.name()); !status.ok()) return status;
    tails.push_back(request);
    log = state.log;
    cut = static_cast<size_t>(std::exchange(state.cut_stream_after, 0));
  }
  size_t from = 0;
  for (size_t i = 0; i < log.size(); ++i) {
    if (log[i].cursor() == request.cursor()) from = i + 1;
  }
  for (size_t i = from; i < log.size(); ++i) {
    if (cut != 0 && i == cut) return grpc::Status(grpc::UNAVAILABLE, "Socket closed");
    writer->Write(log[i]);
  }
  return grpc::Status::OK;
}

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_STATE_H_
