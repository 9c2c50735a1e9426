// Commands of objects as a user types them, against a daemon of records; transfers have a test of
// their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ObjectCommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  void OnTerminal() {
    is_terminal_ = true;
    NewSession(daemon_.address());
  }
  std::string Data(const std::string& name) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    const auto found = daemon_.state.objects.find(name);
    return found == daemon_.state.objects.end() ? "(none)" : found->second.data();
  }
  bool There(const std::string& name) { return Data(name) != "(none)"; }
};

TEST_F(ObjectCommandsTest, TheSeedsLines) {
  daemon_.AddObject("/config/app.json", "{}");
  EXPECT_EQ(Run("ls /"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("config/"));
  EXPECT_EQ(Run("ls /config"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("app.json"));
  EXPECT_EQ(Run("touch config.json '{\"port\": 8080}' --id obj_123"), ExitCode::kOk);
  EXPECT_EQ(out(), "wrote /config.json (obj_123), 14B, generation 102\n");
  EXPECT_EQ(Run("cat obj_123"), ExitCode::kOk);
  EXPECT_EQ(out(), "{\"port\": 8080}");
  EXPECT_EQ(Run("rm obj_123"), ExitCode::kOk);
  EXPECT_EQ(out(), "deleted obj_123\n");
  EXPECT_EQ(Run("cat obj_123"), ExitCode::kNotFound);
}

TEST_F(ObjectCommandsTest, NamesCountFromTheFolderOfTheShell) {
  daemon_.AddObject("/config/sites/a", "A");
  EXPECT_EQ(Run("pwd"), ExitCode::kOk);
  EXPECT_EQ(out(), "/\n");
  EXPECT_EQ(Run("cd config"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("cat sites/a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "A");
  EXPECT_EQ(Run("cd sites"), ExitCode::kOk);
  EXPECT_EQ(Run("pwd"), ExitCode::kOk);
  EXPECT_EQ(out(), "/config/sites\n");
  EXPECT_EQ(Run("touch b x"), ExitCode::kOk);
  EXPECT_EQ(Data("/config/sites/b"), "x");
  EXPECT_EQ(Run("cd -"), ExitCode::kOk);
  EXPECT_EQ(session_->directory(), "/config/");
  EXPECT_EQ(Run("cd ../.."), ExitCode::kOk);
  EXPECT_EQ(session_->directory(), "/");
  EXPECT_EQ(Run("cd nowhere"), ExitCode::kNotFound);
  EXPECT_EQ(Run("cd config/sites/a"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("`cat` shows what is in it"));
  EXPECT_EQ(session_->directory(), "/");
}

TEST_F(ObjectCommandsTest, ListsOfSeveralPagesInEveryFormat) {
  for (const char* name : {"/d/a", "/d/b", "/d/c", "/d/e/f", "/d/g"}) daemon_.AddObject(name, "x");
  EXPECT_EQ(Run("ls -o name /d"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/d/a\n/d/b\n/d/c\n/d/e/\n/d/g\n");
  EXPECT_EQ(Run("ls -o json /d"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"name\": \"/d/g\""), HasSubstr("\"revision\": \"105\"")));
  EXPECT_EQ(Run("ls -o jsonl /d"), ExitCode::kOk);
  const std::string lines = out();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5);
  EXPECT_EQ(Run("ls -l /d"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("GENERATION"), HasSubstr("application/octet-stream")));
  EXPECT_EQ(Run("ls /d /d/e nope"), ExitCode::kNotFound);
  EXPECT_THAT(out(), AllOf(HasSubstr("/d/:\n"), HasSubstr("/d/e/:\n")));
  EXPECT_THAT(err(), HasSubstr("There is no object /nope"));
}

TEST_F(ObjectCommandsTest, AnEmptyFolderSaysWhatToDoOnATerminalOnly) {
  daemon_.AddObject("/empty/", "");
  EXPECT_EQ(Run("ls /empty"), ExitCode::kOk);
  EXPECT_EQ(out(), "");
  OnTerminal();
  EXPECT_EQ(Run("ls /empty"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("`touch NAME DATA`"));
}

TEST_F(ObjectCommandsTest, PatternsMeanEveryNameThatTheyFit) {
  for (const char* name : {"/t/a.log", "/t/b.log", "/t/c.txt", "/u/d.log", "/t/pat*"}) {
    daemon_.AddObject(name, name);
  }
  EXPECT_EQ(Run("cat '/t/*.log'"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/t/a.log/t/b.log");
  EXPECT_EQ(Run("cat '/*/d.log'"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/u/d.log");
  EXPECT_EQ(Run("cat '/t/pat\\*'"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/t/pat*");
  EXPECT_EQ(Run("rm '/t/*.log' /t/a.log"), ExitCode::kOk) << err();
  EXPECT_FALSE(There("/t/a.log"));
  EXPECT_TRUE(There("/t/c.txt"));
  EXPECT_EQ(Run("rm '/t/*.log'"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("No object's name fits /t/*.log"));
}

TEST_F(ObjectCommandsTest, OneWrongNameDoesNotStopTheOthers) {
  daemon_.AddObject("/a", "A");
  daemon_.AddObject("/b", "B");
  EXPECT_EQ(Run("cat a nope b"), ExitCode::kNotFound);
  EXPECT_EQ(out(), "AB");
  EXPECT_THAT(err(), HasSubstr("/nope"));
}

TEST_F(ObjectCommandsTest, OlderContents) {
  daemon_.AddObject("/a", "one");
  daemon_.AddObject("/a", "two");
  EXPECT_EQ(Run("cat a@101 a@102 a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "onetwotwo");
  EXPECT_EQ(Run("cat a@7"), ExitCode::kNotFound);
  EXPECT_EQ(Run("history a"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("102  live"), HasSubstr("101  replaced")));
  EXPECT_EQ(Run("history -o name a"), ExitCode::kOk);
  EXPECT_EQ(out(), "/a@102\n/a@101\n");
  EXPECT_EQ(Run("stat a@101"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("replaced"));
  EXPECT_EQ(Run("cp -f a@101 a"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("copied /a@101 to /a"));
  EXPECT_EQ(Data("/a"), "one");
  EXPECT_EQ(Run("history nope"), ExitCode::kNotFound);
}

TEST_F(ObjectCommandsTest, TouchTakesWhatIsSaidOfTheObject) {
  EXPECT_EQ(Run("touch app {} --meta type=config --meta a=b=c --type application/json "
                "--expire 2030-01-01T00:00:00Z"),
            ExitCode::kOk)
      << err();
  EXPECT_EQ(Run("stat app"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("type        application/json"),
                           HasSubstr("metadata    a=b=c\nmetadata    type=config"),
                           HasSubstr("expires     2030-01-01 00:00:00 +0000")));
  // Without content only what is said changes.
  EXPECT_EQ(Run("touch app --type text/plain --expire never"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("touched /app"));
  EXPECT_EQ(Data("/app"), "{}");
  EXPECT_EQ(Run("stat app"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("text/plain"), HasSubstr("a=b=c")));
  EXPECT_EQ(Run("touch empty"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("created /empty"));
  EXPECT_EQ(Data("/empty"), "");
}

TEST_F(ObjectCommandsTest, TouchRefusesWhatMakesNoSense) {
  for (const char* line :
       {"touch a x --meta novalue", "touch a x --meta =v", "touch a x --expire soon",
        "touch a x --expire never", "touch a x --if-generation -1", "touch a x --if-generation one",
        "touch a x --id obj_1 --if-generation 0", "touch", "touch a b c"}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << line;
    EXPECT_NE(err(), "") << line;
  }
  EXPECT_EQ(Run("touch a " + std::string(65'537, 'x')), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`put FILE NAME`"));
  EXPECT_THAT(daemon_.calls(), IsEmpty());
}

TEST_F(ObjectCommandsTest, PreconditionsOfTouch) {
  EXPECT_EQ(Run("touch lock --if-generation 0"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("touch lock --if-generation 0"), ExitCode::kConflict);
  EXPECT_EQ(Run("touch lock mine --if-generation 7"), ExitCode::kConflict);
  EXPECT_EQ(Run("touch lock mine --if-generation 101"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/lock"), "mine");
  EXPECT_EQ(Run("touch none --if-generation 5"), ExitCode::kNotFound);
  EXPECT_FALSE(There("/none"));
}

TEST_F(ObjectCommandsTest, ALostAnswerIsAskedForAgainWithTheSameRequest) {
  daemon_.state.unavailable = 1;
  EXPECT_EQ(Run("touch a x"), ExitCode::kOk) << err();
  ASSERT_EQ(daemon_.state.request_ids.size(), 2U);
  EXPECT_EQ(daemon_.state.request_ids[0], daemon_.state.request_ids[1]);
  EXPECT_NE(daemon_.state.request_ids[0], "");
}

TEST_F(ObjectCommandsTest, MovingAndCopying) {
  daemon_.AddObject("/a", "A");
  daemon_.AddObject("/b", "B");
  daemon_.AddObject("/d/", "");
  EXPECT_EQ(Run("mv a c"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "moved /a to /c\n");
  EXPECT_EQ(Run("mv b c d"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/d/b"), "B");
  EXPECT_EQ(Data("/d/c"), "A");
  EXPECT_EQ(Run("cp d/b d/c"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("`cp -f`"));
  EXPECT_EQ(Run("cp -f d/b d/c"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/d/c"), "B");
  EXPECT_EQ(Run("cp d/b d/c nofolder"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`mkdir`"));
  // Into a folder by its id: under the object's name, not the id's.
  daemon_.AddObject("/e", "E").set_id("obj_e");
  EXPECT_EQ(Run("mv obj_e d"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/d/e"), "E");
}

TEST_F(ObjectCommandsTest, DeletingAsksForWhatIsMuchOrForGood) {
  daemon_.AddObject("/d/a", "A");
  daemon_.AddObject("/d/b", "B");
  EXPECT_EQ(Run("rm d"), ExitCode::kConflict);
  answer_ = false;
  EXPECT_EQ(Run("rm -r d"), ExitCode::kFailure);
  EXPECT_THAT(asked_, HasSubstr("2 objects, 2B"));
  EXPECT_THAT(err(), HasSubstr("is kept"));
  EXPECT_EQ(Run("rm --now d/a"), ExitCode::kFailure);
  EXPECT_THAT(asked_, HasSubstr("for good, with all versions?"));
  EXPECT_TRUE(There("/d/a"));
  EXPECT_EQ(Run("rm -r -y d"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("2 objects"));
  EXPECT_FALSE(There("/d/a"));
  EXPECT_EQ(Run("rm d/a"), ExitCode::kNotFound);
}

TEST_F(ObjectCommandsTest, WhatWasDeletedComesBack) {
  daemon_.AddObject("/a", "A");
  EXPECT_EQ(Run("rm a"), ExitCode::kOk);
  EXPECT_EQ(Run("undelete a nope"), ExitCode::kNotFound);
  EXPECT_THAT(out(), HasSubstr("brought back /a (obj_f"));
  EXPECT_EQ(Data("/a"), "A");
}

TEST_F(ObjectCommandsTest, FindAndDu) {
  for (const char* name : {"/d/a.json", "/d/e/b.json", "/d/c.txt", "/x"}) {
    daemon_.AddObject(name, "12345");
  }
  EXPECT_EQ(Run("find /d/ -name '*.json'"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/d/a.json\n/d/e/b.json\n");
  EXPECT_EQ(Run("cd d"), ExitCode::kOk);
  EXPECT_EQ(Run("find"), ExitCode::kOk);
  EXPECT_EQ(out(), "/d/a.json\n/d/c.txt\n/d/e/b.json\n");
  EXPECT_EQ(Run("find -o json --name c.txt"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("/d/c.txt"), Not(HasSubstr("a.json"))));
  EXPECT_EQ(Run("du"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("/d/"), HasSubstr("3   15B")));
}

TEST_F(ObjectCommandsTest, ContentsAreEscapedOnATerminalAndExactElsewhere) {
  const std::string evil("\x1b]0;owned\x07\x1b[2J\xc2\x9b\0\n", 19);
  daemon_.AddObject("/evil", evil);
  EXPECT_EQ(Run("cat evil"), ExitCode::kOk);
  EXPECT_EQ(out(), evil);
  OnTerminal();
  EXPECT_EQ(Run("cat evil"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\\x1b]0;owned\\x07\\x1b[2J"), Not(HasSubstr("\x1b")),
                           Not(HasSubstr("\xc2\x9b"))));
  EXPECT_EQ(Run("get evil -"), ExitCode::kOk);
  EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
  EXPECT_EQ(Run("cat --raw evil"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\x1b]0;owned"));
}

TEST_F(ObjectCommandsTest, NamesAndMetadataAreEscapedWhereverTheyAreShown) {
  const std::string name = "/n\x1b[2J\xc2\x9b\xe2\x80\xae";
  v1::Object& object = daemon_.AddObject(name, "x");
  object.set_id("obj_evil");
  object.set_owner("\x1b[31m");
  (*object.mutable_metadata())["\x1b]0;"] = "\x07";
  object.set_content_type("\x1b[1m");
  daemon_.AddObject(name, "y");
  for (const char* line : {"ls",
                           "ls -l",
                           "ls -o name",
                           "ls -o json",
                           "ls -o yaml",
                           "stat obj_evil",
                           "find",
                           "find -o jsonl",
                           "history obj_evil",
                           "history -o wide obj_evil",
                           "mv obj_evil '/m\x1b[2J'",
                           "cp obj_evil '/c\x1b[2J'",
                           "rm '/c\x1b[2J'",
                           "undelete '/c\x1b[2J'",
                           "touch '/t\x1b[2J' x",
                           "mkdir '/f\x1b[2J'",
                           "cat '/none\x1b[2J'",
                           "cd '/f\x1b[2J'",
                           "pwd",
                           "du '/f\x1b[2J'"}) {
    (void)Run(line);
    EXPECT_THAT(out() + err(), AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xc2\x9b")),
                                     Not(HasSubstr("\xe2\x80\xae"))))
        << line;
    EXPECT_TRUE(out() + err() != "" || line[0] == 'c') << line;
  }
}

TEST_F(ObjectCommandsTest, Quotas) {
  OnTerminal();
  EXPECT_EQ(Run("quota ls"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("No quotas."));
  EXPECT_EQ(Run("cd"), ExitCode::kOk);
  EXPECT_EQ(Run("quota set logs --objects 10 --bytes 1G"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("/logs/ may hold 10 objects and 1GiB"));
  EXPECT_EQ(daemon_.state.quotas["/logs/"].max_bytes(), int64_t{1} << 30);
  EXPECT_EQ(Run("quota list"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("/logs/"), HasSubstr("1GiB")));
  EXPECT_EQ(Run("quota ls -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "/logs/\n");
  EXPECT_EQ(Run("quota ls -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"maxObjects\": \"10\""));
  for (const char* line : {"quota set /a", "quota set /a --bytes lots", "quota set /a --objects 0",
                           "quota set --objects 5", "quota set /a --bytes 0", "quota sett /a"}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << line;
  }
  EXPECT_EQ(Run("quota delete /logs /nope"), ExitCode::kNotFound);
  EXPECT_THAT(out(), HasSubstr("removed the quota of /logs/"));
  EXPECT_THAT(daemon_.state.quotas, IsEmpty());
}

TEST_F(ObjectCommandsTest, ACheckNamesWhatIsDamaged) {
  v1::CheckObjectsResponse message;
  message.set_checked_count(5);
  message.set_checked_bytes(2048);
  daemon_.state.checks = {message, message};
  EXPECT_EQ(Run("fsck"), ExitCode::kUnavailable) << "not told to be done";
  EXPECT_THAT(err(), HasSubstr("Run it again"));
  daemon_.state.checks[1].set_done(true);
  EXPECT_EQ(Run("fsck"), ExitCode::kOk);
  EXPECT_EQ(out(), "5 contents, 2KiB, read; all are whole\n");
  EXPECT_THAT(daemon_.calls(), Contains("CheckObjects /"));
  v1::DamagedObject& damaged = *daemon_.state.checks[0].add_damaged();
  damaged.set_name("/a\x1b[2J");
  damaged.set_id("obj_a");
  damaged.set_generation(7);
  damaged.set_message("another sha256");
  EXPECT_EQ(Run("fsck"), ExitCode::kFailure);
  EXPECT_THAT(out(), AllOf(HasSubstr("damaged: /a\\x1b[2J@7 (obj_a): another sha256"),
                           HasSubstr("1 damaged"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(Run("fsck -o jsonl"), ExitCode::kFailure);
  EXPECT_THAT(out(), HasSubstr("\"generation\":\"7\""));
  EXPECT_EQ(Run("fsck -o json"), ExitCode::kFailure);
  EXPECT_THAT(out(), HasSubstr("\"checkedCount\": \"5\""));
}

}  // namespace
}  // namespace grpc_os::shell
