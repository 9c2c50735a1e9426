#include "shell/commands/follow_deploy.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/render/domain.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;
using google::protobuf::util::TimeUtil;

constexpr Millis kLongestWaitCall{30'000};

// What the deploy does now; "" if it does nothing that is known.
std::string StepSentence(const v1::Revision& revision) {
  switch (revision.step()) {
    case v1::Revision::STEP_RELEASING:
      return absl::StrCat("running its release: ", revision.spec().release());
    case v1::Revision::STEP_STARTING:
      return "starting, and waiting until it is ready";
    case v1::Revision::STEP_ROLLING_BACK:
      return revision.previous() > 0
                 ? absl::StrCat("not ready: rolling back to revision ", revision.previous())
                 : "not ready: stopping it";
    default:
      return "";
  }
}

std::string GoesOn(const v1::Revision& revision) {
  return absl::StrCat("the deploy of revision ", revision.number(), " of ", revision.process(),
                      " goes on; `revisions ", revision.process(), "` shows how it ends");
}

// Where the domain `name` of the spec of `process` is reached; just its name if that is not known.
std::string WhereServed(const std::string& name, const std::string& process,
                        const absl::StatusOr<v1::ListDomainsResponse>& domains) {
  if (!domains.ok()) return name;
  for (const v1::Domain& domain : domains->domains()) {
    const v1::DomainStatus& status = domain.status();
    if (domain.name() != name || status.managed_by() != "process " + process) continue;
    if (status.state() == v1::DomainStatus::STATE_ACTIVE) return status.url();
    return absl::StrCat(name, ": not served yet: ", ProblemOf(domain));
  }
  return name;
}

void ShowEnd(Session& session, const v1::Revision& revision) {
  const auto line = [&](const std::string& text) {
    session.out() << EscapeForTerminal(text) << "\n";
  };
  const v1::ProcessSpec& spec = revision.spec();
  line(absl::StrCat(
      revision.process(), " (", revision.process_id(), ") is deployed: revision ",
      revision.number(),
      revision.rollback_of() > 0 ? absl::StrCat(", a rollback to ", revision.rollback_of()) : ""));
  // Where it listens may only be known now; without an answer that is not said.
  const auto process = session.client().GetProcess(revision.process_id());
  if (process.ok() && process->status().port() > 0)
    line(absl::StrCat("  address: http://127.0.0.1:", process->status().port()));
  if (!spec.domains().empty()) {
    const auto domains = session.client().ListDomains();
    for (const std::string& name : spec.domains())
      line("  domain: " + WhereServed(name, revision.process(), domains));
  }
  if (revision.dockerfile()) line("  Dockerfile: kept in the revision, not used yet");
  line(absl::StrCat("  its output: `", session.Typed(absl::StrCat("logs -f ", revision.process())),
                    "`"));
  session.out() << std::flush;
}

}  // namespace

absl::StatusOr<v1::Revision> BeginDeploy(
    Session& session, const std::string& process,
    const std::function<absl::StatusOr<v1::Revision>(client::Client&)>& call) {
  RetryPolicy retry(session);
  retry.Progress();
  while (true) {
    auto revision = call(session.client());
    if (revision.ok() || !retry.MayTryAgain(revision.status())) {
      if (session.interrupted() && session.for_people()) {
        session.err() << EscapeForTerminal(
                             session.TypedIn(absl::StrCat("interrupted; `revisions ", process,
                                                          "` shows whether its deploy has begun")))
                      << "\n";
      }
      return revision;
    }
  }
}

absl::StatusOr<v1::Revision> FollowDeploy(Session& session, v1::Revision revision) {
  RetryPolicy retry(session);
  retry.Progress();
  const auto began = Clock::now();
  v1::Revision::Step shown = v1::Revision::STEP_UNSPECIFIED;
  while (revision.state() == v1::Revision::STATE_DEPLOYING) {
    if (revision.step() != shown && session.for_people()) {
      const std::string sentence = StepSentence(revision);
      if (!sentence.empty()) {
        session.out() << EscapeForTerminal(absl::StrCat(revision.process(), ": ", sentence)) << "\n"
                      << std::flush;
      }
    }
    shown = revision.step();
    Millis left = kLongestWaitCall;
    if (session.timeout_given()) {
      left = std::chrono::duration_cast<Millis>(began + session.client().timeout() - Clock::now());
      if (left.count() <= 0) {
        return absl::DeadlineExceededError(absl::StrCat("Gave up waiting: ", GoesOn(revision)));
      }
    }
    v1::WaitRevisionRequest request;
    // By its name: the first deploy makes the process.
    request.set_process(revision.process());
    request.set_number(revision.number());
    request.set_step(shown);
    *request.mutable_timeout() =
        TimeUtil::MillisecondsToDuration(std::min(left, kLongestWaitCall).count());
    auto answer = session.client().WaitRevision(request);
    if (session.interrupted()) {
      if (session.for_people()) {
        session.err() << EscapeForTerminal(session.TypedIn(GoesOn(revision))) << "\n" << std::flush;
      }
      return absl::CancelledError("Interrupted.");
    }
    if (answer.ok()) {
      retry.Progress();
      revision = *std::move(answer);
    } else if (!retry.MayTryAgain(answer.status())) {
      return answer.status();
    }
  }
  if (revision.state() == v1::Revision::STATE_FAILED) {
    return absl::FailedPreconditionError(absl::StrCat(
        revision.process(), ": revision ", revision.number(), " failed: ", revision.message()));
  }
  if (session.for_people()) ShowEnd(session, revision);
  return revision;
}

}  // namespace grpc_os::shell
