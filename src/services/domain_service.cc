#include "services/domain_service.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "core/domain/domain_errors.h"
#include "core/domain/domain_name.h"
#include "core/domain/domain_rules.h"
#include "core/process/process_errors.h"
#include "core/process/validate.h"
#include "services/answer_empty.h"
#include "services/convert/domain_convert.h"
#include "services/convert/time_convert.h"
#include "services/log_stream.h"
#include "services/resource_methods.h"
#include "services/run_once.h"

namespace grpc_os::services {
namespace {

constexpr int kTailLinesDefault = 100;
constexpr int kTailLinesMax = 1'000'000;
constexpr int64_t kCertificateSoonMs = int64_t{14} * 24 * 3'600'000;

// A name, or an id.
void CheckReference(const std::string& name, const std::string& field,
                    const core::IsPublicSuffix& is_public_suffix, core::Violations& violations) {
  if (LooksLikeId(name)) {
    core::CheckProcessReference(name, field, violations);
  } else {
    core::CheckDomainName(name, field, is_public_suffix, violations);
  }
}

// What a rule's prefix is compared with; an id names nothing before it is looked up.
std::string NameIn(const std::string& reference) { return LooksLikeId(reference) ? "" : reference; }

}  // namespace

// Of ResourceMethods. Shown on the core's thread, which knows of processes.
struct DomainService::Kind {
  using Message = v1::Domain;
  using GetRequest = v1::GetDomainRequest;
  using ListRequest = v1::ListDomainsRequest;
  using ListResponse = v1::ListDomainsResponse;
  using CreateRequest = v1::CreateDomainRequest;
  using UpdateRequest = v1::UpdateDomainRequest;
  using DeleteRequest = v1::DeleteDomainRequest;
  using DeleteResponse = v1::DeleteDomainResponse;

  static constexpr const core::ResourceKind& kKind = core::kDomainKind;

  static const v1::Domain& Given(const auto& request) { return request.domain(); }
  static auto* ItemsOf(v1::ListDomainsResponse& page) { return page.mutable_domains(); }

  void CheckName(const std::string& name, const char* field, core::Violations& violations) const {
    CheckReference(name, field, IsPublicSuffix(), violations);
  }
  core::Domain Read(const v1::Domain& given, core::Violations& violations) const {
    core::Domain domain;
    domain.name = given.name();
    core::CheckDomainName(domain.name, "domain.name", IsPublicSuffix(), violations);
    domain.spec = FromProto(given.spec());
    core::CheckDomainSpec(domain.spec, "domain.spec", OwnerOf(), violations);
    if (domain.spec.api)
      service->CheckApi(domain.name, "domain.spec.certificate", domain.spec.certificate,
                        violations);
    return domain;
  }
  v1::Domain Show(const core::Domain& domain, const Call& call) const {
    return service->Show(domain, call);
  }
  void Finish(v1::ListDomainsResponse& page) const {
    const core::Edge& edge = service->parts_.edge;
    const std::string problem = edge.Problem();
    page.set_edge_problem(problem.empty() ? edge.FileProblem() : problem);
  }
  void Refresh(const std::vector<std::string>& names, std::function<void()> done) const {
    service->parts_.scheduler.Post([kind = *this, names, done = std::move(done)]() mutable {
      kind.service->Probe(names, std::move(done));
    });
  }
  static std::string KeyOf(const core::Domain& domain) { return domain.name; }
  std::vector<core::Domain> List(const std::string& after, int limit) const {
    return service->parts_.domains.List(after, limit);
  }
  absl::StatusOr<core::Domain> Find(const std::string& name) const {
    return service->parts_.domains.Find(name);
  }
  void Create(core::Domain wanted, core::Origin origin, core::Domains::Done done) const {
    OnCore([kind = *this, wanted = std::move(wanted), origin = std::move(origin),
            done = kind_done(std::move(done))]() mutable {
      if (absl::Status status = kind.service->Resolve(wanted.spec, origin); !status.ok())
        return done(status);
      kind.service->parts_.domains.Create(std::move(wanted), std::move(origin), done);
    });
  }
  void Update(core::Domain wanted, const std::string& etag, core::Origin origin,
              core::Domains::Done done) const {
    OnCore([kind = *this, wanted = std::move(wanted), etag, origin = std::move(origin),
            done = kind_done(std::move(done))]() mutable {
      if (absl::Status status = kind.service->Resolve(wanted.spec, origin); !status.ok())
        return done(status);
      kind.service->parts_.domains.Update(std::move(wanted), etag, std::move(origin), done);
    });
  }
  void Delete(const std::string& name, const std::string& etag, core::Origin origin,
              std::function<void(absl::Status)> done) const {
    OnCore(
        [kind = *this, name, etag, origin = std::move(origin), done = std::move(done)]() mutable {
          kind.service->parts_.domains.Delete(name, etag, std::move(origin), done);
        });
  }

  const DomainService* service;

 private:
  core::IsPublicSuffix IsPublicSuffix() const {
    return [&domains = service->parts_.domains](std::string_view name) {
      return domains.IsPublicSuffix(name);
    };
  }
  std::function<std::string(int)> OwnerOf() const {
    return [&edge = service->parts_.edge](int port) { return edge.OwnerOf(port); };
  }
  void OnCore(std::function<void()> work) const { service->parts_.scheduler.Post(std::move(work)); }
  // Answers on the core's thread.
  core::Domains::Done kind_done(core::Domains::Done done) const {
    return [&scheduler = service->parts_.scheduler,
            done = std::move(done)](absl::StatusOr<core::Domain> domain) {
      scheduler.Post([done, domain = std::move(domain)] { done(domain); });
    };
  }
};

DomainService::DomainService(Handlers& handlers, const Parts& parts) : parts_(parts) {
  ResourceMethods<Kind>::Add(handlers, Kind{this});
  AddAssign(handlers);
  AddUnassign(handlers);
  AddLogs(handlers);
  AddReload(handlers);
}

// ---- What is shown ------------------------------------------------------------------------------

v1::Domain DomainService::Show(const core::Domain& domain, const Call& call) const {
  v1::Domain shown;
  shown.set_id(domain.id);
  shown.set_name(domain.name);
  *shown.mutable_spec() = ToProto(domain.spec);
  v1::DomainStatus& status = *shown.mutable_status();
  const auto may_know = [&call](const std::string& name) {
    return call.caller().authority.AllowsName("process.read", name);
  };
  for (core::Targets::View target : parts_.edge.TargetsOf(domain)) {
    const bool known = target.process_id.empty() || may_know(target.process);
    if (!known) target.process = target.process_id;
    v1::DomainTargetStatus& out = *status.add_targets();
    ToProto(target, out);
    if (const auto it = probes_->find(target.port); it != probes_->end() && target.port != 0)
      out.set_probe(it->second);
  }
  ToProto(parts_.edge.RatesOf(domain), *status.mutable_traffic());
  status.set_url(parts_.edge.UrlOf(domain));
  status.set_managed_by(parts_.domains.ManagerOf(domain, [&](const std::string& id) {
    const core::Process* process = parts_.processes.Find(id);
    return process != nullptr && may_know(process->name) ? process->name : id;
  }));
  ShowState(domain, status);
  shown.set_generation(domain.generation);
  shown.set_owner(domain.owner);
  SetTimeMs(domain.create_time_ms, shown.mutable_create_time());
  SetTimeMs(domain.update_time_ms, shown.mutable_update_time());
  shown.set_etag(core::EtagOf(domain));
  return shown;
}

void DomainService::ShowState(const core::Domain& domain, v1::DomainStatus& status) const {
  using Target = v1::DomainTargetStatus;
  status.set_state(v1::DomainStatus::STATE_PENDING);
  const auto outcome = parts_.domains.OutcomeOf(domain.id);
  if (outcome) {
    status.set_active_generation(outcome->active_generation);
    status.set_message(outcome->message);
  }
  if (outcome && outcome->state == core::PlaneOutcome::State::kRejected) {
    status.set_state(v1::DomainStatus::STATE_REJECTED);
    status.set_next_step(absl::StrCat(
        outcome->active_generation != 0
            ? absl::StrCat("generation ", outcome->active_generation, " is served meanwhile; ")
            : "",
        "change it with `assign ", domain.name, " … --replace`, or remove it with `unassign ",
        domain.name, "`"));
    return;
  }
  if (!parts_.edge.Serves() || !outcome || outcome->generation != domain.generation) {
    const std::string problem = parts_.edge.Problem();
    return status.set_message(problem.empty() ? "it is being taken over" : problem);
  }
  if (outcome->state != core::PlaneOutcome::State::kActive) return;
  if (domain.spec.api) {
    status.set_state(v1::DomainStatus::STATE_ACTIVE);
    const int64_t left_ms = domain.spec.certificate.expire_time_ms - parts_.scheduler.NowMs();
    if (left_ms < kCertificateSoonMs)
      status.set_next_step(absl::StrCat(
          "its certificate ", left_ms < 0 ? "has ended" : "ends within 14 days",
          "; give another: `assign --api ", domain.name, " --certificate FILE --key FILE`"));
    return;
  }
  const auto in_state = [&](Target::State state) {
    return std::find_if(status.targets().begin(), status.targets().end(),
                        [&](const Target& one) { return one.state() == state; });
  };
  const auto end = status.targets().end();
  if (in_state(Target::STATE_UP) == end && in_state(Target::STATE_AWAY) == end &&
      in_state(Target::STATE_DRAINING) == end && in_state(Target::STATE_STOPPED) == end) {
    const Target& first = status.targets(0);
    status.set_message(first.process_id().empty()
                           ? absl::StrCat("there is no process '", first.process(), "'")
                           : absl::StrCat("the process '", first.process(), "' has no port"));
    status.set_next_step(
        first.process_id().empty()
            ? absl::StrCat("lead it to another one: `assign ", domain.name, " PROCESS --replace`")
            : absl::StrCat("give it one: `update ", first.process(), " --port 8080`"));
    return;
  }
  status.set_state(v1::DomainStatus::STATE_ACTIVE);
  for (const Target& target : status.targets()) {
    if (target.state() != Target::STATE_UP || target.probe().empty() ||
        target.probe() == core::kAcceptsConnections)
      continue;
    return status.set_next_step(
        absl::StrCat("'", target.process(), "' runs, and nothing accepts connections on port ",
                     target.port(), " of 127.0.0.1; lead to the port that it listens on: `assign ",
                     domain.name, " ", target.process(), " PORT`"));
  }
  if (const auto stopped = in_state(Target::STATE_STOPPED);
      stopped != end && in_state(Target::STATE_UP) == end)
    status.set_next_step(absl::StrCat("`start ", stopped->process(), "`: it does not run"));
  if (const auto away = in_state(Target::STATE_AWAY);
      away != end && in_state(Target::STATE_UP) == end)
    status.set_next_step(absl::StrCat("requests wait for '", away->process(), "'; `logs ",
                                      away->process(), "` says what it does"));
}

void DomainService::Probe(const std::vector<std::string>& names, std::function<void()> done) const {
  probes_->clear();
  const auto domain = names.size() == 1 ? parts_.domains.Find(names.front())
                                        : absl::StatusOr<core::Domain>(absl::NotFoundError(""));
  if (!domain.ok()) return done();
  std::set<int> ports;
  for (const auto& target : parts_.edge.TargetsOf(*domain))
    if (target.port != 0) ports.insert(target.port);
  parts_.edge.Probe({ports.begin(), ports.end()},
                    [probes = probes_, done = std::move(done)](std::map<int, std::string> found) {
                      *probes = std::move(found);
                      done();
                      probes->clear();
                    });
}

// ---- Assign and Unassign ------------------------------------------------------------------------

absl::Status DomainService::Resolve(core::DomainTarget& target, const core::Origin& origin) const {
  const core::Process* process = parts_.processes.Find(target.process);
  if (process == nullptr || !parts_.domains.MayKnow(origin, process->name))
    return core::ProcessNotFound(target.process);
  target.process = process->id;
  const int own = core::PortOf(process->spec);
  if (target.port == 0) return own != 0 ? absl::OkStatus() : core::NoPort(process->name);
  if (target.port == own) return absl::OkStatus();
  bool taken = false;
  std::string owner;
  for (const core::Process* other : parts_.processes.List("", std::numeric_limits<int>::max())) {
    if (other->id == process->id || core::PortOf(other->spec) != target.port) continue;
    taken = true;
    if (parts_.domains.MayKnow(origin, other->name)) owner = other->name;
  }
  return taken ? core::PortOfAnother(process->name, target.port, owner) : absl::OkStatus();
}

absl::Status DomainService::Resolve(core::DomainSpec& spec, const core::Origin& origin) const {
  core::Violations violations;
  for (core::DomainRoute& route : spec.routes) {
    std::set<std::pair<std::string, int>> seen;
    for (core::DomainTarget& target : route.targets) {
      const std::string given = target.process;
      if (absl::Status status = Resolve(target, origin); !status.ok()) return status;
      if (!seen.emplace(target.process, target.port).second)
        violations.Add("domain.spec.routes",
                       absl::StrCat("'", given, "' is a target of '", route.path,
                                    "' twice; give it a weight instead"));
    }
  }
  return violations.ToStatus();
}

void DomainService::AnswerServed(const DomainCall& call, const std::string& name) const {
  parts_.edge.WhenServed([this, call, name] {
    Probe({name}, [this, call, name] {
      const auto domain = parts_.domains.Find(name);
      if (!domain.ok()) return call->End(domain.status());
      call->Answer(Show(*domain, *call));
    });
  });
}

void DomainService::Assign(const DomainCall& call, core::Assignment wanted,
                           const core::Origin& origin) const {
  if (!wanted.api) {
    if (absl::Status status = Resolve(wanted.target, origin); !status.ok())
      return call->End(status);
  }
  if (const auto there = parts_.domains.Find(wanted.domain); there.ok()) {
    for (const core::DomainRoute& route : there->spec.routes) {
      for (const core::DomainTarget& target : route.targets) {
        const core::Process* process = parts_.processes.Find(target.process);
        if (process != nullptr && parts_.domains.MayKnow(origin, process->name))
          wanted.names[target.process] = process->name;
      }
    }
  }
  const std::string name = wanted.domain;
  parts_.domains.Assign(std::move(wanted), origin,
                        [this, call, name](const absl::StatusOr<core::Domain>& domain) {
                          if (!domain.ok()) return call->End(domain.status());
                          parts_.scheduler.Post([this, call, name] { AnswerServed(call, name); });
                        });
}

core::Assignment DomainService::ReadAssignment(const v1::AssignDomainRequest& request,
                                               core::Violations& violations) const {
  const auto is_suffix = [this](std::string_view name) {
    return parts_.domains.IsPublicSuffix(name);
  };
  core::CheckDomainName(request.name(), "name", is_suffix, violations);
  core::Assignment wanted;
  wanted.domain = request.name();
  wanted.target = {request.process(), request.port(), request.weight() == 0 ? 1 : request.weight()};
  wanted.path = request.path().empty() ? "/" : request.path();
  core::CheckRoutePath(wanted.path, "path", violations);
  wanted.beside_others = request.weight() != 0;
  wanted.replace = request.replace();
  if (request.has_strip()) wanted.strip = request.strip();
  if (request.has_grpc()) wanted.grpc = request.grpc();
  v1::DomainSpec limits;
  if (request.has_hold()) *limits.mutable_hold() = request.hold();
  if (request.has_drain()) *limits.mutable_drain() = request.drain();
  if (request.has_read_timeout()) *limits.mutable_read_timeout() = request.read_timeout();
  limits.set_max_body_bytes(request.max_body_bytes());
  // Their fields are at the top of the request.
  core::Violations inner;
  core::CheckDomainTarget(
      wanted.target, "", [this](int port) { return parts_.edge.OwnerOf(port); }, inner);
  const core::DomainSpec spec = FromProto(limits);
  core::CheckDomainLimits(spec, "", inner);
  if (const auto detail = DetailOf(inner.ToStatus())) {
    for (const FieldViolation& one : detail->violations)
      violations.Add(one.field.substr(1), one.description);
  }
  if (request.has_hold()) wanted.hold_ms = spec.hold_ms;
  if (request.has_drain()) wanted.drain_ms = spec.drain_ms;
  if (request.has_read_timeout()) wanted.read_timeout_ms = spec.read_timeout_ms;
  if (request.max_body_bytes() != 0) wanted.max_body_bytes = spec.max_body_bytes;
  if (request.has_certificate())
    violations.Add("certificate", "leave it out: only a domain with `api` has one");
  return wanted;
}

core::Assignment DomainService::ReadApi(const v1::AssignDomainRequest& request,
                                        core::Violations& violations) const {
  core::Assignment wanted;
  wanted.domain = request.name();
  wanted.replace = request.replace();
  wanted.api = true;
  wanted.certificate = FromProto(request.certificate());
  core::CheckDomainName(
      wanted.domain, "name",
      [this](std::string_view name) { return parts_.domains.IsPublicSuffix(name); }, violations);
  CheckApi(wanted.domain, "certificate", wanted.certificate, violations);
  v1::AssignDomainRequest others = request;
  for (const char* field : {"name", "replace", "api", "certificate", "request_id"})
    others.GetReflection()->ClearField(&others, others.GetDescriptor()->FindFieldByName(field));
  if (others.ByteSizeLong() > 0)
    violations.Add("api", "the API has a domain of its own: leave out the process and its options");
  return wanted;
}

void DomainService::CheckApi(const std::string& name, const std::string& field,
                             core::GivenCertificate& certificate,
                             core::Violations& violations) const {
  if (name.starts_with("*"))
    return violations.Add("name", "the API has one name, such as os.example.com");
  if (certificate.key.empty()) {
    const auto there = parts_.domains.Find(name);
    if (there.ok() && there->spec.certificate.chain == certificate.chain)
      certificate.key = there->spec.certificate.key;
  }
  parts_.check_certificate(name, field, certificate, violations);
}

void DomainService::AddAssign(Handlers& handlers) {
  handlers.Unary<v1::AssignDomainRequest, v1::Domain>(
      [this](const auto& call, const v1::AssignDomainRequest& request) {
        core::Violations violations;
        const core::Assignment wanted =
            request.api() ? ReadApi(request, violations) : ReadAssignment(request, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const std::string name = request.name();
        RunOnce(
            call, request, name,
            [this, call, wanted](core::Origin origin) {
              parts_.scheduler.Post([this, call, wanted, origin = std::move(origin)] {
                Assign(call, wanted, origin);
              });
            },
            [this, call, name](const core::CommittedRequest&) {
              parts_.scheduler.Post([this, call, name] { AnswerServed(call, name); });
            },
            name);
      });
}

void DomainService::AddUnassign(Handlers& handlers) {
  using Response = v1::UnassignDomainResponse;
  handlers.Unary<v1::UnassignDomainRequest, Response>(
      [this](const auto& call, const v1::UnassignDomainRequest& request) {
        core::Violations violations;
        const auto is_suffix = [this](std::string_view name) {
          return parts_.domains.IsPublicSuffix(name);
        };
        CheckReference(request.name(), "name", is_suffix, violations);
        if (!request.process().empty())
          core::CheckProcessReference(request.process(), "process", violations);
        if (!request.path().empty()) core::CheckRoutePath(request.path(), "path", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto answer = [this, call](bool deleted) {
          parts_.scheduler.Post([this, call, deleted] {
            parts_.edge.WhenServed([call, deleted] {
              Response response;
              response.set_deleted(deleted);
              call->Answer(response);
            });
          });
        };
        auto carry_out = [this, call, answer, name = request.name(), process = request.process(),
                          path = request.path()](core::Origin origin) {
          parts_.scheduler.Post([this, call, answer, name, process, path,
                                 origin = std::move(origin)]() mutable {
            const core::Process* found = process.empty() ? nullptr : parts_.processes.Find(process);
            // One that is gone is taken out by the id that the domain has.
            const bool known = found != nullptr && parts_.domains.MayKnow(origin, found->name);
            const std::string id = known ? found->id : process;
            parts_.domains.Unassign(
                name, id, path, process, std::move(origin),
                [call, answer](const absl::StatusOr<std::optional<core::Domain>>& left) {
                  if (!left.ok()) return call->End(left.status());
                  answer(!left->has_value());
                });
          });
        };
        const auto repeat = [this, answer, name = request.name()](const core::CommittedRequest&) {
          answer(absl::IsNotFound(parts_.domains.Find(name).status()));
        };
        RunOnce(call, request, request.name(), std::move(carry_out), repeat,
                NameIn(request.name()));
      });
}

// ---- Logs and domains.conf ----------------------------------------------------------------------

void DomainService::AddLogs(Handlers& handlers) {
  handlers.Stream<v1::TailDomainLogsRequest, v1::TailLogsResponse>(
      [this](const auto& call, const v1::TailDomainLogsRequest& request) {
        core::Violations violations;
        const auto is_suffix = [this](std::string_view name) {
          return parts_.domains.IsPublicSuffix(name);
        };
        CheckReference(request.name(), "name", is_suffix, violations);
        if (request.lines() < -1 || request.lines() > kTailLinesMax)
          violations.Add("lines", "give 1 to 1000000, 0 for 100, -1 for none");
        if (!violations.empty()) return call->End(violations.ToStatus());
        if (absl::Status status = call->CheckName(NameIn(request.name())); !status.ok())
          return call->End(status);
        const auto domain = parts_.domains.Find(request.name());
        if (!domain.ok()) return call->End(domain.status());
        if (!call->Permits(domain->name))
          return call->End(core::ResourceNotFound(core::kDomainKind, request.name()));
        core::LogSource::Options options;
        options.process_id = domain->id;
        options.lines = request.lines() == 0 ? kTailLinesDefault : request.lines();
        options.follow = request.follow();
        options.cursor = request.cursor();
        const auto stream =
            LogStream::Start(call, parts_.access_logs, domain->name, std::move(options));
        if (!request.follow()) return;
        stream->FinishWhen([&](std::function<void()> done) {
          return parts_.domains.WhenGone(domain->id, std::move(done));
        });
      });
}

void DomainService::AddReload(Handlers& handlers) {
  using Response = v1::ReloadDomainsResponse;
  handlers.Unary<v1::ReloadDomainsRequest, Response>(
      [this](const auto& call, const v1::ReloadDomainsRequest& request) {
        auto carry_out = [this, call, only_compare = request.validate_only()](const core::Origin&) {
          parts_.scheduler.Post([this, call, only_compare] {
            parts_.edge.ReloadFile(
                only_compare,
                [this, call](const absl::StatusOr<core::Domains::FileChanges>& changes) {
                  if (!changes.ok()) return call->End(changes.status());
                  Response response;
                  response.set_file(parts_.domains.file());
                  const auto add = [](const std::vector<std::string>& from, auto* to) {
                    to->Assign(from.begin(), from.end());
                  };
                  add(changes->created, response.mutable_created());
                  add(changes->changed, response.mutable_changed());
                  add(changes->removed, response.mutable_removed());
                  response.set_unchanged(changes->unchanged);
                  call->Answer(response);
                });
          });
        };
        RunOnce(call, request, parts_.domains.file(), carry_out,
                [carry_out](const core::CommittedRequest&) { carry_out(core::Origin()); });
      });
}

}  // namespace grpc_os::services
