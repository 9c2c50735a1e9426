// core::ObjectStore in memory: commits at once, or when told to (`hold`), or not at all
// (`failure`).
#ifndef GRPC_OS_TESTING_MEMORY_OBJECT_STORE_H_
#define GRPC_OS_TESTING_MEMORY_OBJECT_STORE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/disk.h"
#include "core/object/object_name.h"
#include "core/object/object_store.h"
#include "testing/recorded.h"

namespace grpc_os::testing {

struct MemoryObjects {
  std::map<std::string, core::Object> live;   // by name
  std::vector<core::Object> versions;         // in the order in which they were retired
  std::map<std::string, core::Quota> quotas;  // by prefix

  bool operator==(const MemoryObjects&) const = default;

  static bool IsReferenceTo(const std::string& name_or_id, const core::Object& object) {
    return object.name == name_or_id || object.id == name_or_id;
  }
  std::optional<core::Object> Find(const std::string& name_or_id) const {
    for (const auto& [name, object] : live)
      if (IsReferenceTo(name_or_id, object)) return object;
    return std::nullopt;
  }
  // What was retired under this name or id, or was what lies there now.
  bool IsVersionOf(const std::string& name_or_id, const core::Object& version) const {
    const auto found = live.find(name_or_id);
    return IsReferenceTo(name_or_id, version) ||
           (found != live.end() && found->second.number == version.number);
  }
  std::optional<core::Object> FindVersion(const std::string& name_or_id, int64_t generation) const {
    const auto found =
        std::find_if(versions.rbegin(), versions.rend(), [&](const core::Object& one) {
          return IsVersionOf(name_or_id, one) &&
                 (generation == 0 ? one.deleted : one.generation == generation);
        });
    return found == versions.rend() ? std::nullopt : std::optional<core::Object>(*found);
  }
  std::vector<core::Quota> Quotas() const {
    std::vector<core::Quota> all;
    for (const auto& [prefix, quota] : quotas) all.push_back(quota);
    return all;
  }
  static core::Object WithoutData(core::Object object) {
    object.data.clear();
    return object;
  }
};

// Counts what it is asked.
class MemoryObjectRows final : public core::ObjectRows {
 public:
  explicit MemoryObjectRows(MemoryObjects& objects) : objects_(objects) {}

  absl::StatusOr<std::optional<core::Object>> FindByName(const std::string& name) override {
    ++reads;
    const auto found = objects_.live.find(name);
    if (found == objects_.live.end()) return std::optional<core::Object>();
    return std::optional<core::Object>(MemoryObjects::WithoutData(found->second));
  }
  absl::StatusOr<std::optional<core::Object>> FindById(const std::string& id) override {
    ++reads;
    for (const auto& [name, object] : objects_.live)
      if (object.id == id) return std::optional<core::Object>(MemoryObjects::WithoutData(object));
    return std::optional<core::Object>();
  }
  absl::StatusOr<bool> Exists(const std::string& name) override {
    ++reads;
    return objects_.live.contains(name);
  }
  absl::StatusOr<std::string> NameFrom(const std::string& name) override {
    ++reads;
    const auto next = objects_.live.lower_bound(name);
    return next == objects_.live.end() ? std::string() : next->first;
  }
  absl::StatusOr<std::string> NameBefore(const std::string& name) override {
    ++reads;
    const auto next = objects_.live.lower_bound(name);
    return next == objects_.live.begin() ? std::string() : std::prev(next)->first;
  }
  absl::StatusOr<bool> AnyBelow(const std::string& folder) override {
    ++reads;
    const auto next = objects_.live.upper_bound(folder);
    return next != objects_.live.end() && next->first.starts_with(folder);
  }
  absl::StatusOr<std::vector<core::Object>> List(const std::string& prefix,
                                                 const std::string& after, int limit) override {
    ++reads;
    std::vector<core::Object> listed;
    for (auto it = objects_.live.lower_bound(prefix);
         it != objects_.live.end() && it->first.starts_with(prefix) &&
         static_cast<int>(listed.size()) < limit;
         ++it) {
      if (it->first > after) listed.push_back(MemoryObjects::WithoutData(it->second));
    }
    rows_listed += static_cast<int>(listed.size());
    return listed;
  }
  absl::StatusOr<std::vector<core::Object>> ListExpired(int64_t now_ms, int limit) override {
    ++reads;
    std::vector<core::Object> expired;
    for (const auto& [name, object] : objects_.live) {
      if (object.expire_time_ms != 0 && object.expire_time_ms <= now_ms &&
          static_cast<int>(expired.size()) < limit)
        expired.push_back(MemoryObjects::WithoutData(object));
    }
    return expired;
  }
  absl::StatusOr<std::string> DataOf(const core::Object& object) override {
    ++reads;
    if (object.blob) return absl::InternalError("DataOf a blob");
    const core::Object* row = object.retire_time_ms == 0
                                  ? Live(object.number)
                                  : Version(object.number, object.generation);
    if (row == nullptr) return absl::InternalError("DataOf what is not there");
    return row->data;
  }

  absl::Status Insert(const core::Object& object) override {
    ++writes;
    for (const auto& [name, one] : objects_.live)
      if (one.name == object.name || one.id == object.id || one.number == object.number)
        return absl::AlreadyExistsError("taken");
    objects_.live[object.name] = object;
    return absl::OkStatus();
  }
  absl::Status Update(const core::Object& object, Content content) override {
    ++writes;
    core::Object* row = Live(object.number);
    if (row == nullptr) return absl::InternalError("Update of what is not there");
    core::Object next = object;
    if (content == Content::kStays) next.data = row->data;
    objects_.live.erase(std::string(row->name));
    if (!objects_.live.emplace(next.name, next).second) return absl::AlreadyExistsError("taken");
    return absl::OkStatus();
  }
  absl::Status Remove(const core::Object& object) override {
    ++writes;
    const core::Object* row = Live(object.number);
    if (row == nullptr) return absl::InternalError("Remove of what is not there");
    objects_.live.erase(std::string(row->name));
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> Rename(const std::string& from, const std::string& to, int64_t revision,
                                 int64_t now_ms) override {
    ++writes;
    std::vector<core::Object> moved;
    std::erase_if(objects_.live, [&](const auto& entry) {
      if (!entry.first.starts_with(from)) return false;
      moved.push_back(entry.second);
      return true;
    });
    for (core::Object& object : moved) {
      object.name = to + object.name.substr(from.size());
      object.revision = revision;
      object.update_time_ms = now_ms;
      if (!objects_.live.emplace(object.name, object).second)
        return absl::AlreadyExistsError("taken");
    }
    return static_cast<int64_t>(moved.size());
  }

  absl::Status Retire(const core::Object& live, int64_t now_ms, bool deleted) override {
    ++writes;
    const core::Object* row = Live(live.number);
    if (row == nullptr) return absl::InternalError("Retire of what is not there");
    core::Object version = *row;
    version.retire_time_ms = now_ms;
    version.deleted = deleted;
    objects_.versions.push_back(version);
    CountVersion(version, 1);
    Trim([&](const core::Object& one) { return one.number == version.number; });
    Trim([&](const core::Object& one) { return one.name == version.name; });
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<core::Object>> FindVersion(const std::string& name_or_id,
                                                          int64_t generation) override {
    ++reads;
    auto found = objects_.FindVersion(name_or_id, generation);
    if (found.has_value()) found->data.clear();
    return found;
  }
  absl::StatusOr<std::vector<core::VersionKey>> ListVersionKeys(
      const std::string& name_or_id) override {
    ++reads;
    std::vector<core::VersionKey> keys;
    for (auto one = objects_.versions.rbegin(); one != objects_.versions.rend(); ++one) {
      if (objects_.IsVersionOf(name_or_id, *one))
        keys.push_back({one->number, one->generation, one->id, one->name, one->deleted});
    }
    return keys;
  }
  absl::StatusOr<std::vector<core::VersionKey>> ListVersionKeysBelow(const std::string& prefix,
                                                                     int limit) override {
    ++reads;
    std::vector<core::VersionKey> keys;
    for (const core::Object& one : objects_.versions) {
      if (one.name.starts_with(prefix))
        keys.push_back({one.number, one.generation, one.id, one.name, one.deleted});
    }
    std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      return std::tie(a.name, a.generation) < std::tie(b.name, b.generation);
    });
    keys.resize(std::min(keys.size(), static_cast<size_t>(limit)));
    return keys;
  }
  absl::Status RemoveVersions(int64_t number) override {
    ++writes;
    EraseVersions([&](const core::Object& one) { return one.number == number; });
    return absl::OkStatus();
  }
  absl::Status RemoveVersion(int64_t number, int64_t generation) override {
    ++writes;
    EraseVersions([&](const core::Object& one) {
      return one.number == number && one.generation == generation;
    });
    return absl::OkStatus();
  }

  absl::Status Charge(const std::vector<core::QuotaDelta>& deltas) override {
    core::QuotaPrefixes prefixes;
    for (const auto& [prefix, quota] : objects_.quotas) prefixes.insert(prefix);
    const auto sums = core::SumsOf(deltas, prefixes);
    for (const core::QuotaDelta& sum : sums) {
      ++reads;
      if (auto status = core::CheckQuota(Of(sum), sum); !status.ok()) return status;
    }
    for (const core::QuotaDelta& sum : sums) {
      ++writes;
      Of(sum).objects += sum.objects;
      Of(sum).bytes += sum.bytes;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<core::Quota>> ListQuotas() override {
    ++reads;
    return objects_.Quotas();
  }
  absl::StatusOr<core::Quota> PutQuota(const core::Quota& quota) override {
    ++writes;
    core::Quota& put = objects_.quotas[quota.prefix] = quota;
    put.objects = put.bytes = 0;
    for (const auto& [name, object] : objects_.live) {
      if (object.folder || !name.starts_with(quota.prefix)) continue;
      ++put.objects;
      put.bytes += object.size_bytes;
    }
    for (const core::Object& version : objects_.versions) {
      if (!put.include_versions || !version.name.starts_with(quota.prefix)) continue;
      ++put.objects;
      put.bytes += version.size_bytes;
    }
    return put;
  }
  absl::StatusOr<bool> RemoveQuota(const std::string& prefix) override {
    ++reads;
    if (objects_.quotas.erase(prefix) == 0) return false;
    ++writes;
    return true;
  }

  int reads = 0;
  int writes = 0;
  int rows_listed = 0;

 private:
  core::Quota& Of(const core::QuotaDelta& sum) {
    return objects_.quotas.find(std::string(sum.name))->second;
  }
  void CountVersion(const core::Object& version, int sign) {
    for (auto& [prefix, quota] : objects_.quotas) {
      if (!quota.include_versions || !version.name.starts_with(prefix)) continue;
      quota.objects += sign;
      quota.bytes += sign * version.size_bytes;
    }
  }
  template <typename Which>
  void EraseVersions(const Which& which) {
    for (const core::Object& version : objects_.versions)
      if (which(version)) CountVersion(version, -1);
    std::erase_if(objects_.versions, which);
  }
  template <typename Which>
  void Trim(const Which& which) {
    std::vector<core::Object>& all = objects_.versions;
    while (std::count_if(all.begin(), all.end(), which) > limits::kVersionsPerObject) {
      auto oldest = all.end();
      for (auto one = all.begin(); one != all.end(); ++one) {
        if (which(*one) && (oldest == all.end() || one->generation < oldest->generation))
          oldest = one;
      }
      CountVersion(*oldest, -1);
      all.erase(oldest);
    }
  }
  core::Object* Live(int64_t number) {
    for (auto& [name, object] : objects_.live)
      if (object.number == number) return &object;
    return nullptr;
  }
  core::Object* Version(int64_t number, int64_t generation) {
    for (core::Object& object : objects_.versions)
      if (object.number == number && object.generation == generation) return &object;
    return nullptr;
  }

  MemoryObjects& objects_;
};

class MemoryObjectStore : public core::ObjectStore {
 public:
  void CommitObjects(core::ObjectWrite write, core::Envelope envelope,
                     std::function<void(absl::StatusOr<int64_t>)> done) override {
    if (!failure.ok()) return done(failure);
    if (auto status = envelope.CheckPermitted(); !status.ok()) return done(status);
    if (full && !write.may_use_reserve)
      return done(core::DiskFullError("disk full", "nothing was stored"));
    if (lose_first) {
      MemoryObjects lost = objects;
      Run(write, lost);
    }
    MemoryObjects next = objects;
    const Applied applied = Run(write, next);
    ++transactions;
    rows_listed = applied.rows_listed;
    if (!applied.status.ok()) {
      if (write.refuses_clean && (next != objects || applied.writes > 0)) ++unclean_refusals;
      return done(applied.status);
    }
    objects = std::move(next);
    ++revision;
    for (core::Event event : applied.outcome.events) {
      event.revision = revision;
      events.push_back(std::move(event));
    }
    envelope.SetSubject(applied.outcome.subject);
    Record(envelope, audit, requests);
    reads = applied.reads;
    writes = applied.writes;
    if (hold) {
      held.push_back([done = std::move(done), envelope, at = revision] {
        envelope.SetWritten();
        done(at);
      });
    } else {
      envelope.SetWritten();
      done(revision);
    }
  }

  void FindObject(const Wanted& wanted, std::function<void(Found)> done) override {
    if (!failure.ok()) return done(failure);
    auto found = objects.Find(wanted.name_or_id);
    if (found.has_value() && Expired(*found, wanted.now_ms)) found.reset();
    if (wanted.generation != 0 && !(found.has_value() && found->generation == wanted.generation))
      found = objects.FindVersion(wanted.name_or_id, wanted.generation);
    if (found.has_value() && !wanted.data) found->data.clear();
    done(std::move(found));
  }
  void ListObjects(const core::ObjectQuery& query,
                   std::function<void(absl::StatusOr<core::ObjectPage>)> done) override {
    if (!failure.ok()) return done(failure);
    if (query.deleted) return done(ListDeleted(query));
    core::ObjectPage page;
    page.revision = revision;
    for (auto it = objects.live.lower_bound(query.prefix);
         it != objects.live.end() && it->first.starts_with(query.prefix); ++it) {
      core::Object object = MemoryObjects::WithoutData(it->second);
      if (Expired(object, query.now_ms)) continue;
      const size_t slash = object.name.find('/', query.prefix.size());
      if (!query.recursive && object.name == query.prefix) continue;
      if (!query.recursive && slash != std::string::npos && slash + 1 < object.name.size())
        object = {.name = object.name.substr(0, slash + 1), .folder = true, .metageneration = 0};
      if (object.name <= query.after) continue;
      if (!page.objects.empty() && page.objects.back().name == object.name) continue;
      if (static_cast<int>(page.objects.size()) == query.limit) {
        page.more = true;
        break;
      }
      page.objects.push_back(std::move(object));
    }
    done(std::move(page));
  }
  void ListVersions(const core::Requester&, const std::string& name_or_id,
                    const core::VersionPlace& before, int limit,
                    std::function<void(absl::StatusOr<core::ObjectPage>)> done) override {
    if (!failure.ok()) return done(failure);
    core::ObjectPage page;
    page.revision = revision;
    std::vector<core::Object> all = objects.versions;
    if (auto live = objects.Find(name_or_id); live.has_value()) all.push_back(*live);
    std::stable_sort(all.begin(), all.end(), [](const core::Object& a, const core::Object& b) {
      return core::PlaceOf(a) > core::PlaceOf(b);
    });
    for (const core::Object& one : all) {
      if (!objects.IsVersionOf(name_or_id, one)) continue;
      if (before != core::VersionPlace() && core::PlaceOf(one) >= before) continue;
      page.more = static_cast<int>(page.objects.size()) == limit;
      if (page.more) break;
      page.objects.push_back(MemoryObjects::WithoutData(one));
    }
    done(std::move(page));
  }
  void AnyExpired(int64_t now_ms, std::function<void(absl::StatusOr<bool>)> done) override {
    if (!failure.ok()) return done(failure);
    done(std::any_of(objects.live.begin(), objects.live.end(),
                     [&](const auto& entry) { return Expired(entry.second, now_ms); }));
  }
  // In one go, whatever the limit.
  void MeasureObjects(const core::Requester&, const std::string& prefix, const std::string&, int,
                      std::function<void(absl::StatusOr<std::pair<core::ObjectUsage, std::string>>)>
                          done) override {
    core::ObjectUsage usage;
    for (const auto& [name, object] : objects.live) {
      if (!name.starts_with(prefix) || object.folder) continue;
      ++usage.objects;
      usage.bytes += object.size_bytes;
    }
    for (const core::Object& version : objects.versions) {
      if (!version.name.starts_with(prefix)) continue;
      ++usage.versions;
      usage.version_bytes += version.size_bytes;
    }
    done(std::pair(usage, std::string()));
  }

  void ListQuotas(const core::Requester&,
                  std::function<void(absl::StatusOr<std::vector<core::Quota>>)> done) override {
    if (!failure.ok()) return done(failure);
    done(objects.Quotas());
  }

  MemoryObjects objects;
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<core::CommittedRequest> requests;
  int64_t revision = 0;
  int transactions = 0;
  int unclean_refusals = 0;  // that had written something, though they promised not to
  int reads = 0;             // of the last transaction
  int writes = 0;
  int rows_listed = 0;  // by the last one, refused or not
  absl::Status failure;
  bool full = false;        // only what may use the reserve is stored
  bool lose_first = false;  // each transaction is run once in vain before
  bool hold = false;
  std::vector<std::function<void()>> held;

 private:
  struct Applied {
    absl::Status status;
    core::ObjectWrite::Outcome outcome;
    int reads = 0;
    int writes = 0;
    int rows_listed = 0;
  };
  Applied Run(core::ObjectWrite& write, MemoryObjects& on) {
    MemoryObjectRows rows(on);
    Applied applied;
    applied.status = write.apply(rows, revision + 1, applied.outcome);
    applied.reads = rows.reads;
    applied.writes = rows.writes;
    applied.rows_listed = rows.rows_listed;
    return applied;
  }
  core::ObjectPage ListDeleted(const core::ObjectQuery& query) const {
    std::map<std::string, core::Object> last;  // by name; what was retired later replaces
    for (const core::Object& version : objects.versions)
      if (version.deleted) last[version.name] = MemoryObjects::WithoutData(version);
    core::ObjectPage page;
    page.revision = revision;
    int looks = 0;
    for (auto& [name, object] : last) {
      if (!name.starts_with(query.prefix)) continue;
      if (!query.recursive && name == query.prefix) continue;
      const size_t slash =
          query.recursive ? std::string::npos : name.find('/', query.prefix.size());
      const std::string folder = slash == std::string::npos ? "" : name.substr(0, slash + 1);
      // All of a folder comes with it.
      const bool told =
          !folder.empty() &&
          (folder == query.after || (!page.objects.empty() && page.objects.back().name == folder));
      if (name <= query.after || told) continue;
      ++looks;
      const bool live = std::any_of(objects.live.begin(), objects.live.end(), [&](const auto& one) {
        return (one.first == name || one.second.id == object.id) &&
               !Expired(one.second, query.now_ms);
      });
      if (live && looks >= query.most_looks) {
        page.more = true;
        page.next_after = name;
        break;
      }
      if (live) continue;
      page.more = static_cast<int>(page.objects.size()) == query.limit;
      if (page.more) break;
      if (folder.empty()) {
        page.objects.push_back(object);
      } else {
        page.objects.push_back({.name = folder, .folder = true, .metageneration = 0});
      }
    }
    return page;
  }
  static bool Expired(const core::Object& object, int64_t now_ms) {
    return object.expire_time_ms != 0 && object.expire_time_ms <= now_ms;
  }
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MEMORY_OBJECT_STORE_H_
