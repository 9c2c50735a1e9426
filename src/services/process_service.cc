#include "services/process_service.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/signal_name.h"
#include "core/error_reason.h"
#include "core/process/process_errors.h"
#include "core/process/validate.h"
#include "services/convert/process_convert.h"
#include "services/convert/time_convert.h"
#include "services/log_stream.h"
#include "services/run_once.h"
#include "services/take_volumes.h"
#include "services/task_stream.h"

namespace grpc_os::services {
namespace {

constexpr int kTailLinesDefault = 100;
constexpr int kTailLinesMax = 1'000'000;

absl::Status CheckReference(const std::string& reference) {
  core::Violations violations;
  core::CheckProcessReference(reference, "name", violations);
  return violations.ToStatus();
}

// What is in a bundle is changed by deploys.
absl::Status CheckOfDeploys(const core::ProcessSpec& before, const core::ProcessSpec& after) {
  core::Violations violations;
  constexpr char kCure[] = "is changed by a deploy alone: `register-process DIR`";
  if (after.bundle != before.bundle) violations.Add("process.spec.bundle", kCure);
  if (!before.bundle.empty() && after.volumes != before.volumes)
    violations.Add("process.spec.volumes", kCure);
  if (!before.bundle.empty() && after.account != before.account)
    violations.Add("process.spec.account", kCure);
  return violations.ToStatus();
}

}  // namespace

v1::Process ProcessService::Show(const Call& call, const core::Process& process) const {
  v1::Process shown = ToProto(process, parts_.usage.UsageOf(process.instance_id));
  if (process.status.state == core::ProcessState::kPending) {
    const auto may_know = [&call](std::string_view name) { return call.Permits(name); };
    shown.mutable_status()->set_message(parts_.processes.WhyPending(process, may_know));
  }
  return shown;
}

v1::Process ProcessService::ShowNewest(const Call& call, const core::Process& process) const {
  const core::Processes::Unsaved* unsaved = parts_.processes.UnsavedOf(process.id);
  if (unsaved == nullptr) return Show(call, process);
  core::Process newest = process;
  newest.status = unsaved->process.status;
  v1::Process shown = Show(call, newest);
  shown.mutable_status()->set_unsaved(true);
  SetTimeMs(unsaved->since_ms, shown.mutable_status()->mutable_unsaved_since());
  return shown;
}

core::Processes::Done ProcessService::AnswerWith(const ProcessCall& call) const {
  return [this, call](absl::StatusOr<core::Process> process) {
    if (!process.ok()) return call->End(process.status());
    call->Answer(Show(*call, *process));
  };
}

std::function<void(const core::CommittedRequest&)> ProcessService::RepeatFor(
    const ProcessCall& call) const {
  return [this, call](const core::CommittedRequest& committed) {
    parts_.scheduler.Post([this, call, subject = committed.subject] {
      const std::string id = subject.substr(0, subject.find(' '));
      const core::Process* process = parts_.processes.Find(id);
      if (absl::Status status = call->CheckNameNow(""); !status.ok()) return call->End(status);
      if (process != nullptr && !call->CheckNameNow(process->name).ok())
        return call->End(core::ProcessNotFound(id));
      parts_.processes.Repeat(subject, AnswerWith(call));
    });
  };
}

v1::ListProcessesResponse ProcessService::ListPage(const Call& call, const PageQuery& query,
                                                   core::Processes::Whose whose) const {
  v1::ListProcessesResponse answer;
  answer.set_revision(parts_.processes.Revision(parts_.log.NewestRevision()));
  Page page(query, answer.mutable_processes());
  const int most = call.PermitsAll() ? query.size() + 1 : std::numeric_limits<int>::max();
  for (const core::Process* process : parts_.processes.List(query.after(), most, whose)) {
    if (!call.Permits(process->name)) continue;
    if (!page.Add(ShowNewest(call, *process), process->name)) break;
  }
  answer.set_next_page_token(page.NextToken());
  return answer;
}

absl::StatusOr<const core::Process*> ProcessService::FindFor(const Call& call,
                                                             const std::string& reference) const {
  if (!LooksLikeId(reference)) {
    if (absl::Status status = call.CheckName(reference); !status.ok()) return status;
  }
  const core::Process* process = parts_.processes.Find(reference);
  if (process != nullptr) call.NoteName(reference, process->name);
  if (process == nullptr || !call.Permits(process->name)) return core::ProcessNotFound(reference);
  return process;
}

ProcessService::ProcessService(Handlers& handlers, const Parts& parts) : parts_(parts) {
  AddReads(handlers);
  AddChanges(handlers);
  AddRuns(handlers);
  AddWaits(handlers);
  AddTasks(handlers);
}

void ProcessService::AddReads(Handlers& handlers) {
  handlers.Unary<v1::GetProcessRequest, v1::Process>(
      [this](const auto& call, const v1::GetProcessRequest& request) {
        if (absl::Status status = CheckReference(request.name()); !status.ok())
          return call->End(status);
        parts_.scheduler.Post([this, call, name = request.name()] {
          const auto process = FindFor(*call, name);
          if (!process.ok()) return call->End(process.status());
          call->Answer(ShowNewest(*call, **process));
        });
      });

  handlers.Unary<v1::ListProcessesRequest, v1::ListProcessesResponse>(
      [this](const auto& call, const v1::ListProcessesRequest& request) {
        const auto query = PageQuery::Of(*call, request, {}, {request.system() ? "system" : ""});
        if (!query.ok()) return call->End(query.status());
        using Whose = core::Processes::Whose;
        parts_.scheduler.Post([this, call, query = *query,
                               whose = request.system() ? Whose::kSystem : Whose::kUsers] {
          call->Answer(ListPage(*call, query, whose));
        });
      });
}

void ProcessService::AddChanges(Handlers& handlers) {
  handlers.Unary<v1::CreateProcessRequest, v1::Process>(
      [this](const auto& call, const v1::CreateProcessRequest& request) {
        core::Violations violations;
        core::Process process;
        process.id = request.process_id();
        process.name = request.process().name();
        core::CheckProcessName(process.name, "process.name", violations);
        if (!process.id.empty()) core::CheckProcessId(process.id, "process_id", violations);
        process.spec = SpecFromProto(request.process().spec(), "process.spec", violations);
        core::CheckDirectory(request.caller_directory(), "caller_directory", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        if (absl::Status status = CheckOfDeploys({}, process.spec); !status.ok())
          return call->End(status);
        const std::string name = process.name;
        const auto carry_out = [this, call, process = std::move(process),
                                here = request.caller_directory()](core::Origin origin) {
          parts_.scheduler.Post([this, call, process, here, origin]() mutable {
            const bool its_own = call->local() && !parts_.facts.shielded;
            if (process.spec.working_directory.empty() && its_own)
              process.spec.working_directory = here;
            origin.name = process.name;
            const auto& spec = process.spec;
            origin = parts_.domains.PermitUse(spec.domains, std::move(origin));
            TakeVolumes(parts_.volumes, parts_.scheduler, call, spec.volumes, spec.account,
                        std::move(origin), [this, call, process](core::Origin prepared) {
                          parts_.processes.Create(process, AnswerWith(call), std::move(prepared));
                        });
          });
        };
        RunOnce(call, request, name, carry_out, RepeatFor(call));
      });

  handlers.Unary<v1::UpdateProcessRequest, v1::Process>(
      [this](const auto& call, const v1::UpdateProcessRequest& request) {
        core::Violations violations;
        const v1::Process& given = request.process();
        const std::string reference = given.id().empty() ? given.name() : given.id();
        core::CheckProcessReference(reference, "process.name", violations);
        const auto asked = ChangeFromProto(request, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        core::Processes::Change change = [asked](core::ProcessSpec& spec) {
          core::ProcessSpec changed = spec;
          absl::Status status = asked(changed);
          if (status.ok()) status = CheckOfDeploys(spec, changed);
          if (status.ok()) spec = std::move(changed);
          return status;
        };
        const auto carry_out = [this, call, reference, etag = given.etag(),
                                change = std::move(change)](core::Origin origin) {
          parts_.scheduler.Post([this, call, reference, etag, change, origin]() mutable {
            const core::Process* process = parts_.processes.Find(reference);
            core::ProcessSpec spec;
            std::vector<core::VolumeUse> added;
            if (process != nullptr && call->Permits(process->name)) {
              origin.name = process->name;
              spec = process->spec;
              if (change(spec).ok()) {
                added = AddedVolumes(process->spec, spec);
                origin =
                    parts_.domains.PermitUse(AddedDomains(process->spec, spec), std::move(origin));
              }
            }
            TakeVolumes(parts_.volumes, parts_.scheduler, call, added, spec.account,
                        std::move(origin),
                        [this, call, reference, etag, change](core::Origin prepared) {
                          parts_.processes.Update(reference, etag, change, AnswerWith(call),
                                                  std::move(prepared));
                        });
          });
        };
        RunOnce(call, request, reference, carry_out, RepeatFor(call));
      });

  handlers.Unary<v1::DeleteProcessRequest, v1::DeleteProcessResponse>(
      [this](const auto& call, const v1::DeleteProcessRequest& request) {
        if (absl::Status status = CheckReference(request.name()); !status.ok())
          return call->End(status);
        const auto answer = [call](absl::StatusOr<int64_t> revision) {
          if (!revision.ok()) return call->End(revision.status());
          v1::DeleteProcessResponse deleted;
          deleted.set_revision(*revision);
          call->Answer(std::move(deleted));
        };
        const auto carry_out = [this, answer, name = request.name(), etag = request.etag(),
                                force = request.force()](core::Origin origin) {
          parts_.scheduler.Post([this, answer, name, etag, force, origin] {
            parts_.processes.Delete(name, etag, force, answer, origin);
          });
        };
        const auto repeat = [this, answer](const core::CommittedRequest&) {
          parts_.scheduler.Post(
              [this, answer] { answer(parts_.processes.Revision(parts_.log.NewestRevision())); });
        };
        RunOnce(call, request, request.name(), carry_out, repeat);
      });
}

template <typename Request, typename Verb>
void ProcessService::AddVerb(Handlers& handlers, Verb verb) {
  handlers.Unary<Request, v1::Process>([this, verb](const auto& call, const Request& request) {
    if (absl::Status status = CheckReference(request.name()); !status.ok())
      return call->End(status);
    const auto carry_out = [this, call, verb, name = request.name(),
                            etag = request.etag()](core::Origin origin) {
      parts_.scheduler.Post([this, call, verb, name, etag, origin] {
        verb(parts_.processes, name, etag, AnswerWith(call), origin);
      });
    };
    RunOnce(call, request, request.name(), carry_out, RepeatFor(call));
  });
}

void ProcessService::AddRuns(Handlers& handlers) {
  AddVerb<v1::StartProcessRequest>(
      handlers, [](auto& processes, const auto&... arguments) { processes.Start(arguments...); });
  AddVerb<v1::StopProcessRequest>(
      handlers, [](auto& processes, const auto&... arguments) { processes.Stop(arguments...); });
  AddVerb<v1::RestartProcessRequest>(
      handlers, [](auto& processes, const auto&... arguments) { processes.Restart(arguments...); });

  handlers.Unary<v1::SignalProcessRequest, v1::SignalProcessResponse>(
      [this](const auto& call, const v1::SignalProcessRequest& request) {
        core::Violations violations;
        core::CheckProcessReference(request.name(), "name", violations);
        const auto signal = SignalFrom(request.signal());
        if (!signal.has_value()) violations.Add("signal", "give a signal's name, such as HUP");
        if (!violations.empty()) return call->End(violations.ToStatus());
        call->MakeOrigin(request.name());
        parts_.scheduler.Post([this, call, name = request.name(), signal = *signal] {
          const auto process = FindFor(*call, name);
          if (!process.ok()) return call->End(process.status());
          if ((*process)->spec.system) return call->End(core::SystemProcessRefused(**process));
          parts_.processes.Signal((*process)->id, signal, [call](absl::StatusOr<int> pid) {
            if (!pid.ok()) return call->End(pid.status());
            v1::SignalProcessResponse answer;
            answer.set_pid(*pid);
            call->Answer(std::move(answer));
          });
        });
      });
}

void ProcessService::AddWaits(Handlers& handlers) {
  handlers.Unary<v1::WaitProcessRequest, v1::WaitProcessResponse>(
      [this](const auto& call, const v1::WaitProcessRequest& request) {
        core::Violations violations;
        core::CheckProcessReference(request.name(), "name", violations);
        auto condition = core::Processes::Condition::kAtRest;
        if (request.condition() == v1::WaitProcessRequest::CONDITION_RUNNING) {
          condition = core::Processes::Condition::kRunning;
        } else if (request.condition() == v1::WaitProcessRequest::CONDITION_READY) {
          condition = core::Processes::Condition::kReady;
        } else if (request.condition() != v1::WaitProcessRequest::CONDITION_EXITED) {
          violations.Add("condition", "give RUNNING, READY or EXITED");
        }
        const int64_t timeout = WaitTimeoutMs(request, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        // Where it waits, for the core's thread.
        const auto place = std::make_shared<core::Processes::WaiterPlace>();
        call->WhenEnded([this, place] {
          parts_.scheduler.Post([this, place] { parts_.processes.StopWaiting(*place); });
        });
        parts_.scheduler.Post([this, call, place, condition, timeout, name = request.name()] {
          const auto answer = [this, call](absl::StatusOr<core::Processes::Waited> waited) {
            if (!waited.ok()) return call->End(waited.status());
            if (absl::Status status = call->CheckNameNow(waited->process.name); !status.ok())
              return call->End(status);
            v1::WaitProcessResponse current;
            // Nobody is answered that it holds before that is stored.
            *current.mutable_process() = waited->satisfied ? Show(*call, waited->process)
                                                           : ShowNewest(*call, waited->process);
            current.set_satisfied(waited->satisfied);
            call->Answer(std::move(current));
          };
          const auto process = FindFor(*call, name);
          if (!process.ok()) return call->End(process.status());
          *place = parts_.processes.Wait((*process)->id, condition, timeout, answer);
        });
      });

  handlers.Stream<v1::TailLogsRequest, v1::TailLogsResponse>(
      [this](const auto& call, const v1::TailLogsRequest& request) {
        core::Violations violations;
        core::CheckProcessReference(request.name(), "name", violations);
        if (request.lines() < -1 || request.lines() > kTailLinesMax)
          violations.Add("lines", "give 1 to 1000000, 0 for 100, -1 for none");
        if (!violations.empty()) return call->End(violations.ToStatus());
        core::LogSource::Options options;
        options.lines = request.lines() == 0 ? kTailLinesDefault : request.lines();
        options.follow = request.follow();
        options.cursor = request.cursor();
        parts_.scheduler.Post([this, call, name = request.name(), options]() mutable {
          const auto process = FindFor(*call, name);
          if (!process.ok()) return call->End(process.status());
          const std::string id = options.process_id = (*process)->id;
          const bool follow = options.follow;
          const auto stream =
              LogStream::Start(call, parts_.logs, (*process)->name, std::move(options));
          if (follow)
            stream->FinishWhen([this, &id](std::function<void()> done) {
              return parts_.processes.WhenAtRest(id, std::move(done));
            });
        });
      });
}

void ProcessService::AddTasks(Handlers& handlers) {
  handlers.Stream<v1::RunTaskRequest, v1::RunTaskResponse>(
      [this](const auto& call, const v1::RunTaskRequest& request) {
        core::Violations violations;
        core::CheckProcessReference(request.name(), "name", violations);
        core::CheckCommand(request.command(), "command", violations);
        core::ProcessSpec given;
        given.environment = {request.environment().begin(), request.environment().end()};
        core::CheckEnvironment(given, "environment", violations);
        if (request.has_timeout() &&
            (request.timeout().seconds() < 0 || request.timeout().nanos() < 0 ||
             DurationMs(request.timeout()) > limits::kTaskMaxMs))
          violations.Add("timeout", "give at most 24 hours");
        if (!violations.empty()) return call->End(violations.ToStatus());
        // So that the audit says what was run.
        const core::Origin origin =
            call->MakeOrigin(absl::StrCat(request.name(), ": ", request.command()));
        parts_.scheduler.Post([this, call, request, origin] { RunTask(call, request, origin); });
      });
}

void ProcessService::RunTask(const std::shared_ptr<StreamCall<v1::RunTaskResponse>>& call,
                             const v1::RunTaskRequest& request, const core::Origin& origin) {
  const auto process = FindFor(*call, request.name());
  if (!process.ok()) return call->End(process.status());
  // It would have the account and the capabilities of the system's own.
  if ((*process)->spec.system) return call->End(core::SystemProcessRefused(**process));
  if (!parts_.processes.held().empty()) {
    return call->End(core::SystemHeld(parts_.processes.held()));
  }
  core::TaskSpec task{.process = **process, .user = call->caller().user};
  task.process.spec.command = request.command();
  for (const auto& [name, value] : request.environment()) {
    task.process.spec.environment[name] = value;
  }
  core::Violations violations;
  core::CheckEnvironment(task.process.spec, "environment", violations);
  if (!violations.empty()) return call->End(violations.ToStatus());
  if (request.has_timeout()) task.timeout_ms = DurationMs(request.timeout());
  const auto stream =
      std::make_shared<TaskStream>(call, parts_.tasks, parts_.scheduler, task.process.name);
  if (!stream->Start(task)) return;
  // Now, for it may run for long, and the daemon may be killed meanwhile.
  core::AuditRecord record = origin.record;
  record.resource = origin.findings->Lock()->Named(record.resource);
  call->environment().audit.Note(std::move(record));
  origin.written->store(true);
}

}  // namespace grpc_os::services
