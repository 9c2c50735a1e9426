// context, and log-ins in one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "client/token_file.h"
#include "shell/commands/typed_commands.h"
#include "shell/contexts.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr char kPassword[] = "correct horse battery";

class ContextCommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  ContextCommandsTest() { daemon_.AddUser("ada", kPassword, {"viewer"}); }

  const std::string& path() { return path_; }
  // Switches to a context, as the program does.
  void Enter(const std::string& name) {
    target_ = *TargetOf(*FindContext(*session_->contexts().Read(), name));
    NewSession(target_.address.ToString());
  }
  bool HasLogIn(const std::string& name) {
    const auto list = session_->contexts().Read();
    const Context* context = FindContext(*list, name);
    const auto options = OptionsFor(*TargetOf(*context), directories_.state, "");
    return !client::TokenFile(options.state_directory, options.kept_as).Read()->token.empty();
  }

 private:
  const std::string path_ = directories_.config + "/contexts.yml";
};

TEST_F(ContextCommandsTest, FromTheFirstToTheLast) {
  EXPECT_EQ(Run("context ls -o name"), ExitCode::kOk);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_EQ(Run("context add prod --address os.example.com --secure --user ada --production"),
            ExitCode::kOk)
      << err();
  EXPECT_EQ(out(),
            "added the context prod for https://os.example.com:50443. `context use prod` "
            "makes it the one that is meant.\n");
  EXPECT_EQ(Run("context add box --address box"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("context add box --address other"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("`context rm box` first"));
  EXPECT_EQ(Run("context ls -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "box\nprod\n");
  EXPECT_EQ(session_->next(), std::nullopt);
  EXPECT_EQ(Run("context use prod"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "the context prod is in use now: https://os.example.com:50443.\n");
  EXPECT_EQ(session_->next(), "prod");
  EXPECT_EQ(Run("context ls"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("prod*"), HasSubstr("ada"), HasSubstr("box:50051")));
  EXPECT_EQ(Run("context show prod"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("production  yes"), HasSubstr("in use      yes")));
  EXPECT_EQ(Run("context ls -o jsonl"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(R"("name":"box","address":"box:50051","ca":"","user":"",)"
                               R"("production":false,"inUse":false)"));
  EXPECT_EQ(Run("context use --none"), ExitCode::kOk);
  EXPECT_EQ(out(), "no context is in use now.\n");
  EXPECT_EQ(session_->next(), "");
  EXPECT_EQ(Run("context rm prod box"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "removed the context prod\nremoved the context box\n");
  EXPECT_EQ(Run("context rm prod"), ExitCode::kNotFound);
  EXPECT_THAT(daemon_.calls(), IsEmpty()) << "nothing of it is for a daemon";
}

TEST_F(ContextCommandsTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(Run("context"), ExitCode::kUsage);
  EXPECT_EQ(Run("context add prod"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`context add prod --address HOST:PORT`"));
  EXPECT_EQ(Run("context add 'a b' --address box"), ExitCode::kUsage);
  EXPECT_EQ(Run("context add prod --address 'non sense'"), ExitCode::kUsage);
  EXPECT_EQ(Run("context add prod --address unix:/x --secure"), ExitCode::kUsage);
  EXPECT_EQ(Run("context add prod --address box --secure --ca /nonexistent"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("--ca names /nonexistent"));
  EXPECT_EQ(Run("context use"), ExitCode::kUsage);
  EXPECT_EQ(Run("context use prod --none"), ExitCode::kUsage);
  EXPECT_EQ(Run("context use prod"), ExitCode::kNotFound);
  EXPECT_EQ(Run("context show"), ExitCode::kNotFound);
  EXPECT_EQ(session_->next(), std::nullopt);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(ContextCommandsTest, AnAuthorityThatWentAwayKeepsTheShellWhereItIs) {
  const std::string ca = directory_.path() + "/ca.pem";
  std::ofstream(ca) << "-----BEGIN CERTIFICATE-----\n";
  EXPECT_EQ(Run("context add prod --address box --secure --ca " + ca), ExitCode::kOk) << err();
  fs::remove(ca);
  EXPECT_EQ(Run("context use prod"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("The context prod names " + ca));
  EXPECT_EQ(session_->next(), std::nullopt);
  EXPECT_EQ(ContextInUse(*session_->contexts().Read()), nullptr);
}

TEST_F(ContextCommandsTest, ABadFileIsRefusedByNameAndOtherCommandsWork) {
  EXPECT_EQ(Run("context add prod --address box"), ExitCode::kOk);
  fs::permissions(path(), fs::perms(0644));
  for (const char* line : {"context ls", "context show prod", "context use prod", "context rm prod",
                           "context add more --address box"}) {
    EXPECT_EQ(Run(line), ExitCode::kConflict) << line;
    EXPECT_THAT(err(), HasSubstr("`chmod 600 " + path() + "`")) << line;
  }
  EXPECT_EQ(Run("whoami"), ExitCode::kOk) << "this session has an address";
  fs::permissions(path(), fs::perms(0600));
  std::ofstream(path()) << "contexts: {prod: {adress: box}}\n";
  EXPECT_EQ(Run("context ls"), ExitCode::kUsage);
  EXPECT_THAT(err(), AllOf(HasSubstr(path() + ":1:19: "), HasSubstr("did you mean 'address'?")));
}

TEST_F(ContextCommandsTest, TwoContextsOfOneSystemKeepTwoLogIns) {
  daemon_.AddUser("eve", kPassword, {"viewer"});
  EXPECT_EQ(Run("context add a --user ada --address " + daemon_.address()), ExitCode::kOk) << err();
  EXPECT_EQ(Run("context add e --user eve --address " + daemon_.address()), ExitCode::kOk) << err();
  for (const auto& [name, user] : {std::pair("a", "ada"), std::pair("e", "eve")}) {
    Enter(name);
    EXPECT_EQ(Run("ps"), ExitCode::kDenied);
    EXPECT_THAT(err(), HasSubstr(std::string("`login` logs in as ") + user));
    secrets_ = {kPassword};
    EXPECT_EQ(Run("login"), ExitCode::kOk) << err();
    EXPECT_THAT(out(), HasSubstr(std::string("Logged in as ") + user));
  }
  for (const auto& [name, user] : {std::pair("a", "ada"), std::pair("e", "eve")}) {
    Enter(name);
    EXPECT_EQ(Run("whoami"), ExitCode::kOk) << err();
    EXPECT_EQ(out(),
              std::string(user) + " (roles: viewer), by password, in the context " + name + "\n");
  }
  target_ = {};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("whoami -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "admin\n") << "without a context the address's own log-in holds";
  EXPECT_TRUE(HasLogIn("a"));
  const auto options = OptionsFor(*TargetOf(*FindContext(*session_->contexts().Read(), "a")),
                                  directories_.state, "");
  EXPECT_EQ(Run("context rm a"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("its log-in is forgotten here"));
  EXPECT_EQ(client::TokenFile(options.state_directory, options.kept_as).Read()->token, "");
  EXPECT_TRUE(HasLogIn("e"));
}

TEST_F(ContextCommandsTest, TheContextIsNamedWhereOneLooks) {
  EXPECT_EQ(Run("context add prod --production --address " + daemon_.address()), ExitCode::kOk);
  EXPECT_EQ(Run("status"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), Not(HasSubstr("context")));
  Enter("prod");
  EXPECT_EQ(Run("status"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("prod (production)"));
  EXPECT_EQ(Run("whoami"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("in the context prod (production)"));
  EXPECT_EQ(Run("context show -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "prod\n");
  EXPECT_EQ(Run("context rm prod"), ExitCode::kOk);
  EXPECT_EQ(session_->next(), "") << "it is not gone on in what is not there any more";
}

TEST_F(ContextCommandsTest, WhatGoesBeforeTheContextIsSaid) {
  ::setenv("GRPC_OS_ADDRESS", "box", 1);
  EXPECT_EQ(Run("context add prod --address " + daemon_.address()), ExitCode::kOk);
  EXPECT_EQ(Run("context use prod"), ExitCode::kOk);
  ::unsetenv("GRPC_OS_ADDRESS");
  EXPECT_THAT(out(), AllOf(HasSubstr("goes first whenever grpc-os starts"),
                           HasSubstr("`unset GRPC_OS_ADDRESS`")))
      << "but what follows here is for the context";
}

TEST_F(ContextCommandsTest, ATokenOfTheEnvironmentGoesToEverySystem) {
  EXPECT_EQ(Run("context add prod --address " + daemon_.address()), ExitCode::kOk);
  ::setenv("GRPC_OS_TOKEN", "gost_1", 1);
  EXPECT_EQ(Run("context use prod"), ExitCode::kOk);
  ::unsetenv("GRPC_OS_TOKEN");
  EXPECT_THAT(out(), AllOf(HasSubstr("is sent to this system"), HasSubstr("`unset GRPC_OS_TOKEN`"),
                           Not(HasSubstr("gost_1"))));
}

TEST_F(ContextCommandsTest, ARemovedContextLeavesNoLogInWhateverItsAuthoritiesAre) {
  EXPECT_EQ(Run("context add prod --address box --secure"), ExitCode::kOk) << err();
  const auto options = OptionsFor(*TargetOf(*FindContext(*session_->contexts().Read(), "prod")),
                                  directories_.state, "");
  const client::TokenFile file(options.state_directory, options.kept_as);
  ASSERT_TRUE(file.Write({.token = "t", .refresh_token = "r", .user = "ada"}).ok());
  ::setenv("GRPC_OS_CA", "/nonexistent", 1);
  EXPECT_EQ(Run("context rm prod"), ExitCode::kOk);
  ::unsetenv("GRPC_OS_CA");
  EXPECT_THAT(out(), HasSubstr("its log-in is forgotten here"));
  EXPECT_EQ(file.Read()->token, "");
}

TEST_F(ContextCommandsTest, AContextThatCannotBeRemovedKeepsItsLogIn) {
  EXPECT_EQ(Run("context add prod --address box"), ExitCode::kOk) << err();
  const auto options = OptionsFor(*TargetOf(*FindContext(*session_->contexts().Read(), "prod")),
                                  directories_.state, "");
  const client::TokenFile file(options.state_directory, options.kept_as);
  ASSERT_TRUE(file.Write({.token = "t", .refresh_token = "r", .user = "ada"}).ok());
  // No file can be made, as on a full disk.
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  const ExitCode code = Run("context rm prod");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_DFL);
  EXPECT_NE(code, ExitCode::kOk);
  EXPECT_EQ(session_->contexts().Read()->contexts_size(), 1);
  EXPECT_EQ(file.Read()->token, "t");
}

TEST_F(ContextCommandsTest, ALogInThatFailsLeavesTheOneThatThereIs) {
  EXPECT_EQ(Run("whoami"), ExitCode::kOk) << err();
  ASSERT_EQ(session_->user(), "admin");
  EXPECT_EQ(Run("login ada wrong-password-1"), ExitCode::kDenied);
  EXPECT_EQ(session_->user(), "admin") << "the prompt shows who is logged in";
  EXPECT_EQ(Run("whoami -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "admin\n");
}

TEST_F(ContextCommandsTest, ATokenOfAnotherSystemIsRefusedByThatWordWithItsCure) {
  secrets_ = {kPassword};
  EXPECT_EQ(Run("login ada"), ExitCode::kOk) << err();
  daemon_.ForgetTokens();
  daemon_.state.is_another = true;
  EXPECT_EQ(Run("ps"), ExitCode::kDenied);
  EXPECT_THAT(err(), AllOf(HasSubstr("another system"), HasSubstr("`login ada`")));
}

}  // namespace
}  // namespace grpc_os::shell
