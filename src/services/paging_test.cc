#include "services/paging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "services/call_harness.h"
#include "services/unary_call.h"

namespace grpc_os::services {
namespace {

using ::testing::HasSubstr;

class PagingTest : public ::testing::Test {
 protected:
  template <typename Request>
  absl::StatusOr<PageQuery> Ask(int size, const std::string& token,
                                std::initializer_list<std::string_view> arguments = {}) {
    Client<v1::User> client;
    const UnaryCall<v1::User> call(
        world_.environment, *world_.environment.methods.Find(Request::descriptor()), {}, client);
    Request request;
    request.set_page_size(size);
    request.set_page_token(token);
    return PageQuery::Of(call, request, {}, arguments);
  }
  absl::StatusOr<PageQuery> AskUsers(int size, const std::string& token = "") {
    return Ask<v1::ListUsersRequest>(size, token);
  }

  CallWorld world_;
};

TEST_F(PagingTest, APageHasAHundredThingsOrAsManyAsAreAskedForUpToAThousand) {
  EXPECT_EQ(AskUsers(0)->size(), 100);
  EXPECT_EQ(AskUsers(7)->size(), 7);
  EXPECT_EQ(AskUsers(1'000'000)->size(), 1000);
}

TEST_F(PagingTest, ANegativeSizeIsNamedWithWhatElseIsWrong) {
  EXPECT_THAT(std::string(AskUsers(-1).status().message()), HasSubstr("page_size"));
  Client<v1::User> client;
  const UnaryCall<v1::User> call(
      world_.environment, *world_.environment.methods.Find(v1::ListUsersRequest::descriptor()), {},
      client);
  v1::ListUsersRequest request;
  request.set_page_size(-1);
  request.set_page_token("wrong");
  core::Violations violations;
  violations.Add("user", "give a name");
  EXPECT_EQ(
      DetailOf(PageQuery::Of(call, request, std::move(violations)).status())->violations.size(),
      2u);
}

TEST_F(PagingTest, ATokenLeadsBackToItsKey) {
  EXPECT_EQ(AskUsers(1)->after(), "");
  EXPECT_EQ(AskUsers(1, AskUsers(5)->TokenAfter("eva"))->after(), "eva");
  const auto web = Ask<v1::ListSessionsRequest>(0, "", {"eva", "web"});
  EXPECT_EQ(Ask<v1::ListSessionsRequest>(0, web->TokenAfter("7"), {"eva", "web"})->after(), "7");
}

TEST_F(PagingTest, ATokenThatIsMalformedOrOfAnotherListIsRefused) {
  const auto of_sessions = Ask<v1::ListSessionsRequest>(0, "", {"eva"});
  for (const std::string& token : {of_sessions->TokenAfter("eva"), std::string("x"),
                                   std::string("!!"), std::string(5000, 'A'), std::string("MQ")}) {
    const auto refused = AskUsers(0, token);
    ASSERT_FALSE(refused.ok()) << token.substr(0, 40);
    EXPECT_EQ(DetailOf(refused.status())->reason, "PAGE_TOKEN_INVALID");
  }
  EXPECT_FALSE(Ask<v1::ListSessionsRequest>(0, of_sessions->TokenAfter("7"), {"ada"}).ok());
}

class PageTest : public PagingTest {
 protected:
  // The sizes of all pages; what they have together is in `walked_`.
  std::vector<int> Walk(const std::vector<v1::User>& items, int size) {
    std::vector<int> sizes;
    std::string token;
    walked_.clear();
    do {
      const auto query = AskUsers(size, token);
      v1::ListUsersResponse answer;
      Page page(*query, answer.mutable_users());
      for (const v1::User& item : items) {
        if (item.name() > query->after() && !page.Add(item, item.name())) break;
      }
      sizes.push_back(answer.users_size());
      for (const v1::User& user : answer.users()) walked_.push_back(user.name());
      EXPECT_LT(answer.ByteSizeLong(), size_t{4 << 20});
      token = page.NextToken();
    } while (!token.empty() && sizes.size() < 100);
    return sizes;
  }
  static std::vector<v1::User> Users(int count, size_t bytes) {
    std::vector<v1::User> users(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      users[static_cast<size_t>(i)].set_name(absl::StrCat("user-", absl::Dec(i, absl::kZeroPad4)));
      users[static_cast<size_t>(i)].add_roles(std::string(bytes, 'r'));
    }
    return users;
  }

  std::vector<std::string> walked_;
};

TEST_F(PageTest, EndsByCount) {
  EXPECT_EQ(Walk(Users(7, 1), 3), (std::vector<int>{3, 3, 1}));
  EXPECT_EQ(Walk(Users(6, 1), 3), (std::vector<int>{3, 3}));
  EXPECT_EQ(Walk(Users(0, 1), 3), (std::vector<int>{0}));
}

TEST_F(PageTest, EndsBeforeItIsLargerThanAMessage) {
  const std::vector<v1::User> users = Users(60, 78'000);
  EXPECT_EQ(Walk(users, 1000), (std::vector<int>{40, 20}));
  ASSERT_EQ(walked_.size(), users.size());
  for (size_t i = 0; i < users.size(); ++i) EXPECT_EQ(walked_[i], users[i].name());
}

TEST_F(PageTest, ALargeThingBehindSmallerOnesBeginsThePageAfter) {
  std::vector<v1::User> users = Users(3, 950'000);
  users[2].add_roles(std::string(2'300'000, 'r'));
  EXPECT_EQ(Walk(users, 1000), (std::vector<int>{2, 1}));
}

TEST_F(PageTest, HasAtLeastOneThing) {
  EXPECT_EQ(Walk(Users(2, 2'200'000), 1000), (std::vector<int>{1, 1}));
  EXPECT_EQ(Walk(Users(2, 3'300'000), 1000), (std::vector<int>{1, 1}));
}

TEST_F(PageTest, GoesOnAfterTheKeyThatItsListKnows) {
  const auto query = AskUsers(3);
  v1::ListUsersResponse answer;
  Page page(*query, answer.mutable_users());
  ASSERT_TRUE(page.Add(Users(1, 1)[0], "user-0000"));
  EXPECT_EQ(page.NextToken(), "");
  EXPECT_EQ(AskUsers(3, page.NextToken("zoe"))->after(), "zoe");
}

TEST(PagingKeys, OfTwoNumbersAreReadBack) {
  int64_t first = 0;
  int64_t second = 0;
  EXPECT_TRUE(ParseKey(KeyOf(INT64_MAX, INT64_MIN), first, second));
  EXPECT_EQ(first, INT64_MAX);
  EXPECT_EQ(second, INT64_MIN);
  for (const char* wrong : {"", "1", "1 ", "1 2 3", "a 2"})
    EXPECT_FALSE(ParseKey(wrong, first, second)) << wrong;
}

}  // namespace
}  // namespace grpc_os::services
