#include "services/run_once.h"

#include <gtest/gtest.h>

#include <string>

#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::services {
namespace {

TEST(ContentOf, IsTheSameWhateverTheRequestIdAndTheOrderOfMaps) {
  v1::CreateProcessRequest one;
  v1::CreateProcessRequest other;
  auto& environment = *one.mutable_process()->mutable_spec()->mutable_environment();
  auto& reversed = *other.mutable_process()->mutable_spec()->mutable_environment();
  for (int i = 0; i < 50; ++i) environment[std::to_string(i)] = "value";
  for (int i = 49; i >= 0; --i) reversed[std::to_string(i)] = "value";
  one.set_request_id("a");
  other.set_request_id("b");
  EXPECT_EQ(ContentOf(one), ContentOf(other));
  reversed["50"] = "value";
  EXPECT_NE(ContentOf(one), ContentOf(other));
}

TEST(CheckRequestId, WantsPrintableCharacters) {
  EXPECT_TRUE(CheckRequestId("").ok());
  EXPECT_TRUE(CheckRequestId(std::string(128, 'x')).ok());
  EXPECT_FALSE(CheckRequestId(std::string(129, 'x')).ok());
  EXPECT_FALSE(CheckRequestId("a b").ok());
  EXPECT_FALSE(CheckRequestId("\xc3\xa9").ok());
}

}  // namespace
}  // namespace grpc_os::services
