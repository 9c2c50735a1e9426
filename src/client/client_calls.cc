// Client: one function per method of the API.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "client/calls.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"
#include "grpc_os/v1/volume_services.pb.h"

namespace grpc_os::client {
namespace {

constexpr int kListPage = limits::kPageSizeMax;
constexpr std::chrono::milliseconds kDeployTimeout =
    std::chrono::minutes(5);  // a large bundle on a slow disk

}  // namespace

absl::StatusOr<v1::WhoAmIResponse> Client::WhoAmI() {
  return CallWithToken<v1::WhoAmIRequest, v1::WhoAmIResponse>(GRPC_OS_METHOD(auth, WhoAmI), {},
                                                              options_.timeout);
}

absl::StatusOr<v1::User> Client::GetUser(const std::string& name) {
  v1::GetUserRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetUserRequest, v1::User>(GRPC_OS_METHOD(auth, GetUser), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::ListUsersResponse> Client::ListUsers() {
  v1::ListUsersRequest request;
  request.set_page_size(kListPage);
  return AllPages<v1::ListUsersRequest, v1::ListUsersResponse>(
      GRPC_OS_METHOD(auth, ListUsers), request, [](auto& page, auto& all) {
        for (v1::User& user : *page.mutable_users()) all.mutable_users()->Add(std::move(user));
      });
}

absl::StatusOr<v1::User> Client::CreateUser(const v1::CreateUserRequest& request) {
  return Mutate<v1::CreateUserRequest, v1::User>(GRPC_OS_METHOD(auth, CreateUser), request,
                                                 options_.timeout);
}

absl::StatusOr<v1::DeleteUserResponse> Client::DeleteUser(const v1::DeleteUserRequest& request) {
  return Mutate<v1::DeleteUserRequest, v1::DeleteUserResponse>(GRPC_OS_METHOD(auth, DeleteUser),
                                                               request, options_.timeout);
}

absl::StatusOr<v1::User> Client::DisableUser(const v1::DisableUserRequest& request) {
  return Mutate<v1::DisableUserRequest, v1::User>(GRPC_OS_METHOD(auth, DisableUser), request,
                                                  options_.timeout);
}

absl::StatusOr<v1::User> Client::EnableUser(const v1::EnableUserRequest& request) {
  return Mutate<v1::EnableUserRequest, v1::User>(GRPC_OS_METHOD(auth, EnableUser), request,
                                                 options_.timeout);
}

absl::StatusOr<v1::User> Client::SetPassword(const v1::SetPasswordRequest& request) {
  return CallWithToken<v1::SetPasswordRequest, v1::User>(GRPC_OS_METHOD(auth, SetPassword), request,
                                                         options_.timeout);
}

absl::StatusOr<v1::User> Client::GrantRole(const v1::GrantRoleRequest& request) {
  return Mutate<v1::GrantRoleRequest, v1::User>(GRPC_OS_METHOD(auth, GrantRole), request,
                                                options_.timeout);
}

absl::StatusOr<v1::User> Client::RevokeRole(const v1::RevokeRoleRequest& request) {
  return Mutate<v1::RevokeRoleRequest, v1::User>(GRPC_OS_METHOD(auth, RevokeRole), request,
                                                 options_.timeout);
}

absl::StatusOr<v1::ListRolesResponse> Client::ListRoles() {
  v1::ListRolesRequest request;
  request.set_page_size(kListPage);
  return AllPages<v1::ListRolesRequest, v1::ListRolesResponse>(
      GRPC_OS_METHOD(auth, ListRoles), request, [](auto& page, auto& all) {
        for (v1::Role& role : *page.mutable_roles()) all.mutable_roles()->Add(std::move(role));
      });
}

absl::StatusOr<v1::Role> Client::GetRole(const std::string& name) {
  v1::GetRoleRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetRoleRequest, v1::Role>(GRPC_OS_METHOD(auth, GetRole), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::Role> Client::CreateRole(const v1::CreateRoleRequest& request) {
  return Mutate<v1::CreateRoleRequest, v1::Role>(GRPC_OS_METHOD(auth, CreateRole), request,
                                                 options_.timeout);
}

absl::StatusOr<v1::Role> Client::UpdateRole(const v1::UpdateRoleRequest& request) {
  return Mutate<v1::UpdateRoleRequest, v1::Role>(GRPC_OS_METHOD(auth, UpdateRole), request,
                                                 options_.timeout);
}

absl::StatusOr<v1::DeleteRoleResponse> Client::DeleteRole(const v1::DeleteRoleRequest& request) {
  return Mutate<v1::DeleteRoleRequest, v1::DeleteRoleResponse>(GRPC_OS_METHOD(auth, DeleteRole),
                                                               request, options_.timeout);
}

absl::StatusOr<v1::ListVolumesResponse> Client::ListVolumes() {
  v1::ListVolumesRequest request;
  request.set_page_size(kListPage);
  return AllPages<v1::ListVolumesRequest, v1::ListVolumesResponse>(
      GRPC_OS_METHOD(volume, ListVolumes), request, [](auto& page, auto& all) {
        for (v1::Volume& one : *page.mutable_volumes()) all.mutable_volumes()->Add(std::move(one));
      });
}

absl::StatusOr<v1::Volume> Client::GetVolume(const std::string& name) {
  v1::GetVolumeRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetVolumeRequest, v1::Volume>(GRPC_OS_METHOD(volume, GetVolume), request,
                                                         options_.timeout);
}

absl::StatusOr<v1::Volume> Client::CreateVolume(const v1::CreateVolumeRequest& request) {
  return Mutate<v1::CreateVolumeRequest, v1::Volume>(GRPC_OS_METHOD(volume, CreateVolume), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::Volume> Client::UpdateVolume(const v1::UpdateVolumeRequest& request) {
  return Mutate<v1::UpdateVolumeRequest, v1::Volume>(GRPC_OS_METHOD(volume, UpdateVolume), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::DeleteVolumeResponse> Client::DeleteVolume(
    const v1::DeleteVolumeRequest& request) {
  return Mutate<v1::DeleteVolumeRequest, v1::DeleteVolumeResponse>(
      GRPC_OS_METHOD(volume, DeleteVolume), request, options_.timeout);
}

absl::StatusOr<v1::ListDomainsResponse> Client::ListDomains() {
  v1::ListDomainsRequest request;
  request.set_page_size(kListPage);
  return AllPages<v1::ListDomainsRequest, v1::ListDomainsResponse>(
      GRPC_OS_METHOD(domains, ListDomains), request, [](auto& page, auto& all) {
        for (v1::Domain& one : *page.mutable_domains()) all.mutable_domains()->Add(std::move(one));
        all.set_edge_problem(page.edge_problem());
      });
}

absl::StatusOr<v1::Domain> Client::GetDomain(const std::string& name) {
  v1::GetDomainRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetDomainRequest, v1::Domain>(GRPC_OS_METHOD(domains, GetDomain),
                                                         request, options_.timeout);
}

absl::StatusOr<v1::Domain> Client::CreateDomain(const v1::CreateDomainRequest& request) {
  return Mutate<v1::CreateDomainRequest, v1::Domain>(GRPC_OS_METHOD(domains, CreateDomain), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::Domain> Client::UpdateDomain(const v1::UpdateDomainRequest& request) {
  return Mutate<v1::UpdateDomainRequest, v1::Domain>(GRPC_OS_METHOD(domains, UpdateDomain), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::DeleteDomainResponse> Client::DeleteDomain(
    const v1::DeleteDomainRequest& request) {
  return Mutate<v1::DeleteDomainRequest, v1::DeleteDomainResponse>(
      GRPC_OS_METHOD(domains, DeleteDomain), request, options_.timeout);
}

absl::StatusOr<v1::Domain> Client::AssignDomain(const v1::AssignDomainRequest& request,
                                                Timeout timeout) {
  return Mutate<v1::AssignDomainRequest, v1::Domain>(GRPC_OS_METHOD(domains, AssignDomain), request,
                                                     timeout);
}

absl::StatusOr<v1::UnassignDomainResponse> Client::UnassignDomain(
    const v1::UnassignDomainRequest& request, Timeout timeout) {
  return Mutate<v1::UnassignDomainRequest, v1::UnassignDomainResponse>(
      GRPC_OS_METHOD(domains, UnassignDomain), request, timeout);
}

absl::StatusOr<v1::ReloadDomainsResponse> Client::ReloadDomains(
    const v1::ReloadDomainsRequest& request) {
  return Mutate<v1::ReloadDomainsRequest, v1::ReloadDomainsResponse>(
      GRPC_OS_METHOD(domains, ReloadDomains), request, options_.timeout);
}

absl::StatusOr<v1::Revision> Client::DeployProcess(const v1::DeployProcessRequest& request) {
  return Mutate<v1::DeployProcessRequest, v1::Revision>(GRPC_OS_METHOD(deploys, DeployProcess),
                                                        request, kDeployTimeout);
}

absl::StatusOr<v1::Revision> Client::RollbackProcess(const v1::RollbackProcessRequest& request) {
  return Mutate<v1::RollbackProcessRequest, v1::Revision>(GRPC_OS_METHOD(deploys, RollbackProcess),
                                                          request, kDeployTimeout);
}

absl::StatusOr<v1::Revision> Client::GetRevision(const std::string& process, int64_t number) {
  v1::GetRevisionRequest request;
  request.set_process(process);
  request.set_number(number);
  return CallWithToken<v1::GetRevisionRequest, v1::Revision>(GRPC_OS_METHOD(deploys, GetRevision),
                                                             request, options_.timeout);
}

absl::StatusOr<v1::ListRevisionsResponse> Client::ListRevisions(const std::string& process) {
  v1::ListRevisionsRequest request;
  request.set_process(process);
  request.set_page_size(kListPage);
  return AllPages<v1::ListRevisionsRequest, v1::ListRevisionsResponse>(
      GRPC_OS_METHOD(deploys, ListRevisions), request, [](auto& page, auto& all) {
        for (v1::Revision& one : *page.mutable_revisions())
          all.mutable_revisions()->Add(std::move(one));
      });
}

absl::StatusOr<v1::Revision> Client::WaitRevision(const v1::WaitRevisionRequest& request) {
  const Timeout wait(request.timeout().seconds() * 1000 + request.timeout().nanos() / 1'000'000);
  return CallWithToken<v1::WaitRevisionRequest, v1::Revision>(GRPC_OS_METHOD(deploys, WaitRevision),
                                                              request, options_.timeout + wait);
}

absl::StatusOr<v1::ListSessionsResponse> Client::ListSessions(
    const v1::ListSessionsRequest& request) {
  v1::ListSessionsRequest paged = request;
  paged.set_page_size(kListPage);
  return AllPages<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      GRPC_OS_METHOD(auth, ListSessions), paged, [](auto& page, auto& all) {
        for (v1::Session& session : *page.mutable_sessions()) {
          all.mutable_sessions()->Add(std::move(session));
        }
      });
}

absl::StatusOr<v1::EndSessionResponse> Client::EndSession(const v1::EndSessionRequest& request) {
  return Mutate<v1::EndSessionRequest, v1::EndSessionResponse>(GRPC_OS_METHOD(auth, EndSession),
                                                               request, options_.timeout);
}

absl::StatusOr<v1::CreateTokenResponse> Client::CreateToken(const v1::CreateTokenRequest& request) {
  return CallWithToken<v1::CreateTokenRequest, v1::CreateTokenResponse>(
      GRPC_OS_METHOD(auth, CreateToken), request, options_.timeout);
}

absl::StatusOr<v1::ListAuditRecordsResponse> Client::ListAuditRecords(
    const v1::ListAuditRecordsRequest& request, int count) {
  v1::ListAuditRecordsRequest paged = request;
  // The same size for every page: a page token belongs to its arguments.
  paged.set_page_size(std::clamp(count, 1, kListPage));
  v1::ListAuditRecordsResponse all;
  while (all.records_size() < count) {
    auto page = CallWithToken<v1::ListAuditRecordsRequest, v1::ListAuditRecordsResponse>(
        GRPC_OS_METHOD(auth, ListAuditRecords), paged, options_.timeout);
    if (!page.ok()) return page.status();
    for (v1::AuditRecord& record : *page->mutable_records()) {
      if (all.records_size() < count) all.mutable_records()->Add(std::move(record));
    }
    if (page->next_page_token().empty()) break;
    paged.set_page_token(page->next_page_token());
  }
  return all;
}

absl::StatusOr<v1::Process> Client::GetProcess(const std::string& name) {
  v1::GetProcessRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, GetProcess),
                                                           request, options_.timeout);
}

absl::StatusOr<v1::ListProcessesResponse> Client::ListProcesses(bool system) {
  v1::ListProcessesRequest request;
  request.set_system(system);
  request.set_page_size(kListPage);
  return AllPages<v1::ListProcessesRequest, v1::ListProcessesResponse>(
      GRPC_OS_METHOD(processes, ListProcesses), request, [](auto& page, auto& all) {
        for (v1::Process& process : *page.mutable_processes()) {
          all.mutable_processes()->Add(std::move(process));
        }
        all.set_revision(page.revision());
      });
}

absl::StatusOr<v1::Process> Client::CreateProcess(const v1::CreateProcessRequest& request) {
  return Mutate<v1::CreateProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, CreateProcess),
                                                       request, options_.timeout);
}

absl::StatusOr<v1::Process> Client::UpdateProcess(const v1::UpdateProcessRequest& request) {
  return Mutate<v1::UpdateProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, UpdateProcess),
                                                       request, options_.timeout);
}

absl::StatusOr<v1::DeleteProcessResponse> Client::DeleteProcess(
    const v1::DeleteProcessRequest& request, Timeout timeout) {
  return Mutate<v1::DeleteProcessRequest, v1::DeleteProcessResponse>(
      GRPC_OS_METHOD(processes, DeleteProcess), request, timeout);
}

absl::StatusOr<v1::Process> Client::StartProcess(const v1::StartProcessRequest& request) {
  return Mutate<v1::StartProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, StartProcess),
                                                      request, options_.timeout);
}

absl::StatusOr<v1::Process> Client::StopProcess(const v1::StopProcessRequest& request,
                                                Timeout timeout) {
  return Mutate<v1::StopProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, StopProcess),
                                                     request, timeout);
}

absl::StatusOr<v1::Process> Client::RestartProcess(const v1::RestartProcessRequest& request,
                                                   Timeout timeout) {
  return Mutate<v1::RestartProcessRequest, v1::Process>(GRPC_OS_METHOD(processes, RestartProcess),
                                                        request, timeout);
}

absl::StatusOr<v1::SignalProcessResponse> Client::SignalProcess(
    const v1::SignalProcessRequest& request) {
  return CallWithToken<v1::SignalProcessRequest, v1::SignalProcessResponse>(
      GRPC_OS_METHOD(processes, SignalProcess), request, options_.timeout);
}

absl::StatusOr<v1::WaitProcessResponse> Client::WaitProcess(const v1::WaitProcessRequest& request) {
  const Timeout wait(request.timeout().seconds() * 1000 + request.timeout().nanos() / 1'000'000);
  return CallWithToken<v1::WaitProcessRequest, v1::WaitProcessResponse>(
      GRPC_OS_METHOD(processes, WaitProcess), request, options_.timeout + wait);
}

absl::Status Client::TailLogs(const v1::TailLogsRequest& request,
                              const std::function<bool(const v1::TailLogsResponse&)>& on_message) {
  return Stream(GRPC_OS_METHOD(processes, TailLogs), request,
                request.follow() ? kNoTimeout : options_.timeout, on_message);
}

absl::Status Client::TailDomainLogs(
    const v1::TailDomainLogsRequest& request,
    const std::function<bool(const v1::TailLogsResponse&)>& on_message) {
  return Stream(GRPC_OS_METHOD(domains, TailDomainLogs), request,
                request.follow() ? kNoTimeout : options_.timeout, on_message);
}

absl::Status Client::RunTask(const v1::RunTaskRequest& request,
                             const std::function<bool(const v1::RunTaskResponse&)>& on_message) {
  return Stream(GRPC_OS_METHOD(processes, RunTask), request, kNoTimeout, on_message);
}

absl::Status Client::Watch(const v1::WatchRequest& request,
                           const std::function<bool(const v1::WatchResponse&)>& on_message) {
  return Stream(GRPC_OS_METHOD(events, Watch), request, kNoTimeout, on_message);
}

absl::StatusOr<v1::System> Client::GetSystem() {
  return CallWithToken<v1::GetSystemRequest, v1::System>(GRPC_OS_METHOD(system, GetSystem), {},
                                                         options_.timeout);
}

absl::StatusOr<v1::GetConfigurationResponse> Client::GetConfiguration() {
  return CallWithToken<v1::GetConfigurationRequest, v1::GetConfigurationResponse>(
      GRPC_OS_METHOD(system, GetConfiguration), {}, options_.timeout);
}

absl::StatusOr<v1::ResumeResponse> Client::Resume() {
  return CallWithToken<v1::ResumeRequest, v1::ResumeResponse>(GRPC_OS_METHOD(system, Resume), {},
                                                              options_.timeout);
}

absl::StatusOr<v1::SetLogLevelResponse> Client::SetLogLevel(const v1::SetLogLevelRequest& request) {
  return CallWithToken<v1::SetLogLevelRequest, v1::SetLogLevelResponse>(
      GRPC_OS_METHOD(system, SetLogLevel), request, options_.timeout);
}

}  // namespace grpc_os::client
