#include "init/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AccountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "accounts.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    database_.passwd = directory_ + "/passwd";
    database_.group = directory_ + "/group";
    Write("passwd",
          "root:x:0:0:root:/root:/bin/bash\n"
          "toor:x:0:0::/root:/bin/sh\n"
          "grpc-os:x:900:901:control plane:/var/lib/grpc-os:/usr/sbin/nologin\n"
          "alias:x:900:901::/:/bin/sh\n"
          "web:x:1000:1001:Web,,,:/srv/web:/bin/sh\n"
          "batch:x:1002:1003::/:\n");
    Write("group", "root:x:0:\nweb:x:1001:\ndata:x:2000:batch,web\naudio:x:2001:web\nx:x:3:webs\n");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), 0644);
  }
  AllowedAccounts Allowed(const std::string& text) {
    Write("accounts", text);
    return AllowedAccounts(directory_ + "/accounts", geteuid(), database_,
                           *database_.Find("grpc-os"));
  }
  static std::string Refusal(const AllowedAccounts& accounts, const std::string& name) {
    const auto account = accounts.Resolve(name);
    EXPECT_EQ(account.status().code(), absl::StatusCode::kPermissionDenied);
    return std::string(account.status().message());
  }

  std::string directory_;
  AccountDatabase database_;
};

TEST_F(AccountsTest, AnAccountIsFoundWithItsGroups) {
  const auto web = database_.Find("web");
  ASSERT_TRUE(web.ok()) << web.status();
  EXPECT_EQ(web->uid, 1000u);
  EXPECT_EQ(web->gid, 1001u);
  EXPECT_THAT(web->groups, ElementsAre(1001, 2000, 2001));
  EXPECT_EQ(web->home, "/srv/web");
  EXPECT_EQ(web->shell, "/bin/sh");
  EXPECT_EQ(database_.Find("webs").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(database_.Find("").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(AccountsTest, TheFirstIsTheDefault) {
  const AllowedAccounts accounts = Allowed("# for processes\n\n  batch  # the default\nweb\n");
  ASSERT_TRUE(accounts.Check().ok());
  EXPECT_EQ(accounts.Resolve("")->name, "batch");
  EXPECT_EQ(accounts.Resolve("web")->uid, 1000u);
}

TEST_F(AccountsTest, OnlyWhatIsListedIsAllowed) {
  const AllowedAccounts accounts = Allowed("web\n#batch\n");
  EXPECT_THAT(Refusal(accounts, "batch"), HasSubstr("not allowed"));
  EXPECT_THAT(Refusal(accounts, "web "), HasSubstr("not allowed"));
  EXPECT_THAT(Refusal(accounts, "we"), HasSubstr("not allowed"));
}

TEST_F(AccountsTest, RootAndTheControlPlaneAreRefusedUnderAnyName) {
  const AllowedAccounts accounts = Allowed("root\ntoor\ngrpc-os\nalias\nghost\n");
  EXPECT_THAT(Refusal(accounts, "root"), HasSubstr("uid 0"));
  EXPECT_THAT(Refusal(accounts, "toor"), HasSubstr("uid 0"));
  EXPECT_THAT(Refusal(accounts, ""), HasSubstr("uid 0"));
  EXPECT_THAT(Refusal(accounts, "grpc-os"), HasSubstr("control plane"));
  EXPECT_THAT(Refusal(accounts, "alias"), HasSubstr("control plane"));
  EXPECT_THAT(Refusal(accounts, "ghost"), HasSubstr("no account 'ghost'"));
}

TEST_F(AccountsTest, TheControlPlanesGroupIsNoProcessGroup) {
  Write("group", "web:x:1001:\ndata:x:2000:web\ngrpc-os:x:901:web\n");
  EXPECT_THAT(database_.Find("web")->groups, ElementsAre(1001, 2000, 901));
  EXPECT_THAT(Allowed("web\n").Resolve("web")->groups, ElementsAre(1001, 2000));
  Write("passwd", "grpc-os:x:900:901::/:/bin/sh\nweb:x:1000:901::/srv/web:/bin/sh\n");
  EXPECT_THAT(Refusal(Allowed("web\n"), "web"), HasSubstr("usermod -g GROUP web"));
}

TEST_F(AccountsTest, AnAccountIsListedUnderAnyOfItsNames) {
  const AllowedAccounts accounts = Allowed("web\nghost\nalias\n");
  EXPECT_TRUE(accounts.Lists(1000));
  EXPECT_TRUE(accounts.Lists(900)) << "which alias is";
  EXPECT_FALSE(accounts.Lists(1002));
  std::filesystem::remove(accounts.file());
  EXPECT_FALSE(accounts.Lists(1000));
}

TEST_F(AccountsTest, AChangeOfTheFileHoldsAtOnce) {
  const AllowedAccounts accounts = Allowed("web\n");
  ASSERT_TRUE(accounts.Resolve("web").ok());
  Write("accounts", "batch\n");
  EXPECT_FALSE(accounts.Resolve("web").ok());
  EXPECT_TRUE(accounts.Resolve("batch").ok());
}

TEST_F(AccountsTest, AFileThatOthersMayWriteIsNotTrusted) {
  const AllowedAccounts accounts = Allowed("web\n");
  for (const mode_t mode : {0664, 0646, 0666}) {
    chmod((directory_ + "/accounts").c_str(), mode);
    EXPECT_THAT(std::string(accounts.Check().message()), HasSubstr("chown root"));
    EXPECT_THAT(Refusal(accounts, "web"), HasSubstr("chown root"));
  }
  chmod((directory_ + "/accounts").c_str(), 0640);
  EXPECT_TRUE(accounts.Check().ok());
  const AllowedAccounts of_another(directory_ + "/accounts", geteuid() + 1, database_,
                                   *database_.Find("grpc-os"));
  EXPECT_FALSE(of_another.Check().ok());
}

TEST_F(AccountsTest, AMissingOrEmptyFileAllowsNobody) {
  EXPECT_FALSE(Allowed("# nobody\n\n").Check().ok());
  EXPECT_FALSE(Allowed("").Resolve("").ok());
  const AllowedAccounts missing(directory_ + "/none", geteuid(), database_,
                                *database_.Find("grpc-os"));
  EXPECT_THAT(std::string(missing.Check().message()), HasSubstr("cannot read"));
}

}  // namespace
}  // namespace grpc_os::init
