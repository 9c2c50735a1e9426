#include "services/convert/media_type.h"

#include <gtest/gtest.h>

#include <string>

namespace grpc_os::services {
namespace {

TEST(MediaType, TakesTheGrammarOfHttp) {
  for (const char* type : {"text/plain", "application/vnd.api+json", "text/plain; charset=utf-8",
                           "text/plain;charset=utf-8;format=flowed",
                           R"(multipart/mixed; boundary="a \"b\" ;c")", R"(a/b; c="")"}) {
    EXPECT_TRUE(IsMediaType(type)) << type;
  }
}

TEST(MediaType, RefusesWhatIsNone) {
  for (const char* type :
       {"", "text", "text/", "/plain", "text/plain;", "text/plain; charset",
        "text/plain; charset=", "text/plain; =utf-8", "text /plain", "text/plain ", " text/plain",
        "text/plain/x", "text/plain\n", "text/plain; a=\"b", "text/plain; a=\"b\\",
        "text/plain; a=\"\x1b[2J\"", "text/pl\xc3\xa9in", "text/plain; a=b c=d"}) {
    EXPECT_FALSE(IsMediaType(type)) << type;
  }
  EXPECT_FALSE(IsMediaType(std::string("text/plain\0", 11)));
}

}  // namespace
}  // namespace grpc_os::services
