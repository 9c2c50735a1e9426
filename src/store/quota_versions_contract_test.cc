// What quotas count, whatever is done to objects and their versions, is what a count of them finds.
// An engine joins by store_contract.h.
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/object/objects.h"
#include "core/scheduler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/store_contract.h"

namespace grpc_os::store {
namespace {

using core::Quota;

struct SharedClock final : core::Clock {
  explicit SharedClock(std::shared_ptr<std::atomic<int64_t>> now) : now_(std::move(now)) {}
  int64_t NowMs() const override { return now_->load(); }
  const std::shared_ptr<std::atomic<int64_t>> now_;
};

class QuotaVersionsContract : public ObjectsUnderTest,
                              public testing::TestWithParam<DatabaseFactory> {
 protected:
  QuotaVersionsContract() : ObjectsUnderTest(GetParam()), clock_(now_) {
    options_.now_ms = [now = now_] { return now->load(); };
    options_.kept.check_operations = 1;
    options_.kept.versions_ms = 1000;
    Reopen();
    objects_ = std::make_unique<core::Objects>(*store_, clock_);
  }
  void TearDown() override { objects_.reset(); }

  static core::Objects::By Anyone() {
    core::Objects::By by;
    by.access = [](core::ObjectVerb, std::string_view) { return true; };
    return by;
  }
  template <typename T, typename Ask>
  static bool Done(const Ask& ask) {
    std::promise<bool> answer;
    ask([&](const absl::StatusOr<T>& value) { answer.set_value(value.ok()); });
    return answer.get_future().get();
  }
  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }
  std::string AnyName() { return absl::StrCat(Below(2) == 0 ? "/a/" : "/b/", Below(6)); }

  bool AnyChange() {
    const std::string name = AnyName();
    const std::string folder = name.substr(0, 3);
    switch (Below(12)) {
      case 0:
        return Done<core::Objects::Batch>([&](auto done) {
          objects_->Delete({.name = folder,
                            .recursive = true,
                            .purge = Below(2) == 0,
                            .in_parts = Below(2) == 0},
                           Anyone(), done);
        });
      case 1:
        return Done<core::Objects::Batch>([&](auto done) {
          objects_->Delete({.name = Below(2) == 0 ? folder : name,
                            .recursive = true,
                            .in_parts = true,
                            .versions_only = true},
                           Anyone(), done);
        });
      case 2:
      case 3:
        return Done<core::Objects::Batch>([&](auto done) {
          objects_->Delete({.name = name, .purge = Below(3) == 0}, Anyone(), done);
        });
      case 4:
      case 5:
        return Done<core::Object>([&](auto done) { objects_->Undelete(name, 0, Anyone(), done); });
      case 6:
        return Done<core::Object>(
            [&](auto done) { objects_->Move(name, AnyName(), {}, Anyone(), done); });
      case 7:
        return Done<core::Objects::Batch>([&](auto done) {
          objects_->MoveFolder(folder, folder == "/a/" ? "/b" : "/a", Anyone(), done);
        });
      case 8: {
        now_->fetch_add(400);
        objects_->Tick(now_->load());
        while (AnyExpired()) continue;
        return true;
      }
      default:
        return Done<core::Object>([&](auto done) {
          const auto bytes = static_cast<int64_t>(Below(100));
          const core::ObjectContent content = {.data = std::string(static_cast<size_t>(bytes), 'x'),
                                               .size_bytes = bytes};
          objects_->Put({.name = name, .content = content, .ttl_ms = Below(4) == 0 ? 300 : 0},
                        Anyone(), done);
        });
    }
  }
  bool AnyExpired() {
    std::promise<bool> answer;
    store_->AnyExpired(now_->load(),
                       [&](const absl::StatusOr<bool>& any) { answer.set_value(Must(any)); });
    return answer.get_future().get();
  }
  std::vector<Quota> Quotas() {
    std::promise<std::vector<Quota>> answer;
    store_->ListQuotas(core::Requester(), [&](const absl::StatusOr<std::vector<Quota>>& all) {
      answer.set_value(Must(all));
    });
    return answer.get_future().get();
  }
  // While the writer waits: what is forgotten between two reads would be counted in one of them.
  void ExpectRightCounts() {
    const Held held(*store_);
    for (const Quota& quota : Quotas()) {
      const core::ObjectUsage usage = Measure(quota.prefix, 1000);
      const bool all = quota.include_versions;
      EXPECT_EQ(quota.objects, usage.objects + (all ? usage.versions : 0)) << quota.prefix;
      EXPECT_EQ(quota.bytes, usage.bytes + (all ? usage.version_bytes : 0)) << quota.prefix;
      versions_seen_ += usage.versions;
    }
  }
  Revision Set(const Quota& quota) {
    return Change(
        [quota](core::ObjectRows& rows, int64_t) { return rows.PutQuota(quota).status(); });
  }

  const std::shared_ptr<std::atomic<int64_t>> now_ = std::make_shared<std::atomic<int64_t>>(5000);
  SharedClock clock_;
  std::unique_ptr<core::Objects> objects_;
  std::mt19937_64 random_{7};
  int64_t versions_seen_ = 0;
};

TEST_P(QuotaVersionsContract, TheCountIsThatOfARecount) {
  ASSERT_TRUE(Set({.prefix = "/", .max_bytes = 1'000'000, .include_versions = true}).ok());
  ASSERT_TRUE(Set({.prefix = "/a/", .max_bytes = 2000, .include_versions = true}).ok());
  ASSERT_TRUE(Set({.prefix = "/b/", .max_objects = 5}).ok());
  int done = 0;
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    done += AnyChange() ? 1 : 0;
    ExpectRightCounts();
    if (i % 100 == 99) {
      ASSERT_TRUE(
          Set({.prefix = "/b/", .max_objects = 50, .include_versions = i % 200 == 99}).ok());
      ExpectRightCounts();
    }
  }
  EXPECT_GT(done, 500) << "hardly anything was changed";
  EXPECT_GT(versions_seen_, 1000);
  EXPECT_GT(store_->statistics().swept_rows, 50) << "hardly anything was forgotten";
}

// At the cap the oldest goes, of the object and of its name.
TEST_P(QuotaVersionsContract, WhatGoesAtTheCapIsNoLongerCounted) {
  ASSERT_TRUE(Set({.prefix = "/a/", .max_objects = 1000, .include_versions = true}).ok());
  for (int i = 0; i < limits::kVersionsPerObject + 10; ++i) {
    ASSERT_TRUE(Done<core::Object>([&](auto done) {
      objects_->Put({.name = "/a/1", .content = {.data = "x", .size_bytes = 1}}, Anyone(), done);
    }));
  }
  EXPECT_EQ(Quotas().at(0).objects, limits::kVersionsPerObject + 1);
  ExpectRightCounts();
}

TEST_P(QuotaVersionsContract, ACountThatIsLostWithItsTransactionIsNotKept) {
  ASSERT_TRUE(Set({.prefix = "/a/", .max_objects = 10, .include_versions = true}).ok());
  ASSERT_TRUE(InsertNamed({"/a/1"}).ok());
  EXPECT_FALSE(Change([](core::ObjectRows& rows, int64_t) {
                 const auto live = rows.FindByName("/a/1");
                 if (auto status = rows.Retire(**live, 1, false); !status.ok()) return status;
                 return absl::NotFoundError("after all");
               }).ok());
  EXPECT_EQ(Quotas().at(0).objects, 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, QuotaVersionsContract, ::testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
