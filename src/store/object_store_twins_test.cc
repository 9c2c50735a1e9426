// The engines and the fake go through the same changes, chosen at random, and never differ.
#include <cstdint>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/store_contract.h"
#include "testing/memory_object_store.h"

namespace grpc_os::store {
namespace {

using core::Object;
using core::ObjectRows;

class Fake final : public ObjectWords {
 public:
  core::ObjectStore& Objects() override { return store_; }

 private:
  grpc_os::testing::MemoryObjectStore store_;
};

class ObjectStoreTwins : public ::testing::TestWithParam<DatabaseFactory> {
 protected:
  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }
  std::string AnyName() {
    static constexpr const char* kParts[] = {"a", "b", "b-", "b0", "\xc5\xbc"};
    std::string name;
    for (int depth = 1 + Below(2); depth > 0; --depth)
      absl::StrAppend(&name, "/", kParts[Below(5)]);
    return Below(6) == 0 ? name + "/" : name;
  }
  std::string AnyFolder() {
    const std::string name = AnyName();
    return name.ends_with('/') ? name : name + "/";
  }
  std::string AnyReference() {
    if (Below(3) != 0) return AnyName();
    return Below(2) == 0 ? absl::StrCat("obj_w", Below(6)) : core::ObjectIdOf(1 + Below(60));
  }
  Object AnyObject() {
    Object object = MakeObject(++number_, AnyName());
    if (Below(4) == 0) object.id = absl::StrCat("obj_w", Below(6));
    object.generation = ++generation_;
    if (Below(3) == 0) object.expire_time_ms = 1 + Below(50);
    return object;
  }

  // One change, the same for each store that it is given to.
  ObjectWords::Apply AnyChange() {
    ++now_ms_;
    const int64_t now = now_ms_;
    const std::string reference = AnyReference();
    const auto of_live = [reference](auto change) {
      return [reference, change](ObjectRows& rows, int64_t revision) -> absl::Status {
        const auto live =
            reference.starts_with('/') ? rows.FindByName(reference) : rows.FindById(reference);
        if (!live.ok()) return live.status();
        if (!live->has_value()) return absl::NotFoundError(reference);
        return change(rows, **live, revision);
      };
    };
    switch (Below(8)) {
      case 0:
      case 1:
        return [object = AnyObject()](ObjectRows& rows, int64_t) { return rows.Insert(object); };
      case 2:
        return of_live(
            [now, deleted = Below(4) != 0](ObjectRows& rows, const Object& live, int64_t) {
              if (deleted) {
                if (auto status = rows.Retire(live, now, true); !status.ok()) return status;
              }
              return rows.Remove(live);
            });
      case 3:
        return of_live([now, next = AnyObject()](ObjectRows& rows, const Object& live, int64_t) {
          if (auto status = rows.Retire(live, now, false); !status.ok()) return status;
          Object object = next;
          object.number = live.number;
          object.id = live.id;
          object.name = live.name;
          if (live.folder) object.data.clear();
          object.folder = live.folder;
          object.size_bytes = static_cast<int64_t>(object.data.size());
          return rows.Update(object, ObjectRows::Content::kReplaced);
        });
      case 4:
        return of_live([name = AnyName(), expire = Below(50)](ObjectRows& rows, const Object& live,
                                                              int64_t revision) {
          Object object = live;
          object.name = live.folder == name.ends_with('/') ? name : live.name;
          object.expire_time_ms = expire;
          object.revision = revision;
          return rows.Update(object, ObjectRows::Content::kStays);
        });
      case 5: {
        const std::string from = AnyFolder();
        const std::string to = AnyFolder();
        return [from, to, now](ObjectRows& rows, int64_t revision) -> absl::Status {
          if (from.starts_with(to) || to.starts_with(from)) return absl::NotFoundError("the same");
          const auto any = rows.List(to, "", 1);
          if (!any.ok()) return any.status();
          if (!any->empty()) return absl::AlreadyExistsError(to);
          return rows.Rename(from, to, revision, now).status();
        };
      }
      case 6:
        return [reference, all = Below(2) == 0](ObjectRows& rows, int64_t) -> absl::Status {
          const auto version = rows.FindVersion(reference, 0);
          if (!version.ok()) return version.status();
          if (!version->has_value()) return absl::NotFoundError(reference);
          return all ? rows.RemoveVersions((*version)->number)
                     : rows.RemoveVersion((*version)->number, (*version)->generation);
        };
      default:
        return [reference, generation = ++generation_](ObjectRows& rows, int64_t) -> absl::Status {
          const auto version = rows.FindVersion(reference, 0);
          if (!version.ok()) return version.status();
          if (!version->has_value()) return absl::NotFoundError(reference);
          const auto live = rows.FindById((*version)->id);
          if (!live.ok()) return live.status();
          if (live->has_value()) return absl::AlreadyExistsError(reference);
          const auto data = rows.DataOf(**version);
          if (!data.ok()) return data.status();
          Object back = **version;
          back.data = *data;
          back.generation = generation;
          back.retire_time_ms = 0;
          back.deleted = false;
          if (auto status = rows.Insert(back); !status.ok()) return status;
          return rows.RemoveVersion(back.number, (*version)->generation);
        };
    }
  }

  static bool AnyExpired(ObjectWords& words, int64_t now_ms) {
    std::promise<bool> answer;
    words.Objects().AnyExpired(
        now_ms, [&](const absl::StatusOr<bool>& any) { answer.set_value(Must(any)); });
    return answer.get_future().get();
  }

  static std::vector<core::Quota> QuotasOf(ObjectWords& words) {
    std::promise<std::vector<core::Quota>> answer;
    words.Objects().ListQuotas(
        core::Requester(),
        [&](const absl::StatusOr<std::vector<core::Quota>>& all) { answer.set_value(Must(all)); });
    return answer.get_future().get();
  }
  // Of the first three; refused, so that it is no revision.
  static std::vector<core::VersionKey> VersionKeysBelow(ObjectWords& words,
                                                        const std::string& prefix) {
    std::vector<core::VersionKey> keys;
    EXPECT_FALSE(words
                     .Change([&](ObjectRows& rows, int64_t) {
                       keys = Must(rows.ListVersionKeysBelow(prefix, 3));
                       return absl::NotFoundError("only read");
                     })
                     .ok());
    return keys;
  }

  // All that can be asked of a store of objects, at some places.
  void ExpectAlike(ObjectWords& one, ObjectWords& other) {
    const std::string reference = AnyReference();
    SCOPED_TRACE(reference);
    const auto now = static_cast<int64_t>(Below(50));
    EXPECT_EQ(one.Find(reference, 0, true, now), other.Find(reference, 0, true, now));
    for (int64_t at = 0; at <= 50; at += 5)
      EXPECT_EQ(AnyExpired(one, at), AnyExpired(other, at)) << at;
    EXPECT_EQ(one.Generations(reference, 1 + Below(4)), other.Generations(reference, 1 + Below(4)));
    for (const int64_t generation : one.Generations(reference))
      EXPECT_EQ(one.Find(reference, generation), other.Find(reference, generation)) << generation;
    const core::ObjectQuery query = {.prefix = Below(4) == 0 ? "/" : AnyFolder(),
                                     .after = Below(2) == 0 ? "" : AnyName(),
                                     .recursive = Below(2) == 0,
                                     .limit = 1 + Below(5),
                                     .now_ms = now};
    const auto page = one.List(query);
    const auto twin = other.List(query);
    EXPECT_EQ(page.objects, twin.objects) << query.prefix << " after " << query.after;
    EXPECT_EQ(page.more, twin.more) << query.prefix << " after " << query.after;
    EXPECT_EQ(page.revision, twin.revision);
    core::ObjectQuery gone = query;
    gone.deleted = true;
    gone.most_looks = 1 + Below(2);
    const auto deleted = one.List(gone);
    const auto twins_deleted = other.List(gone);
    EXPECT_EQ(deleted.objects, twins_deleted.objects) << gone.prefix << " after " << gone.after;
    EXPECT_EQ(deleted.more, twins_deleted.more) << gone.prefix << " after " << gone.after;
    EXPECT_EQ(deleted.next_after, twins_deleted.next_after);
    EXPECT_EQ(QuotasOf(one), QuotasOf(other));
    for (const std::string& prefix : {query.prefix, std::string("/a")})
      EXPECT_EQ(VersionKeysBelow(one, prefix), VersionKeysBelow(other, prefix)) << prefix;
    deleted_listed_ += static_cast<int>(deleted.objects.size());
    deleted_stopped_ += deleted.next_after.empty() ? 0 : 1;
    const auto usage = one.Measure(query.prefix, 1 + Below(5));
    const auto twins = other.Measure(query.prefix, 5);
    EXPECT_EQ(usage.objects, twins.objects);
    EXPECT_EQ(usage.bytes, twins.bytes);
    EXPECT_EQ(usage.versions, twins.versions);
    EXPECT_EQ(usage.version_bytes, twins.version_bytes);
  }

  std::mt19937_64 random_;
  int64_t number_ = 0;
  int64_t generation_ = 0;
  int64_t now_ms_ = 100;
  int deleted_listed_ = 0;
  int deleted_stopped_ = 0;
};

TEST_P(ObjectStoreTwins, NeverDiffer) {
  int done = 0;
  int refused = 0;
  for (uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
    random_.seed(seed);
    number_ = generation_ = 0;
    Fake fake;
    ObjectsUnderTest engine(GetParam());
    const auto count_versions = [](ObjectRows& rows, int64_t) {
      for (const bool versions : {true, false}) {
        const core::Quota quota = {
            .prefix = versions ? "/a/" : "/", .max_objects = 1000, .include_versions = versions};
        if (auto put = rows.PutQuota(quota); !put.ok()) return put.status();
      }
      return absl::OkStatus();
    };
    ASSERT_TRUE(engine.Change(count_versions).ok());
    ASSERT_TRUE(fake.Change(count_versions).ok());
    for (int i = 0; i < 250 && !HasFailure(); ++i) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, ", change ", i));
      const auto change = AnyChange();
      const auto revision = engine.Change(change);
      const auto twin = fake.Change(change);
      EXPECT_EQ(revision.status().code(), twin.status().code())
          << revision.status() << twin.status();
      EXPECT_EQ(NumberOf(revision), NumberOf(twin));
      ++(revision.ok() ? done : refused);
      ExpectAlike(engine, fake);
    }
    EXPECT_EQ(engine.List({.prefix = "/", .limit = 1000}).objects,
              fake.List({.prefix = "/", .limit = 1000}).objects);
  }
  EXPECT_GT(done, 400) << "hardly anything was changed";
  EXPECT_GT(refused, 100);
  EXPECT_GT(deleted_listed_, 300) << "hardly anything was deleted";
  EXPECT_GT(deleted_stopped_, 25);
}

INSTANTIATE_TEST_SUITE_P(Engines, ObjectStoreTwins, ::testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
