// DomainService of the fake daemon.
#ifndef GRPC_OS_CLIENT_FAKE_DOMAINS_H_
#define GRPC_OS_CLIENT_FAKE_DOMAINS_H_

#include <mutex>
#include <string>
#include <vector>

#include "client/fake_state.h"
#include "grpc_os/v1/domain_services.grpc.pb.h"

namespace grpc_os::client {

// Keeps what it is given. What an assignment comes to is FakeState::domain_status.
class FakeDomains : public v1::DomainService::Service {
 public:
  explicit FakeDomains(FakeState& state) : state_(state) {}

  grpc::Status GetDomain(grpc::ServerContext* context, const v1::GetDomainRequest* request,
                         v1::Domain* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "GetDomain " + request->name()); !status.ok())
      return status;
    const auto found = state_.domains.find(request->name());
    if (found == state_.domains.end()) return NotFound(request->name());
    if (state_.domains_served_after > 0 && --state_.domains_served_after == 0)
      found->second.mutable_status()->set_state(v1::DomainStatus::STATE_ACTIVE);
    *response = found->second;
    return grpc::Status::OK;
  }

  // Two a page.
  grpc::Status ListDomains(grpc::ServerContext* context, const v1::ListDomainsRequest* request,
                           v1::ListDomainsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "ListDomains"); !status.ok()) return status;
    auto from = state_.domains.lower_bound(request->page_token());
    for (int n = 0; n < 2 && from != state_.domains.end(); ++n, ++from)
      *response->add_domains() = from->second;
    if (from != state_.domains.end()) response->set_next_page_token(from->first);
    response->set_edge_problem(state_.edge_problem);
    return grpc::Status::OK;
  }

  grpc::Status CreateDomain(grpc::ServerContext* context, const v1::CreateDomainRequest* request,
                            v1::Domain* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->domain().name();
    if (auto status = EnterFake(state_, context, "CreateDomain " + name); !status.ok())
      return status;
    if (state_.domains.count(name) != 0)
      return FakeError(grpc::ALREADY_EXISTS, "There is one.", "DOMAIN_EXISTS");
    *response = Store(name, request->domain().spec());
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status UpdateDomain(grpc::ServerContext* context, const v1::UpdateDomainRequest* request,
                            v1::Domain* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const v1::Domain& wanted = request->domain();
    if (auto status = EnterFake(state_, context, "UpdateDomain " + wanted.name()); !status.ok())
      return status;
    state_.domain_updates.push_back(*request);
    const auto found = state_.domains.find(wanted.name());
    if (found == state_.domains.end()) return NotFound(wanted.name());
    if (!wanted.etag().empty() && wanted.etag() != found->second.etag())
      return FakeError(grpc::ABORTED, "It changed meanwhile.", "ETAG_MISMATCH");
    *response = Store(wanted.name(), wanted.spec());
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status DeleteDomain(grpc::ServerContext* context, const v1::DeleteDomainRequest* request,
                            v1::DeleteDomainResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "DeleteDomain " + request->name()); !status.ok())
      return status;
    if (state_.domains.erase(request->name()) == 0) return NotFound(request->name());
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status AssignDomain(grpc::ServerContext* context, const v1::AssignDomainRequest* request,
                            v1::Domain* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "AssignDomain " + request->name()); !status.ok())
      return status;
    state_.assigned.push_back(*request);
    v1::DomainSpec spec = state_.domains[request->name()].spec();
    if (request->api()) {
      spec.Clear();
      spec.set_api(true);
      *spec.mutable_certificate() = request->certificate();
      spec.mutable_certificate()->clear_private_key();
      *response = Store(request->name(), spec);
      return LeaveFake(state_, request->request_id());
    }
    v1::DomainRoute* route = nullptr;
    for (v1::DomainRoute& one : *spec.mutable_routes())
      if (one.path() == request->path()) route = &one;
    if (route == nullptr) route = spec.add_routes();
    if (request->weight() == 0) {
      if (route->targets_size() > 0 && route->targets(0).process() != request->process() &&
          !request->replace())
        return FakeError(grpc::ALREADY_EXISTS,
                         request->name() + " leads to " + route->targets(0).process() + ".",
                         "DOMAIN_EXISTS");
      route->clear_targets();
    }
    route->set_path(request->path());
    v1::DomainTarget& target = *route->add_targets();
    target.set_process(request->process());
    target.set_port(request->port());
    target.set_weight(request->weight() == 0 ? 1 : request->weight());
    *response = Store(request->name(), spec);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status UnassignDomain(grpc::ServerContext* context,
                              const v1::UnassignDomainRequest* request,
                              v1::UnassignDomainResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "UnassignDomain " + request->name()); !status.ok())
      return status;
    state_.unassigned.push_back(*request);
    if (state_.domains.count(request->name()) == 0) return NotFound(request->name());
    response->set_deleted(request->process().empty() && request->path().empty());
    if (response->deleted()) state_.domains.erase(request->name());
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status TailDomainLogs(grpc::ServerContext* context,
                              const v1::TailDomainLogsRequest* request,
                              grpc::ServerWriter<v1::TailLogsResponse>* writer) override {
    return WriteFakeLog(state_, context, "TailDomainLogs ", *request, state_.domain_tails, writer);
  }

  grpc::Status ReloadDomains(grpc::ServerContext* context, const v1::ReloadDomainsRequest* request,
                             v1::ReloadDomainsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const char* const call =
        request->validate_only() ? "ReloadDomains (validate)" : "ReloadDomains";
    if (auto status = EnterFake(state_, context, call); !status.ok()) return status;
    if (!state_.reload_refused.empty())
      return FakeError(grpc::FAILED_PRECONDITION, state_.reload_refused, "DOMAINS_FILE");
    *response = state_.reloaded;
    return LeaveFake(state_, request->request_id());
  }

 private:
  static grpc::Status NotFound(const std::string& name) {
    return FakeError(grpc::NOT_FOUND, "There is no domain " + name + ".", "DOMAIN_NOT_FOUND");
  }
  const v1::Domain& Store(const std::string& name, const v1::DomainSpec& spec) {
    v1::Domain& domain = state_.domains[name];
    if (domain.id().empty()) domain.set_id("dom_" + std::to_string(state_.next_number++));
    domain.set_name(name);
    *domain.mutable_spec() = spec;
    domain.set_generation(domain.generation() + 1);
    domain.set_etag("e" + std::to_string(domain.generation()));
    *domain.mutable_status() = state_.domain_status;
    if (domain.status().state() == v1::DomainStatus::STATE_ACTIVE)
      domain.mutable_status()->set_active_generation(domain.generation());
    return domain;
  }

  FakeState& state_;
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_DOMAINS_H_
