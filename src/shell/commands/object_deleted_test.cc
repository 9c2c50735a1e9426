// What was deleted, listed and brought back, as a user types it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/typed_commands.h"
#include "shell/live_names.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DeletedCommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  void MakeAndDelete(const std::vector<std::string>& names) {
    for (const std::string& name : names) daemon_.AddObject(name, "123");
    for (const std::string& name : names)
      ASSERT_EQ(Run("rm '" + name + "'"), ExitCode::kOk) << err();
  }
  bool There(const std::string& name) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    return daemon_.state.objects.contains(name);
  }
};

TEST_F(DeletedCommandsTest, WhatWasDeletedIsListedInEveryFormat) {
  MakeAndDelete({"/d/a", "/d/b", "/d/e/f", "/d/g", "/x"});
  daemon_.AddObject("/d/live", "x");
  EXPECT_EQ(Run("ls --deleted /d"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("NAME"), HasSubstr("SIZE"), HasSubstr("DELETED"),
                           HasSubstr("2023-11-14 22:15:"), HasSubstr("3B"), Not(HasSubstr("live")),
                           Not(HasSubstr("undelete")), Not(HasSubstr("OWNER"))));
  EXPECT_EQ(Run("ls --deleted -l /d"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("OWNER"), HasSubstr("GENERATION"), HasSubstr("obj_f")));
  EXPECT_EQ(Run("ls --deleted -o name /d"), ExitCode::kOk);
  EXPECT_EQ(out(), "/d/a\n/d/b\n/d/e/\n/d/g\n");
  EXPECT_EQ(Run("ls --deleted -o json /d"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"name\": \"/d/g\""), HasSubstr("\"retireTime\": \"2023-"),
                           HasSubstr("\"revision\": \"")));
  EXPECT_EQ(Run("ls --deleted -o jsonl /d"), ExitCode::kOk);
  const std::string lines = out();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
  EXPECT_EQ(Run("ls --deleted -o yaml /d"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("/d/e/"));
  EXPECT_EQ(Run("ls --deleted"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("d/"), HasSubstr("x ")));
  EXPECT_EQ(Run("find --deleted / -name f"), ExitCode::kOk);
  EXPECT_EQ(out(), "/d/e/f\n");
}

TEST_F(DeletedCommandsTest, NamesFoldersAndPatternsAreListed) {
  MakeAndDelete({"/a", "/ab", "/d/x.log", "/d/y.log", "/d/z"});
  EXPECT_EQ(Run("ls --deleted -o name a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/a\n");
  EXPECT_EQ(Run("ls --deleted -o name '/d/*.log' a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/d/x.log\n/d/y.log\n/a\n");
  EXPECT_EQ(Run("ls --deleted -o name '*'"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "/a\n/ab\n/d/\n") << "what a pattern found is shown itself";
  EXPECT_EQ(Run("ls --deleted 'nothing*'"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("No deleted object's name fits /nothing*"));
  EXPECT_EQ(Run("ls --deleted /nothing"), ExitCode::kOk);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(Run("ls --deleted obj_f1"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`history NAME`"));
  is_terminal_ = true;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("ls --deleted /nothing"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("Nothing that was deleted in /nothing/ can be brought back."));
  EXPECT_EQ(Run("ls --deleted /d"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("`undelete -r FOLDER` all below a folder."));
}

TEST_F(DeletedCommandsTest, NamesAndPatternsComeBackAndWhatDoesNotIsTold) {
  MakeAndDelete({"/a", "/d/x.log", "/d/y.log", "/d/z", "/d/e/f"});
  EXPECT_EQ(Run("undelete '/d/*.log' nope a"), ExitCode::kNotFound);
  EXPECT_THAT(out(), AllOf(HasSubstr("brought back /d/x.log (obj_f"),
                           HasSubstr("brought back /d/y.log"), HasSubstr("brought back /a")));
  EXPECT_THAT(err(), HasSubstr("/nope"));
  EXPECT_TRUE(There("/a") && There("/d/x.log") && There("/d/y.log"));
  EXPECT_FALSE(There("/d/z"));
  EXPECT_EQ(Run("undelete '/d/*.log'"), ExitCode::kNotFound) << "they are there";
  EXPECT_THAT(err(), HasSubstr("`ls --deleted`"));
  EXPECT_EQ(Run("undelete d/e"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("`undelete -r`"));
  EXPECT_EQ(Run("undelete '/d/*'"), ExitCode::kNotFound) << "the folder is told of";
  EXPECT_TRUE(There("/d/z"));
  EXPECT_FALSE(There("/d/e/f"));
}

TEST_F(DeletedCommandsTest, AFolderComesBack) {
  std::vector<std::string> names = {"/other"};
  for (int i = 0; i < 9; ++i) names.push_back(absl::StrCat("/d/", i % 2 == 0 ? "e/" : "", i));
  MakeAndDelete(names);
  EXPECT_EQ(Run("undelete -r /d"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "brought back /d/, 9 objects\n");
  for (size_t i = 1; i < names.size(); ++i) EXPECT_TRUE(There(names[i])) << names[i];
  EXPECT_FALSE(There("/other"));
  EXPECT_EQ(Run("undelete -r /d/"), ExitCode::kNotFound);
  EXPECT_THAT(err(), HasSubstr("Nothing that was deleted below /d/ can be brought back."));
  EXPECT_EQ(Run("undelete -r /other"), ExitCode::kOk) << "as rm -r does, an object too";
  EXPECT_EQ(Run("undelete -r /other@5"), ExitCode::kUsage);
  ASSERT_EQ(Run("rm -r -y /d"), ExitCode::kOk);
  EXPECT_EQ(Run("undelete -r -o name '/d*'"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("/d/1\n"), HasSubstr("/d/e/8\n")));
}

TEST_F(DeletedCommandsTest, WhatIsRefusedInAFolderDoesNotStopTheRest) {
  MakeAndDelete({"/d/a", "/d/b", "/d/c"});
  daemon_.state.undelete_taken = "/d/b";
  EXPECT_EQ(Run("undelete -r /d"), ExitCode::kConflict);
  EXPECT_EQ(out(), "brought back /d/, 2 objects\n");
  EXPECT_THAT(err(), HasSubstr("There is an object /d/b."));
  EXPECT_TRUE(There("/d/a") && There("/d/c"));
}

TEST_F(DeletedCommandsTest, NothingInNamesActsOnATerminal) {
  is_terminal_ = true;
  NewSession(daemon_.address());
  MakeAndDelete({"/f\x1b[2J/n\xc2\x9b\xe2\x80\xae"});
  for (const char* line :
       {"ls --deleted", "ls --deleted -l '/f*'", "ls --deleted -o name", "ls --deleted -o json",
        "ls --deleted -o yaml", "ls --deleted '/f\x1b[2J'", "ls --deleted '/none\x1b[2J'",
        "find --deleted", "undelete '/f*'", "undelete '/none\x1b[2J*'",
        "undelete -r '/none\x1b[2J'", "undelete -r '/f\x1b[2J'"}) {
    (void)Run(line);
    EXPECT_THAT(out() + err(), AllOf(Not(HasSubstr("\x1b[2J")), Not(HasSubstr("\xc2\x9b")),
                                     Not(HasSubstr("\xe2\x80\xae")), Not("")))
        << line;
  }
  EXPECT_TRUE(There("/f\x1b[2J/n\xc2\x9b\xe2\x80\xae"));
}

TEST_F(DeletedCommandsTest, DeletedNamesAreCompleted) {
  MakeAndDelete({"/d/a", "/d/e/f"});
  daemon_.AddObject("/d/live", "x");
  LiveNames names(*client::ParseAddress(daemon_.address()),
                  {.state_directory = directory_.path() + "/state"});
  // A machine that is busy answers late.
  const auto patiently = [&](const WordKind& kind) {
    std::vector<std::string> found;
    for (int i = 0; i < 200 && found.empty(); ++i) found = names.Of(kind, "/d/").names;
    return found;
  };
  EXPECT_THAT(patiently(kDeletedObjectWord), ElementsAre("a", "e/"));
  EXPECT_THAT(patiently(kObjectWord), ElementsAre("live"));
}

}  // namespace
}  // namespace grpc_os::shell
