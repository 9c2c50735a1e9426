// register-process, apply.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "client/errors.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/deploy_rows.h"
#include "shell/commands/directory_bundle.h"
#include "shell/commands/domain_rows.h"
#include "shell/commands/explain.h"
#include "shell/commands/follow_deploy.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/manifest_spec.h"
#include "shell/commands/process_directory.h"
#include "shell/commands/spec_difference.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

struct How {
  bool dry_run = false;
  bool no_rollback = false;
  bool starts_what_rests = false;  // of what nothing differs
};

enum class Outcome { kChanged, kUnchanged, kFailed };

bool IsAtRest(const v1::Process& process) {
  const auto state = process.status().state();
  return state == v1::Process::STATE_STOPPED || state == v1::Process::STATE_EXITED ||
         state == v1::Process::STATE_FAILED;
}

// Deploys processes, one after the other, and adds up what became of them.
class Deployer {
 public:
  Deployer(Session& session, How how) : session_(session), how_(how) {}

  // Those of which another one failed that they depend on are left as they are.
  ExitCode Run(const std::vector<ProcessDirectory>& directories) {
    std::vector<manifest::ProcessManifest> processes;
    std::vector<std::string> places;
    for (const ProcessDirectory& directory : directories) {
      processes.insert(processes.end(), directory.processes.begin(), directory.processes.end());
      places.insert(places.end(), directory.processes.size(), directory.directory);
    }
    several_ = processes.size() > 1;
    const auto order = DeployOrder(processes);
    if (!order.ok()) return Fail(order.status());
    std::set<std::string> failed;
    for (const size_t i : *order) {
      const manifest::ProcessManifest& process = processes[i];
      const auto blocked =
          std::find_if(process.depends_on.begin(), process.depends_on.end(),
                       [&](const auto& dependency) { return failed.contains(dependency.process); });
      const Outcome outcome = blocked == process.depends_on.end()
                                  ? Deploy(process, places[i])
                                  : LeaveAlone(process.name, blocked->process);
      ++counts_[outcome];
      if (outcome == Outcome::kFailed) failed.insert(process.name);
      if (ended_ || session_.interrupted()) break;
    }
    return code_;
  }

  int count(Outcome outcome) { return counts_[outcome]; }
  // For programs: what Show has not shown.
  const v1::ListRevisionsResponse& revisions() const { return revisions_; }

 private:
  Outcome Deploy(const manifest::ProcessManifest& process, const std::string& directory) {
    const DirectoryBundle* const bundle = BundleOf(directory);
    if (bundle == nullptr) return Outcome::kFailed;
    const auto now = session_.client().GetProcess(process.name);
    if (!now.ok() && !absl::IsNotFound(now.status())) return Failed(now.status());
    v1::DeployProcessRequest request;
    request.set_process(process.name);
    *request.mutable_spec() = SpecOf(process);
    request.mutable_spec()->set_bundle(bundle->packed.digest);
    request.set_dockerfile(bundle->dockerfile);
    request.set_no_rollback(how_.no_rollback);
    if (now.ok()) request.set_etag(now->etag());
    request.set_validate_only(true);
    const auto planned = session_.client().DeployProcess(request);
    if (!planned.ok()) return Failed(planned.status());

    if (now.ok() && planned->number() > 0 &&
        planned->number() == now->status().deployed_revision()) {
      return LeaveUnchanged(*now, *planned);
    }
    // Of a new one only what the file says, without all the defaults.
    const auto differences =
        now.ok() ? DifferencesOf(now->spec(), planned->spec()) : DifferencesOf({}, request.spec());
    if (session_.for_people()) {
      session_.out() << EscapeForTerminal(process.name) << (now.ok() ? ":" : ": new") << "\n";
      PrintDifferences(session_, differences);
      if (differences.empty()) session_.out() << "+ values of secret variables\n";
      session_.out() << std::flush;
    }
    if (how_.dry_run) {
      Show(*planned);
      return Outcome::kChanged;
    }
    request.set_validate_only(false);
    request.set_request_id(RandomHex128());
    auto revision = UploadAndBegin(*bundle, request);
    if (revision.ok()) revision = FollowDeploy(session_, *std::move(revision));
    if (!revision.ok()) return Failed(revision.status());
    Show(*revision);
    return Outcome::kChanged;
  }

  absl::StatusOr<v1::Revision> UploadAndBegin(const DirectoryBundle& bundle,
                                              const v1::DeployProcessRequest& request) {
    for (bool again = false;; again = true) {
      if (absl::Status status = UploadBundle(session_, bundle); !status.ok()) return status;
      auto revision = BeginDeploy(session_, request.process(), [&](client::Client& client) {
        return client.DeployProcess(request);
      });
      // Its last revision may have gone, and the bundle with it, since it was found there.
      if (again || client::ReasonOf(revision.status()) != "OBJECT_NOT_FOUND") return revision;
    }
  }

  // `last` is its last revision, perhaps of another one's deploy that has not ended.
  Outcome LeaveUnchanged(const v1::Process& process, const v1::Revision& last) {
    if (last.state() == v1::Revision::STATE_DEPLOYING && !how_.dry_run) {
      const auto revision = FollowDeploy(session_, last);
      if (!revision.ok()) return Failed(revision.status());
      Show(*revision);
      return Outcome::kUnchanged;
    }
    std::string sentence =
        absl::StrCat(process.name(), ": nothing differs; revision ", last.number(),
                     last.state() == v1::Revision::STATE_FAILED
                         ? ", which failed: `revisions " + process.name() + "`"
                         : "");
    if (how_.starts_what_rests && !how_.dry_run && IsAtRest(process)) {
      v1::StartProcessRequest request;
      request.set_name(process.id());
      const auto started = session_.client().StartProcess(request);
      if (!started.ok()) {
        Failed(started.status());
        ExplainFailure(session_, process.name(), started.status());
        return Outcome::kFailed;
      }
      absl::StrAppend(&sentence, "; started it", OutcomeOfStart(*started));
    }
    if (session_.for_people())
      session_.out() << session_.TypedIn(EscapeForTerminal(sentence)) << "\n" << std::flush;
    Show(last);
    return Outcome::kUnchanged;
  }

  Outcome LeaveAlone(const std::string& name, const std::string& failed) {
    return Failed(absl::FailedPreconditionError(
        absl::StrCat(name, ": left as it is, because it depends on ", failed, ", which failed")));
  }

  // nullptr: it was reported why there is none. Each directory is read once.
  const DirectoryBundle* BundleOf(const std::string& directory) {
    const auto [known, is_new] = bundles_.try_emplace(directory);
    if (is_new) {
      auto bundle = ReadBundle(session_, directory);
      if (bundle.ok()) {
        known->second = *std::move(bundle);
      } else {
        Failed(bundle.status());
      }
    }
    return known->second ? &*known->second : nullptr;
  }

  void Show(const v1::Revision& revision) {
    if (session_.collects() && several_) {
      *revisions_.add_revisions() = revision;
    } else {
      session_.Show(revision, revision.process(), "");
    }
  }

  ExitCode Fail(const absl::Status& status) {
    ended_ = ended_ || EndsEverything(status);
    return code_ = Worst(code_, ReportLines(session_, status));
  }
  Outcome Failed(const absl::Status& status) {
    Fail(status);
    return Outcome::kFailed;
  }

  Session& session_;
  const How how_;
  bool several_ = false;
  bool ended_ = false;  // by an error that the others would meet too
  ExitCode code_ = ExitCode::kOk;
  std::map<Outcome, int> counts_;
  std::map<std::string, std::optional<DirectoryBundle>> bundles_;
  v1::ListRevisionsResponse revisions_;
};

ExitCode RunRegister(Session& session, const Arguments& arguments) {
  ExitCode code = ExitCode::kOk;
  const auto directory = ReadProcessDirectory(session, arguments.positional()[0], code);
  if (!directory) return code;
  Deployer deployer(session, {.dry_run = arguments.Has("dry-run"),
                              .no_rollback = arguments.Has("no-rollback"),
                              .starts_what_rests = true});
  code = deployer.Run({*directory});
  if (session.collects() && directory->processes.size() > 1) session.Print(deployer.revisions());
  return code;
}

ExitCode RunApply(Session& session, const Arguments& arguments) {
  const auto path = arguments.Value("file");
  if (!path) {
    return session.Report(
        absl::InvalidArgumentError("What is to be applied? `apply -f DIR` takes a directory."));
  }
  const bool dry_run = arguments.Has("dry-run");
  if (const auto domain = DomainFileText(*path))
    return ApplyDomain(session, *path, *domain, dry_run, arguments.Has("replace"));
  if (arguments.Has("replace"))
    return session.Report(absl::InvalidArgumentError("--replace is for a domain.yml."));
  // Nothing is done unless all of it can be.
  ExitCode code = ExitCode::kOk;
  const auto directories = ReadProcessDirectories(session, *path, code);
  if (code != ExitCode::kOk || session.interrupted()) return code;
  Deployer deployer(session, {.dry_run = dry_run, .no_rollback = arguments.Has("no-rollback")});
  code = deployer.Run(directories);
  if (session.collects()) {
    session.Print(deployer.revisions());
  } else if (session.for_people()) {
    session.out() << deployer.count(Outcome::kChanged)
                  << (dry_run ? " would change, " : " changed, ")
                  << deployer.count(Outcome::kUnchanged) << " unchanged, "
                  << deployer.count(Outcome::kFailed) << " failed\n";
  }
  return code;
}

Option DryRunOption() { return {"dry-run", 0, "", "show what would differ, and change nothing"}; }

}  // namespace

std::vector<Command> DeployCommands() {
  return {
      {.name = "register-process",
       .aliases = {"deploy"},
       .elsewhere = {"register", "push", "up", "publish"},
       .synopsis = "PATH",
       .arguments = {&kLocalFileWord},
       .summary = "Run what a directory holds",
       .details =
           "PATH is a directory with a process.yml in it, or beside it with the directory's\n"
           "name; or the file. The directory's files, without .git and what .dockerignore and\n"
           ".grpc-osignore leave out, are uploaded unless they are there, and the process is\n"
           "started with them. If it does not become ready, it has again what it had before.\n"
           "Interrupting ends the waiting; the deploy goes on. The keys: docs/PROCESS_YML.md.\n",
       .options = {DryRunOption(), NoRollbackOption()},
       .examples = {"register-process ./processes/myapp", "register-process . --dry-run"},
       .least = 1,
       .most = 1,
       .run = RunRegister},
      {.name = "apply",
       .elsewhere = {"sync"},
       .synopsis = "-f PATH",
       .summary = "Deploy each process.yml of a directory that differs from what runs",
       .details =
           "PATH is a process.yml, or a directory with some in it or below it. Each process that\n"
           "differs is deployed as by `register-process`, after those that it depends on. If one\n"
           "of the files is wrong, nothing is done. Processes of which nothing differs are left\n"
           "alone, also if they are stopped. Or PATH is a domain.yml: then the domain is made "
           "what\n"
           "it says (docs/DOMAIN_YML.md).\n",
       .options = {{"file", 'f', "PATH", "what is applied", false, &kLocalFileWord},
                   DryRunOption(),
                   NoRollbackOption(),
                   {"replace", 0, "",
                    "of a domain.yml: take paths from the processes that have them"}},
       .examples = {"apply -f ./processes", "apply -f ./processes --dry-run", "apply -f domain.yml",
                    "apply -f domain.yml --replace"},
       .most = 0,
       .run = RunApply},
      RevisionsRow(),
      DiffRow(),
      RollbackRow(),
  };
}

}  // namespace grpc_os::shell
