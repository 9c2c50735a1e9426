// For tests: words to speak to a store about objects.
#ifndef GRPC_OS_STORE_OBJECTS_UNDER_TEST_H_
#define GRPC_OS_STORE_OBJECTS_UNDER_TEST_H_

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/object_name.h"
#include "core/object/object_store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {

inline std::string ShaOf(char letter) { return std::string(32, letter); }

// A small one of generation 1 with the name as its content.
inline core::Object MakeObject(int64_t number, const std::string& name) {
  core::Object object;
  object.number = number;
  object.id = core::ObjectIdOf(number);
  object.name = name;
  object.folder = name.ends_with('/');
  object.generation = object.create_revision = object.revision = 1;
  object.data = object.folder ? "" : name;
  object.size_bytes = static_cast<int64_t>(object.data.size());
  object.sha256 = object.folder ? "" : ShaOf('i');
  object.owner = "admin";
  object.create_time_ms = object.update_time_ms = 1700;
  return object;
}

inline core::Object MakeBlob(int64_t number, const std::string& name, char letter) {
  core::Object object = MakeObject(number, name);
  object.blob = true;
  object.data.clear();
  object.sha256 = ShaOf(letter);
  object.size_bytes = 1'000'000 + letter;
  return object;
}

inline core::Object WithoutData(core::Object object) {
  object.data.clear();
  return object;
}

inline std::vector<std::string> NamesOf(const std::vector<core::Object>& objects) {
  std::vector<std::string> names;
  names.reserve(objects.size());
  for (const core::Object& object : objects) names.push_back(object.name);
  return names;
}

// Words for any store of objects. Those that give a value throw where there is none (Must).
class ObjectWords {
 public:
  virtual ~ObjectWords() = default;
  virtual core::ObjectStore& Objects() = 0;

  using Revision = absl::StatusOr<int64_t>;
  using Measured = absl::StatusOr<std::pair<core::ObjectUsage, std::string>>;
  using Apply = std::function<absl::Status(core::ObjectRows& rows, int64_t revision)>;
  enum class Refuses { kAnyhow, kClean };
  std::future<Revision> SubmitChange(Apply apply, Refuses refuses = Refuses::kAnyhow) {
    auto promise = std::make_shared<std::promise<Revision>>();
    Objects().CommitObjects(
        {.apply = [apply = std::move(apply)](
                      core::ObjectRows& rows, int64_t revision,
                      core::ObjectWrite::Outcome&) { return apply(rows, revision); },
         .refuses_clean = refuses == Refuses::kClean},
        core::Envelope::OfSystem(),
        [promise](Revision revision) { promise->set_value(std::move(revision)); });
    return promise->get_future();
  }
  Revision Change(Apply apply) { return SubmitChange(std::move(apply)).get(); }

  Revision Insert(std::vector<core::Object> objects) {
    return Change([objects = std::move(objects)](core::ObjectRows& rows, int64_t) {
      for (const core::Object& object : objects) {
        if (auto status = rows.Insert(object); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }
  // One for each name, numbered from `number` on.
  Revision InsertNamed(const std::vector<std::string>& names, int64_t number = 1) {
    std::vector<core::Object> objects;
    objects.reserve(names.size());
    for (const std::string& name : names) objects.push_back(MakeObject(number++, name));
    return Insert(std::move(objects));
  }
  // As core::Objects puts: the content there was becomes a version.
  Revision Replace(const core::Object& next, int64_t now_ms = 0) {
    return Change([next, now_ms](core::ObjectRows& rows, int64_t) {
      const auto live = rows.FindByName(next.name);
      if (!live.ok() || !live->has_value()) return absl::NotFoundError(next.name);
      if (auto status = rows.Retire(**live, now_ms, false); !status.ok()) return status;
      return rows.Update(next, core::ObjectRows::Content::kReplaced);
    });
  }
  Revision Delete(const std::string& name, int64_t now_ms = 0) {
    return Change([name, now_ms](core::ObjectRows& rows, int64_t) {
      const auto live = rows.FindByName(name);
      if (!live.ok() || !live->has_value()) return absl::NotFoundError(name);
      if (auto status = rows.Retire(**live, now_ms, true); !status.ok()) return status;
      return rows.Remove(**live);
    });
  }

  std::optional<core::Object> Find(const std::string& name_or_id, int64_t generation = 0,
                                   bool data = true, int64_t now_ms = 0) {
    auto promise = std::make_shared<std::promise<core::ObjectStore::Found>>();
    Objects().FindObject(
        {name_or_id, generation, data, now_ms},
        [promise](core::ObjectStore::Found found) { promise->set_value(std::move(found)); });
    return Must(promise->get_future().get());
  }
  core::ObjectPage List(const core::ObjectQuery& query) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<core::ObjectPage>>>();
    Objects().ListObjects(query, [promise](absl::StatusOr<core::ObjectPage> page) {
      promise->set_value(std::move(page));
    });
    return Must(promise->get_future().get());
  }
  // All names, by pages of `limit`, each but the last with as many.
  std::vector<std::string> PagedNames(core::ObjectQuery query) {
    std::vector<std::string> names;
    for (;;) {
      const core::ObjectPage page = List(query);
      for (const core::Object& object : page.objects) names.push_back(object.name);
      if (!page.more) return names;
      if (page.objects.size() != static_cast<size_t>(query.limit)) return {"a short page"};
      query.after = names.back();
    }
  }
  std::vector<std::string> NamesBelow(const std::string& prefix, int limit = 100) {
    return PagedNames({.prefix = prefix, .after = "", .recursive = true, .limit = limit});
  }
  std::vector<std::string> NamesIn(const std::string& folder, int limit = 100) {
    return PagedNames({.prefix = folder, .after = "", .recursive = false, .limit = limit});
  }
  core::ObjectPage VersionPage(const std::string& name_or_id, const core::VersionPlace& before,
                               int limit) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<core::ObjectPage>>>();
    Objects().ListVersions(
        core::Requester(), name_or_id, before, limit,
        [promise](absl::StatusOr<core::ObjectPage> page) { promise->set_value(std::move(page)); });
    return Must(promise->get_future().get());
  }
  // The generations of all versions, by pages of `limit`.
  std::vector<int64_t> Generations(const std::string& name_or_id, int limit = 1000) {
    std::vector<int64_t> generations;
    for (core::VersionPlace before;;) {
      const core::ObjectPage page = VersionPage(name_or_id, before, limit);
      for (const core::Object& object : page.objects) generations.push_back(object.generation);
      if (!page.more) return generations;
      before = core::PlaceOf(page.objects.back());
    }
  }
  // In steps of `limit`.
  core::ObjectUsage Measure(const std::string& prefix, int limit, int* steps = nullptr) {
    core::ObjectUsage usage;
    std::string after;
    do {
      auto promise = std::make_shared<std::promise<Measured>>();
      Objects().MeasureObjects(
          core::Requester(), prefix, after, limit,
          [promise](Measured measured) { promise->set_value(std::move(measured)); });
      const auto measured = Must(promise->get_future().get());
      usage.objects += measured.first.objects;
      usage.bytes += measured.first.bytes;
      usage.versions += measured.first.versions;
      usage.version_bytes += measured.first.version_bytes;
      after = measured.second;
      if (steps != nullptr) ++*steps;
    } while (!after.empty());
    return usage;
  }
};

// Those of a store on an engine.
class ObjectsUnderTest : public StoreUnderTest, public ObjectWords {
 public:
  using Revision = absl::StatusOr<int64_t>;
  using StoreUnderTest::StoreUnderTest;
  core::ObjectStore& Objects() override { return *store_; }

  std::vector<core::BlobEntry> Blobs(const std::string& after = "", int limit = 1000) {
    return Must(BlobsBy([&](auto done) { store_->ListBlobs(after, limit, std::move(done)); }));
  }
  std::vector<core::BlobEntry> UnusedBlobs(int64_t since_ms, int limit = 1000) {
    return Must(
        BlobsBy([&](auto done) { store_->ListUnusedBlobs(since_ms, limit, std::move(done)); }));
  }
  absl::StatusOr<bool> Forget(char letter, int64_t since_ms) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<bool>>>();
    store_->ForgetBlob(ShaOf(letter), since_ms,
                       [promise](absl::StatusOr<bool> done) { promise->set_value(done); });
    return promise->get_future().get();
  }
  int64_t RowsOf(const std::string& table) {
    auto database = Must(data_->Open());
    auto reader = Must(database->OpenReader());
    auto* statement = Must(reader->Prepare(absl::StrCat("SELECT COUNT(*) FROM ", table)));
    if (!Must(statement->Step())) return -1;
    const int64_t count = statement->Int(0);
    statement->Reset();
    return count;
  }

 private:
  template <typename Ask>
  static core::BlobIndex::Listed BlobsBy(const Ask& ask) {
    auto promise = std::make_shared<std::promise<core::BlobIndex::Listed>>();
    ask([promise](core::BlobIndex::Listed listed) { promise->set_value(std::move(listed)); });
    return promise->get_future().get();
  }
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECTS_UNDER_TEST_H_
