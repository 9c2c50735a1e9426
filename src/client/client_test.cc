#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/error_detail.h"
#include "client/errors.h"
#include "client/fake_daemon.h"
#include "client/token_file.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"

namespace grpc_os::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(ErrorsTest, DetailsOfTheWireBecomeTheErrorDetail) {
  internal::v1::RpcStatus wire;
  internal::v1::ErrorInfo info;
  info.set_reason("FIELD_INVALID");
  (*info.mutable_metadata())["name"] = "a b";
  internal::v1::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("process.name");
  violation->set_description("has a space");
  internal::v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  const auto add = [&](const char* type, const std::string& value) {
    auto* any = wire.add_details();
    any->set_type_url(std::string("type.googleapis.com/google.rpc.") + type);
    any->set_value(value);
  };
  add("ErrorInfo", info.SerializeAsString());
  add("BadRequest", bad.SerializeAsString());
  add("RetryInfo", retry.SerializeAsString());
  add("Help", "whatever");

  const absl::Status status = StatusFromWire(3, "One field is wrong.", wire.SerializeAsString());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "One field is wrong.");
  ASSERT_TRUE(DetailOf(status).has_value());
  EXPECT_EQ(*DetailOf(status), (ErrorDetail{.reason = "FIELD_INVALID",
                                            .metadata = {{"name", "a b"}},
                                            .violations = {{"process.name", "has a space"}},
                                            .retry_after_ms = 1500}));
}

TEST(ErrorsTest, DamagedDetailsAreLeftOut) {
  const absl::Status status = StatusFromWire(14, "gone", "\xff\xff\xff");
  EXPECT_FALSE(DetailOf(status).has_value());
  EXPECT_TRUE(IsDaemonAway(status));
}

TEST(AddressTest, BothFormsAndTheirRefusals) {
  EXPECT_EQ(ParseAddress("unix:///a/./b")->ToString(), "unix:/a/b");
  EXPECT_EQ(ParseAddress("unix:x/api.sock")->path,
            std::filesystem::current_path().string() + "/x/api.sock");
  EXPECT_EQ(ParseAddress("unix:/a")->DisplayHost(), "local");
  EXPECT_EQ(ParseAddress("box.example:50051")->DisplayHost(), "box.example");
  EXPECT_EQ(ParseAddress("https://box/")->ToString(), "https://box:50443");
  EXPECT_EQ(ParseAddress("box", {.secure = true})->ToString(), "https://box:50443");
  EXPECT_EQ(ParseAddress("https://box:7", {.secure = true})->ToString(), "https://box:7");
  EXPECT_EQ(ParseAddress("localhost")->ToString(), "localhost:50051");
  EXPECT_EQ(ParseAddress("[::1]")->ToString(), "[::1]:50051");
  for (const char* bad : {"", "unix:", "local host", "localhost:", ":1", "h:0", "h:65536", "h:x",
                          "::1", "[::1]x", "https://", "/srv/data/run/api.sock", "h:1:2"}) {
    EXPECT_EQ(ParseAddress(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(std::string(ParseAddress("unix:/" + std::string(200, 'x')).status().message()),
              HasSubstr("107"));
}

TEST(AddressTest, TlsIsForHostsAndItsAuthoritiesAreRead) {
  const TemporaryDirectory directory;
  const auto message = [](const absl::StatusOr<Address>& address) {
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(address.status().message());
  };
  EXPECT_THAT(message(ParseAddress("unix:/a", {.secure = true})), HasSubstr("--secure is for"));
  EXPECT_THAT(message(ParseAddress("h:1", {.ca = "/x"})), HasSubstr("add --secure"));
  EXPECT_THAT(message(ParseAddress("h", {.secure = true, .ca = "/nonexistent"})),
              HasSubstr("--ca names /nonexistent"));
  const std::string file = directory.path() + "/ca.pem";
  std::ofstream(file) << "-----BEGIN CERTIFICATE-----\n";
  EXPECT_THAT(ParseAddress("h", {.secure = true, .ca = file})->authorities, HasSubstr("BEGIN"));
}

TEST(TokenFileTest, KeepsATokenPrivately) {
  const TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/deep/tokens", "unix:/a/b");
  EXPECT_EQ(file.Read()->token, "");
  ASSERT_TRUE(file.Write({.token = "abc.def"}).ok());
  EXPECT_EQ(file.Read()->token, "abc.def");
  struct stat info = {};
  ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat((directory.path() + "/deep/tokens").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);

  ASSERT_TRUE(file.WriteLoggedOut().ok());
  EXPECT_TRUE(file.Read()->logged_out);
  EXPECT_EQ(file.Read()->token, "");
}

TEST(TokenFileTest, AddressesNeverShareAFile) {
  EXPECT_NE(TokenFile("/d", "unix:/a/b_c").path(), TokenFile("/d", "unix:/a_b/c").path());
  EXPECT_THAT(TokenFile("/d", "unix:/../x").path(), Not(HasSubstr("/../")));
}

TEST(TokenFileTest, DistrustsWhatOthersCouldHavePutThere) {
  const TemporaryDirectory directory;
  const TokenFile file(directory.path(), "h:1");
  const std::string elsewhere = directory.path() + "/elsewhere";
  std::ofstream(elsewhere) << "stolen\n";
  ::chmod(elsewhere.c_str(), 0600);
  ASSERT_EQ(::symlink(elsewhere.c_str(), file.path().c_str()), 0);
  EXPECT_EQ(file.Read().status().code(), absl::StatusCode::kFailedPrecondition);
  // A write replaces the link and leaves what it points at alone.
  ASSERT_TRUE(file.Write({.token = "mine"}).ok());
  EXPECT_EQ(ReadAll(elsewhere), "stolen\n");
  EXPECT_EQ(file.Read()->token, "mine");
  ::chmod(file.path().c_str(), 0644);
  EXPECT_EQ(file.Read().status().code(), absl::StatusCode::kFailedPrecondition);
  ::chmod(file.path().c_str(), 0600);
  std::ofstream(file.path()) << "two\nlines\n";
  EXPECT_EQ(file.Read().status().code(), absl::StatusCode::kFailedPrecondition);
}

class ClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<Client> NewClient(int timeout_ms = 10'000) {
    return std::make_unique<Client>(*ParseAddress(daemon_.address()),
                                    ClientOptions{.timeout = std::chrono::milliseconds(timeout_ms),
                                                  .state_directory = directory_.path() + "/state"});
  }
  int logins() {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    return daemon_.state.logins;
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_{directory_.path()};
};

TEST_F(ClientTest, LogsInByItselfOnceAndKeepsTheToken) {
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "admin");
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "admin");
  EXPECT_EQ(logins(), 1);
}

TEST_F(ClientTest, ARefusedTokenIsRenewedOnce) {
  const auto client = NewClient();
  ASSERT_TRUE(client->WhoAmI().ok());
  daemon_.ForgetTokens();
  EXPECT_TRUE(client->WhoAmI().ok());
  EXPECT_EQ(logins(), 2);
}

TEST_F(ClientTest, CallsOnManyThreadsShareOneRenewal) {
  const auto client = NewClient();
  ASSERT_TRUE(client->WhoAmI().ok());
  daemon_.ForgetTokens();
  std::vector<std::thread> threads;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      const auto user = client->WhoAmI();
      EXPECT_TRUE(user.ok()) << user.status();
      if (user.ok()) ++answered;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 16);
  EXPECT_EQ(logins(), 2);
}

TEST_F(ClientTest, TakesTheTokenThatAnotherProgramRenewed) {
  const auto first = NewClient();
  const auto second = NewClient();
  ASSERT_TRUE(first->WhoAmI().ok());
  ASSERT_TRUE(second->WhoAmI().ok());
  daemon_.ForgetTokens();
  ASSERT_TRUE(first->WhoAmI().ok());
  ASSERT_TRUE(second->WhoAmI().ok());
  EXPECT_EQ(logins(), 2);
}

TEST_F(ClientTest, AfterLogoutNothingLogsInByItself) {
  const auto client = NewClient();
  const auto other = NewClient();
  ASSERT_TRUE(client->WhoAmI().ok());
  ASSERT_TRUE(other->WhoAmI().ok());
  ASSERT_TRUE(client->Logout().ok());
  const auto later = NewClient();
  for (Client* each : {client.get(), other.get(), later.get()}) {
    const auto status = each->WhoAmI().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(ReasonOf(status), "NOT_LOGGED_IN");
  }
  EXPECT_EQ(logins(), 1);
  ASSERT_TRUE(client->LoginPeer().ok());
  EXPECT_TRUE(NewClient()->WhoAmI().ok());
  EXPECT_EQ(logins(), 2);
}

TEST_F(ClientTest, ListJoinsPages) {
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    daemon_.AddProcess(name, v1::Process::STATE_RUNNING);
  }
  const auto all = NewClient()->ListProcesses();
  ASSERT_TRUE(all.ok());
  std::vector<std::string> names;
  for (const auto& process : all->processes()) names.push_back(process.name());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(all->next_page_token(), "");
  EXPECT_EQ(all->revision(), 17);
}

TEST_F(ClientTest, RolesAndQuotasAreListedWithAllPages) {
  const auto client = NewClient();
  v1::CreateRoleRequest role;
  role.mutable_role()->set_name("mine");
  ASSERT_TRUE(client->CreateRole(role).ok());
  const auto roles = client->ListRoles();
  ASSERT_TRUE(roles.ok());
  std::vector<std::string> names;
  for (const v1::Role& one : roles->roles()) names.push_back(one.name());
  EXPECT_THAT(names, ElementsAre("admin", "operator", "viewer", "mine"));
  for (const char* prefix : {"/a/", "/b/", "/c/"}) {
    v1::SetQuotaRequest quota;
    quota.mutable_quota()->set_prefix(prefix);
    ASSERT_TRUE(client->SetQuota(quota).ok());
  }
  const auto quotas = client->ListQuotas();
  ASSERT_TRUE(quotas.ok());
  EXPECT_EQ(quotas->quotas_size(), 3);
}

TEST_F(ClientTest, DomainsAreMadeListedChangedAndDeleted) {
  const auto client = NewClient();
  for (const char* name : {"a.example", "b.example", "c.example"}) {
    v1::CreateDomainRequest request;
    request.mutable_domain()->set_name(name);
    ASSERT_TRUE(client->CreateDomain(request).ok());
  }
  daemon_.state.edge_problem = "nginx is missing";
  const auto all = client->ListDomains();
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->domains_size(), 3);
  EXPECT_EQ(all->edge_problem(), "nginx is missing");
  v1::UpdateDomainRequest update;
  *update.mutable_domain() = all->domains(0);
  update.mutable_domain()->mutable_spec()->set_grpc(true);
  ASSERT_TRUE(client->UpdateDomain(update).ok());
  EXPECT_EQ(client->UpdateDomain(update).status().code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(client->GetDomain("a.example")->spec().grpc());
  v1::DeleteDomainRequest request;
  request.set_name("a.example");
  EXPECT_TRUE(client->DeleteDomain(request).ok());
  EXPECT_EQ(client->GetDomain("a.example").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ClientTest, ErrorsOfHandlersArriveWithTheirReason) {
  const auto status = NewClient()->GetProcess("nobody").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(status), "PROCESS_NOT_FOUND");
  EXPECT_EQ(status.message(), "No process nobody.");
}

TEST_F(ClientTest, ACallEndsAtItsDeadline) {
  ASSERT_TRUE(NewClient()->WhoAmI().ok());
  {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.hang = true;
  }
  const auto status = NewClient(100)->GetSystem().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
}

TEST_F(ClientTest, CancelEndsTheCallInFlightAndThoseAfterIt) {
  const auto client = NewClient(/*timeout_ms=*/3'600'000);  // not what ends it
  {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.hang = true;
  }
  std::thread interrupt([&] {
    for (bool called = false; !called; ::poll(nullptr, 0, 2)) {
      const auto calls = daemon_.calls();
      called = std::find(calls.begin(), calls.end(), "GetSystem") != calls.end();
    }
    client->Cancel();
  });
  EXPECT_EQ(client->GetSystem().status().code(), absl::StatusCode::kCancelled);
  interrupt.join();
  EXPECT_EQ(client->WhoAmI().status().code(), absl::StatusCode::kCancelled);
  client->BeginCommand();
  EXPECT_TRUE(client->WhoAmI().ok());
}

TEST_F(ClientTest, ACutStreamTellsSo) {
  v1::TailLogsResponse message;
  message.set_cursor("1:1");
  daemon_.state.log = {message, message, message};
  daemon_.state.cut_stream_after = 2;
  int seen = 0;
  const auto count = [&](const v1::TailLogsResponse&) {
    ++seen;
    return true;
  };
  v1::TailLogsRequest request;
  request.set_name("web");
  EXPECT_EQ(NewClient()->TailLogs(request, count).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(NewClient()->TailLogs(request, count).ok());
  EXPECT_EQ(seen, 5);
  EXPECT_TRUE(NewClient()->TailLogs(request, [](const auto&) { return false; }).ok());
}

TEST(ClientAwayTest, SaysHowToStartTheSystem) {
  const TemporaryDirectory directory;
  Client client(*ParseAddress("unix:" + directory.path() + "/run/api.sock"),
                {.state_directory = directory.path()});
  const auto status = client.WhoAmI().status();
  EXPECT_TRUE(IsDaemonAway(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("grpc-os-init --data-dir " + directory.path()));
  // With a token from earlier the call itself finds nobody.
  ASSERT_TRUE(
      TokenFile(directory.path(), client.address().ToString()).Write({.token = "old"}).ok());
  EXPECT_TRUE(IsDaemonAway(client.WhoAmI().status()));
}

TEST(ClientAwayTest, FindsTheDaemonThatCameBack) {
  const TemporaryDirectory directory;
  Client client(*ParseAddress("unix:" + directory.path() + "/run/api.sock"),
                {.state_directory = directory.path() + "/state"});
  EXPECT_TRUE(IsDaemonAway(client.WhoAmI().status()));
  const FakeDaemon daemon(directory.path());
  EXPECT_TRUE(client.WhoAmI().ok());
}

TEST(ClientTcpTest, PeerLoginIsNotPossible) {
  const TemporaryDirectory directory;
  Client client(*ParseAddress("127.0.0.1:1"), {.state_directory = directory.path()});
  EXPECT_EQ(client.LoginPeer().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(client.WhoAmI().status()), "NOT_LOGGED_IN");
}

}  // namespace
}  // namespace grpc_os::client
