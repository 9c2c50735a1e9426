#include "services/deploy_service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "core/deploy/deploy_errors.h"
#include "core/identity/roles.h"
#include "core/process/process_errors.h"
#include "core/process/validate.h"
#include "services/convert/process_convert.h"
#include "services/convert/time_convert.h"
#include "services/paging.h"
#include "services/run_once.h"
#include "services/take_volumes.h"

namespace grpc_os::services {
namespace {

v1::Revision::State ToProto(core::RevisionState state) {
  switch (state) {
    case core::RevisionState::kDeploying:
      return v1::Revision::STATE_DEPLOYING;
    case core::RevisionState::kDeployed:
      return v1::Revision::STATE_DEPLOYED;
    case core::RevisionState::kFailed:
      break;
  }
  return v1::Revision::STATE_FAILED;
}

v1::Revision::Step ToProto(core::DeployStep step) {
  switch (step) {
    case core::DeployStep::kReleasing:
      return v1::Revision::STEP_RELEASING;
    case core::DeployStep::kStarting:
      return v1::Revision::STEP_STARTING;
    case core::DeployStep::kRollingBack:
      break;
  }
  return v1::Revision::STEP_ROLLING_BACK;
}

std::optional<core::DeployStep> StepFromProto(v1::Revision::Step step) {
  switch (step) {
    case v1::Revision::STEP_RELEASING:
      return core::DeployStep::kReleasing;
    case v1::Revision::STEP_STARTING:
      return core::DeployStep::kStarting;
    case v1::Revision::STEP_ROLLING_BACK:
      return core::DeployStep::kRollingBack;
    default:
      return std::nullopt;
  }
}

void CheckReference(const std::string& reference, int64_t number, core::Violations& violations) {
  core::CheckProcessReference(reference, "process", violations);
  if (number < 0) violations.Add("number", "give the number of a revision, from 1");
}

}  // namespace

DeployService::DeployService(Handlers& handlers, const Parts& parts) : parts_(parts) {
  AddDeploys(handlers);
  AddReads(handlers);
}

v1::Revision DeployService::Show(const core::Revision& revision) const {
  const core::RevisionSpec& spec = revision.spec;
  const core::Process* process = parts_.processes.Find(spec.process_id);
  v1::Revision shown;
  shown.set_process(spec.process);
  shown.set_process_id(spec.process_id);
  shown.set_number(spec.number);
  *shown.mutable_spec() = services::ToProto(spec.spec);
  if (revision.revision > 0) shown.set_state(ToProto(revision.status.state));
  if (revision.revision > 0 && revision.status.state == core::RevisionState::kDeploying)
    shown.set_step(ToProto(revision.status.step));
  shown.set_message(revision.status.message);
  shown.set_previous(spec.previous);
  shown.set_rollback_of(spec.rollback_of);
  shown.set_current(process != nullptr && process->spec.deployed == spec.number);
  shown.set_changed(shown.current() && core::Deploys::Changed(*process, revision));
  shown.set_dockerfile(spec.dockerfile);
  shown.set_owner(revision.owner);
  if (revision.create_time_ms > 0) SetTimeMs(revision.create_time_ms, shown.mutable_create_time());
  return shown;
}

core::Deploys::Done DeployService::AnswerWith(const RevisionCall& call) const {
  return [this, call](const absl::StatusOr<core::Revision>& revision) {
    if (!revision.ok()) return call->End(revision.status());
    call->Answer(Show(*revision));
  };
}

absl::StatusOr<std::string> DeployService::NameFor(const Call& call,
                                                   const std::string& reference) const {
  if (!LooksLikeId(reference)) {
    if (absl::Status status = call.CheckName(reference); !status.ok()) return status;
  }
  const core::Process* process = parts_.processes.Find(reference);
  if (process != nullptr) call.NoteName(reference, process->name);
  if (process != nullptr && call.Permits(process->name)) return process->name;
  // Of a first deploy that failed there is no process.
  if (process == nullptr && !parts_.deploys.List(reference).empty()) return reference;
  return core::ProcessNotFound(reference);
}

void DeployService::Deploy(const RevisionCall& call, core::Deploys::Wanted wanted,
                           core::Origin origin) const {
  const std::string& bundle = wanted.spec.bundle;
  if (!bundle.empty() &&
      !call->caller().authority.AllowsName(core::kObjectRead, absl::StrCat("/bundles/", bundle)))
    return call->End(core::BundleNotFound(bundle));
  origin.name = wanted.process;
  const core::Process* process = parts_.processes.Find(wanted.process);
  const core::ProcessSpec before = process == nullptr ? core::ProcessSpec() : process->spec;
  origin = parts_.domains.PermitUse(AddedDomains(before, wanted.spec), std::move(origin));
  // Before volumes are made for it.
  if (absl::Status status = parts_.deploys.Check(wanted, origin); !status.ok())
    return call->End(status);
  std::vector<core::VolumeUse> added;
  if (!wanted.validate_only) added = AddedVolumes(before, wanted.spec);
  const std::string account = wanted.spec.account;
  TakeVolumes(parts_.volumes, parts_.scheduler, call, std::move(added), account, std::move(origin),
              [this, call, wanted = std::move(wanted)](core::Origin prepared) {
                parts_.deploys.Deploy(wanted, std::move(prepared), AnswerWith(call));
              });
}

void DeployService::AddDeploys(Handlers& handlers) {
  const auto repeat_for = [this](const RevisionCall& call) {
    return [this, call](const core::CommittedRequest& committed) {
      parts_.scheduler.Post([this, call, name = committed.subject] {
        AnswerWith(call)(parts_.deploys.FindNamed(name));
      });
    };
  };

  handlers.Unary<v1::DeployProcessRequest, v1::Revision>(
      [this, repeat_for](const auto& call, const v1::DeployProcessRequest& request) {
        core::Violations violations;
        core::Deploys::Wanted wanted;
        wanted.process = request.process();
        core::CheckProcessName(wanted.process, "process", violations);
        wanted.spec = SpecFromProto(request.spec(), "spec", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        wanted.etag = request.etag();
        wanted.no_rollback = request.no_rollback();
        wanted.dockerfile = request.dockerfile();
        wanted.validate_only = request.validate_only();
        const std::string name = wanted.process;
        const auto carry_out = [this, call, wanted = std::move(wanted)](core::Origin origin) {
          parts_.scheduler.Post([this, call, wanted, origin] { Deploy(call, wanted, origin); });
        };
        RunOnce(call, request, name, carry_out, repeat_for(call), name);
      });

  handlers.Unary<v1::RollbackProcessRequest, v1::Revision>(
      [this, repeat_for](const auto& call, const v1::RollbackProcessRequest& request) {
        core::Violations violations;
        CheckReference(request.process(), request.number(), violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto carry_out = [this, call, reference = request.process(),
                                number = request.number(),
                                no_rollback = request.no_rollback()](core::Origin origin) {
          parts_.scheduler.Post([this, call, reference, number, no_rollback, origin] {
            const auto name = NameFor(*call, reference);
            if (!name.ok()) return call->End(name.status());
            const core::Process* process = parts_.processes.Find(*name);
            if (process == nullptr) return call->End(core::ProcessNotFound(reference));
            auto wanted = parts_.deploys.WantedOf(*process, number);
            if (!wanted.ok()) return call->End(wanted.status());
            wanted->no_rollback = no_rollback;
            Deploy(call, *std::move(wanted), origin);
          });
        };
        RunOnce(call, request, request.process(), carry_out, repeat_for(call));
      });
}

void DeployService::AddReads(Handlers& handlers) {
  handlers.Unary<v1::GetRevisionRequest, v1::Revision>(
      [this](const auto& call, const v1::GetRevisionRequest& request) {
        core::Violations violations;
        CheckReference(request.process(), request.number(), violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        parts_.scheduler.Post(
            [this, call, reference = request.process(), number = request.number()] {
              const auto name = NameFor(*call, reference);
              if (!name.ok()) return call->End(name.status());
              AnswerWith(call)(parts_.deploys.Find(*name, number));
            });
      });

  handlers.Unary<v1::ListRevisionsRequest, v1::ListRevisionsResponse>(
      [this](const auto& call, const v1::ListRevisionsRequest& request) {
        core::Violations violations;
        CheckReference(request.process(), 0, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto query = PageQuery::Of(*call, request);
        if (!query.ok()) return call->End(query.status());
        parts_.scheduler.Post([this, call, query = *query, reference = request.process()] {
          const auto name = NameFor(*call, reference);
          if (!name.ok()) return call->End(name.status());
          v1::ListRevisionsResponse answer;
          Page page(query, answer.mutable_revisions());
          int64_t after = 0;
          if (!query.after().empty()) (void)absl::SimpleAtoi(query.after(), &after);
          for (const core::Revision& one : parts_.deploys.List(*name)) {
            if (after > 0 && one.spec.number >= after) continue;
            if (!page.Add(Show(one), absl::StrCat(one.spec.number))) break;
          }
          answer.set_next_page_token(page.NextToken());
          call->Answer(std::move(answer));
        });
      });

  handlers.Unary<v1::WaitRevisionRequest, v1::Revision>(
      [this](const auto& call, const v1::WaitRevisionRequest& request) {
        core::Violations violations;
        CheckReference(request.process(), request.number(), violations);
        const int64_t timeout = WaitTimeoutMs(request, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        // Which wait it is, for the core's thread.
        const auto waiter = std::make_shared<uint64_t>(0);
        call->WhenEnded([this, waiter] {
          parts_.scheduler.Post([this, waiter] { parts_.deploys.StopWaiting(*waiter); });
        });
        parts_.scheduler.Post([this, call, waiter, timeout, reference = request.process(),
                               number = request.number(), step = StepFromProto(request.step())] {
          const auto name = NameFor(*call, reference);
          if (!name.ok()) return call->End(name.status());
          const auto revision = parts_.deploys.Find(*name, number);
          if (!revision.ok()) return call->End(revision.status());
          *waiter = parts_.deploys.Wait(
              *revision, step, timeout,
              [this, call, name = *name](const absl::StatusOr<core::Revision>& now) {
                if (absl::Status status = call->CheckNameNow(name); !status.ok())
                  return call->End(status);
                AnswerWith(call)(now);
              });
        });
      });
}

}  // namespace grpc_os::services
