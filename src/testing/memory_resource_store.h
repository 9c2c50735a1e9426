// core::ResourceStore in memory: commits at once, or when told to (`hold`), or not at all
// (`failure`). The contract tests of the store are run on it, too.
#ifndef GRPC_OS_TESTING_MEMORY_RESOURCE_STORE_H_
#define GRPC_OS_TESTING_MEMORY_RESOURCE_STORE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/disk.h"
#include "core/resource/resource_store.h"
#include "testing/recorded.h"

namespace grpc_os::testing {

class MemoryResourceStore final : public core::ResourceStore {
 public:
  using Done = std::function<void(absl::StatusOr<int64_t>)>;

  void CommitResources(core::ResourceWrite write, core::Envelope envelope, Done done) override {
    if (!hold) return Carry(write, envelope, done);
    held.push_back([this, write = std::move(write), envelope = std::move(envelope),
                    done = std::move(done)] { Carry(write, envelope, done); });
  }
  absl::StatusOr<std::vector<core::StoredResource>> LoadResources(
      const std::string& kind) override {
    std::vector<core::StoredResource> found;
    for (const auto& [key, row] : rows) {
      if (row.kind != kind) continue;
      found.push_back(row);
      found.back().claims.clear();
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return found;
  }
  // Commits the oldest of those that are held.
  void Release() {
    const auto oldest = std::move(held.front());
    held.erase(held.begin());
    oldest();
  }

  using Rows = std::map<std::pair<std::string, std::string>, core::StoredResource>;
  Rows rows;  // by kind and id
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<core::CommittedRequest> requests;
  int64_t revision = 0;
  absl::Status failure;
  bool full = false;  // only what may use the reserve is stored
  bool hold = false;
  std::vector<std::function<void()>> held;

 private:
  void Carry(const core::ResourceWrite& write, const core::Envelope& envelope, const Done& done) {
    if (!failure.ok()) return done(failure);
    if (full && !write.may_use_reserve)
      return done(core::DiskFullError("disk full", "nothing was stored"));
    if (auto status = envelope.CheckPermitted(); !status.ok()) return done(status);
    Rows next = rows;
    const int64_t number = write.events.empty() ? 0 : revision + 1;
    for (const core::ResourceKey& key : write.remove) next.erase({key.kind, key.id});
    for (core::StoredResource resource : write.put) {
      resource.revision = number;
      if (auto status = Put(next, std::move(resource)); !status.ok()) return done(status);
    }
    rows = std::move(next);
    revision = std::max(revision, number);
    for (core::Event event : write.events) {
      event.revision = number;
      events.push_back(std::move(event));
    }
    Record(envelope, audit, requests);
    envelope.SetWritten();
    done(number);
  }

  static absl::Status Put(Rows& rows, core::StoredResource resource) {
    if (static_cast<int64_t>(resource.spec.size() + resource.status.size()) > core::kResourceBytes)
      return absl::InvalidArgumentError("it is too large");
    rows.erase({resource.kind, resource.id});
    for (const auto& [key, other] : rows) {
      if (other.kind == resource.kind && other.name == resource.name)
        return absl::AlreadyExistsError(absl::StrCat("the name belongs to ", other.id));
      for (const core::Claim& claim : resource.claims) {
        if (std::find(other.claims.begin(), other.claims.end(), claim) != other.claims.end())
          return absl::AlreadyExistsError(absl::StrCat(claim.key, " belongs to ", other.name));
      }
    }
    std::pair<std::string, std::string> key(resource.kind, resource.id);
    rows[std::move(key)] = std::move(resource);
    return absl::OkStatus();
  }
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MEMORY_RESOURCE_STORE_H_
