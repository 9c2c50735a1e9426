// Commands as a user types them, against a daemon of records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/log_printer.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr auto kRunning = v1::Process::STATE_RUNNING;
constexpr auto kStopped = v1::Process::STATE_STOPPED;

class CommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;
};

TEST_F(CommandsTest, UnknownCommandsAreUsageErrorsWithAGuess) {
  EXPECT_EQ(Run("strat web"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("Did you mean `start`?"));
  EXPECT_EQ(Run("ps | wc"), ExitCode::kUsage);
  EXPECT_EQ(Run("ps \"x"), ExitCode::kUsage);
  EXPECT_EQ(Run("ps -o xml"), ExitCode::kUsage);
  EXPECT_EQ(Run("wait web --for lunch"), ExitCode::kUsage);
  EXPECT_EQ(Run("# nothing"), ExitCode::kOk);
  EXPECT_THAT(daemon_.calls(), IsEmpty());
}

TEST_F(CommandsTest, WhatIsTypedIsEscapedInErrors) {
  EXPECT_EQ(Run("'\x1b[2J'"), ExitCode::kUsage);
  EXPECT_THAT(err(), AllOf(HasSubstr("\\x1b[2J"), Not(HasSubstr("\x1b"))));
}

TEST_F(CommandsTest, AnInterruptBetweenTheLineAndItsCommandIsNotLost) {
  interrupt_pending_ = true;
  EXPECT_EQ(Run("ps"), ExitCode::kInterrupted);
  interrupt_pending_ = false;
  EXPECT_EQ(Run("ps"), ExitCode::kOk);
}

TEST_F(CommandsTest, ErrorsNameASystemThatTheCommandLineDoesNot) {
  target_.name = "/srv/two";
  target_.reason = "GRPC_OS_ADDRESS names it.";
  NewSession(daemon_.address());
  EXPECT_EQ(Run("kill web"), ExitCode::kNotFound);
  EXPECT_THAT(err(), Not(HasSubstr("GRPC_OS_ADDRESS"))) << "the prompt does";
  input_is_script_ = true;  // no prompt
  NewSession(daemon_.address());
  EXPECT_EQ(Run("kill web"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("That is the answer of " + daemon_.address() +
                               ": GRPC_OS_ADDRESS names it."));
  NewSession("unix:/nonexistent/run/api.sock");
  EXPECT_EQ(Run("kill web"), ExitCode::kUnavailable);
  EXPECT_THAT(err(), AllOf(HasSubstr("unix:/nonexistent/run/api.sock"),
                           HasSubstr("GRPC_OS_ADDRESS names it.")));
  target_ = {};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("kill web"), ExitCode::kNotFound);
  EXPECT_THAT(err(), Not(HasSubstr("That is the answer of")));
}

TEST_F(CommandsTest, HelpNeedsNoDaemon) {
  NewSession("no address");
  EXPECT_EQ(Run("help"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("start NAME"));
  EXPECT_EQ(Run("help start"), ExitCode::kOk);
  EXPECT_EQ(Run("start --help"), ExitCode::kOk);
  EXPECT_EQ(Run("help strat"), ExitCode::kUsage);
  EXPECT_EQ(Run("version"), ExitCode::kOk);
  EXPECT_EQ(Run("ps"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("none of unix:PATH, HOST:PORT"));
}

TEST_F(CommandsTest, LoginWhoamiLogout) {
  EXPECT_EQ(Run("whoami"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("admin (roles: admin)"));
  EXPECT_EQ(session_->user(), "admin");
  EXPECT_EQ(Run("logout"), ExitCode::kOk);
  EXPECT_EQ(session_->user(), std::nullopt);
  EXPECT_EQ(Run("ps"), ExitCode::kDenied);
  EXPECT_THAT(err(), HasSubstr("`login` logs in again"));
  EXPECT_EQ(Run("login admin hunter2"), ExitCode::kDenied);
  EXPECT_THAT(err(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(Run("ps"), ExitCode::kDenied);
  EXPECT_EQ(Run("login"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("Logged in as admin"));
  EXPECT_EQ(Run("ps"), ExitCode::kOk);
}

TEST_F(CommandsTest, PsInEveryFormat) {
  daemon_.AddProcess("web-1", kRunning);
  daemon_.AddProcess("web-2", kRunning);
  daemon_.AddProcess("job", kStopped);
  EXPECT_EQ(Run("ps"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("NAME"), HasSubstr("web-1"), HasSubstr("job")));
  EXPECT_EQ(Run("ps -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "job\nweb-1\nweb-2\n");
  EXPECT_EQ(Run("ps -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"processes\": ["), HasSubstr("\"revision\": \"17\""),
                           HasSubstr("\"nextPageToken\": \"\"")));
  EXPECT_EQ(Run("ps -o name 'web-*'"), ExitCode::kOk);
  EXPECT_EQ(out(), "web-1\nweb-2\n");
  EXPECT_EQ(Run("ps -l job"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("sleep 1000"));
}

TEST_F(CommandsTest, PsListsTheSystemsOwnWhereTheyAreAskedFor) {
  daemon_.AddProcess("web", kRunning);
  daemon_.AddProcess("grpc-os-nginx", kRunning).set_system(true);
  EXPECT_EQ(Run("ps -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "web\n");
  EXPECT_EQ(Run("ps --system -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "grpc-os-nginx\n");
  EXPECT_EQ(Run("ps --system -o name '*'"), ExitCode::kOk);
  EXPECT_EQ(out(), "grpc-os-nginx\n");
  EXPECT_EQ(Run("restart '*'"), ExitCode::kOk);
  EXPECT_THAT(out(), Not(HasSubstr("nginx")));
  EXPECT_EQ(Run("ps -l grpc-os-nginx"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("gRPC OS itself starts"));
}

TEST_F(CommandsTest, OneWrongNameDoesNotStopTheOthers) {
  daemon_.AddProcess("a", kRunning);
  daemon_.AddProcess("b", kRunning);
  EXPECT_EQ(Run("kill a nobody b 'x*'"), ExitCode::kNotFound);
  EXPECT_THAT(out(), AllOf(HasSubstr("stopped a"), HasSubstr("stopped b")));
  EXPECT_THAT(err(), AllOf(HasSubstr("No process nobody"), HasSubstr("fits x*")));
}

TEST_F(CommandsTest, PatternsMeanEachOnce) {
  daemon_.AddProcess("web-1", kRunning);
  daemon_.AddProcess("web-2", kRunning);
  EXPECT_EQ(Run("stop web-* web-1"), ExitCode::kOk);
  int stops = 0;
  for (const std::string& call : daemon_.calls()) stops += call.starts_with("StopProcess") ? 1 : 0;
  EXPECT_EQ(stops, 2);
}

TEST_F(CommandsTest, StartWithACommandCreates) {
  EXPECT_EQ(Run("start web \"python3 -m http.server\" PORT=8099 'NOTE=a b' --restart on-failure "
                "--stop-timeout 3s --stop-signal INT --stop-scope group --log-max 1M --id proc_x "
                "--user www --dir /srv"),
            ExitCode::kOk)
      << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("started web (proc_"), HasSubstr("`logs -f web`")));
  const auto& request = daemon_.state.last_create;
  const auto& spec = request.process().spec();
  EXPECT_EQ(spec.command(), "python3 -m http.server");
  EXPECT_EQ(spec.environment().at("PORT"), "8099");
  EXPECT_EQ(spec.environment().at("NOTE"), "a b");
  EXPECT_EQ(spec.restart_policy(), v1::ProcessSpec::RESTART_POLICY_ON_FAILURE);
  EXPECT_EQ(spec.stop_timeout().seconds(), 3);
  EXPECT_EQ(spec.stop_signal(), "INT");
  EXPECT_EQ(spec.stop_scope(), v1::ProcessSpec::STOP_SCOPE_GROUP);
  EXPECT_EQ(spec.log_max_bytes(), 1 << 20);
  EXPECT_EQ(spec.account(), "www");
  EXPECT_EQ(spec.working_directory(), "/srv");
  EXPECT_EQ(request.process_id(), "proc_x");
  EXPECT_EQ(request.caller_directory(), std::filesystem::current_path().string());
}

TEST_F(CommandsTest, StartSaysWhichPortAndWhatIsProbed) {
  EXPECT_EQ(Run("start web ./web --port 8080 --ready http:8081/health --ready-timeout 5s "
                "--liveness tcp --liveness-period 1m --liveness-timeout 2s --liveness-failures 7"),
            ExitCode::kOk)
      << err();
  const v1::ProcessSpec& spec = daemon_.state.last_create.process().spec();
  EXPECT_EQ(spec.port(), 8080);
  EXPECT_FALSE(spec.auto_port());
  EXPECT_EQ(spec.ready().http().path(), "/health");
  EXPECT_EQ(spec.ready().http().port(), 8081);
  EXPECT_EQ(spec.ready().timeout().seconds(), 5);
  EXPECT_TRUE(spec.liveness().has_tcp());
  EXPECT_EQ(spec.liveness().period().seconds(), 60);
  EXPECT_EQ(spec.liveness().timeout().seconds(), 2);
  EXPECT_EQ(spec.liveness().failures(), 7);
  EXPECT_EQ(Run("start any ./any --port auto --ready delay:2s"), ExitCode::kOk);
  EXPECT_TRUE(daemon_.state.last_create.process().spec().auto_port());
  EXPECT_EQ(daemon_.state.last_create.process().spec().ready().delay().seconds(), 2);
  for (const char* wrong :
       {"--port 0", "--port 65536", "--port http", "--ready https:/x", "--ready http:health",
        "--ready tcp:", "--ready tcp:x", "--ready delay:soon", "--liveness notify",
        "--liveness-failures 0", "--liveness-period soon"}) {
    EXPECT_EQ(Run(absl::StrCat("start bad ./bad ", wrong)), ExitCode::kUsage) << wrong;
  }
}

TEST_F(CommandsTest, StartWithoutACommandStartsWhatExists) {
  daemon_.AddProcess("a", kStopped);
  daemon_.AddProcess("b", kStopped);
  EXPECT_EQ(Run("start a"), ExitCode::kOk);
  EXPECT_EQ(Run("start a b"), ExitCode::kOk);
  EXPECT_EQ(Run("start '?'"), ExitCode::kOk);
  EXPECT_EQ(Run("start nobody"), ExitCode::kNotFound);
  for (const std::string& call : daemon_.calls()) EXPECT_THAT(call, Not(HasSubstr("Create")));
}

TEST_F(CommandsTest, WhatOtherProgramsCallACommandIsAnsweredWithOurs) {
  const std::pair<const char*, const char*> kWords[] = {
      {"log", "logs"},           {"top", "ps"},        {"list", "ps"}, {"tail", "logs"},
      {"exec", "run"},           {"remove", "delete"}, {"copy", "cp"}, {"lgos", "logs"},
      {"passwd", "user passwd"}, {"stpo", "stop"}};
  for (const auto& [word, command] : kWords) {
    EXPECT_EQ(Run(word), ExitCode::kUsage);
    EXPECT_THAT(err(), HasSubstr(std::string("Did you mean `") + command + "`?")) << word;
  }
  EXPECT_EQ(Run("status web"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`ps -l NAME` shows a process"));
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("rm web"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("`delete web` deletes the process"));
  for (const char* path : {"rm /tmp/web", "rm /web", "rm ./web"}) {
    EXPECT_EQ(Run(path), ExitCode::kNotFound);
    EXPECT_THAT(err(), Not(HasSubstr("delete web"))) << path << " means no process";
  }
}

TEST_F(CommandsTest, AVariableIsRefusedByItsName) {
  for (const char* line : {"start tmp \"sleep 9\" MY-VAR=1", "start d \"sleep 9\" discovery.type=x",
                           "start d \"sleep 9\" A=1 8X=2"}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage);
    EXPECT_THAT(err(), AllOf(HasSubstr("cannot be the name of a variable"),
                             HasSubstr("letters, digits and _"), Not(HasSubstr("Quote"))))
        << line;
  }
  EXPECT_THAT(err(), AllOf(HasSubstr("\"8X\""), HasSubstr("`start d 'env 8X=2 sleep 9'`")));
  EXPECT_EQ(Run("start d \"sleep 9\" =2"), ExitCode::kUsage);
  EXPECT_THAT(err(), AllOf(HasSubstr("has no name before its ="), Not(HasSubstr("env"))));
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("update web MY-VAR=1"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("cannot be the name of a variable"));
  // A command whose words are not quoted is still told so.
  EXPECT_EQ(Run("start web ls --color=never"), ExitCode::kUsage);
  EXPECT_EQ(Run("start web grep \"a b=c\""), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("quote it"));
  EXPECT_EQ(Run("start web ./run a/b=c"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("start web \"./run a/b=c\""));
  EXPECT_THAT(daemon_.state.last_create.process().name(), IsEmpty());
}

TEST_F(CommandsTest, TwoNamesOfWhichOneIsGoneMakeNoProcess) {
  daemon_.AddProcess("sleep", kStopped);
  EXPECT_EQ(Run("start web sleep"), ExitCode::kNotFound);
  EXPECT_THAT(err(), AllOf(HasSubstr("There is no process web"), HasSubstr("`start sleep`")));
  EXPECT_THAT(daemon_.calls(), Not(testing::Contains(HasSubstr("CreateProcess"))));
  EXPECT_THAT(daemon_.calls(), Not(testing::Contains(HasSubstr("StartProcess"))));
  // As its cure says.
  EXPECT_EQ(Run("start web sleep --restart always"), ExitCode::kOk) << err();
  EXPECT_EQ(daemon_.state.last_create.process().spec().command(), "sleep");
  EXPECT_EQ(Run("start two sleep 100"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("`start two 'sleep 100'` creates two"));
}

TEST_F(CommandsTest, AListOfNamesIsStartedWithoutThoseThatAreNone) {
  daemon_.AddProcess("a", kStopped);
  daemon_.AddProcess("b", kStopped);
  EXPECT_EQ(Run("start a nope b"), ExitCode::kNotFound);
  EXPECT_THAT(err(), AllOf(HasSubstr("nope"), Not(HasSubstr("quote"))));
  EXPECT_THAT(out(), AllOf(HasSubstr("started a"), HasSubstr("started b")));
  daemon_.AddProcess("c", kStopped);
  EXPECT_EQ(Run("start c nope"), ExitCode::kConflict);
  EXPECT_THAT(err(), AllOf(HasSubstr("none called nope"), HasSubstr("`start c`"),
                           HasSubstr("`update c --command nope`")));
  EXPECT_EQ(daemon_.state.processes["c"].status().state(), v1::Process::STATE_STOPPED);
}

TEST_F(CommandsTest, OfSeveralErrorsEachNamesItsProcess) {
  for (const char* name : {"one", "two"}) {
    daemon_.AddProcess(name, kStopped)
        .mutable_spec()
        ->set_restart_policy(v1::ProcessSpec::RESTART_POLICY_NEVER);
  }
  daemon_.state.exec_fails = true;
  EXPECT_EQ(Run("start one two"), ExitCode::kConflict);
  EXPECT_THAT(err(), AllOf(HasSubstr("one: The command could not be started"),
                           HasSubstr("two: The command could not be started"),
                           HasSubstr("last exit: not executed")));
}

TEST_F(CommandsTest, APatternSignalsWhatRuns) {
  daemon_.AddProcess("old", kStopped);
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("signal '*' HUP"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("left old as it is (stopped)"), HasSubstr("sent HUP to web")));
}

TEST_F(CommandsTest, NamesAreStoppedTogetherAsAPatternIs) {
  for (const char* name : {"a", "b", "c", "d"}) daemon_.AddProcess(name, kRunning);
  daemon_.state.stops_at_once = 4;
  EXPECT_EQ(Run("stop d a c b"), ExitCode::kOk) << err();
  const std::string text = out();
  std::string order;
  for (size_t at = 0; (at = text.find("stopped ", at)) != std::string::npos; at += 8) {
    order.push_back(text[at + 8]);
  }
  EXPECT_EQ(order, "dacb") << "told in the order of the words";
}

TEST_F(CommandsTest, WhatHadEndedIsNotStopped) {
  daemon_.AddProcess("job", v1::Process::STATE_EXITED);
  daemon_.AddProcess("web", kRunning);
  daemon_.AddProcess("old", kStopped);
  EXPECT_EQ(Run("stop '*'"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("stopped web"), HasSubstr("did not run: it is exited, exit 0"),
                           HasSubstr("did not run: it is stopped"), Not(HasSubstr("stopped job")),
                           Not(HasSubstr("stopped old"))));
}

TEST_F(CommandsTest, APatternDoesNotRunAFinishedJobAgain) {
  daemon_.AddProcess("job", v1::Process::STATE_EXITED);
  daemon_.AddProcess("web", kStopped);
  EXPECT_EQ(Run("start '*'"), ExitCode::kOk) << err();
  EXPECT_THAT(out(),
              AllOf(HasSubstr("started web"), HasSubstr("left job as it is (exited, exit 0)")));
  EXPECT_EQ(daemon_.state.processes["job"].status().state(), v1::Process::STATE_EXITED);
  EXPECT_EQ(Run("start '*'"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("runs already, pid 4243"));
  EXPECT_EQ(Run("start 'j*' job"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("started job")) << "it is named";
}

TEST_F(CommandsTest, APatternRestartsWhatIsMeantToRun) {
  daemon_.AddProcess("job", v1::Process::STATE_EXITED);
  daemon_.AddProcess("old", kStopped);
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("restart '*'"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("restarted web"), HasSubstr("left old as it is (stopped)")));
  EXPECT_EQ(daemon_.state.processes["job"].status().state(), v1::Process::STATE_EXITED);
  EXPECT_EQ(Run("restart old"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("restarted old"));
}

TEST_F(CommandsTest, AJobThatHasEndedAlreadyHasNoPid) {
  daemon_.state.ends_at_once = true;
  EXPECT_EQ(Run("start job \"true\" --restart never"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("it has ended already: exit 0"), HasSubstr("`logs job`"),
                           Not(HasSubstr("pid 0"))));
  EXPECT_EQ(Run("restart job"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), Not(HasSubstr("pid 0")));
}

TEST_F(CommandsTest, StartTellsWhatIsMissing) {
  EXPECT_EQ(Run("start web PORT=1"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("Which command?"));
  EXPECT_EQ(Run("start web python3 app.py"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("start web \"python3 app.py\""));
  EXPECT_EQ(Run("start web \"sleep 1\" A=1 B"), ExitCode::kUsage);
  EXPECT_EQ(Run("start web \"sleep 1\" --restart sometimes"), ExitCode::kUsage);
  EXPECT_EQ(Run("start web \"sleep 1\" --stop-timeout soon"), ExitCode::kUsage);
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("start web \"sleep 1\""), ExitCode::kConflict);
}

TEST_F(CommandsTest, WhatCannotBeExecutedNowIsNotSaidToRun) {
  daemon_.AddProcess("web", kRunning);
  daemon_.state.exec_fails = true;
  for (const std::string command : {"restart web", "start web"}) {
    EXPECT_EQ(Run(command), ExitCode::kFailure);
    EXPECT_EQ(out(), "");
    EXPECT_THAT(err(), AllOf(HasSubstr("web could not be executed now:"),
                             HasSubstr("state: backoff (cannot execute 'x': No such file"),
                             HasSubstr("it is tried again by itself; `restart web`")));
  }
  EXPECT_EQ(Run("restart web -o json"), ExitCode::kFailure);
  EXPECT_THAT(out(), HasSubstr("STATE_BACKOFF"));
}

TEST_F(CommandsTest, AFailedStartShowsTheExitAndTheLog) {
  auto& process = daemon_.AddProcess("web", kStopped);
  process.mutable_spec()->set_restart_policy(v1::ProcessSpec::RESTART_POLICY_NEVER);
  daemon_.state.log = {LogMessage("Traceback\x1b[0m", "1:1")};
  daemon_.state.exec_fails = true;
  EXPECT_EQ(Run("start web"), ExitCode::kConflict);
  EXPECT_THAT(err(), AllOf(HasSubstr("No such file"), HasSubstr("last exit: not executed"),
                           HasSubstr("Traceback\\x1b[0m"), HasSubstr("state: failed")));
  EXPECT_EQ(Run("start new \"nonsense\""), ExitCode::kConflict);
  EXPECT_THAT(err(), Not(HasSubstr("last exit")));
}

TEST_F(CommandsTest, UpdateReadsChangesAndWritesBack) {
  auto& process = daemon_.AddProcess("web", kRunning);
  (*process.mutable_spec()->mutable_environment())["KEEP"] = "1";
  (*process.mutable_spec()->mutable_environment())["DROP"] = "1";
  daemon_.state.etag_mismatches = 2;
  EXPECT_EQ(Run("update web PORT=8098 --unset DROP --restart never"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("generation 2"), HasSubstr("restart web")));
  const auto& request = daemon_.state.last_update;
  EXPECT_THAT(request.update_mask().paths(),
              UnorderedElementsAre("spec.environment", "spec.restart_policy"));
  EXPECT_EQ(request.process().etag(), "e1");
  const auto& environment = request.process().spec().environment();
  EXPECT_EQ(environment.at("PORT"), "8098");
  EXPECT_EQ(environment.count("KEEP"), 1U);
  EXPECT_EQ(environment.count("DROP"), 0U);
}

TEST_F(CommandsTest, SecretsComeFromTheLineTheEnvironmentOrTheTerminal) {
  secrets_ = {"typed"};
  ASSERT_EQ(setenv("GRPC_OS_TEST_EXPORTED", "exported", 1), 0);
  EXPECT_EQ(Run("start web \"sleep 1\" PORT=80 HERE=there --secret GIVEN=a=b --secret HERE "
                "--secret GRPC_OS_TEST_EXPORTED --secret GRPC_OS_TEST_TYPED"),
            ExitCode::kOk)
      << err();
  unsetenv("GRPC_OS_TEST_EXPORTED");
  EXPECT_EQ(asked_, "Value of GRPC_OS_TEST_TYPED: ");
  const auto& spec = daemon_.state.last_create.process().spec();
  EXPECT_THAT(spec.secret_environment(),
              UnorderedElementsAre("GIVEN", "HERE", "GRPC_OS_TEST_EXPORTED", "GRPC_OS_TEST_TYPED"));
  EXPECT_EQ(spec.environment().at("GIVEN"), "a=b");
  EXPECT_EQ(spec.environment().at("HERE"), "there");
  EXPECT_EQ(spec.environment().at("GRPC_OS_TEST_EXPORTED"), "exported");
  EXPECT_EQ(spec.environment().at("GRPC_OS_TEST_TYPED"), "typed");
  EXPECT_EQ(spec.environment().at("PORT"), "80");
}

TEST_F(CommandsTest, ASecretThatNobodyGivesIsAskedForInVain) {
  can_type_secrets_ = false;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("start web \"sleep 1\" --secret GRPC_OS_TEST_NONE"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("no GRPC_OS_TEST_NONE in the environment"));
  EXPECT_EQ(Run("start web \"sleep 1\" --secret hunter-2"), ExitCode::kUsage);
  EXPECT_THAT(err(), Not(HasSubstr("hunter")));
  EXPECT_EQ(Run("start web --secret A=b"), ExitCode::kUsage);
  EXPECT_THAT(daemon_.calls(), IsEmpty());
  can_type_secrets_ = true;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("start web \"sleep 1\" --secret GRPC_OS_TEST_NONE"), ExitCode::kInterrupted);
}

TEST_F(CommandsTest, UpdateKeepsSecretsAndTakesThemAway) {
  auto& process = daemon_.AddProcess("web", kRunning);
  for (const char* name : {"OLD", "KEPT"}) {
    (*process.mutable_spec()->mutable_environment())[name] = "";
    process.mutable_spec()->add_secret_environment(name);
  }
  EXPECT_EQ(Run("update web --secret NEW=x --unset OLD OLD=open"), ExitCode::kOk) << err();
  const auto& request = daemon_.state.last_update;
  EXPECT_THAT(request.update_mask().paths(),
              UnorderedElementsAre("spec.environment", "spec.secret_environment"));
  const auto& spec = request.process().spec();
  EXPECT_THAT(spec.secret_environment(), UnorderedElementsAre("KEPT", "NEW"));
  EXPECT_EQ(spec.environment().at("KEPT"), "");
  EXPECT_EQ(spec.environment().at("NEW"), "x");
  EXPECT_EQ(spec.environment().at("OLD"), "open");
}

TEST_F(CommandsTest, UpdateGivesUpAfterFiveConflicts) {
  daemon_.AddProcess("web", kRunning);
  daemon_.state.etag_mismatches = 5;
  EXPECT_EQ(Run("update web A=1"), ExitCode::kConflict);
  EXPECT_EQ(daemon_.state.etag_mismatches, 0);
  EXPECT_EQ(Run("update web"), ExitCode::kUsage);
  EXPECT_EQ(Run("update web nonsense"), ExitCode::kUsage);
}

TEST_F(CommandsTest, SignalTakesItsSignalLast) {
  daemon_.AddProcess("a", kRunning);
  daemon_.AddProcess("b", kRunning);
  EXPECT_EQ(Run("signal a b HUP"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("sent HUP to a, pid 4242"), HasSubstr("to b")));
}

TEST_F(CommandsTest, WaitTellsTheOutcome) {
  daemon_.AddProcess("web", kRunning);
  daemon_.AddProcess("job", kStopped);
  EXPECT_EQ(Run("wait web --for running"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("web is running"));
  EXPECT_EQ(Run("wait web --for exited --timeout 0"), ExitCode::kTimeout);
  EXPECT_THAT(err(), HasSubstr("web is not exited but running"));
  EXPECT_EQ(Run("wait job"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("state: stopped"));
}

TEST_F(CommandsTest, DeleteAsksAndKeepsOnNo) {
  daemon_.AddProcess("web", kStopped);
  answer_ = false;
  EXPECT_EQ(Run("delete web"), ExitCode::kFailure);
  EXPECT_THAT(asked_, HasSubstr("Delete web"));
  EXPECT_THAT(err(), HasSubstr("web is kept"));
  asked_.clear();
  EXPECT_EQ(Run("delete -y web"), ExitCode::kOk);
  EXPECT_EQ(asked_, "");
  EXPECT_EQ(Run("delete -y web"), ExitCode::kNotFound);
}

TEST_F(CommandsTest, DeleteNeedsForceForARunningOne) {
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("delete -y web"), ExitCode::kConflict);
  EXPECT_EQ(Run("delete -y --force web"), ExitCode::kOk);
}

TEST_F(CommandsTest, OneNameGivesOneJsonObjectAndSeveralAList) {
  daemon_.AddProcess("web", kRunning);
  EXPECT_EQ(Run("kill web -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"name\": \"web\""), Not(HasSubstr("\"processes\""))));
  EXPECT_EQ(Run("kill 'w*' -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"processes\""));
}

TEST_F(CommandsTest, StatusShowsTheSystem) {
  EXPECT_EQ(Run("status"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("9.9.9"), HasSubstr("v2")));
  EXPECT_EQ(Run("status -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"cgroupMode\": \"v2\""));
}

TEST_F(CommandsTest, StatusTellsWhyASystemIsHeldAndResumeEndsIt) {
  Run("status");
  EXPECT_THAT(out(), Not(HasSubstr("held")));
  daemon_.state.held = "it is a copy of /srv/a, which is still there";
  EXPECT_EQ(Run("status"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("2 processes, because it is a copy of /srv/a, which is still there; "
                               "`resume` lets them run"));
  EXPECT_EQ(Run("resume"), ExitCode::kOk);
  EXPECT_EQ(out(), "2 processes are being started\n");
  EXPECT_EQ(Run("resume"), ExitCode::kOk);
  EXPECT_EQ(out(), "no process was held\n");
  EXPECT_EQ(Run("resume -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"resumedCount\": 0"));
}

TEST_F(CommandsTest, OutsideOfTheShellCommandsAreGivenAsTheyAreTypedThere) {
  auto& process = daemon_.AddProcess("web", v1::Process::STATE_CRASH_LOOPING);
  process.mutable_spec()->set_command("sh -c `kill x`");
  process.mutable_status()->set_unsaved(true);
  daemon_.state.held = "it is a copy";
  daemon_.state.exec_fails = true;
  input_is_script_ = true;
  NewSession(daemon_.address());
  Run("status");
  EXPECT_THAT(out(), HasSubstr("`grpc-os resume` lets them run"));
  Run("ps -l web");
  EXPECT_THAT(out(),
              AllOf(HasSubstr("`grpc-os logs web` shows why"), HasSubstr("then `grpc-os res"),
                    HasSubstr("`grpc-os status` shows"), HasSubstr("sh -c `kill x`")));
  Run("restart web");
  EXPECT_THAT(err(), HasSubstr("`grpc-os restart web` tries at once"));
  // Those of errors, of this program and of the daemon.
  Run("kill 'x*'");
  EXPECT_THAT(err(), HasSubstr("`grpc-os ps` lists all."));
  Run("kill nobody");
  EXPECT_THAT(err(), HasSubstr("`grpc-os ps` lists all."));
  Run("start d \"sleep 9\" discovery.type=x");
  EXPECT_THAT(err(), HasSubstr("`grpc-os start d 'env discovery.type=x sleep 9'`"));
  NewSession("unix:" + directory_.path() + "/elsewhere/run/api.sock");
  Run("ps");
  EXPECT_THAT(err(), Not(HasSubstr("grpc-os grpc-os"))) << "what is no command stays as it is";
}

TEST_F(CommandsTest, ADaemonAwayIsOneLineAndExitSix) {
  NewSession("unix:" + directory_.path() + "/elsewhere/run/api.sock");
  EXPECT_EQ(Run("ps"), ExitCode::kUnavailable);
  EXPECT_THAT(err(), AllOf(HasSubstr("There is none in it yet; make one with `grpc-os-init"),
                           Not(HasSubstr("`make"))));
  std::filesystem::create_directories(directory_.path() + "/elsewhere");
  std::ofstream(directory_.path() + "/elsewhere/grpc-os.db") << "";
  EXPECT_EQ(Run("ps"), ExitCode::kUnavailable);
  EXPECT_THAT(err(), HasSubstr("Start it with `grpc-os-init --data-dir " + directory_.path()));
  const std::string text = err();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(Run("kill a b c"), ExitCode::kUnavailable);
  const std::string second = err();
  EXPECT_EQ(std::count(second.begin(), second.end(), '\n'), 1);
}

TEST_F(CommandsTest, TooLateIsExitSeven) {
  Run("whoami");
  daemon_.state.hang = true;
  EXPECT_EQ(Run("status --timeout 0.05"), ExitCode::kTimeout);
}

TEST_F(CommandsTest, LogsResumeWhereTheyWereCut) {
  daemon_.state.log = {LogMessage("one", "1:1"), LogMessage("two", "1:2"),
                       LogMessage("three", "1:3")};
  daemon_.state.cut_stream_after = 2;
  EXPECT_EQ(Run("logs -f web -n 7"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "one\ntwo\nthree\n");
  ASSERT_EQ(daemon_.state.tails.size(), 2U);
  EXPECT_EQ(daemon_.state.tails[0].lines(), 7);
  EXPECT_EQ(daemon_.state.tails[1].cursor(), "1:2");
  EXPECT_EQ(Run("logs web -n -1"), ExitCode::kUsage);
  EXPECT_EQ(Run("logs web -n 0"), ExitCode::kOk);
  EXPECT_EQ(daemon_.state.tails.back().lines(), -1);
}

TEST_F(CommandsTest, ALogThatWasFollowedToItsEndSaysWhy) {
  daemon_.AddProcess("job", v1::Process::STATE_EXITED);
  daemon_.state.log = {LogMessage("one", "1:1")};
  EXPECT_EQ(Run("logs -f job"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "one\n");
  EXPECT_EQ(err(), "-- job is exited, exit 0: nothing more will come\n");
  EXPECT_EQ(Run("logs job"), ExitCode::kOk);
  EXPECT_EQ(err(), "");
  EXPECT_EQ(Run("logs -f gone"), ExitCode::kOk) << "deleted meanwhile";
  EXPECT_THAT(err(), HasSubstr("gone was deleted"));
}

TEST_F(CommandsTest, ALineIsTextInJsonAndItsBytesWhereItIsNone) {
  v1::TailLogsResponse message = LogMessage("h\u00e9llo", "1:1");
  message.mutable_lines(0)->clear_text();
  message.mutable_lines(0)->set_raw("caf\xe9");
  daemon_.state.log = {LogMessage("h\u00e9llo \"w\"", "1:1"), message};
  EXPECT_EQ(Run("logs web -o jsonl"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("\"text\":\"h\u00e9llo \\\"w\\\"\""),
                           HasSubstr("\"raw\":\"Y2Fm6Q==\"")));
  EXPECT_EQ(Run("logs web"), ExitCode::kOk);
  EXPECT_EQ(out(), "h\u00e9llo \"w\"\ncaf\xe9\n");
}

class LogPrinterTest : public ::testing::Test {
 protected:
  static v1::LogLine Line(const std::string& text, bool partial,
                          v1::LogLine::Stream stream = v1::LogLine::STREAM_STDOUT) {
    v1::LogLine line;
    line.set_text(text);
    line.set_partial(partial);
    line.set_stream(stream);
    line.mutable_time()->set_seconds(1);
    return line;
  }

  std::stringstream out_;
  std::stringstream err_;
  Console console_{.out = out_, .err = err_};
};

TEST_F(LogPrinterTest, JoinsPartsAcrossOtherStreams) {
  LogPrinter printer(console_, false);
  printer.Print(Line("a", true));
  printer.Print(Line("error", false, v1::LogLine::STREAM_STDERR));
  printer.Print(Line("b", true));
  printer.Print(Line("c", false));
  printer.Finish();
  EXPECT_EQ(out_.str(), "error\nabc\n");
}

TEST_F(LogPrinterTest, APromptIsShownAndGoesOn) {
  LogPrinter printer(console_, true);
  printer.Print(Line("Name? ", true));
  printer.Pause();
  EXPECT_EQ(out_.str(), "1970-01-01 00:00:01.000 +0000 Name? ");
  printer.Print(Line("x", true));
  printer.Pause();
  printer.Print(Line("oops", false, v1::LogLine::STREAM_STDERR));
  printer.Finish();
  EXPECT_EQ(out_.str(),
            "1970-01-01 00:00:01.000 +0000 Name? x\n1970-01-01 00:00:01.000 +0000 oops\n");
}

TEST_F(LogPrinterTest, ALineThatItsRunDidNotEndIsShownOnceAndWhole) {
  LogPrinter printer(console_, false);
  printer.Print(Line("FATAL", true));
  printer.Pause();
  printer.Print(Line("stopping (TERM)", false, v1::LogLine::STREAM_SYSTEM));
  printer.Print(Line("", false));
  printer.Print(Line("", false));
  printer.Print(Line("last words", true));
  printer.Print(Line("exited with code 3", false, v1::LogLine::STREAM_SYSTEM));
  printer.Print(Line("", false));
  printer.Print(Line("next run", false));
  EXPECT_EQ(out_.str(), "FATAL\n\nlast words\nnext run\n");
}

TEST_F(LogPrinterTest, RawWhenPipedEscapedOnATerminal) {
  LogPrinter(console_, false).Print(Line("\x1b]0;x\a\t\xff", false));
  EXPECT_EQ(out_.str(), "\x1b]0;x\a\t\xff\n");
  out_.str("");
  console_.out_is_terminal = true;
  LogPrinter(console_, false).Print(Line("\x1b]0;x\a\t\xff", false));
  EXPECT_EQ(out_.str(), "\\x1b]0;x\\x07\t\\xff\n");
}

TEST_F(LogPrinterTest, NotesOfTheSystemGoToStandardError) {
  LogPrinter printer(console_, false);
  printer.Print(Line("started", false, v1::LogLine::STREAM_SYSTEM));
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "-- started\n");
}

}  // namespace
}  // namespace grpc_os::shell
