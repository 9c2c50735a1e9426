// What every engine behind the store must do with objects that it has in memory. An engine joins by
// store_contract.h.
#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/store_contract.h"

namespace grpc_os::store {
namespace {

using core::Object;
using core::ObjectRows;
using testing::Eq;
using testing::Optional;

class StoreCacheContract : public ObjectsUnderTest, public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreCacheContract() : ObjectsUnderTest(GetParam()) {}

  // Whether it is answered at once, without the reader, who is kept busy meanwhile.
  bool InMemory(const std::string& name_or_id) {
    struct Reader {
      std::latch busy{1};
      std::latch free{1};
    };
    const auto reader = std::make_shared<Reader>();
    store_->ListQuotas({}, [reader](const auto&) {
      reader->busy.count_down();
      reader->free.wait();
    });
    reader->busy.wait();
    const auto answered = std::make_shared<std::atomic<bool>>(false);
    store_->FindObject({.name_or_id = name_or_id, .data = true},
                       [answered](const core::ObjectStore::Found&) { *answered = true; });
    const bool at_once = *answered;
    reader->free.count_down();
    return at_once;
  }
  Revision Update(const Object& object) {
    return Change([object](ObjectRows& rows, int64_t) {
      return rows.Update(object, ObjectRows::Content::kStays);
    });
  }
};

TEST_P(StoreCacheContract, WhatWasReadIsInMemoryUntilItChanges) {
  ASSERT_TRUE(InsertNamed({"/a", "/b"}).ok());
  const Object a = MakeObject(1, "/a");
  EXPECT_FALSE(InMemory("/a"));
  EXPECT_THAT(Find("/a"), Optional(Eq(a)));
  EXPECT_TRUE(InMemory("/a"));
  EXPECT_TRUE(InMemory(a.id));
  EXPECT_THAT(Find(a.id), Optional(Eq(a)));
  ASSERT_TRUE(InsertNamed({"/c"}, 3).ok());
  EXPECT_TRUE(InMemory("/a")) << "another one was made";
  Object changed = a;
  changed.metageneration = 2;
  ASSERT_TRUE(Update(changed).ok());
  EXPECT_FALSE(InMemory("/a"));
}

TEST_P(StoreCacheContract, EachKindOfChangeIsReadOnceItIsAcknowledged) {
  ASSERT_TRUE(InsertNamed({"/a", "/f/b", "/c"}).ok());
  // What it may be mistaken for after the change is in memory before it. The other commit lets the
  // writer settle the one before.
  int64_t others = 100;
  const auto read_all = [&] {
    ASSERT_TRUE(InsertNamed({absl::StrCat("/other/", others)}, others).ok());
    ++others;
    for (const char* name : {"/a", "/f/b", "/c", "/d", "/g/b"}) {
      const bool there = Find(name).has_value();
      ASSERT_EQ(InMemory(name), there) << name;
    }
  };
  Object a = MakeObject(1, "/a");

  read_all();
  a.generation = 2;
  a.data = "new";
  a.size_bytes = 3;
  ASSERT_TRUE(Replace(a).ok());
  EXPECT_THAT(Find("/a"), Optional(Eq(a)));
  EXPECT_THAT(Find(a.id), Optional(Eq(a)));

  read_all();
  a.metadata = {{"type", "config"}};
  ASSERT_TRUE(Update(a).ok());
  EXPECT_THAT(Find("/a"), Optional(Eq(a)));

  read_all();
  a.name = "/d";
  ASSERT_TRUE(Update(a).ok());
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_THAT(Find("/d"), Optional(Eq(a)));
  EXPECT_THAT(Find(a.id), Optional(Eq(a)));

  read_all();
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t revision) {
                return rows.Rename("/f/", "/g/", revision, 1800).status();
              }).ok());
  EXPECT_EQ(Find("/f/b"), std::nullopt);
  ASSERT_NE(Find("/g/b"), std::nullopt);
  EXPECT_EQ(Find(MakeObject(2, "").id)->name, "/g/b");

  read_all();
  ASSERT_TRUE(Delete("/c").ok());
  EXPECT_EQ(Find("/c"), std::nullopt);
  EXPECT_EQ(Find(MakeObject(3, "").id), std::nullopt);

  read_all();
  Object c = MakeObject(4, "/c");
  c.data = "another";
  ASSERT_TRUE(Insert({c}).ok());
  EXPECT_EQ(Find("/c")->data, "another");
  EXPECT_EQ(Find("/c")->id, c.id);
}

TEST_P(StoreCacheContract, AChangeThatIsLostLeavesWhatWasThere) {
  ASSERT_TRUE(InsertNamed({"/a"}).ok());
  const Object a = MakeObject(1, "/a");
  ASSERT_NE(Find("/a"), std::nullopt);
  EXPECT_FALSE(Change([a](ObjectRows& rows, int64_t) -> absl::Status {
                 Object changed = a;
                 changed.metageneration = 2;
                 if (auto status = rows.Update(changed, ObjectRows::Content::kStays); !status.ok())
                   return status;
                 return absl::FailedPreconditionError("thought better of it");
               }).ok());
  EXPECT_THAT(Find("/a"), Optional(Eq(a)));
  ASSERT_TRUE(InsertNamed({"/b"}, 2).ok()) << "and the writer has nothing in doubt any more";
  EXPECT_THAT(Find("/a"), Optional(Eq(a)));
  EXPECT_TRUE(InMemory("/a"));
}

// Readers beside a writer: nobody reads what was there before something acknowledged, or before
// something that he has seen.
TEST_P(StoreCacheContract, ReadsNeverGoBack) {
  constexpr int kChanges = 2000;
  ASSERT_TRUE(InsertNamed({"/a"}).ok());
  std::atomic<int64_t> acknowledged{1};
  std::atomic<bool> over{false};
  std::vector<std::thread> readers;
  std::vector<std::string> wrong(3);
  std::atomic<int> reads{0};
  for (std::string& mine : wrong) {
    readers.emplace_back([&, this] {
      int64_t seen = 0;
      while (!over && mine.empty()) {
        const int64_t least = std::max(seen, acknowledged.load());
        const auto found = Find("/a");
        ++reads;
        if (!found.has_value() || found->metageneration < least)
          mine = absl::StrCat(found.has_value() ? found->metageneration : -1, " after ", least);
        else
          seen = found->metageneration;
      }
    });
  }
  Object a = MakeObject(1, "/a");
  for (int64_t i = 2; i <= kChanges; ++i) {
    a.metageneration = i;
    const bool stored = Update(a).ok();
    EXPECT_TRUE(stored);
    if (!stored) break;
    acknowledged = i;
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  for (const std::string& mine : wrong) EXPECT_EQ(mine, "");
  EXPECT_GT(reads, kChanges / 10) << "there was little to see";
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreCacheContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
