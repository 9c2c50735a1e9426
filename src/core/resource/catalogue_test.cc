#include "core/resource/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_resource_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct ShopSpec {
  std::string host;
  int64_t port = 80;

  bool operator==(const ShopSpec&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, ShopSpec& spec) {
  fields.Text(1, spec.host);
  fields.Int(2, spec.port, 80);
}
struct ShopStatus {
  bool open = false;

  bool operator==(const ShopStatus&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, ShopStatus& status) {
  fields.Int(1, status.open);
}
using Shop = Resource<ShopSpec, ShopStatus>;

constexpr ResourceKind kShops = {.name = "shop",
                                 .id_prefix = "shop_",
                                 .most = 3,
                                 .limit = "shops",
                                 .not_found = "SHOP_NOT_FOUND",
                                 .exists = "SHOP_EXISTS"};

class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest() { Start(); }
  // As a new daemon, from what the store has.
  void Start() {
    shops_ = std::make_unique<Catalogue<Shop>>(Catalogue<Shop>::Parts{
        .kind = kShops,
        .store = store_,
        .clock = clock_,
        .changes = changes_,
        .rules = {.check =
                      [this](const Shop* before, const Shop* after, const Origin&) {
                        if (after != nullptr && after->spec.host == "forbidden.example")
                          return absl::FailedPreconditionError("forbidden");
                        if (after == nullptr && before != nullptr && before->name == "kept")
                          return absl::FailedPreconditionError("in use");
                        return absl::OkStatus();
                      },
                  .claims =
                      [](const Shop& shop) {
                        return std::vector<Claim>{{"host", shop.spec.host}};
                      },
                  .committed =
                      [this](const Shop* before, const Shop* after) {
                        committed_.push_back((before ? before->name : "-") + ">" +
                                             (after ? after->name : "-"));
                      }}});
    ASSERT_TRUE(shops_->Load(store_.revision).ok());
  }

  static Origin Ada(const std::string& request = "") {
    Origin origin;
    origin.record.user = "ada";
    if (!request.empty()) origin.request.emplace().key.id = request;
    return origin;
  }
  using Answer = std::optional<absl::StatusOr<Shop>>;
  static Catalogue<Shop>::Done Into(Answer& answer) {
    return [&answer](absl::StatusOr<Shop> shop) {
      ASSERT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(shop);
    };
  }
  absl::StatusOr<Shop> Create(const std::string& name, const std::string& host,
                              Origin origin = Ada()) {
    Answer answer;
    Shop wanted;
    wanted.name = name;
    wanted.spec.host = host;
    shops_->Create(wanted, std::move(origin), Into(answer));
    return answer.value();
  }
  absl::StatusOr<Shop> Move(const std::string& reference, const std::string& host,
                            const std::string& etag = "", Origin origin = Ada()) {
    Answer answer;
    shops_->Update(
        reference, etag,
        [host](ShopSpec& spec) {
          spec.host = host;
          return absl::OkStatus();
        },
        std::move(origin), Into(answer));
    return answer.value();
  }
  absl::StatusOr<int64_t> Delete(const std::string& reference, const std::string& etag = "") {
    std::optional<absl::StatusOr<int64_t>> answer;
    shops_->Delete(reference, etag, Ada(), [&](auto revision) { answer = std::move(revision); });
    return answer.value();
  }
  // `put`: names and hosts. 'mine' is nobody else's.
  absl::StatusOr<int64_t> ChangeAll(const std::vector<std::string>& remove,
                                    const std::vector<std::pair<std::string, std::string>>& put) {
    std::vector<Shop> wanted;
    for (const auto& [name, host] : put) {
      wanted.emplace_back().name = name;
      wanted.back().spec.host = host;
    }
    std::optional<absl::StatusOr<int64_t>> answer;
    shops_->ChangeAll(
        remove, std::move(wanted),
        [](const Shop* before, const Shop*) {
          return before != nullptr && before->name == "mine"
                     ? absl::FailedPreconditionError("it is mine")
                     : absl::OkStatus();
        },
        [&](auto revision) { answer = std::move(revision); });
    return answer.value();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Shop& shop : shops_->List("", 100)) names.push_back(shop.name);
    return names;
  }
  static std::string Why(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail ? detail->reason : status.ToString();
  }

  testing::ManualScheduler clock_;
  testing::MemoryResourceStore store_;
  ChangeQueue changes_;
  std::unique_ptr<Catalogue<Shop>> shops_;
  std::vector<std::string> committed_;
};

TEST_F(CatalogueTest, WhatIsMadeIsFoundByNameAndIdAndOutlivesTheDaemon) {
  clock_.now_ms = 5000;
  const auto made = Create("one", "one.example", Ada("r1"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(made->id, HasSubstr("shop_"));
  EXPECT_EQ(made->owner, "ada");
  EXPECT_EQ(made->generation, 1);
  EXPECT_EQ(made->create_time_ms, 5000);
  EXPECT_EQ(made->revision, 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(shops_->Find("one").value(), *made);
    EXPECT_EQ(shops_->Find(made->id).value(), *made);
    Start();
  }
  ASSERT_THAT(store_.events, SizeIs(1));
  EXPECT_EQ(store_.events[0].kind, "shop");
  EXPECT_EQ(store_.events[0].resource_id, made->id);
  EXPECT_EQ(store_.events[0].action, "created");
  ASSERT_THAT(store_.requests, SizeIs(1));
  EXPECT_EQ(store_.requests[0].subject, made->id);
  EXPECT_THAT(store_.audit, SizeIs(1));
  EXPECT_THAT(committed_, ElementsAre("->one"));
}

TEST_F(CatalogueTest, AChangeCountsGenerationsAndChecksTheEtag) {
  const auto made = Create("one", "one.example");
  const auto moved = Move("one", "two.example", EtagOf(*made));
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->generation, 2);
  EXPECT_EQ(moved->spec.host, "two.example");
  EXPECT_EQ(Why(Move("one", "three.example", EtagOf(*made)).status()), reason::kEtagMismatch);
  EXPECT_EQ(Why(Delete("one", EtagOf(*made)).status()), reason::kEtagMismatch);
  EXPECT_EQ(shops_->Find("one").value(), *moved);
  EXPECT_EQ(store_.revision, 2);
}

TEST_F(CatalogueTest, WhatChangesNothingIsRecordedAndIsNoChange) {
  const auto made = Create("one", "one.example");
  const auto same = Move("one", "one.example", "", Ada("r1"));
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(*same, *made);
  EXPECT_EQ(store_.revision, 1);
  EXPECT_THAT(store_.events, SizeIs(1));
  EXPECT_THAT(store_.requests, SizeIs(1));
  EXPECT_THAT(store_.audit, SizeIs(2));
}

TEST_F(CatalogueTest, NamesAreOneOnlyAndBounded) {
  ASSERT_TRUE(Create("one", "one.example").ok());
  EXPECT_EQ(Why(Create("one", "two.example").status()), "SHOP_EXISTS");
  EXPECT_EQ(Why(shops_->Find("two").status()), "SHOP_NOT_FOUND");
  EXPECT_EQ(Why(Move("two", "x").status()), "SHOP_NOT_FOUND");
  EXPECT_EQ(Why(Delete("two").status()), "SHOP_NOT_FOUND");
  ASSERT_TRUE(Create("two", "two.example").ok());
  ASSERT_TRUE(Create("three", "three.example").ok());
  const auto one_more = Create("four", "four.example");
  EXPECT_EQ(Why(one_more.status()), reason::kLimitReached);
  EXPECT_THAT(std::string(one_more.status().message()), HasSubstr("`shop rm`"));
  EXPECT_THAT(Names(), ElementsAre("one", "three", "two"));
  EXPECT_THAT(shops_->List("one", 1), ElementsAre(shops_->Find("three").value()));
}

TEST_F(CatalogueTest, AClaimBelongsToOneAndIsFreeOnceItsOwnerLetsGo) {
  ASSERT_TRUE(Create("one", "a.example").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Create("two", "a.example").status()));
  EXPECT_EQ(Why(shops_->Find("two").status()), "SHOP_NOT_FOUND");
  ASSERT_TRUE(Move("one", "b.example").ok());
  ASSERT_TRUE(Create("two", "a.example").ok());
  ASSERT_TRUE(Delete("one").ok());
  ASSERT_TRUE(Create("three", "b.example").ok());
}

TEST_F(CatalogueTest, NothingIsShownBeforeItIsCommittedAndTheNextChangeSeesIt) {
  store_.hold = true;
  Answer made, moved, again;
  Shop wanted;
  wanted.name = "one";
  shops_->Create(wanted, Ada(), Into(made));
  shops_->Update(
      "one", "",
      [](ShopSpec& spec) {
        spec.port = 81;
        return absl::OkStatus();
      },
      Ada(), Into(moved));
  shops_->Create(wanted, Ada(), Into(again));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(shops_->Revision(7), 0) << "what is under way is not in it";
  ASSERT_THAT(store_.held, SizeIs(1)) << "one after the other";
  store_.Release();
  ASSERT_TRUE(made.has_value() && made->ok());
  EXPECT_EQ(shops_->Find("one").value().spec.port, 80);
  store_.Release();
  ASSERT_TRUE(moved.has_value() && moved->ok());
  EXPECT_EQ((*moved)->generation, 2);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(Why(again->status()), "SHOP_EXISTS");
  EXPECT_EQ(shops_->Revision(7), 7);
}

TEST_F(CatalogueTest, WhatTheStoreRefusesIsNotThere) {
  store_.failure = absl::UnavailableError("the disk went away");
  EXPECT_EQ(Why(Create("one", "one.example").status()), reason::kStoreUnavailable);
  store_.failure = absl::OkStatus();
  ASSERT_TRUE(Create("one", "one.example").ok());
  store_.full = true;
  EXPECT_FALSE(Move("one", "two.example").ok());
  EXPECT_EQ(shops_->Find("one").value().spec.host, "one.example");
  EXPECT_TRUE(Delete("one").ok()) << "which may take the reserve";
  EXPECT_THAT(committed_, ElementsAre("->one", "one>-"));
}

TEST_F(CatalogueTest, TheRulesOfTheKindAndThePermissionAreAskedWithEachChange) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Create("one", "forbidden.example").status()));
  ASSERT_TRUE(Create("kept", "kept.example").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Delete("kept").status()));
  Origin lost = Ada();
  lost.permit = [](std::string_view) { return absl::PermissionDeniedError("no longer"); };
  EXPECT_TRUE(absl::IsPermissionDenied(Move("kept", "x.example", "", lost).status()));
  EXPECT_EQ(shops_->Find("kept").value().spec.host, "kept.example");
}

TEST_F(CatalogueTest, AStatusIsNoChangeOfTheSpec) {
  const auto made = Create("one", "one.example");
  Answer open, same, gone;
  shops_->SetStatus(made->id, 1, {.open = true}, Into(open));
  ASSERT_TRUE(open->ok());
  EXPECT_EQ((*open)->generation, 1);
  EXPECT_EQ((*open)->observed_generation, 1);
  EXPECT_EQ(EtagOf(**open), EtagOf(*made));
  shops_->SetStatus(made->id, 1, {.open = true}, Into(same));
  EXPECT_EQ(store_.revision, 2) << "the same again is nothing";
  EXPECT_THAT(store_.audit, SizeIs(1)) << "nobody asked for it";
  Start();
  EXPECT_TRUE(shops_->Find("one").value().status.open);
  ASSERT_TRUE(Delete("one").ok());
  shops_->SetStatus(made->id, 1, {}, Into(gone));
  EXPECT_EQ(Why(gone->status()), "SHOP_NOT_FOUND");
}

TEST_F(CatalogueTest, WhatCannotBeReadIsDataLossByNameAndTheOthersLive) {
  ASSERT_TRUE(Create("one", "one.example").ok());
  ASSERT_TRUE(Create("two", "two.example").ok());
  for (auto& [key, row] : store_.rows)
    if (row.name == "one") row.spec += "?";
  Start();
  EXPECT_THAT(Names(), ElementsAre("two"));
  const auto damaged = shops_->Find("one");
  EXPECT_TRUE(absl::IsDataLoss(damaged.status()));
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr("'one' is damaged"));
  EXPECT_TRUE(absl::IsDataLoss(Move("one", "x.example").status()));
  EXPECT_EQ(Why(Create("one", "x.example").status()), "SHOP_EXISTS");
  ASSERT_TRUE(Delete("one").ok());
  EXPECT_TRUE(Create("one", "one.example").ok());
}

TEST_F(CatalogueTest, ManyAreChangedInOneTransaction) {
  const auto one = Create("one", "one.example");
  ASSERT_TRUE(Create("two", "two.example").ok());
  ASSERT_TRUE(Create("three", "three.example").ok());
  committed_.clear();
  clock_.now_ms += 1'000;
  const auto revision = ChangeAll({"two", "none"}, {{"one", "two.example"},  // which 'two' had
                                                    {"three", "three.example"},
                                                    {"four", "four.example"}});
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(*revision, 4) << "one for all of it";
  EXPECT_THAT(Names(), ElementsAre("four", "one", "three"));
  EXPECT_EQ(shops_->Find("one")->id, one->id);
  EXPECT_EQ(shops_->Find("one")->owner, "ada");
  EXPECT_EQ(shops_->Find("one")->generation, 2);
  EXPECT_EQ(shops_->Find("one")->update_time_ms, clock_.now_ms);
  EXPECT_EQ(shops_->Find("one")->revision, 4);
  EXPECT_EQ(shops_->Find("four")->generation, 1);
  EXPECT_EQ(shops_->Find("four")->revision, 4);
  EXPECT_EQ(shops_->Find("three")->revision, 3) << "it is as it was";
  EXPECT_THAT(committed_, ElementsAre("two>-", "one>one", "->four"));
  EXPECT_THAT(store_.audit, SizeIs(3)) << "nobody asked for it";
  const std::vector<Shop> before = shops_->List("", 100);
  Start();
  EXPECT_EQ(shops_->List("", 100), before);
}

TEST_F(CatalogueTest, OfManyNoneIsChangedIfOneMayNotOrDoesNotFitOrIsNotStored) {
  ASSERT_TRUE(Create("mine", "mine.example").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      ChangeAll({}, {{"a", "a.example"}, {"mine", "x.example"}}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(ChangeAll({"mine"}, {{"a", "a.example"}}).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(
      ChangeAll({"none", "nor this"}, {{"a", "a.example"}, {"b", "b.example"}, {"c", "c.example"}})
          .status()));
  EXPECT_FALSE(ChangeAll({}, {{"a", "mine.example"}}).ok()) << "a claim of another";
  store_.failure = absl::UnavailableError("disk");
  EXPECT_FALSE(ChangeAll({}, {{"a", "a.example"}}).ok());
  store_.failure = absl::OkStatus();
  EXPECT_THAT(Names(), ElementsAre("mine"));
  EXPECT_EQ(ChangeAll({"none"}, {{"mine", "mine.example"}}).value(), 1) << "there is nothing to do";
  EXPECT_EQ(store_.revision, 1);
}

TEST_F(CatalogueTest, OnAFullDiskManyAreRemovedAndNoneIsMade) {
  ASSERT_TRUE(Create("one", "one.example").ok());
  store_.full = true;
  EXPECT_FALSE(ChangeAll({"one"}, {{"two", "two.example"}}).ok());
  EXPECT_TRUE(ChangeAll({"one"}, {}).ok());
  EXPECT_THAT(Names(), IsEmpty());
}

// A change that is refused at once does not nest in the one before it.
TEST_F(CatalogueTest, ManyRefusalsInARowNeedNoStack) {
  store_.hold = true;
  Answer made;
  Shop wanted;
  wanted.name = "one";
  shops_->Create(wanted, Ada(), Into(made));
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    shops_->Delete("none", "", Ada(), [&](const auto& revision) { refused += !revision.ok(); });
  }
  store_.Release();
  EXPECT_EQ(refused, 100'000);
}

}  // namespace
}  // namespace grpc_os::core
