#include "supervise/exec_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/utf8.h"

namespace grpc_os::supervise {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ExecFailureTest : public ::testing::Test {
 protected:
  ExecFailureTest() {
    std::string name = (fs::temp_directory_path() / "exec_failure_test.XXXXXX").string();
    root_ = mkdtemp(name.data());
    fs::create_directories(root_ + "/bin");
    command_.working_directory = root_;
    command_.environment = {"PATH=/no/such:" + root_ + "/bin"};
  }
  ~ExecFailureTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text, mode_t mode = 0755) {
    std::ofstream(root_ + "/" + name) << text;
    chmod((root_ + "/" + name).c_str(), mode);
  }
  std::string Describe(const std::string& program, int error_number) {
    command_.argv = {program};
    const std::string explanation = ExplainExecFailure(command_, error_number);
    return DescribeExecFailure(command_, {"exec", error_number, explanation});
  }

  std::string root_;
  Command command_;
};

TEST_F(ExecFailureTest, SaysWhichPathWasSearchedAndWhatIsThere) {
  Write("bin/python3", "#!/bin/sh\n");
  Write("bin/python3.11", "#!/bin/sh\n");
  Write("bin/python-notes", "text", 0644);
  EXPECT_EQ(Describe("python", ENOENT),
            "cannot execute 'python': No such file or directory (exec); there is python3, "
            "python3.11; name the program by its path, or set PATH, which is /no/such:" +
                root_ + "/bin");
  EXPECT_THAT(Describe("node", ENOENT), ::testing::Not(HasSubstr("there is")));
}

TEST_F(ExecFailureTest, KnowsAScriptWithLineEndsOfWindows) {
  Write("app", "#!/bin/sh\r\necho\r\n");
  EXPECT_THAT(Describe("./app", ENOENT),
              AllOf(HasSubstr("CR LF"), EndsWith("sed -i 's/\\r$//' " + root_ + "/./app")));
}

TEST_F(ExecFailureTest, KnowsAScriptWithoutItsInterpreter) {
  Write("app", "#! /opt/none/python -u\nprint()\n");
  EXPECT_THAT(Describe("./app", ENOENT),
              EndsWith("; its interpreter /opt/none/python is not there"));
  Write("bin/tool", "#!/opt/none/ruby\n");
  EXPECT_THAT(Describe("tool", ENOENT), EndsWith("; its interpreter /opt/none/ruby is not there"));
}

TEST_F(ExecFailureTest, KnowsWhatIsNoProgram) {
  Write("app", "echo hello\n");
  EXPECT_THAT(Describe("./app", ENOEXEC),
              AllOf(HasSubstr("Exec format error"), HasSubstr("begin it with #!/bin/sh"),
                    EndsWith("sh " + root_ + "/./app")));
  Write("app", "");
  EXPECT_THAT(Describe("./app", ENOEXEC), EndsWith("; the file is empty"));
  Write("app",
        "\x7f"
        "ELF");
  EXPECT_THAT(Describe("./app", ENOEXEC), EndsWith("; it was built for another kind of machine"));
}

TEST_F(ExecFailureTest, KnowsWhatMayNotBeExecuted) {
  Write("app", "#!/bin/sh\n", 0644);
  EXPECT_THAT(Describe("./app", EACCES),
              EndsWith("; it is not executable: chmod +x " + root_ + "/./app"));
  EXPECT_THAT(Describe("./bin", EACCES), EndsWith("; it is a directory"));
}

// Reports are protobuf strings, and lines of a log are lines: whatever a file is called.
TEST_F(ExecFailureTest, IsOneLineOfUtf8WhateverIsThere) {
  Write("bin/app\xff\nFORGED", "#!/bin/sh\n");
  const std::string similar = Describe("app", ENOENT);
  EXPECT_THAT(similar, HasSubstr("there is app??FORGED;"));
  EXPECT_TRUE(IsValidUtf8(similar)) << similar;
  Write("script", "#!/bin/\xff\x01\n");
  EXPECT_THAT(Describe("./script", ENOENT), EndsWith("its interpreter /bin/?? is not there"));
  // Cut at a character.
  EXPECT_TRUE(IsValidUtf8(Describe("./" + std::string(253, 'x') + "\u00f6y", ENOENT)));
  EXPECT_TRUE(IsValidUtf8(Describe("./\xff", ENOENT)));
}

TEST_F(ExecFailureTest, IsBounded) {
  Write("bin/python3", "#!/bin/sh\n");
  command_.environment = {"PATH=" + root_ + "/bin:/" + std::string(100'000, 'p')};
  const std::string described = Describe("python", ENOENT);
  EXPECT_LT(described.size(), 2000u);
  EXPECT_THAT(described, HasSubstr("there is python3;"));
}

TEST_F(ExecFailureTest, AddsNothingWhereTheSystemHasSaidAll) {
  EXPECT_EQ(Describe("./none", ENOENT),
            "cannot execute './none': No such file or directory (exec)");
  EXPECT_EQ(DescribeExecFailure(command_, {"setuid", EPERM, ""}),
            "cannot execute './none': Operation not permitted (setuid)");
  EXPECT_THAT(DescribeExecFailure(command_, {"chdir", ENOENT, ""}),
              ::testing::StartsWith("cannot enter the working directory " + root_));
}

}  // namespace
}  // namespace grpc_os::supervise
