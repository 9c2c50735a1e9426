// What is much: folders of any size, in parts; versions without their object; answers too large for
// a message. And times to live.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/object_name.h"
#include "core/object/objects.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/memory_object_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct FakeClock final : Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t now_ms = 1000;
};

class ObjectsPartsTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_.unclean_refusals, 0); }

  Objects::By Ann() {
    Objects::By by;
    by.origin.record.user = "ann";
    by.origin.request = CommittedRequest{};
    by.access = access_;
    return by;
  }
  template <typename T, typename Ask>
  static absl::StatusOr<T> Answer(const Ask& ask) {
    std::optional<absl::StatusOr<T>> got;
    ask([&](absl::StatusOr<T> value) { got = std::move(value); });
    return *std::move(got);
  }
  void Put(const std::string& name, const std::string& data = "x") {
    const ObjectContent content = {.data = data, .size_bytes = static_cast<int64_t>(data.size())};
    const auto put = Answer<Object>([&](auto done) {
      objects_.Put({.name = name, .content = content, .ttl_ms = ttl_ms_}, Ann(), done);
    });
    ASSERT_TRUE(put.ok()) << put.status();
  }
  void MakeFolder(const std::string& name) {
    ASSERT_TRUE(Answer<Object>([&](auto done) { objects_.MakeFolder(name, Ann(), done); }).ok());
  }
  // As rows: it would take long otherwise.
  void Fill(const std::string& folder, int count) {
    for (int i = 0; i < count; ++i) {
      Object object;
      object.number = ++number_;
      object.id = ObjectIdOf(object.number);
      object.name = absl::StrCat(folder, 10'000 + i);
      object.generation = 1;
      store_.objects.live[object.name] = object;
    }
  }
  using Batch = Objects::Batch;
  absl::StatusOr<Batch> Delete(const DeleteObject& asked) {
    return Answer<Batch>([&](auto done) { objects_.Delete(asked, Ann(), done); });
  }
  absl::StatusOr<Batch> DeletePart(const std::string& name, bool purge = false) {
    return Delete({.name = name, .recursive = true, .purge = purge, .in_parts = true});
  }
  absl::StatusOr<Batch> DeleteVersions(const std::string& name, bool recursive = false,
                                       bool in_parts = false) {
    return Delete(
        {.name = name, .recursive = recursive, .in_parts = in_parts, .versions_only = true});
  }
  absl::StatusOr<Batch> Move(const std::string& from, const std::string& to) {
    return Answer<Batch>([&](auto done) { objects_.MoveFolder(from, to, Ann(), done); });
  }
  // "1000+" where there is more, or why not.
  static std::string Said(const absl::StatusOr<Batch>& batch) {
    if (batch.ok()) return absl::StrCat(batch->count, batch->more ? "+" : "");
    const auto detail = DetailOf(batch.status());
    return detail.has_value() ? detail->reason : batch.status().ToString();
  }
  int64_t Below(const std::string& prefix) const {
    return std::count_if(store_.objects.live.begin(), store_.objects.live.end(),
                         [&](const auto& one) { return one.first.starts_with(prefix); });
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, object] : store_.objects.live) names.push_back(name);
    return names;
  }

  ObjectAccess access_ = [](ObjectVerb, std::string_view) { return true; };
  grpc_os::testing::MemoryObjectStore store_;
  FakeClock clock_;
  Objects objects_{store_, clock_};
  int64_t number_ = 0;
  int64_t ttl_ms_ = 0;
};

TEST_F(ObjectsPartsTest, AFolderOfAnySizeIsDeletedInPartsOfAThousand) {
  Fill("/big/", 2 * kObjectsPerPart + 1);
  Fill("/bigger/", 3);
  EXPECT_EQ(Said(DeletePart("/big")), "1000+");
  EXPECT_EQ(store_.revision, 1);
  EXPECT_EQ(store_.events.size(), 1000);
  EXPECT_EQ(Below("/big/"), kObjectsPerPart + 1);
  const auto said = Objects::RepeatBatch(store_.requests.back().subject);
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->count, 1000);
  EXPECT_TRUE(said->more);
  EXPECT_EQ(said->revision, 1);
  EXPECT_EQ(Said(DeletePart("/big/")), "1000+");
  EXPECT_EQ(Said(DeletePart("/big")), "1");
  EXPECT_FALSE(Objects::RepeatBatch(store_.requests.back().subject)->more);
  EXPECT_EQ(Said(DeletePart("/big")), reason::kObjectNotFound);
  EXPECT_EQ(Below("/bigger/"), 3);
}

// Whoever finds it half deleted finds its folders, with their ids and preconditions.
TEST_F(ObjectsPartsTest, AFolderThatWasMadeGoesWithTheLastOfWhatLiesInIt) {
  MakeFolder("/big/");
  MakeFolder("/big/a/");
  MakeFolder("/big/b/");
  Fill("/big/a/", 600);
  Fill("/big/b/", 600);
  const int64_t generation = store_.objects.live.at("/big/").generation;
  const DeleteObject asked = {.name = "/big",
                              .recursive = true,
                              .in_parts = true,
                              .preconditions = {.generation = generation}};
  EXPECT_EQ(Said(Delete(asked)), "998+") << "two folders on the way to the next one wait";
  EXPECT_TRUE(store_.objects.live.contains("/big/"));
  EXPECT_FALSE(store_.objects.live.contains("/big/a/"));
  EXPECT_TRUE(store_.objects.live.contains("/big/b/"));
  EXPECT_EQ(Said(Delete(asked)), "205");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(ObjectsPartsTest, ThePartsOfTheDeepestFolderAreNeverEmpty) {
  std::string folder = "/";
  while (folder.size() + 2 <= limits::kPathBytes - 6) MakeFolder(folder += "d/");
  Fill(folder, 2000);
  int64_t deleted = 0;
  for (bool more = true; more;) {
    const auto part = DeletePart("/d");
    ASSERT_TRUE(part.ok()) << part.status();
    ASSERT_GT(part->count, 0);
    deleted += part->count;
    more = part->more;
  }
  EXPECT_EQ(deleted, 2000 + static_cast<int64_t>(folder.size() - 1) / 2);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(ObjectsPartsTest, VersionsThatGoWithAPartCount) {
  for (const char* name : {"/f/1", "/f/2", "/f/3", "/f/4"}) {
    Put(name);
    Object version = store_.objects.live.at(name);
    for (int i = 0; i < 299; ++i) {
      version.generation = 1000 + i;
      store_.objects.versions.push_back(version);
    }
  }
  EXPECT_EQ(Said(DeletePart("/f", /*purge=*/true)), "3+");
  EXPECT_EQ(store_.objects.versions.size(), 299);
  EXPECT_EQ(Said(DeletePart("/f", /*purge=*/true)), "1");
  EXPECT_THAT(store_.objects.versions, IsEmpty());
}

TEST_F(ObjectsPartsTest, APartThatIsRefusedChangesNothing) {
  Fill("/big/", 1500);
  access_ = [](ObjectVerb verb, std::string_view name) {
    return verb == ObjectVerb::kRead || name != "/big/10500";
  };
  EXPECT_EQ(Said(DeletePart("/big")), reason::kPermissionMissing);
  EXPECT_EQ(Said(Move("/big", "/other")), reason::kPermissionMissing);
  EXPECT_EQ(Below("/big/"), 1500);
  access_ = [](ObjectVerb, std::string_view name) { return name != "/other/11200"; };
  EXPECT_EQ(Said(Move("/big", "/other")), "1000+");
  EXPECT_EQ(Said(Move("/big", "/other")), reason::kPermissionMissing);
  EXPECT_EQ(Below("/big/"), 500);
  EXPECT_EQ(Below("/other/"), 1000);
}

TEST_F(ObjectsPartsTest, AFolderOfAnySizeMovesInPartsOfAThousand) {
  MakeFolder("/big/");
  Fill("/big/", 1500);
  const std::string id = store_.objects.live.at("/big/").id;
  EXPECT_EQ(Said(Move("/big", "/far/away")), "999+");
  EXPECT_EQ(Below("/big/"), 502) << "with the folder itself";
  EXPECT_EQ(store_.events.back().action, "renamed");
  EXPECT_EQ(store_.events.back().name, "/far/away/10998");
  EXPECT_EQ(store_.events.back().attributes.at("from"), "/big/10998");
  EXPECT_EQ(store_.objects.live.at("/far/away/10000").revision, store_.revision);
  EXPECT_TRUE(Objects::RepeatBatch(store_.requests.back().subject)->more);
  EXPECT_EQ(Said(Move(id, "/far/away/")), "502");
  EXPECT_EQ(Below("/big/"), 0);
  EXPECT_EQ(store_.objects.live.at("/far/away/").id, id);
  EXPECT_EQ(Said(Move("/big", "/far/away")), reason::kObjectNotFound);
}

TEST_F(ObjectsPartsTest, WhatLiesWhereItGoesStaysAndATakenNameRefusesThePart) {
  for (const char* name : {"/a/1", "/a/sub/2", "/a/sub/3", "/b/9", "/b/sub/8", "/b/3/deep"})
    Put(name);
  MakeFolder("/a/sub/");
  MakeFolder("/b/sub/");
  const std::string kept = store_.objects.live.at("/b/sub/").id;
  EXPECT_EQ(Said(Move("/a", "/b")), "4");
  EXPECT_THAT(Names(), ElementsAre("/b/1", "/b/3/deep", "/b/9", "/b/sub/", "/b/sub/2", "/b/sub/3",
                                   "/b/sub/8"));
  EXPECT_EQ(store_.objects.live.at("/b/sub/").id, kept);
  Put("/c/1");
  Put("/c/3");
  Put("/d/sub/5");
  const auto before = store_.objects;
  const auto taken = Move("/c", "/b");
  EXPECT_EQ(Said(taken), reason::kNameTaken);
  EXPECT_EQ(DetailOf(taken.status())->metadata.at("name"), "/b/1");
  EXPECT_EQ(Said(Move("/d/sub", "/b/9")), reason::kNameTaken) << "an object where a folder goes";
  EXPECT_EQ(Said(Move("/d/sub", "/b/9/x")), reason::kNotAFolder);
  EXPECT_EQ(Said(Move("/c", "/c/below")), reason::kFieldInvalid);
  EXPECT_EQ(Said(Move("/c", "/c")), reason::kFieldInvalid);
  EXPECT_EQ(Said(Move("/d/sub", "/d")), reason::kFieldInvalid) << "/d/sub/sub would be both";
  EXPECT_EQ(Said(Move("/none", "/e")), reason::kObjectNotFound);
  EXPECT_EQ(Said(Move("/b/1", "/e")), reason::kNotAFolder);
  EXPECT_EQ(store_.objects, before);
}

TEST_F(ObjectsPartsTest, WhatHasExpiredIsClearedAwayAndNotMoved) {
  ttl_ms_ = 10;
  Put("/a/old");
  Put("/b/1");
  ttl_ms_ = 0;
  clock_.now_ms += 10;
  Put("/a/1");
  EXPECT_EQ(Said(Move("/a", "/b")), "1");
  EXPECT_THAT(Names(), ElementsAre("/b/1"));
  EXPECT_EQ(store_.objects.versions.size(), 2);
}

TEST_F(ObjectsPartsTest, TwoThatMoveTheSameFolderShareTheWork) {
  Fill("/big/", 1500);
  store_.hold = true;
  std::vector<std::string> said;
  const auto done = [&](const absl::StatusOr<Batch>& batch) { said.push_back(Said(batch)); };
  for (int i = 0; i < 3; ++i) objects_.MoveFolder("/big/", "/other/", Ann(), done);
  for (const auto& answer : store_.held) answer();
  EXPECT_THAT(said, ElementsAre(reason::kObjectNotFound, "1000+", "500"));
  EXPECT_EQ(Below("/other/"), 1500);
}

TEST_F(ObjectsPartsTest, VersionsGoWithoutTheirObject) {
  for (const char* data : {"1", "2", "3"}) Put("/a/1", data);
  Put("/a/2");
  ASSERT_TRUE(Delete({.name = "/a/2"}).ok());
  EXPECT_EQ(Said(DeleteVersions("/a/1")), "2");
  EXPECT_EQ(store_.objects.live.at("/a/1").data, "3");
  EXPECT_EQ(store_.objects.versions.size(), 1);
  EXPECT_EQ(Said(DeleteVersions("/a/1")), "0");
  EXPECT_EQ(Said(DeleteVersions("/a")), reason::kIsAFolder);
  EXPECT_EQ(Said(DeleteVersions("/none")), reason::kObjectNotFound);
  EXPECT_EQ(Said(DeleteVersions("/a/2")), "1");
  EXPECT_EQ(Said(DeleteVersions("/a/2")), reason::kObjectNotFound);
  const DeleteObject precondition = {
      .name = "/a/1", .versions_only = true, .preconditions = {.generation = 1}};
  EXPECT_EQ(Said(Delete(precondition)), reason::kPreconditionFailed);
}

TEST_F(ObjectsPartsTest, VersionsOfAFolderGoByTheNamesTheyHave) {
  for (int i = 0; i < 5; ++i) {
    Put("/a/1", absl::StrCat(i));
    Put("/a/b/2", absl::StrCat(i));
    Put("/ab", absl::StrCat(i));
  }
  ASSERT_TRUE(Delete({.name = "/a/b/2"}).ok());
  EXPECT_EQ(Said(DeleteVersions("/a", /*recursive=*/true)), "9");
  EXPECT_THAT(Names(), ElementsAre("/a/1", "/ab"));
  EXPECT_EQ(store_.objects.versions.size(), 4);
  ASSERT_TRUE(Delete({.name = "/a/1"}).ok());
  EXPECT_EQ(Said(DeleteVersions("/a", /*recursive=*/true)), "1") << "nothing is live in it";
  EXPECT_EQ(Said(DeleteVersions("/a", /*recursive=*/true)), reason::kObjectNotFound);
}

TEST_F(ObjectsPartsTest, VersionsOfAFolderGoInParts) {
  Put("/a/1");
  const Object version = store_.objects.live.at("/a/1");
  store_.objects.versions.assign(limits::kObjectsPerCall + 1, version);
  for (size_t i = 0; i < store_.objects.versions.size(); ++i)
    store_.objects.versions[i].generation = static_cast<int64_t>(10 + i);
  EXPECT_EQ(Said(DeleteVersions("/a", /*recursive=*/true)), reason::kLimitReached);
  EXPECT_EQ(Said(DeleteVersions("/a", true, /*in_parts=*/true)), "1000+");
  store_.objects.versions.resize(kObjectsPerPart + 1);
  EXPECT_EQ(Said(DeleteVersions("/a", true)), "1001");
  EXPECT_EQ(Said(DeleteVersions("/a", true, true)), "0");
}

TEST_F(ObjectsPartsTest, VersionsUnderAHiddenNameStay) {
  Put("/a/1");
  Put("/a/1");
  ASSERT_TRUE(
      Answer<Object>([&](auto done) { objects_.Move("/a/1", "/b", {}, Ann(), done); }).ok());
  access_ = [](ObjectVerb, std::string_view name) { return name == "/b"; };
  EXPECT_EQ(Said(DeleteVersions("/b")), reason::kPermissionMissing);
  EXPECT_EQ(Said(DeleteVersions("/a", /*recursive=*/true)), reason::kPermissionMissing);
  EXPECT_EQ(store_.objects.versions.size(), 1);
  const std::string id = store_.objects.live.at("/b").id;
  access_ = [](ObjectVerb, std::string_view name) { return name.starts_with("/z"); };
  EXPECT_EQ(Said(DeleteVersions(id)), reason::kObjectNotFound);
}

TEST_F(ObjectsPartsTest, WhatCannotBeAnsweredIsNotCarriedOut) {
  ObjectTransaction transaction;
  for (int i = 0; i < limits::kTransactionOperations - 1; ++i) {
    Fill(absl::StrCat("/", i, "-"), 1);
    Object& object = store_.objects.live.at(absl::StrCat("/", i, "-10000"));
    for (int key = 0; key < 4096; ++key) object.metadata[absl::StrCat(key)] = "";
  }
  for (const auto& [name, object] : store_.objects.live)
    transaction.success.push_back(UpdateObject{.name = name, .content_type = "text/plain"});
  transaction.success.push_back(PutObject{.name = "/new", .content = {.data = "x"}});
  const auto transact = [&] {
    return Answer<ObjectTransactionResult>(
        [&](auto done) { objects_.Transact(transaction, Ann(), done); });
  };
  const auto refused = transact();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(DetailOf(refused.status())->metadata.at("limit"), "answer_bytes");
  EXPECT_FALSE(store_.objects.live.contains("/new"));
  transaction.success.erase(transaction.success.begin(), transaction.success.begin() + 80);
  EXPECT_TRUE(transact().ok());
}

TEST_F(ObjectsPartsTest, ATimeToLiveCountsFromTheChange) {
  ttl_ms_ = 500;
  Put("/a");
  EXPECT_EQ(store_.objects.live.at("/a").expire_time_ms, 1500);
  clock_.now_ms = 1400;
  Put("/a");
  EXPECT_EQ(store_.objects.live.at("/a").expire_time_ms, 1900);
  ttl_ms_ = 0;
  Put("/a");
  EXPECT_EQ(store_.objects.live.at("/a").expire_time_ms, 1900) << "what is not given stays";
  ASSERT_TRUE(Answer<Object>([&](auto done) {
                objects_.Update({.name = "/a", .ttl_ms = 10}, Ann(), done);
              }).ok());
  EXPECT_EQ(store_.objects.live.at("/a").expire_time_ms, 1410);
  ASSERT_TRUE(Answer<Object>([&](auto done) {
                objects_.Create({.name = "/b", .ttl_ms = 20}, Ann(), done);
              }).ok());
  EXPECT_EQ(store_.objects.live.at("/b").expire_time_ms, 1420);
}

}  // namespace
}  // namespace grpc_os::core
