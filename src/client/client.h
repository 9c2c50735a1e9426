// The API of one daemon, as a program of the same user calls it.
#ifndef GRPC_OS_CLIENT_CLIENT_H_
#define GRPC_OS_CLIENT_CLIENT_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "client/address.h"
#include "client/token_file.h"

// Of the API: whoever calls includes the messages that it uses.
namespace grpc_os::v1 {
class AssignDomainRequest;
class CancelUploadResponse;
class CheckObjectsRequest;
class CheckObjectsResponse;
class CopyObjectRequest;
class CreateDomainRequest;
class CreateObjectRequest;
class CreateProcessRequest;
class CreateRoleRequest;
class CreateTokenRequest;
class CreateTokenResponse;
class CreateUserRequest;
class CreateVolumeRequest;
class DeleteDomainRequest;
class DeleteDomainResponse;
class DeleteObjectRequest;
class DeleteObjectResponse;
class DeleteProcessRequest;
class DeleteProcessResponse;
class DeleteQuotaResponse;
class DeleteRoleRequest;
class DeleteRoleResponse;
class DeleteUserRequest;
class DeleteUserResponse;
class DeleteVolumeRequest;
class DeleteVolumeResponse;
class DeployProcessRequest;
class DisableUserRequest;
class Domain;
class EnableUserRequest;
class EndSessionRequest;
class EndSessionResponse;
class FinishUploadRequest;
class GetConfigurationResponse;
class GetObjectRequest;
class GrantRoleRequest;
class ListAuditRecordsRequest;
class ListAuditRecordsResponse;
class ListDomainsResponse;
class ListObjectsRequest;
class ListObjectsResponse;
class ListProcessesResponse;
class ListQuotasResponse;
class ListUploadsResponse;
class ListRolesResponse;
class ListRevisionsResponse;
class ListSessionsRequest;
class ListSessionsResponse;
class ListUsersResponse;
class ListVersionsResponse;
class ListVolumesResponse;
class LoginResponse;
class MeasureObjectsResponse;
class MoveFolderRequest;
class MoveFolderResponse;
class MoveObjectRequest;
class Object;
class Process;
class PutObjectRequest;
class Quota;
class ReadObjectRequest;
class ReadObjectResponse;
class ReloadDomainsRequest;
class ReloadDomainsResponse;
class RestartProcessRequest;
class ResumeResponse;
class RevokeRoleRequest;
class Role;
class RunTaskRequest;
class RunTaskResponse;
class SetLogLevelRequest;
class SetLogLevelResponse;
class SetPasswordRequest;
class SetQuotaRequest;
class SignalProcessRequest;
class SignalProcessResponse;
class StartProcessRequest;
class StartUploadRequest;
class StopProcessRequest;
class System;
class TailDomainLogsRequest;
class TailLogsRequest;
class TailLogsResponse;
class UnassignDomainRequest;
class UnassignDomainResponse;
class UndeleteObjectRequest;
class UpdateDomainRequest;
class UpdateObjectRequest;
class UpdateProcessRequest;
class UpdateRoleRequest;
class UpdateVolumeRequest;
class Revision;
class RollbackProcessRequest;
class Upload;
class User;
class Volume;
class WaitProcessRequest;
class WaitRevisionRequest;
class WaitProcessResponse;
class WatchRequest;
class WatchResponse;
class WhoAmIResponse;
class WriteUploadRequest;
}  // namespace grpc_os::v1

namespace grpc_os::client {

struct ClientOptions {
  // How long a call may take if it is not told otherwise.
  std::chrono::milliseconds timeout{10'000};
  // Where tokens are kept: StateDirectory() but in tests.
  std::string state_directory = {};
  // What the log-in is kept as there; empty: the address.
  std::string kept_as = {};
  // Who is meant; then nothing logs in as the peer of the socket. Empty: whoever logs in.
  std::string user = {};
  // Of $GRPC_OS_TOKEN: every call is made with it, and no file is read or written.
  std::string token = {};
  // False: never spends the kept refresh token. For calls that may be given up at any moment: a
  // refresh whose answer is lost ends the session.
  bool may_refresh = true;
};

// Connects at the first call, and logs in when a call needs it: with the token kept from earlier,
// else (unix only) as the peer of the local socket. A token that is no longer valid is renewed once
// per call, without a word: after a log-in by password with the refresh token, which several
// programs of a user spend one after the other; else as the peer. After a log-out, and after the
// end of a session by password, nothing logs in by itself until Login or LoginPeer is called. A
// log-in by password to another system than the one that answers is neither renewed nor forgotten:
// TOKEN_OF_OTHER_SYSTEM.
//
// Mutations that take a request_id are given one, and sent again once, the same, if the answer was
// UNAVAILABLE: they are carried out once.
//
// Thread-safe, and calls may be made on several threads at once; but set_timeout and BeginCommand
// only while no call is under way. No call outlives its timeout, but for the renewal of a log-in by
// password, which is given 5 s and is not cancelled: its answer must not be lost.
//
// Errors carry an ErrorDetail when a handler made them. Made here: UNAVAILABLE (nobody answers at
// the address; the message says how to start the system), DEADLINE_EXCEEDED, CANCELLED (Cancel),
// UNAUTHENTICATED with NOT_LOGGED_IN (logged out; or no token, and no way to log in by itself).
class Client {
 public:
  using Timeout = std::chrono::milliseconds;

  Client(Address address, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  const Address& address() const { return address_; }
  // How long a call may take if it is not told otherwise.
  Timeout timeout() const { return options_.timeout; }
  void set_timeout(Timeout timeout) { options_.timeout = timeout; }

  // Starts afresh for a user's next command: forgets an earlier Cancel and a connection that may
  // have gone stale while nobody called.
  void BeginCommand();
  // Ends the calls in flight and every later one up to BeginCommand.
  void Cancel();

  // Logs in as the account of this program on this machine. FAILED_PRECONDITION over TCP, and for
  // both log-ins and Logout while there is a token of $GRPC_OS_TOKEN. If the log-in could not be
  // kept for later commands, `not_kept` says why.
  absl::StatusOr<v1::LoginResponse> LoginPeer(absl::Status* not_kept = nullptr);
  absl::StatusOr<v1::LoginResponse> Login(const std::string& user, const std::string& password,
                                          absl::Status* not_kept = nullptr);
  // Ends the session, and forgets the token even if the daemon could not be told.
  absl::Status Logout();
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI();

  absl::StatusOr<v1::User> GetUser(const std::string& name);
  // Lists come with all pages in one answer.
  absl::StatusOr<v1::ListUsersResponse> ListUsers();
  absl::StatusOr<v1::User> CreateUser(const v1::CreateUserRequest& request);
  absl::StatusOr<v1::DeleteUserResponse> DeleteUser(const v1::DeleteUserRequest& request);
  absl::StatusOr<v1::User> DisableUser(const v1::DisableUserRequest& request);
  absl::StatusOr<v1::User> EnableUser(const v1::EnableUserRequest& request);
  absl::StatusOr<v1::User> SetPassword(const v1::SetPasswordRequest& request);
  absl::StatusOr<v1::User> GrantRole(const v1::GrantRoleRequest& request);
  absl::StatusOr<v1::User> RevokeRole(const v1::RevokeRoleRequest& request);
  absl::StatusOr<v1::ListRolesResponse> ListRoles();
  absl::StatusOr<v1::Role> GetRole(const std::string& name);
  absl::StatusOr<v1::Role> CreateRole(const v1::CreateRoleRequest& request);
  absl::StatusOr<v1::Role> UpdateRole(const v1::UpdateRoleRequest& request);
  absl::StatusOr<v1::DeleteRoleResponse> DeleteRole(const v1::DeleteRoleRequest& request);
  absl::StatusOr<v1::ListVolumesResponse> ListVolumes();
  absl::StatusOr<v1::Volume> GetVolume(const std::string& name);
  absl::StatusOr<v1::Volume> CreateVolume(const v1::CreateVolumeRequest& request);
  absl::StatusOr<v1::Volume> UpdateVolume(const v1::UpdateVolumeRequest& request);
  absl::StatusOr<v1::DeleteVolumeResponse> DeleteVolume(const v1::DeleteVolumeRequest& request);
  absl::StatusOr<v1::ListDomainsResponse> ListDomains();
  absl::StatusOr<v1::Domain> GetDomain(const std::string& name);
  absl::StatusOr<v1::Domain> CreateDomain(const v1::CreateDomainRequest& request);
  absl::StatusOr<v1::Domain> UpdateDomain(const v1::UpdateDomainRequest& request);
  absl::StatusOr<v1::DeleteDomainResponse> DeleteDomain(const v1::DeleteDomainRequest& request);
  // These two answer when it is served so, which may take 30 s.
  absl::StatusOr<v1::Domain> AssignDomain(const v1::AssignDomainRequest& request, Timeout timeout);
  absl::StatusOr<v1::UnassignDomainResponse> UnassignDomain(
      const v1::UnassignDomainRequest& request, Timeout timeout);
  absl::StatusOr<v1::ReloadDomainsResponse> ReloadDomains(const v1::ReloadDomainsRequest& request);
  // These two do not answer before the bundle is unpacked.
  absl::StatusOr<v1::Revision> DeployProcess(const v1::DeployProcessRequest& request);
  absl::StatusOr<v1::Revision> RollbackProcess(const v1::RollbackProcessRequest& request);
  absl::StatusOr<v1::Revision> GetRevision(const std::string& process, int64_t number);
  absl::StatusOr<v1::ListRevisionsResponse> ListRevisions(const std::string& process);
  absl::StatusOr<v1::Revision> WaitRevision(const v1::WaitRevisionRequest& request);
  absl::StatusOr<v1::ListSessionsResponse> ListSessions(const v1::ListSessionsRequest& request);
  absl::StatusOr<v1::EndSessionResponse> EndSession(const v1::EndSessionRequest& request);
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  // The newest `count` that fit, the newest first.
  absl::StatusOr<v1::ListAuditRecordsResponse> ListAuditRecords(
      const v1::ListAuditRecordsRequest& request, int count);

  absl::StatusOr<v1::Process> GetProcess(const std::string& name);
  // `system`: those of gRPC OS itself, instead of the others.
  absl::StatusOr<v1::ListProcessesResponse> ListProcesses(bool system = false);
  absl::StatusOr<v1::Process> CreateProcess(const v1::CreateProcessRequest& request);
  absl::StatusOr<v1::Process> UpdateProcess(const v1::UpdateProcessRequest& request);
  absl::StatusOr<v1::DeleteProcessResponse> DeleteProcess(const v1::DeleteProcessRequest& request,
                                                          Timeout timeout);
  absl::StatusOr<v1::Process> StartProcess(const v1::StartProcessRequest& request);
  absl::StatusOr<v1::Process> StopProcess(const v1::StopProcessRequest& request, Timeout timeout);
  absl::StatusOr<v1::Process> RestartProcess(const v1::RestartProcessRequest& request,
                                             Timeout timeout);
  absl::StatusOr<v1::SignalProcessResponse> SignalProcess(const v1::SignalProcessRequest& request);
  // May take up to `request.timeout` longer than other calls.
  absl::StatusOr<v1::WaitProcessResponse> WaitProcess(const v1::WaitProcessRequest& request);
  // Hands each message of the stream to `on_message`, heartbeats too, until the stream ends or it
  // returns false (then OK). Without a deadline if `request.follow`.
  absl::Status TailLogs(const v1::TailLogsRequest& request,
                        const std::function<bool(const v1::TailLogsResponse&)>& on_message);
  // As TailLogs.
  absl::Status TailDomainLogs(const v1::TailDomainLogsRequest& request,
                              const std::function<bool(const v1::TailLogsResponse&)>& on_message);

  // As TailLogs, without a deadline. Cancel ends what runs.
  absl::Status RunTask(const v1::RunTaskRequest& request,
                       const std::function<bool(const v1::RunTaskResponse&)>& on_message);

  // As TailLogs; never ends by itself.
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(const v1::WatchResponse&)>& on_message);

  absl::StatusOr<v1::Object> CreateObject(const v1::CreateObjectRequest& request);
  absl::StatusOr<v1::Object> PutObject(const v1::PutObjectRequest& request);
  absl::StatusOr<v1::Object> GetObject(const v1::GetObjectRequest& request);
  absl::StatusOr<v1::Object> UpdateObject(const v1::UpdateObjectRequest& request);
  absl::StatusOr<v1::DeleteObjectResponse> DeleteObject(const v1::DeleteObjectRequest& request);
  absl::StatusOr<v1::Object> UndeleteObject(const v1::UndeleteObjectRequest& request);
  absl::StatusOr<v1::Object> MoveObject(const v1::MoveObjectRequest& request);
  absl::StatusOr<v1::MoveFolderResponse> MoveFolder(const v1::MoveFolderRequest& request);
  absl::StatusOr<v1::Object> CopyObject(const v1::CopyObjectRequest& request);
  absl::StatusOr<v1::Object> CreateFolder(const std::string& name);
  // Page by page, for they may be many, until there are no more or `on_page` returns false.
  absl::Status ListObjects(const v1::ListObjectsRequest& request,
                           const std::function<bool(v1::ListObjectsResponse&)>& on_page);
  absl::StatusOr<v1::ListVersionsResponse> ListVersions(const std::string& name);
  // The sums over all pages.
  absl::StatusOr<v1::MeasureObjectsResponse> MeasureObjects(const std::string& prefix);
  // As TailLogs; ends when the content does. A chunk that is not what its checksum says ends it
  // with DATA_LOSS. It takes at most the timeout: with DEADLINE_EXCEEDED after what came, read on.
  absl::Status ReadObject(const v1::ReadObjectRequest& request,
                          const std::function<bool(const v1::ReadObjectResponse&)>& on_message);
  absl::StatusOr<v1::Upload> StartUpload(const v1::StartUploadRequest& request);
  // One stream of pieces: `next` fills in the next one but for its checksum, and returns false if
  // there is none. The answer is what is durable at its end. After an error too, some of them may
  // be: GetUpload says how many. It takes at most the timeout.
  absl::StatusOr<v1::Upload> WriteUpload(const std::function<bool(v1::WriteUploadRequest&)>& next);
  absl::StatusOr<v1::Upload> GetUpload(const std::string& upload_id);
  // Those that are open, the oldest first: this user's, or everyone's.
  absl::StatusOr<v1::ListUploadsResponse> ListUploads(bool all_users);
  // Both may be called again if the answer was lost.
  absl::StatusOr<v1::Object> FinishUpload(const v1::FinishUploadRequest& request);
  absl::StatusOr<v1::CancelUploadResponse> CancelUpload(const std::string& upload_id);
  // As TailLogs; ends by itself, but may take as long as there is to be read.
  absl::Status CheckObjects(const v1::CheckObjectsRequest& request,
                            const std::function<bool(const v1::CheckObjectsResponse&)>& on_message);
  absl::StatusOr<v1::Quota> SetQuota(const v1::SetQuotaRequest& request);
  absl::StatusOr<v1::ListQuotasResponse> ListQuotas();
  absl::StatusOr<v1::DeleteQuotaResponse> DeleteQuota(const std::string& prefix);

  absl::StatusOr<v1::System> GetSystem();
  absl::StatusOr<v1::GetConfigurationResponse> GetConfiguration();
  absl::StatusOr<v1::ResumeResponse> Resume();
  absl::StatusOr<v1::SetLogLevelResponse> SetLogLevel(const v1::SetLogLevelRequest& request);

 private:
  // Everything of gRPC, which users of this header need not compile (calls.h).
  struct Connection;
  struct InFlight;

  std::shared_ptr<Connection> Connected();
  TokenFile File() const {
    return {options_.state_directory,
            options_.kept_as.empty() ? address_.ToString() : options_.kept_as};
  }
  bool MayLogInAsPeer() const { return address_.is_unix && options_.user.empty(); }
  // The token to call with: the known one, the one in the file, or by a log-in.
  absl::StatusOr<std::string> Token();
  // The one to take after another was refused.
  absl::StatusOr<std::string> TokenAfter(const std::string& refused, const absl::Status& why);
  absl::StatusOr<v1::LoginResponse> AskAsPeer();
  absl::StatusOr<std::string> Refresh(const TokenFile& file, const TokenFile::Content& kept);
  // Makes `response` the log-in of this client and, if it can, of later commands.
  absl::Status Keep(const TokenFile& file, const v1::LoginResponse& response);
  absl::Status TokenOfEnvironment(const std::string& what) const;
  absl::Status NotLoggedIn(const std::string& message) const;
  absl::Status LoggedOut() const;
  // The kept log-in is of a system that is not the one that answers.
  absl::Status OfOtherSystem(const TokenFile::Content& kept) const;
  absl::Status Away(const std::string& why) const;
  absl::Status AwayOverTcp(const std::string& why) const;
  absl::Status ErrorOf(Connection& connection, int code, const std::string& message,
                       const std::string& details, Timeout timeout);
  // False if the user interrupted.
  bool PauseBeforeRetry(const absl::Status& status);

  template <typename Request, typename Response, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request, Timeout timeout,
                                const std::string& token);
  template <typename Request, typename Response, typename Method>
  absl::StatusOr<Response> CallWithToken(Method method, const Request& request, Timeout timeout);
  template <typename Request, typename Response, typename Method>
  absl::StatusOr<Response> Mutate(Method method, Request request, Timeout timeout);
  template <typename Request, typename Message, typename Open>
  absl::Status Stream(Open open, const Request& request, Timeout timeout,
                      const std::function<bool(const Message&)>& on_message);
  template <typename Request, typename Response, typename Method, typename Take>
  absl::StatusOr<Response> AllPages(Method method, Request request, Take take);
  // Runs `call` with a token, and once more with a new one if that was refused.
  absl::Status WithToken(const std::function<absl::Status(const std::string&)>& call);

  const Address address_;
  ClientOptions options_;
  std::mutex log_in_;                  // held while one thread looks for a token for all
  Guarded<TokenFile::Content> known_;  // as the file should be; what holds if it cannot be written
  Guarded<std::shared_ptr<Connection>> connection_;
  std::unique_ptr<InFlight> in_flight_;
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_CLIENT_H_
