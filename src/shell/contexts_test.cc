#include "shell/contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/fake_daemon.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

class ContextsTest : public ::testing::Test {
 protected:
  absl::Status Add(const std::string& name, const std::string& address = "box:50051") {
    return contexts_.Change([&](ContextList& list) {
      Context& context = *list.add_contexts();
      context.set_name(name);
      context.set_address(address);
      return absl::OkStatus();
    });
  }
  // What is said of this text.
  std::string Refused(const std::string& text) {
    fs::create_directories(directory_.path() + "/config");
    std::ofstream(contexts_.path()) << text;
    fs::permissions(contexts_.path(), fs::perms(0600));
    const auto list = contexts_.Read();
    if (list.ok()) return "";
    EXPECT_EQ(list.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(list.status().message());
  }

  client::TemporaryDirectory directory_;
  const Contexts contexts_{directory_.path() + "/config"};
};

TEST_F(ContextsTest, WithoutAFileThereAreNone) {
  EXPECT_THAT(contexts_.Read()->contexts(), IsEmpty());
  EXPECT_EQ(ContextInUse(*contexts_.Read()), nullptr);
  EXPECT_FALSE(fs::exists(directory_.path() + "/config")) << "reading makes nothing";
}

TEST_F(ContextsTest, WhatIsKeptIsReadAsItWas) {
  ASSERT_TRUE(contexts_
                  .Change([](ContextList& list) {
                    Context& context = *list.add_contexts();
                    context.set_name("null");
                    context.set_address("https://box.example:50443");
                    context.set_ca("/srv/it's a: \"ca\" # no comment.pem");
                    context.set_user("true");
                    context.set_production(true);
                    context.set_in_use(true);
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(Add("a.b-c_1").ok());
  const auto list = contexts_.Read();
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->contexts_size(), 2);
  EXPECT_EQ(list->contexts(0).name(), "a.b-c_1");
  EXPECT_FALSE(list->contexts(0).production());
  EXPECT_THAT(list->contexts(0).user(), IsEmpty());
  const Context* context = ContextInUse(*list);
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(context, FindContext(*list, "null"));
  EXPECT_EQ(context->address(), "https://box.example:50443");
  EXPECT_EQ(context->ca(), "/srv/it's a: \"ca\" # no comment.pem");
  EXPECT_EQ(context->user(), "true");
  EXPECT_TRUE(context->production());
  struct stat info = {};
  ASSERT_EQ(::stat(contexts_.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST_F(ContextsTest, AChangeThatFailsChangesNothing) {
  ASSERT_TRUE(Add("one").ok());
  EXPECT_EQ(contexts_
                .Change([](ContextList& list) {
                  list.clear_contexts();
                  return absl::NotFoundError("no");
                })
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(contexts_.Read()->contexts_size(), 1);
}

TEST_F(ContextsTest, ChangesOfManyProgramsComeOneAfterTheOther) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] { EXPECT_TRUE(Add(absl::StrCat("c", i)).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(contexts_.Read()->contexts_size(), 8);
}

TEST_F(ContextsTest, ADamagedFileIsRefusedWithItsPlaces) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"contexts: [\n", ".yml:2:"},
      {"nonsense", ".yml:1:1: here is 'nonsense'"},
      {"contexst: {}\n", ".yml:1:1: there is no key 'contexst'; did you mean 'contexts'?"},
      {"contexts: 1\n", ".yml:1:11: "},
      {"contexts:\n  a: 1\n", ".yml:2:6: "},
      {"contexts:\n  a b: {address: x}\n", ".yml:2:3: "},
      {"contexts:\n  a: {}\n", ".yml:2:3: the context a lacks its address"},
      {"contexts:\n  a: {address: x, usr: y}\n", "did you mean 'user'?"},
      {"contexts:\n  a: {address: x, production: maybe}\n", "expected: true or false"},
      {"contexts:\n  a: {address: [x]}\n", "expected: a text of one line"},
      {"contexts:\n  a: {address: \"x\\ny\"}\n", "expected: a text of one line"},
      {"contexts:\n  a: {address: x}\n  a: {address: y}\n", ".yml:3:3: "},
      {"current: b\ncontexts:\n  a: {address: x}\n", ".yml:1:10: "},
      {"contexts:\n  a: {address: \xff}\n", ".yml:2:"},
      {std::string("contexts:\0", 10), ".yml:1:10"},
  };
  for (const auto& [text, says] : cases) {
    EXPECT_THAT(Refused(text), AllOf(HasSubstr(contexts_.path()), HasSubstr(says),
                                     HasSubstr("Correct it"), HasSubstr("--address")))
        << text;
    EXPECT_EQ(Add("more").code(), absl::StatusCode::kInvalidArgument) << "it is not written over";
  }
  EXPECT_THAT(Refused(""), HasSubstr("the file is empty")) << "nobody wrote it so";
  EXPECT_THAT(Refused("contexts: {}\n"), IsEmpty());
}

TEST_F(ContextsTest, AFileThatOthersMayReadOrOwnIsRefused) {
  ASSERT_TRUE(Add("one").ok());
  for (const int mode : {0644, 0640, 0620, 0602}) {
    fs::permissions(contexts_.path(), fs::perms(mode));
    EXPECT_EQ(contexts_.Read().status().code(), absl::StatusCode::kFailedPrecondition) << mode;
    EXPECT_THAT(std::string(contexts_.Read().status().message()),
                HasSubstr("`chmod 600 " + contexts_.path() + "`"));
    EXPECT_EQ(Add("two").code(), absl::StatusCode::kFailedPrecondition) << mode;
  }
  fs::permissions(contexts_.path(), fs::perms(0600));
  const auto why = [this] { return std::string(contexts_.Read().status().message()); };
  std::ofstream(contexts_.path(), std::ios::app) << std::string(1 << 20, '#');
  EXPECT_THAT(why(),
              AllOf(HasSubstr("is too long"), HasSubstr("`context add`"), Not(HasSubstr("chmod"))));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(contexts_.path().c_str(), 65534, 65534), 0);
    EXPECT_THAT(why(), AllOf(HasSubstr("belongs to another account"), HasSubstr("`chown 0 "),
                             Not(HasSubstr("chmod"))));
  }
  fs::rename(contexts_.path(), directory_.path() + "/elsewhere");
  fs::create_symlink(directory_.path() + "/elsewhere", contexts_.path());
  EXPECT_THAT(why(), AllOf(HasSubstr("is a symbolic link"), HasSubstr("`install -m 600 "),
                           Not(HasSubstr("chmod"))));
}

TEST_F(ContextsTest, NoMoreThanTheFileMayHold) {
  absl::Status status;
  for (int i = 0; status.ok() && i < 1000; ++i)
    status = Add(absl::StrCat("c", i), std::string(1000, 'x'));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(contexts_.Read().ok()) << "what is there can be read";
}

TEST_F(ContextsTest, NamesAndValuesThatTheFileCannotHold) {
  const auto code = [](const std::string& name, const std::string& user) {
    Context context;
    context.set_name(name);
    context.set_user(user);
    return CheckContext(context).code();
  };
  EXPECT_EQ(code("prod", "ada"), absl::StatusCode::kOk);
  for (const char* name : {"", "a b", "-a", ".a", "ä", "a/b"})
    EXPECT_EQ(code(name, ""), absl::StatusCode::kInvalidArgument) << name;
  for (const char* user : {"a\nb", "\x1b[2J", "\xff"})
    EXPECT_EQ(code("prod", user), absl::StatusCode::kInvalidArgument) << user;
}

}  // namespace
}  // namespace grpc_os::shell
