// Deploying directories, against a daemon of records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "grpc_os/v1/deploy_services.pb.h"
#include "shell/commands/process_directory.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr char kSeed[] =
    "name: myapp\nversion: 1.0\ncommand: python3 app.py\nenvironment:\n  PORT: 8080\n"
    "  DEBUG: false\ndomains:\n  - myapp.example.com\nvolumes:\n  - data:/app/data\nport: 8080\n";

class DeployTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  DeployTest() { fs::create_directories(At("processes/myapp")); }

  std::string At(const std::string& path) const { return directory_.path() + "/" + path; }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(At(path)).parent_path());
    std::ofstream(At(path), std::ios::binary) << text;
  }
  // A process of its own directory below `all`.
  void WriteProcess(const std::string& name, const std::string& more = "") {
    Write("all/" + name + "/process.yml", "name: " + name + "\ncommand: ./run\n" + more);
  }
  void WriteSeed() {
    Write("processes/myapp/process.yml", kSeed);
    Write("processes/myapp/app.py", "print(1)\n");
  }
  ExitCode Register(const std::string& options = "") {
    return Run("register-process " + At("processes/myapp") + options);
  }
  ExitCode Apply(const std::string& options = "") { return Run("apply -f " + At("all") + options); }
  size_t CallsOf(const std::string& call) {
    const auto calls = daemon_.calls();
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
  }
  // The names of processes in the order in which they were deployed.
  std::vector<std::string> Deployed() {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    std::vector<std::string> names;
    for (const auto& request : daemon_.state.deploys) names.push_back(request.process());
    return names;
  }
  std::vector<std::string> Bundles() {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    std::vector<std::string> names;
    for (const auto& [name, object] : daemon_.state.objects) names.push_back(name);
    return names;
  }
};

TEST_F(DeployTest, ANewProcessIsUploadedDeployedAndFollowed) {
  WriteSeed();
  Write("processes/myapp/Dockerfile", "FROM x\n");
  daemon_.state.deploy_steps = {v1::Revision::STEP_RELEASING, v1::Revision::STEP_STARTING};
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("myapp: new\n+ command: python3 app.py\n+ environment.DEBUG: false\n"
                               "+ environment.PORT: 8080\n"));
  EXPECT_THAT(out(), HasSubstr("+ volumes: data:/app/data\n"));
  EXPECT_THAT(out(), HasSubstr("myapp: running its release: \nmyapp: starting, and waiting"));
  EXPECT_THAT(out(), EndsWith(") is deployed: revision 1\n"
                              "  address: http://127.0.0.1:8080\n"
                              "  domain: myapp.example.com\n"
                              "  Dockerfile: kept in the revision, not used yet\n"
                              "  its output: `logs -f myapp`\n"));
  ASSERT_EQ(daemon_.state.deploys.size(), 1U);
  const v1::DeployProcessRequest& request = daemon_.state.deploys[0];
  EXPECT_THAT(Bundles(), ElementsAre("/bundles/" + request.spec().bundle()));
  EXPECT_TRUE(request.dockerfile());
  EXPECT_FALSE(request.no_rollback());
  EXPECT_EQ(request.etag(), "");
  EXPECT_EQ(request.spec().volumes(0).path(), "/app/data");
}

TEST_F(DeployTest, WhereItsDomainsAreServedIsSaidIfItIsKnown) {
  WriteSeed();
  v1::Domain& domain = daemon_.state.domains["myapp.example.com"];
  domain.set_name("myapp.example.com");
  domain.mutable_status()->set_url("http://myapp.example.com:8880/");
  domain.mutable_status()->set_state(v1::DomainStatus::STATE_ACTIVE);
  domain.mutable_status()->set_managed_by("process other");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("\n  domain: myapp.example.com\n"));
  domain.mutable_status()->set_managed_by("process myapp");
  Write("processes/myapp/app.py", "print(2)\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("\n  domain: http://myapp.example.com:8880/\n"));
  domain.mutable_status()->set_state(v1::DomainStatus::STATE_PENDING);
  domain.mutable_status()->set_message("nginx starts");
  Write("processes/myapp/app.py", "print(3)\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("\n  domain: myapp.example.com: not served yet: nginx starts\n"));
}

TEST_F(DeployTest, TheFileMayLieBesideItsDirectory) {
  Write("processes/process.yml", kSeed);
  Write("processes/myapp/app.py", "print(1)\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  const std::string bundle = daemon_.state.deploys[0].spec().bundle();
  // Named itself, it is about the same directory.
  ASSERT_EQ(Run("deploy " + At("processes/process.yml")), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1\n");
  ASSERT_EQ(Run("apply -f " + At("processes")), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1\n0 changed, 1 unchanged, 0 failed\n");
}

TEST_F(DeployTest, AnEditIsAnotherRevisionAndNothingIsNothing) {
  WriteSeed();
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1\n");
  EXPECT_EQ(daemon_.state.deploys.size(), 1U);
  Write("processes/myapp/app.py", "print(2)\n");
  ASSERT_EQ(Register(" --no-rollback"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), ::testing::StartsWith("myapp:\n- bundle: "));
  EXPECT_THAT(out(), HasSubstr("is deployed: revision 2\n"));
  ASSERT_EQ(daemon_.state.deploys.size(), 2U);
  EXPECT_EQ(daemon_.state.deploys[1].etag(), "e1");
  EXPECT_TRUE(daemon_.state.deploys[1].no_rollback());
  EXPECT_EQ(Bundles().size(), 2U);
  // Back to what was: the bundle is there, and is not sent again.
  Write("processes/myapp/app.py", "print(1)\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_EQ(CallsOf("CreateObject /bundles/" + daemon_.state.deploys[0].spec().bundle()), 1U);
}

TEST_F(DeployTest, OfSecretsIsSaidThatTheyDiffer) {
  WriteSeed();
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  // As after `update --secret DEBUG=…`.
  v1::ProcessSpec& spec = *daemon_.state.processes["myapp"].mutable_spec();
  (*spec.mutable_environment())["DEBUG"] = "";
  spec.add_secret_environment("DEBUG");
  ASSERT_EQ(Register(" --dry-run"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp:\n- environment.DEBUG: (secret)\n+ environment.DEBUG: false\n");
}

TEST_F(DeployTest, WhatRestsIsStartedByRegisterAndLeftByApply) {
  WriteSeed();
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  daemon_.state.processes["myapp"].mutable_status()->set_state(v1::Process::STATE_STOPPED);
  ASSERT_EQ(Run("apply -f " + At("processes")), ExitCode::kOk) << err();
  ASSERT_EQ(Register(" --dry-run"), ExitCode::kOk) << err();
  EXPECT_EQ(CallsOf("StartProcess proc_1"), 0U);
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1; started it, pid 4243\n");
  EXPECT_EQ(daemon_.state.deploys.size(), 1U);
}

TEST_F(DeployTest, WhatFailedAndWasLeftSoIsSaidAgain) {
  WriteSeed();
  daemon_.state.deploy_fails = "not ready";
  EXPECT_EQ(Register(" --no-rollback"), ExitCode::kConflict);
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1, which failed: `revisions myapp`\n");
}

TEST_F(DeployTest, ADryRunChangesNothing) {
  WriteSeed();
  ASSERT_EQ(Register(" --dry-run"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("+ command: python3 app.py\n"));
  EXPECT_THAT(Deployed(), IsEmpty());
  EXPECT_THAT(Bundles(), IsEmpty());
}

TEST_F(DeployTest, IgnoredFilesStayAtHome) {
  WriteSeed();
  Write("processes/myapp/.dockerignore", "*.log\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  Write("processes/myapp/debug.log", "x");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "myapp: nothing differs; revision 1\n");
  Write("processes/myapp/.grpc-osignore", "a\n[\n");
  ASSERT_EQ(Register(), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr(".grpc-osignore:2: the [ has no ]"));
}

TEST_F(DeployTest, AFailedDeploySaysWhyWithTheLastLinesOfTheLog) {
  WriteSeed();
  daemon_.state.deploy_steps = {v1::Revision::STEP_STARTING, v1::Revision::STEP_ROLLING_BACK};
  daemon_.state.deploy_fails = "not ready within 30s; it is stopped\nline \x1b[31m\n\tlast\n";
  EXPECT_EQ(Register(), ExitCode::kConflict);
  EXPECT_THAT(out(), EndsWith("ready\nmyapp: not ready: stopping it\n"));
  EXPECT_EQ(err(),
            "myapp: revision 1 failed: not ready within 30s; it is stopped\n"
            "  line \\x1b[31m\n  \tlast\n");
}

TEST_F(DeployTest, InterruptingEndsTheWaitingOnly) {
  WriteSeed();
  daemon_.state.at_wait = [this] { session_->Interrupt(); };
  daemon_.state.deploy_steps = {v1::Revision::STEP_STARTING, v1::Revision::STEP_STARTING};
  EXPECT_EQ(Register(), ExitCode::kInterrupted);
  EXPECT_EQ(err(),
            "the deploy of revision 1 of myapp goes on; `revisions myapp` shows how it "
            "ends\n");
  daemon_.state.at_wait = nullptr;
  // Which the next one waits for.
  daemon_.state.deploy_steps = {v1::Revision::STEP_STARTING};
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("is deployed: revision 1\n"));
  EXPECT_EQ(daemon_.state.deploys.size(), 1U);
}

TEST_F(DeployTest, AGivenTimeoutBoundsTheWaiting) {
  WriteSeed();
  daemon_.state.deploy_steps.assign(100'000, v1::Revision::STEP_STARTING);
  EXPECT_EQ(Register(" --timeout 300ms"), ExitCode::kTimeout);
  EXPECT_THAT(err(), HasSubstr("Gave up waiting: the deploy of revision 1 of myapp goes on"));
}

TEST_F(DeployTest, ADaemonThatIsAwayForAMomentIsWaitedFor) {
  WriteSeed();
  daemon_.state.unavailable = 1;  // the answer to the first deploy is lost
  int waits = 0;
  daemon_.state.at_wait = [&] {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.away = ++waits <= 2;
  };
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_GE(waits, 3);
  EXPECT_THAT(out(), HasSubstr("is deployed"));
}

TEST_F(DeployTest, RefusalsAreShownAndNothingIsSent) {
  WriteSeed();
  daemon_.state.deploy_refused = "DEPLOY_IN_PROGRESS";
  EXPECT_EQ(Register(), ExitCode::kConflict);
  EXPECT_EQ(err(), "It is refused.\n");
  daemon_.state.deploy_refused = "PERMISSION_MISSING";
  EXPECT_EQ(Register(), ExitCode::kDenied);
  EXPECT_THAT(Bundles(), IsEmpty());
}

TEST_F(DeployTest, ALargeBundleIsUploadedAndAKilledUploadGoesOn) {
  WriteSeed();
  std::string large(300'000, '\0');
  uint32_t state = 1;
  for (char& c : large) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  Write("processes/myapp/large", large);
  NewSession(daemon_.address(), {.timeout = std::chrono::milliseconds(3000)});
  daemon_.state.stays_away = true;
  daemon_.state.cut_uploads_after = 100'000;
  EXPECT_EQ(Register(), ExitCode::kUnavailable) << err();
  EXPECT_THAT(err(), HasSubstr("run the same command again to resume"));
  EXPECT_THAT(Deployed(), IsEmpty());
  daemon_.state.stays_away = daemon_.state.away = false;
  daemon_.state.cut_uploads_after = 0;
  NewSession(daemon_.address());
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(err(), HasSubstr(": resuming after "));
  EXPECT_EQ(Bundles().size(), 1U);
  EXPECT_THAT(Deployed(), ElementsAre("myapp"));
}

TEST_F(DeployTest, ABundleThatIsGoneWhenItIsDeployedIsUploadedAgain) {
  WriteSeed();
  daemon_.state.before_deploy = [this] { daemon_.state.objects.clear(); };
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(Deployed(), ElementsAre("myapp", "myapp"));
  EXPECT_EQ(Bundles().size(), 1U);
}

TEST_F(DeployTest, ADirectoryThatChangesMeanwhileIsNotDeployed) {
  WriteSeed();
  // Between the two readings: while the daemon is asked whether it has the bundle.
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  Write("processes/myapp/app.py", "print(2)\n");
  daemon_.state.before_get = [this] { Write("processes/myapp/app.py", "print(3)\n"); };
  EXPECT_EQ(Register(), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("changed meanwhile; try again once nothing writes to it"));
  EXPECT_EQ(daemon_.state.deploys.size(), 1U);
  EXPECT_EQ(Bundles().size(), 1U);
}

TEST_F(DeployTest, WhatCannotBePackedIsNamedLineByLine) {
  WriteSeed();
  ASSERT_EQ(::mkfifo(At("processes/myapp/pi\npe").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/etc/passwd", At("processes/myapp/out").c_str()), 0);
  EXPECT_EQ(Register(), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("cannot pack"));
  const std::string said = err();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << said;
  EXPECT_THAT(daemon_.calls(), IsEmpty());
}

TEST_F(DeployTest, ABrokenFileIsToldWithAllItsProblems) {
  Write("processes/myapp/process.yml", "nmae: x\ncommand: [a]\n");
  EXPECT_EQ(Register(), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("process.yml:1:1: there is no key 'nmae'"));
  EXPECT_THAT(err(), HasSubstr(":2:10: here is a list"));
  EXPECT_EQ(Run("register-process " + At("nowhere")), ExitCode::kNotFound);
  EXPECT_THAT(daemon_.calls(), IsEmpty());
}

TEST_F(DeployTest, ForProgramsARevisionOrAListOfThem) {
  WriteSeed();
  ASSERT_EQ(Register(" -o json"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("\"number\": \"1\""));
  EXPECT_THAT(out(), Not(HasSubstr("revisions")));
  WriteProcess("a");
  WriteProcess("b");
  ASSERT_EQ(Apply(" -o json"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("\"revisions\": ["));
  ASSERT_EQ(Apply(" -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "a\nb\n");
}

TEST_F(DeployTest, ApplyGoesInTheOrderOfDependencies) {
  WriteProcess("a", "depends_on: [c]\n");
  WriteProcess("b", "depends_on: {a: started, gone: ready}\n");
  WriteProcess("c");
  WriteProcess("c/below");  // inside a bundle: part of it
  WriteProcess(".hidden");
  ASSERT_EQ(Apply(" --dry-run"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), EndsWith("3 would change, 0 unchanged, 0 failed\n"));
  EXPECT_THAT(Deployed(), IsEmpty());
  ASSERT_EQ(Apply(), ExitCode::kOk) << err();
  EXPECT_THAT(Deployed(), ElementsAre("c", "a", "b"));
  EXPECT_THAT(out(), EndsWith("3 changed, 0 unchanged, 0 failed\n"));
  WriteProcess("b", "depends_on: {a: ready}\n");
  ASSERT_EQ(Apply(), ExitCode::kOk) << err();
  EXPECT_THAT(Deployed(), ElementsAre("c", "a", "b", "b"));
  EXPECT_THAT(out(), EndsWith("1 changed, 2 unchanged, 0 failed\n"));
}

TEST_F(DeployTest, WhatDependsOnAFailedOneIsLeftAlone) {
  WriteProcess("a", "depends_on: [c]\n");
  WriteProcess("b");
  WriteProcess("c");
  daemon_.state.deploy_fails = "not ready";  // the first: c
  EXPECT_EQ(Apply(), ExitCode::kConflict);
  EXPECT_THAT(Deployed(), ElementsAre("c", "b"));
  EXPECT_THAT(err(), HasSubstr("a: left as it is, because it depends on c, which failed\n"));
  EXPECT_THAT(out(), EndsWith("1 changed, 0 unchanged, 2 failed\n"));
}

TEST_F(DeployTest, ApplyDoesNothingUnlessAllOfItIsRight) {
  WriteProcess("a");
  Write("all/b/process.yml", "name: b\n");
  EXPECT_EQ(Apply(), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("needs `command"));
  WriteProcess("b", "depends_on: [a]\n");
  WriteProcess("a", "depends_on: [b]\n");
  EXPECT_EQ(Apply(), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("goes in a circle: a → b → a"));
  Write("all/c/process.yml", "name: b\ncommand: x\n");
  EXPECT_EQ(Apply(), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("have a process b; rename one of them"));
  EXPECT_THAT(Deployed(), IsEmpty());
  fs::create_directories(At("empty/below"));
  EXPECT_EQ(Run("apply -f " + At("empty")), ExitCode::kNotFound);
  EXPECT_EQ(Run("apply"), ExitCode::kUsage);
}

TEST_F(DeployTest, SeveralProcessesHaveOneBundle) {
  Write(
      "processes/myapp/process.yml",
      "processes:\n  web:\n    command: x\n    depends_on: [worker]\n  worker:\n    command: y\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  EXPECT_THAT(Deployed(), ElementsAre("worker", "web"));
  EXPECT_EQ(Bundles().size(), 1U);
}

TEST_F(DeployTest, RevisionsDiffAndRollback) {
  WriteSeed();
  ASSERT_EQ(Register(), ExitCode::kOk);
  Write("processes/myapp/process.yml", std::string(kSeed) + "release: ./migrate\n");
  ASSERT_EQ(Register(), ExitCode::kOk);
  ASSERT_EQ(Run("diff myapp 1 2"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("+ release: ./migrate\n"));
  EXPECT_THAT(out(),
              ::testing::ContainsRegex("- bundle: [0-9a-f]{12}\n\\+ bundle: [0-9a-f]{12}\n"));
  ASSERT_EQ(Run("diff myapp 2"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "nothing differs\n");
  ASSERT_EQ(Run("diff myapp 1 2 -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "release\nbundle\n");
  EXPECT_EQ(Run("diff myapp 1 7"), ExitCode::kNotFound);
  EXPECT_EQ(err(), "There is none; `revisions myapp` lists them.\n");
  EXPECT_EQ(Run("diff myapp one"), ExitCode::kUsage);
  EXPECT_EQ(Run("rollback myapp 0"), ExitCode::kUsage);

  ASSERT_EQ(Run("rollback myapp"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("is deployed: revision 3, a rollback to 1\n"));
  ASSERT_EQ(Run("revisions myapp"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), ::testing::ContainsRegex("3  yes +deployed, rollback to 1"));
  EXPECT_LT(out().find("\n       3"), out().find("\n       2")) << out();
  ASSERT_EQ(Run("revisions myapp -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "3\n2\n1\n");
}

TEST_F(DeployTest, UnregisterAsksAndStopsFirst) {
  WriteSeed();
  ASSERT_EQ(Register(), ExitCode::kOk);
  answer_ = false;
  EXPECT_NE(Run("unregister myapp"), ExitCode::kOk);
  EXPECT_THAT(asked_, HasSubstr("Stop myapp ("));
  EXPECT_THAT(asked_, HasSubstr("and delete it, its revisions and its logs?"));
  answer_ = true;
  EXPECT_EQ(Run("unregister myapp"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("deleted myapp"));
  EXPECT_TRUE(daemon_.state.processes.empty());
}

TEST_F(DeployTest, DetailsOfAProcessHaveWhatItsDirectorySays) {
  Write("processes/myapp/process.yml",
        std::string(kSeed) + "labels: {team: web}\ndepends_on: {db: started}\n");
  ASSERT_EQ(Register(), ExitCode::kOk) << err();
  ASSERT_EQ(Run("ps -l myapp"), ExitCode::kOk) << err();
  for (const char* line :
       {"revision +1", "version +1.0", "domains +myapp.example.com\n", "labels +team=web",
        "depends on +db:started", "volumes +data:/app/data", "bundle +[0-9a-f]{12}\n"}) {
    EXPECT_THAT(out(), ::testing::ContainsRegex(line));
  }
}

TEST_F(DeployTest, DependenciesAsOptions) {
  ASSERT_EQ(Run("start web ./web --depends-on db --depends-on seed:completed"), ExitCode::kOk)
      << err();
  const v1::ProcessSpec& spec = daemon_.state.last_create.process().spec();
  ASSERT_EQ(spec.depends_on_size(), 2);
  EXPECT_EQ(spec.depends_on(0).condition(), v1::ProcessSpec::Dependency::CONDITION_READY);
  EXPECT_EQ(spec.depends_on(1).condition(), v1::ProcessSpec::Dependency::CONDITION_COMPLETED);
  ASSERT_EQ(Run("update web --depends-on ''"), ExitCode::kOk) << err();
  EXPECT_EQ(daemon_.state.last_update.process().spec().depends_on_size(), 0);
  EXPECT_THAT(daemon_.state.last_update.update_mask().paths(), ElementsAre("spec.depends_on"));
  for (const char* word : {"db:", "db:done", ":ready", "db:unspecified"}) {
    EXPECT_EQ(Run(std::string("update web --depends-on ") + word), ExitCode::kUsage) << word;
  }
}

}  // namespace
}  // namespace grpc_os::shell
