#include "services/method_table.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "grpc_os/v1/options.pb.h"

namespace grpc_os::services {
namespace {

using ::testing::HasSubstr;

TEST(MethodTable, KnowsThePermissionOfEveryMethodOfTheApi) {
  const auto table = MethodTable::BuildApi();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Get("grpc_os.v1.ProcessService/StopProcess").permission, "process.write");
  EXPECT_EQ(table->Get("grpc_os.v1.AuthService/LoginPeer").permission, kNoLogin);
  for (const MethodInfo& method : table->all()) {
    EXPECT_FALSE(method.permission.empty()) << method.full_name;
  }
}

// A service with one method that declares a permission and one that does not.
const google::protobuf::FileDescriptor* FileWithAForgottenPermission(
    google::protobuf::DescriptorPool& pool) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("test.proto");
  file.set_package("test");
  file.set_syntax("proto3");
  file.add_message_type()->set_name("Empty");
  auto* service = file.add_service();
  service->set_name("TestService");
  for (const char* name : {"Declared", "Forgotten"}) {
    auto* method = service->add_method();
    method->set_name(name);
    method->set_input_type(".test.Empty");
    method->set_output_type(".test.Empty");
  }
  service->mutable_method(0)->mutable_options()->SetExtension(v1::permission, "test.read");
  return pool.BuildFile(file);
}

TEST(MethodTable, RefusesToServeAMethodWithoutAPermission) {
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const auto table = MethodTable::Build({FileWithAForgottenPermission(pool)});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("test.TestService/Forgotten"));
  EXPECT_THAT(std::string(table.status().message()), ::testing::Not(HasSubstr("Declared")));
}

TEST(MethodTable, HowPeopleGetInAndOutAndStopWhatRunsHasALane) {
  const auto table = MethodTable::BuildApi();
  std::vector<std::string> kept;
  for (const MethodInfo& method : table->all()) {
    if (method.kept) kept.push_back(method.full_name.substr(sizeof("grpc_os.v1.") - 1));
  }
  EXPECT_THAT(kept, ::testing::UnorderedElementsAre(
                        "AuthService/Login", "AuthService/LoginPeer", "AuthService/RefreshToken",
                        "AuthService/Logout", "AuthService/EndSession", "ProcessService/GetProcess",
                        "ProcessService/StopProcess", "ProcessService/SignalProcess"));
}

}  // namespace
}  // namespace grpc_os::services
