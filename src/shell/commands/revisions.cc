// revisions, diff, rollback.
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "shell/commands/deploy_rows.h"
#include "shell/commands/explain.h"
#include "shell/commands/follow_deploy.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/spec_difference.h"
#include "shell/parser.h"
#include "shell/render/process.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

Cell State(const v1::Revision& revision) {
  switch (revision.state()) {
    case v1::Revision::STATE_DEPLOYING:
      return {"deploying", Style::kWarning};
    case v1::Revision::STATE_DEPLOYED:
      return {revision.rollback_of() > 0
                  ? absl::StrCat("deployed, rollback to ", revision.rollback_of())
                  : "deployed",
              Style::kGood};
    case v1::Revision::STATE_FAILED:
      return {"failed", Style::kBad};
    default:
      return {"-"};
  }
}

std::string Current(const v1::Revision& revision) {
  if (!revision.current()) return "";
  return revision.changed() ? "yes, changed" : "yes";
}

ResourceView<v1::Revision> View() {
  constexpr auto kRight = Table::Align::kRight;
  return {.name = [](const auto& revision) { return absl::StrCat(revision.number()); },
          .columns = {
              {"REVISION", [](const auto& revision) { return absl::StrCat(revision.number()); },
               kRight},
              {"CURRENT", Current},
              {"STATE", State},
              {"CREATED", [](const auto& revision) { return TimeText(revision.create_time()); }},
              {"OWNER", [](const auto& revision) { return OrDash(revision.owner()); }},
              {"VERSION", [](const auto& revision) { return OrDash(revision.spec().version()); }},
              {"BUNDLE",
               [](const auto& revision) { return OrDash(ShortDigest(revision.spec().bundle())); }},
              {"MESSAGE", [](const auto& revision) {
                 return revision.message().substr(0, revision.message().find('\n'));
               }}}};
}

ExitCode RunRevisions(Session& session, const Arguments& arguments) {
  const auto list = session.client().ListRevisions(arguments.positional()[0]);
  if (list.ok() && list->revisions().empty() &&
      session.Hint("No revisions: `register-process DIR` deploys a directory."))
    return ExitCode::kOk;
  const ExitCode code = session.ShowList(View(), list);
  if (list.ok() && !list->revisions().empty())
    session.Hint(
        "`diff NAME REVISION` shows what differs now, `rollback NAME REVISION` deploys "
        "it again.");
  return code;
}

absl::StatusOr<int64_t> ReadNumber(const std::string& word) {
  int64_t number = 0;
  if (absl::ascii_isdigit(static_cast<unsigned char>(word[0])) && absl::SimpleAtoi(word, &number) &&
      number > 0)
    return number;
  return absl::InvalidArgumentError(absl::StrCat(
      "There is no revision ", word, "; expected: a number from 1. `revisions NAME` lists all."));
}

// Of the revision that `word` is the number of.
absl::StatusOr<v1::ProcessSpec> SpecOfRevision(Session& session, const std::string& process,
                                               const std::string& word) {
  const auto number = ReadNumber(word);
  if (!number.ok()) return number.status();
  auto revision = session.client().GetRevision(process, *number);
  if (!revision.ok()) return revision.status();
  return std::move(*revision->mutable_spec());
}

absl::StatusOr<v1::ProcessSpec> SpecNow(Session& session, const std::string& name) {
  auto process = session.client().GetProcess(name);
  if (!process.ok()) return process.status();
  return std::move(*process->mutable_spec());
}

ExitCode RunDiff(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  const auto before = SpecOfRevision(session, words[0], words[1]);
  if (!before.ok()) return session.Report(before.status());
  const auto after =
      words.size() > 2 ? SpecOfRevision(session, words[0], words[2]) : SpecNow(session, words[0]);
  if (!after.ok()) return session.Report(after.status());
  const auto differences = DifferencesOf(*before, *after);
  if (session.for_programs()) {
    session.Print(ToStruct(differences));
  } else if (!session.for_people()) {
    for (const Difference& one : differences) session.PrintName(one.field);
  } else if (differences.empty()) {
    session.out() << "nothing differs\n";
  } else {
    PrintDifferences(session, differences);
  }
  return ExitCode::kOk;
}

ExitCode RunRollback(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  v1::RollbackProcessRequest request;
  request.set_process(words[0]);
  request.set_no_rollback(arguments.Has("no-rollback"));
  request.set_request_id(RandomHex128());
  if (words.size() > 1) {
    const auto number = ReadNumber(words[1]);
    if (!number.ok()) return session.Report(number.status());
    request.set_number(*number);
  }
  auto revision = BeginDeploy(
      session, words[0], [&](client::Client& client) { return client.RollbackProcess(request); });
  if (revision.ok()) revision = FollowDeploy(session, *std::move(revision));
  if (!revision.ok()) return ReportLines(session, revision.status());
  session.Show(*revision, revision->process(), "");
  return ExitCode::kOk;
}

}  // namespace

Command RevisionsRow() {
  return {
      .name = "revisions",
      .elsewhere = {"releases", "rollout", "deployments"},
      .synopsis = "NAME",
      .arguments = {&kProcessWord},
      .summary = "List what was deployed as a process",
      .details = "The newest first; the last 10 are kept. \"changed\": by `update` since then.\n",
      .options = {WatchOption()},
      .examples = {"revisions myapp"},
      .least = 1,
      .most = 1,
      .run = RunRevisions};
}

Command DiffRow() {
  return {.name = "diff",
          .elsewhere = {"compare"},
          .synopsis = "NAME REVISION [REVISION]",
          .arguments = {&kProcessWord, nullptr},
          .summary = "Show what differs between two revisions of a process",
          .details =
              "Without a second one: between a revision and what the process has now. Of secrets\n"
              "it shows only that there are such, of bundles their first digits.\n",
          .examples = {"diff myapp 1 2", "diff myapp 1 -o json"},
          .least = 2,
          .most = 3,
          .run = RunDiff};
}

Command RollbackRow() {
  return {
      .name = "rollback",
      .elsewhere = {"revert", "undo"},
      .synopsis = "NAME [REVISION]",
      .arguments = {&kProcessWord, nullptr},
      .summary = "Deploy an earlier revision of a process again",
      .details =
          "Without REVISION: the newest before the current one that was deployed. It becomes a\n"
          "revision of its own, deployed as by `register-process`.\n",
      .options = {NoRollbackOption()},
      .examples = {"rollback myapp", "rollback myapp 3"},
      .least = 1,
      .most = 2,
      .run = RunRollback};
}

}  // namespace grpc_os::shell
