#include "services/method_table.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/options.pb.h"
#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::services {
namespace {

using ::testing::HasSubstr;

TEST(MethodTable, KnowsThePermissionOfEveryMethodOfTheApi) {
  const auto table = MethodTable::BuildApi();
  ASSERT_TRUE(table.ok()) << table.status();
  const auto* stop = table->Find(v1::StopProcessRequest::descriptor());
  ASSERT_NE(stop, nullptr);
  EXPECT_EQ(stop->full_name, "grpc_os.v1.ProcessService/StopProcess");
  EXPECT_EQ(stop->permission, "process.write");
  EXPECT_EQ(table->Find(v1::LoginPeerRequest::descriptor())->permission, kNoLogin);
  EXPECT_EQ(table->Find(v1::Process::descriptor()), nullptr) << "is no request";
  for (const MethodInfo& method : table->all()) {
    EXPECT_FALSE(method.permission.empty()) << method.full_name;
  }
}

// A service with two methods, which take messages of these names and declare these permissions.
const google::protobuf::FileDescriptor* FileOf(google::protobuf::DescriptorPool& pool,
                                               const std::string& first_request,
                                               const std::string& second_request,
                                               const std::string& second_permission) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("test.proto");
  file.set_package("test");
  file.set_syntax("proto3");
  for (const char* name : {"One", "Other"}) file.add_message_type()->set_name(name);
  auto* service = file.add_service();
  service->set_name("TestService");
  const auto add = [service](const char* name, const std::string& request,
                             const std::string& permission) {
    auto* method = service->add_method();
    method->set_name(name);
    method->set_input_type(".test." + request);
    method->set_output_type(".test.One");
    if (!permission.empty()) method->mutable_options()->SetExtension(v1::permission, permission);
  };
  add("First", first_request, "test.read");
  add("Second", second_request, second_permission);
  return pool.BuildFile(file);
}

TEST(MethodTable, RefusesToServeAMethodWithoutAPermission) {
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const auto table = MethodTable::Build({FileOf(pool, "One", "Other", "")});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("test.TestService/Second"));
  EXPECT_THAT(std::string(table.status().message()), ::testing::Not(HasSubstr("First")));
}

TEST(MethodTable, RefusesToServeTwoMethodsWithOneTypeOfRequest) {
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  EXPECT_TRUE(MethodTable::Build({FileOf(pool, "One", "Other", "test.read")}).ok());
  google::protobuf::DescriptorPool other(google::protobuf::DescriptorPool::generated_pool());
  const auto table = MethodTable::Build({FileOf(other, "One", "One", "test.read")});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(table.status().message()),
              HasSubstr("test.TestService/Second (test.One)"));
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
