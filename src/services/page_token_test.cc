#include "services/page_token.h"

#include <gtest/gtest.h>

namespace grpc_os::services {
namespace {

TEST(PageToken, LeadsBackToItsKey) {
  EXPECT_EQ(*ParsePageToken(MakePageToken("web-1", "processes"), "processes"), "web-1");
  EXPECT_EQ(*ParsePageToken("", "processes"), "");
}

TEST(PageToken, IsRefusedWhenMalformedOrOfOtherArguments) {
  for (const std::string& token : {MakePageToken("web-1", "objects"), std::string("x"),
                                   std::string("!!"), std::string(5000, 'A')}) {
    EXPECT_EQ(ParsePageToken(token, "processes").status().code(),
              absl::StatusCode::kInvalidArgument)
        << token.substr(0, 40);
  }
}

}  // namespace
}  // namespace grpc_os::services
