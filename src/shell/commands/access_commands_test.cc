// login with a password, user, role, sessions, token, audit, events, log-level.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "absl/strings/str_split.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"
#include "shell/commands/count.h"
#include "shell/commands/typed_commands.h"
#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPassword[] = "correct horse battery";

class AccessTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  AccessTest() { daemon_.AddUser("admin", "secure_password!", {"admin"}); }

  int Count(const std::string& call) {
    const auto calls = daemon_.calls();
    return static_cast<int>(std::count(calls.begin(), calls.end(), call));
  }
  std::string PasswordOf(const std::string& user) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    return daemon_.state.passwords[user];
  }
};

TEST_F(AccessTest, TheLogInOfTheSeed) {
  EXPECT_EQ(Run("login admin secure_password!"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "Logged in as admin (roles: admin), by password.\n");
  EXPECT_EQ(Run("whoami"), ExitCode::kOk);
  EXPECT_EQ(session_->user(), "admin");
  EXPECT_EQ(Run("logout"), ExitCode::kOk);
  EXPECT_EQ(Run("ps"), ExitCode::kDenied);
}

TEST_F(AccessTest, AMissingPasswordIsAskedFor) {
  secrets_ = {"secure_password!"};
  EXPECT_EQ(Run("login admin"), ExitCode::kOk) << err();
  EXPECT_EQ(asked_, "Password of admin: ");
  EXPECT_EQ(Run("login admin"), ExitCode::kInterrupted);  // nothing is typed but Ctrl-C
  can_type_secrets_ = false;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("login admin"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`login admin --password-stdin`"));
  input_ = {"secure_password!"};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("login admin --password-stdin"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("login admin --password-stdin"), ExitCode::kUsage);
}

TEST_F(AccessTest, AWrongPasswordIsDenied) {
  EXPECT_EQ(Run("login admin nonsense"), ExitCode::kDenied);
  EXPECT_EQ(err(),
            "The name or the password is wrong. Check the name and the password and try again.\n");
}

TEST_F(AccessTest, UsersAreMadeShownAndRemoved) {
  secrets_ = {kPassword, kPassword};
  EXPECT_EQ(Run("user add eva --role viewer -r operator"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "added eva (viewer, operator).\n");
  EXPECT_EQ(asked_, "New password of eva: The same again: ");
  EXPECT_EQ(PasswordOf("eva"), kPassword);
  EXPECT_EQ(Run("user ls"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("NAME"), HasSubstr("eva    active"), HasSubstr("viewer")));
  EXPECT_EQ(Run("user ls -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "admin\neva\n");
  EXPECT_EQ(Run("user show eva"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("roles     viewer, operator"));
  EXPECT_EQ(Run("user disable eva"), ExitCode::kOk);
  EXPECT_EQ(Run("user ls"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("eva    disabled"));
  EXPECT_EQ(Run("user enable eva"), ExitCode::kOk);
  EXPECT_EQ(Run("user rm eva"), ExitCode::kOk);
  EXPECT_EQ(out(), "removed eva\n");
  EXPECT_EQ(Run("user show eva"), ExitCode::kNotFound);
  EXPECT_EQ(err(), "No user eva. `user ls` lists all.\n");
}

TEST_F(AccessTest, WhatCannotBeIsToldWithTheCure) {
  secrets_ = {"", kPassword, "another one"};
  EXPECT_EQ(Run("user add eva"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("No password yet: `user passwd eva` sets one."));
  EXPECT_EQ(Run("user add bob"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("not the same"));
  can_type_secrets_ = false;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("user add eva"), ExitCode::kConflict);
  EXPECT_EQ(Run("user add bob --role king"), ExitCode::kNotFound);
  EXPECT_EQ(Run("user rm -y admin"), ExitCode::kConflict);
  EXPECT_EQ(err(), "admin is the last admin.\n");
  EXPECT_EQ(Run("user passwd eva"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`user passwd eva --password-stdin`"));
  EXPECT_EQ(Run("user"), ExitCode::kUsage);
  EXPECT_EQ(Run("user ad eva"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("Did you mean `user add`?"));
  EXPECT_EQ(Run("user --help"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("user passwd [NAME]"));
  EXPECT_EQ(Run("help user"), ExitCode::kOk);
  EXPECT_EQ(Run("help user add"), ExitCode::kOk);
  EXPECT_EQ(Run("sessions ned x"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("Did you mean `sessions end`?"));
}

TEST_F(AccessTest, RemovingAUserAsks) {
  daemon_.AddUser("eva", "", {});
  answer_ = false;
  EXPECT_EQ(Run("user rm eva"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("eva is kept"));
  EXPECT_EQ(Run("user show eva"), ExitCode::kOk);
}

TEST_F(AccessTest, APasswordOfOnesOwnNeedsTheOldOne) {
  EXPECT_EQ(Run("login admin secure_password!"), ExitCode::kOk);
  secrets_ = {"secure_password!", kPassword, kPassword};
  EXPECT_EQ(Run("user passwd"), ExitCode::kOk) << err();
  EXPECT_THAT(asked_, HasSubstr("Old password of admin: New password of admin: "));
  EXPECT_EQ(PasswordOf("admin"), kPassword);
  daemon_.AddUser("eva", "", {});
  input_ = {"the password of eva"};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("user passwd eva --password-stdin"), ExitCode::kOk) << err();
  EXPECT_EQ(PasswordOf("eva"), "the password of eva");
  input_ = {"wrong", "whatever it is"};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("user passwd --password-stdin"), ExitCode::kDenied);
  EXPECT_EQ(PasswordOf("admin"), kPassword);
}

TEST_F(AccessTest, RolesAreGrantedAndRevoked) {
  daemon_.AddUser("eva", "", {});
  EXPECT_EQ(Run("role grant eva viewer"), ExitCode::kOk);
  EXPECT_EQ(out(), "eva has viewer now\n");
  EXPECT_EQ(Run("role revoke eva viewer"), ExitCode::kOk);
  EXPECT_EQ(out(), "eva has no role now\n");
  EXPECT_EQ(Run("role grant nobody viewer"), ExitCode::kNotFound);
  EXPECT_EQ(Run("role grant eva king"), ExitCode::kNotFound);
  EXPECT_EQ(Run("role grant eva"), ExitCode::kUsage);
  EXPECT_EQ(Run("role ls"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("operator"), HasSubstr("process.read")));
}

TEST_F(AccessTest, SessionsAreListedAndEnded) {
  EXPECT_EQ(Run("sessions"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("ID"), HasSubstr("*  admin"), HasSubstr("uid 1000")));
  EXPECT_EQ(Run("sessions --user nobody -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "");
  daemon_.AddToken("eva");
  EXPECT_EQ(Run("token ls -o name"), ExitCode::kOk);
  const std::string id = out().substr(0, 32);
  EXPECT_EQ(Run("token rm " + id), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "ended " + id + "\n");
  EXPECT_EQ(Run("sessions end " + id), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("`sessions` lists those that are open."));
}

TEST_F(AccessTest, ATokenStandsAloneInAPipe) {
  EXPECT_EQ(Run("token create --label ci --ttl 1h --role viewer"), ExitCode::kOk) << err();
  const std::string token = out().substr(0, out().size() - 1);
  EXPECT_THAT(token, Not(HasSubstr("\n")));
  NewSession(daemon_.address(), {}, token);
  EXPECT_EQ(Run("whoami"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("by token"));
  EXPECT_EQ(Run("login admin secure_password!"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("unset GRPC_OS_TOKEN"));
  is_terminal_ = true;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("token create --ttl 1h"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("shown this once"), HasSubstr("GRPC_OS_TOKEN=… grpc-os ps"),
                           HasSubstr("`token rm aaa")));
  EXPECT_EQ(Run("token create -o name"), ExitCode::kOk);
  EXPECT_THAT(out(), Not(HasSubstr("GRPC_OS_TOKEN")));
  EXPECT_EQ(Run("token create --ttl soon"), ExitCode::kUsage);
}

TEST_F(AccessTest, TheAuditIsToldTheNewestLast) {
  for (int i = 3; i > 0; --i) {
    v1::AuditRecord& record = daemon_.state.audit.emplace_back();
    record.set_id(i);
    record.mutable_time()->set_seconds(1795399657 + i);
    record.set_user("admin");
    record.set_method("grpc_os.v1.ProcessService/StartProcess");
    record.set_resource("web");
    record.set_result(i == 2 ? "PERMISSION_DENIED" : "OK");
    record.set_reason(i == 2 ? "PERMISSION_MISSING" : "");
    record.set_count(i);
  }
  EXPECT_EQ(Run("audit -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "1\n2\n3\n");
  EXPECT_EQ(Run("audit"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("2026-11-23 02:07:38.000 +0000  admin"),
                           HasSubstr("PERMISSION_DENIED PERMISSION_MISSING (2 times)"),
                           HasSubstr("  StartProcess  "), Not(HasSubstr("grpc_os.v1"))));
  EXPECT_EQ(Run("audit -n 1 -o jsonl"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"id\":\"3\""));
  EXPECT_EQ(out().find('\n'), out().size() - 1);
  EXPECT_EQ(Run("audit --since 2026-11-23T02:07:40Z -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "3\n");
  EXPECT_EQ(Run("audit --user eva"), ExitCode::kOk);
  EXPECT_EQ(Count("ListAuditRecords eva"), 1);
  EXPECT_EQ(Run("audit --since lunch"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("2026-11-23T05:00:00Z"));
  EXPECT_EQ(Run("audit -n x"), ExitCode::kUsage);
}

TEST(SinceTest, HowLongAgoOrWhen) {
  EXPECT_EQ(ParseSince("1h", 7'200'000)->seconds(), 3600);
  EXPECT_EQ(ParseSince("1970-01-02", 0)->seconds(), 86'400);
  EXPECT_EQ(ParseSince("1970-01-01T01:00:00+01:00", 0)->seconds(), 0);
  EXPECT_EQ(ParseSince("1970-01-01 01:00:00 +0100", 0)->seconds(), 0) << "as it is shown";
  EXPECT_EQ(ParseSince("1970-01-01 01:00:00.250 +0100", 0)->nanos(), 250'000'000);
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  for (const char* text : {"2026-07-01T08:00", "2026-07-01 08:00:00", "2026-07-01T06:00:00Z"})
    EXPECT_EQ(ParseSince(text, 0)->seconds(), 1'782'885'600) << text;
  EXPECT_EQ(ParseSince("2026-11-30", 0)->seconds(), 1'795'993'200) << "the local day";
  ::setenv("TZ", "UTC0", 1);
  ::tzset();
  for (const char* bad :
       {"2026-02-30", "2026-07-01 08", "2026-07-01T08:00 +1", "12:00", "2026-07-01x"})
    EXPECT_FALSE(ParseSince(bad, 0).ok()) << bad;
  EXPECT_FALSE(ParseSince("", 0).ok());
  EXPECT_FALSE(ParseSince("2026-13-40", 0).ok());
}

class EventsTest : public AccessTest {
 protected:
  static v1::WatchResponse Message(int64_t revision, std::vector<std::string> names,
                                   bool synced = false, bool more = false) {
    v1::WatchResponse message;
    for (const std::string& name : names) {
      v1::Event& event = *message.add_events();
      event.set_revision(revision);
      event.mutable_time()->set_seconds(1795399657);
      event.set_kind("process");
      event.set_name(name);
      event.set_action("started");
      (*event.mutable_attributes())["pid"] = "7";
      (*event.mutable_attributes())["generation"] = "1";
    }
    message.set_revision(more ? revision - 1 : revision);
    message.set_synced(synced);
    message.set_more_of_revision(more);
    return message;
  }
};

TEST_F(EventsTest, TheLastOnesAndThenNoMore) {
  daemon_.state.events = {Message(10, {"a", "b"}), Message(11, {"c"}), Message(11, {}, true),
                          Message(12, {"later"})};
  EXPECT_EQ(Run("events -n 2 -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "b\nc\n");
  EXPECT_EQ(daemon_.state.watches[0].from_revision(), 3);  // the oldest that is kept
  EXPECT_EQ(Run("events --since 10 -k process -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "c\n");
  EXPECT_EQ(daemon_.state.watches[1].kinds(0), "process");
  EXPECT_EQ(Run("events"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("2026-11-23 02:07:37.000 +0000  11        process  c"));
  EXPECT_THAT(out(), HasSubstr("started             generation=1  pid=7\n"));
  EXPECT_EQ(Run("events -o yaml --since 10"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("---\nrevision: \"11\"\n"));
}

TEST_F(EventsTest, FollowedOverACutEachComesOnce) {
  daemon_.state.events = {Message(10, {"a", "b"}), Message(10, {}, true), Message(11, {"c"}),
                          Message(12, {"d"}, false, true), Message(12, {"e"})};
  daemon_.state.cut_stream_after = 4;  // in the middle of revision 12
  EXPECT_EQ(Run("events -f -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "a\nb\nc\nd\ne\n");
  ASSERT_EQ(daemon_.state.watches.size(), 2U);
  EXPECT_EQ(daemon_.state.watches[1].from_revision(), 11);
}

TEST_F(EventsTest, ARevisionThatIsNotKeptIsAnError) {
  EXPECT_EQ(Run("events --since 100000"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("`events` without --since"));
  EXPECT_EQ(Run("events --since 0"), ExitCode::kUsage);
  EXPECT_EQ(Run("events --since yesterday"), ExitCode::kUsage);
}

TEST_F(EventsTest, OfNamesActionsAndATime) {
  daemon_.state.events = {Message(10, {"web"}), Message(10, {}, true)};
  EXPECT_EQ(Run("events web db --since 12h --action exited -a deleted -o name"), ExitCode::kOk);
  const v1::WatchRequest& asked = daemon_.state.watches[0];
  EXPECT_THAT(asked.names(), ElementsAre("web", "db"));
  EXPECT_THAT(asked.actions(), ElementsAre("exited", "deleted"));
  EXPECT_THAT(asked.kinds(), IsEmpty());
  EXPECT_GT(asked.from_time().seconds(), 1'700'000'000);
  EXPECT_EQ(asked.from_revision(), 0);
  EXPECT_EQ(Run("events /config/a --since 2026-11-30T08:00Z -o name"), ExitCode::kOk);
  EXPECT_THAT(daemon_.state.watches[1].kinds(), ElementsAre("object"));
  EXPECT_EQ(daemon_.state.watches[1].from_time().seconds(), 1'796'025'600);
}

TEST_F(EventsTest, WhatBeganAtATimeGoesOnAtARevision) {
  daemon_.state.events = {Message(10, {"a"}), Message(11, {"b"}, true), Message(12, {"c"})};
  daemon_.state.cut_stream_after = 2;
  EXPECT_EQ(Run("events -f --since 1h -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "a\nb\nc\n");
  EXPECT_EQ(daemon_.state.watches[1].from_revision(), 11);
  EXPECT_FALSE(daemon_.state.watches[1].has_from_time());
}

TEST_F(EventsTest, AFollowerIsToldOfAGapAndOfTheEndOfWhatThereIs) {
  v1::WatchResponse snapshot = Message(9, {"b"});
  snapshot.mutable_events(0)->set_action("snapshot");
  daemon_.state.events = {snapshot, Message(10, {}, true), Message(11, {"c"})};
  EXPECT_EQ(Run("events -f --since 100000 -o jsonl"), ExitCode::kOk) << err();
  std::vector<std::string> lines = absl::StrSplit(out(), '\n');
  ASSERT_EQ(lines.size(), 5U) << out();
  EXPECT_THAT(lines[0], HasSubstr(R"({"gap":{)"));
  EXPECT_THAT(lines[0], HasSubstr(R"("reached":"100000")"));
  EXPECT_THAT(lines[1], HasSubstr(R"("action":"snapshot")"));
  EXPECT_EQ(lines[2], R"({"synced":{"revision":"10"}})");
  EXPECT_THAT(lines[3], HasSubstr(R"("name":"c")"));
  EXPECT_EQ(err(), "");
  EXPECT_EQ(Run("events -f --since 100000"), ExitCode::kOk);
  EXPECT_THAT(err(), AllOf(HasSubstr("after revision 100000"), HasSubstr("as of revision 10")));
  EXPECT_EQ(Run("events -f --since 100000 --kind object"), ExitCode::kFailure)
      << "there is no list of them to begin anew with";
  EXPECT_EQ(Run("events -f -o jsonl"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(R"({"synced":{"revision":"10"}})"));
  EXPECT_EQ(Run("events -o jsonl"), ExitCode::kOk);
  EXPECT_THAT(out(), Not(HasSubstr("synced")));
}

// What there is comes from its beginning: what came of it before the break may be gone by now.
TEST_F(EventsTest, ASnapshotThatBreaksOffIsBegunWithAnotherGap) {
  v1::WatchResponse snapshot = Message(9, {"b"});
  snapshot.mutable_events(0)->set_action("snapshot");
  snapshot.set_revision(0);
  daemon_.state.events = {snapshot, Message(10, {}, true)};
  daemon_.state.cut_stream_after = 1;
  EXPECT_EQ(Run("events -f --since 100000 -o jsonl"), ExitCode::kOk) << err();
  std::vector<std::string> lines = absl::StrSplit(out(), '\n');
  ASSERT_EQ(lines.size(), 6U) << out();
  for (size_t line : {0, 2}) EXPECT_THAT(lines[line], HasSubstr(R"({"gap":)"));
  for (size_t line : {1, 3}) EXPECT_THAT(lines[line], HasSubstr("snapshot"));
  EXPECT_THAT(lines[4], HasSubstr("synced"));
}

TEST_F(AccessTest, TheLogLevelIsShownAndSet) {
  EXPECT_EQ(Run("log-level"), ExitCode::kOk);
  EXPECT_EQ(out(), "info\n");
  EXPECT_EQ(Run("log-level debug"), ExitCode::kOk);
  EXPECT_EQ(out(), "the daemon logs debug now, it was info\n");
  EXPECT_EQ(Run("log-level loud"), ExitCode::kUsage);
  EXPECT_EQ(Run("log-level debgu"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("Did you mean debug?"));
}

TEST_F(AccessTest, TheConfigurationIsShownWithoutSecrets) {
  const auto add = [&](const char* name, const char* key, const char* value, bool secret,
                       const char* source) {
    v1::Setting& setting = *daemon_.state.configuration.add_settings();
    setting.set_name(name);
    setting.set_key(key);
    setting.set_value(value);
    setting.set_secret(secret);
    setting.set_is_set(*source != 0);
    setting.set_source(source);
  };
  add("GRPC_PORT", "grpc.port", "1\x1b[31m", false, "/etc/grpc-os/system.yml:3");
  add("JWT_SECRET", "", "hunter2", true, "environment");
  add("EDGE_ADDRESS", "edge.address", "", false, "");
  EXPECT_EQ(Run("config show"), ExitCode::kOk);
  EXPECT_EQ(out(),
            "SETTING       KEY           VALUE      SOURCE\n"
            "GRPC_PORT     grpc.port     1\\x1b[31m  /etc/grpc-os/system.yml:3\n"
            "JWT_SECRET    -             (secret)   environment\n"
            "EDGE_ADDRESS  edge.address  -          -\n");
  EXPECT_EQ(Run("config show edge.address grpc_port -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "EDGE_ADDRESS\nGRPC_PORT\n");
  EXPECT_EQ(Run("config show grpc.prot"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("Did you mean `grpc.port`?"));
  EXPECT_EQ(Run("config show ''"), ExitCode::kNotFound);
}

TEST_F(AccessTest, EveryListInEveryFormat) {
  daemon_.state.configuration.add_settings()->set_name("GRPC_PORT");
  daemon_.AddProcess("web", v1::Process::STATE_RUNNING);
  daemon_.state.audit.emplace_back().set_id(1);
  for (const char* command : {"ps", "user ls", "role ls", "sessions", "token ls", "audit", "status",
                              "whoami", "user show admin", "log-level", "config show"}) {
    for (const char* format : {"table", "wide", "json", "jsonl", "yaml", "name"}) {
      EXPECT_EQ(Run(std::string(command) + " -o " + format), ExitCode::kOk) << command << format;
      EXPECT_EQ(err(), "") << command << format;
    }
  }
  EXPECT_EQ(Run("user ls -o jsonl"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("{\"name\":\"admin\""), Not(HasSubstr("\"users\""))));
  EXPECT_EQ(Run("ps -o yaml"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("processes:\n  - id: proc_"));
  EXPECT_EQ(Run("ps -o wide"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("COMMAND"));
}

TEST_F(AccessTest, TablesFitTheTerminalUnlessTheyAreWide) {
  is_terminal_ = true;
  size_ = {.columns = 30, .rows = 10};
  NewSession(daemon_.address());
  daemon_.AddProcess("a-name-that-is-rather-long-for-a-process", v1::Process::STATE_RUNNING);
  const auto widest = [this] {
    size_t width = 0;
    std::string line;
    for (std::istringstream lines(out()); std::getline(lines, line);) {
      width = std::max(width, DisplayWidth(line));
    }
    return width;
  };
  EXPECT_EQ(Run("ps"), ExitCode::kOk);
  EXPECT_EQ(widest(), 30U);
  EXPECT_EQ(Run("ps -o wide"), ExitCode::kOk);
  EXPECT_GT(widest(), 100U);
}

TEST_F(AccessTest, WatchedOutputIsAppendedWhenItChanged) {
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  std::thread user([this] {
    const auto lists = [this](int at_least) {
      while (Count("ListProcesses") < at_least) std::this_thread::yield();
    };
    lists(3);
    daemon_.AddProcess("second", v1::Process::STATE_STOPPED);
    lists(Count("ListProcesses") + 3);
    session_->Interrupt();
  });
  EXPECT_EQ(Run("ps -o name --watch 0.1"), ExitCode::kInterrupted);
  user.join();
  EXPECT_EQ(out(), "web\nsecond\nweb\n");
  EXPECT_EQ(Run("ps --watch=lunch"), ExitCode::kUsage);
  EXPECT_EQ(Run("ps nobody --watch"), ExitCode::kNotFound);
}

}  // namespace
}  // namespace grpc_os::shell
