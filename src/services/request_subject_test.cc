#include "services/request_subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "services/method_table.h"

namespace grpc_os::services {
namespace {

std::string Of(const google::protobuf::Message& request) {
  return RequestSubject(*request.GetDescriptor()).Of(request);
}

TEST(RequestSubject, IsWhatTheRequestNames) {
  v1::StopProcessRequest stop;
  EXPECT_EQ(Of(stop), "");
  stop.set_name("web");
  stop.set_etag("5");
  EXPECT_EQ(Of(stop), "web");
  v1::GrantRoleRequest grant;
  grant.set_user("ada");
  grant.set_role("admin");
  EXPECT_EQ(Of(grant), "ada");
  v1::CreateTokenRequest token;
  token.set_label("ci");
  EXPECT_EQ(Of(token), "ci");
  v1::SetQuotaRequest quota;
  quota.mutable_quota()->set_prefix("/a/");
  EXPECT_EQ(Of(quota), "/a/");
}

TEST(RequestSubject, OrWhatTheThingInItIsCalled) {
  v1::UpdateProcessRequest update;
  update.mutable_process()->set_id("proc_1");
  update.mutable_process()->mutable_spec()->set_command("secret");
  EXPECT_EQ(Of(update), "proc_1");
  v1::PutObjectRequest put;
  put.mutable_object()->set_name("/a");
  put.set_data("secret");
  EXPECT_EQ(Of(put), "/a");
  v1::CreateRoleRequest role;
  role.mutable_role()->set_name("deployer");
  role.mutable_role()->add_rules()->set_prefix("web-");
  EXPECT_EQ(Of(role), "deployer");
}

TEST(RequestSubject, OrAllThatATransactionChanges) {
  v1::TransactObjectsRequest request;
  request.add_compare()->set_name("/c");
  for (const char* name : {"/b", "/a", "/b"})
    request.add_success()->mutable_put()->mutable_object()->set_name(name);
  request.add_failure()->mutable_delete_()->set_name("/d");
  EXPECT_EQ(Of(request), "/a /b /c /d");
  for (int i = 0; i < 10'000; ++i)
    request.add_success()->mutable_put()->mutable_object()->set_name(std::string(100, 'x') +
                                                                     std::to_string(i));
  EXPECT_LT(Of(request).size(), 1000U) << "the audit keeps no more";
}

TEST(RequestSubject, IsNeverASecret) {
  v1::LoginRequest login;
  login.set_user("ada");
  login.set_password("secret");
  EXPECT_EQ(Of(login), "ada");
  v1::RefreshTokenRequest refresh;
  refresh.set_refresh_token("secret");
  EXPECT_EQ(Of(refresh), "");
}

// A change that is about something says what, however new the method is.
TEST(RequestSubject, EveryChangeHasOne) {
  const auto table = MethodTable::BuildApi();
  ASSERT_TRUE(table.ok());
  std::vector<std::string> without;
  for (const MethodInfo& method : table->all()) {
    if (method.mutation && method.subject.empty()) without.push_back(method.descriptor->name());
  }
  EXPECT_THAT(without,
              testing::UnorderedElementsAre("LoginPeer", "RefreshToken", "Logout", "ReloadDomains",
                                            "SetLogLevel", "Resume", "WriteUpload"));
}

}  // namespace
}  // namespace grpc_os::services
