// What every core::ResourceStore must do: the engines behind the store, and the fake that the
// core's tests run on, which is proved by that.
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/store_contract.h"
#include "store/store_under_test.h"
#include "testing/memory_resource_store.h"

namespace grpc_os::store {
namespace {

using core::StoredResource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One store, empty at first.
class Home {
 public:
  virtual ~Home() = default;
  virtual core::ResourceStore& Resources() = 0;
  virtual void Reopen() {}
};
class MemoryHome final : public Home {
 public:
  core::ResourceStore& Resources() override { return store_; }

 private:
  grpc_os::testing::MemoryResourceStore store_;
};
class EngineHome final : public Home, private StoreUnderTest {
 public:
  using StoreUnderTest::StoreUnderTest;
  core::ResourceStore& Resources() override { return *store_; }
  void Reopen() override { StoreUnderTest::Reopen(); }
};
struct HomeFactory {
  std::string name;
  std::function<std::unique_ptr<Home>()> make;
};
std::vector<HomeFactory> Homes() {
  std::vector<HomeFactory> homes = {{"Memory", [] { return std::make_unique<MemoryHome>(); }}};
  for (const DatabaseFactory& factory : DatabaseFactories())
    homes.push_back({factory.engine, [factory] { return std::make_unique<EngineHome>(factory); }});
  return homes;
}

StoredResource Make(const std::string& kind, const std::string& id, const std::string& name,
                    std::vector<core::Claim> claims = {}) {
  StoredResource resource;
  resource.kind = kind;
  resource.id = id;
  resource.name = name;
  resource.spec = "spec of " + name;
  resource.claims = std::move(claims);
  return resource;
}

class ResourceStoreContract : public ::testing::TestWithParam<HomeFactory> {
 protected:
  using Revision = absl::StatusOr<int64_t>;
  Revision Commit(core::ResourceWrite write, core::Envelope envelope = core::Envelope::OfSystem()) {
    auto promise = std::make_shared<std::promise<Revision>>();
    home_->Resources().CommitResources(
        std::move(write), std::move(envelope),
        [promise](Revision revision) { promise->set_value(std::move(revision)); });
    return promise->get_future().get();
  }
  Revision Put(std::vector<StoredResource> resources) {
    return Commit({.put = std::move(resources), .events = {MakeEvent("a", "changed")}});
  }
  std::vector<StoredResource> Load(const std::string& kind) {
    return Must(home_->Resources().LoadResources(kind));
  }
  std::vector<std::string> Names(const std::string& kind) {
    std::vector<std::string> names;
    for (const StoredResource& one : Load(kind)) names.push_back(one.name);
    return names;
  }

  std::unique_ptr<Home> home_ = GetParam().make();
};

// Each field differs from its default and from its neighbours.
TEST_P(ResourceStoreContract, AResourceComesBackWhole) {
  StoredResource whole = Make("domain", "dom_1", "example.org");
  whole.owner = "ada";
  whole.generation = 7;
  whole.observed_generation = 6;
  whole.create_time_ms = int64_t{1} << 52;
  whole.update_time_ms = -1;
  whole.spec = std::string("\0\xff any bytes", 12);
  whole.status = std::string("\xff\0", 2);
  whole.claims = {{"host", "example.org"}, {"port", "443"}};
  ASSERT_EQ(NumberOf(Put({whole, Make("zone", "dom_1", "example.org")})), 1);
  home_->Reopen();
  whole.revision = 1;
  whole.claims.clear();
  EXPECT_THAT(Load("domain"), ElementsAre(whole));
  EXPECT_THAT(Names("zone"), ElementsAre("example.org")) << "kinds do not meet";
  EXPECT_THAT(Load("none"), IsEmpty());
}

TEST_P(ResourceStoreContract, TheyAreListedByNameAndReplacedById) {
  ASSERT_TRUE(Put({Make("zone", "2", "b"), Make("zone", "1", "c"), Make("zone", "3", "a")}).ok());
  EXPECT_THAT(Names("zone"), ElementsAre("a", "b", "c"));
  ASSERT_EQ(NumberOf(Put({Make("zone", "1", "A")})), 2);
  EXPECT_THAT(Names("zone"), ElementsAre("A", "a", "b"));
  EXPECT_EQ(Load("zone")[0].revision, 2);
  EXPECT_EQ(Load("zone")[1].revision, 1);
  ASSERT_TRUE(Commit({.remove = {{"zone", "1"}, {"zone", "9"}}}).ok());
  EXPECT_THAT(Names("zone"), ElementsAre("a", "b"));
}

TEST_P(ResourceStoreContract, WithoutEventsItTakesNoRevision) {
  EXPECT_EQ(NumberOf(Commit({})), 0);
  EXPECT_EQ(NumberOf(Put({Make("zone", "1", "a")})), 1);
}

TEST_P(ResourceStoreContract, ANameIsOneOnlyWithinItsKind) {
  ASSERT_TRUE(Put({Make("zone", "1", "a")}).ok());
  const Revision taken = Put({Make("zone", "2", "b"), Make("zone", "3", "a")});
  EXPECT_TRUE(absl::IsAlreadyExists(taken.status()));
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("1"));
  EXPECT_THAT(Names("zone"), ElementsAre("a")) << "all or nothing";
  // What goes in the same write makes way.
  EXPECT_TRUE(Commit({.put = {Make("zone", "3", "a")}, .remove = {{"zone", "1"}}}).ok());
}

TEST_P(ResourceStoreContract, AClaimIsOneOnlyAmongAllKinds) {
  const core::Claim host{"host", "example.org"};
  ASSERT_TRUE(Put({Make("domain", "1", "first", {host, {"port", "80"}})}).ok());
  const Revision taken = Put({Make("zone", "2", "second", {{"port", "81"}, host})});
  EXPECT_TRUE(absl::IsAlreadyExists(taken.status()));
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("first"));
  EXPECT_THAT(Names("zone"), IsEmpty());
  // The same key of another kind of claim is another.
  ASSERT_TRUE(Put({Make("zone", "2", "second", {{"name", "example.org"}, {"port", "81"}})}).ok());
  // Put again, it keeps what it still claims and lets go of the rest.
  ASSERT_TRUE(Put({Make("domain", "1", "first", {host})}).ok());
  ASSERT_TRUE(Put({Make("zone", "3", "third", {{"port", "80"}})}).ok());
  EXPECT_FALSE(Put({Make("zone", "4", "fourth", {host})}).ok());
  ASSERT_TRUE(Commit({.remove = {{"domain", "1"}}}).ok());
  EXPECT_TRUE(Put({Make("zone", "4", "fourth", {host})}).ok());
}

TEST_P(ResourceStoreContract, OneIsBounded) {
  StoredResource large = Make("zone", "1", "a");
  large.spec = std::string(core::kResourceBytes, 'x');
  EXPECT_TRUE(Put({large}).ok());
  large.status = "x";
  EXPECT_TRUE(absl::IsInvalidArgument(Put({large}).status()));
  EXPECT_EQ(Load("zone")[0].status, "");
}

TEST_P(ResourceStoreContract, WhoMayNotAnyMoreChangesNothing) {
  core::Origin origin;
  origin.permit = [](std::string_view) { return absl::PermissionDeniedError("no longer"); };
  const Revision refused = Commit({.put = {Make("zone", "1", "a")}}, core::Envelope(origin));
  EXPECT_TRUE(absl::IsPermissionDenied(refused.status()));
  EXPECT_THAT(Names("zone"), IsEmpty());
  EXPECT_FALSE(origin.written->load());
  origin.permit = nullptr;
  EXPECT_TRUE(Commit({.put = {Make("zone", "1", "a")}}, core::Envelope(origin)).ok());
  EXPECT_TRUE(origin.written->load());
}

INSTANTIATE_TEST_SUITE_P(Homes, ResourceStoreContract, ::testing::ValuesIn(Homes()),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace grpc_os::store
