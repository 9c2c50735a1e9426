#include "store/object_reads.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/meta_table.h"
#include "store/object_listing.h"
#include "store/object_table.h"
#include "store/object_version_table.h"

namespace grpc_os::store {
namespace {

// Where MeasureObjects goes on: among the live objects, or the versions, after a name.
constexpr char kLive = 'l';
constexpr char kVersions = 'v';

// Of a page that was asked for with one more than `limit`.
absl::StatusOr<core::ObjectPage> PageOf(Connection& connection, std::vector<core::Object> objects,
                                        int limit) {
  const auto meta = ReadMeta(connection);
  if (!meta.ok()) return meta.status();
  core::ObjectPage page;
  page.revision = meta->revision;
  page.more = objects.size() > static_cast<size_t>(limit);
  if (page.more) objects.resize(static_cast<size_t>(limit));
  page.objects = std::move(objects);
  return page;
}

}  // namespace

absl::StatusOr<std::optional<core::Object>> ReadObject(Connection& connection,
                                                       const core::ObjectStore::Wanted& wanted) {
  const WithData data = wanted.data ? WithData::kYes : WithData::kNo;
  auto live = SelectObject(connection, wanted.name_or_id, data);
  if (!live.ok()) return live.status();
  const bool there = live->has_value();
  if (there && (wanted.generation == 0 || wanted.generation == (*live)->generation)) {
    if (HasExpired(**live, wanted.now_ms)) return std::optional<core::Object>();
    return live;
  }
  if (wanted.generation == 0) return std::optional<core::Object>();
  return SelectVersion(connection, wanted.name_or_id, wanted.generation, data);
}

absl::StatusOr<core::ObjectPage> ReadObjects(Connection& connection,
                                             const core::ObjectQuery& query) {
  const int limit = std::max(query.limit, 1);
  if (query.deleted) {
    auto found = SelectDeleted(connection, query, limit + 1);
    if (!found.ok()) return found.status();
    auto page = PageOf(connection, std::move(found->objects), limit);
    if (page.ok() && !page->more && !found->stopped_at.empty()) {
      page->more = true;
      page->next_after = std::move(found->stopped_at);
    }
    return page;
  }
  auto objects =
      query.recursive
          ? SelectObjects(connection, query.prefix, query.after, limit + 1, query.now_ms)
          : SelectChildren(connection, query.prefix, query.after, limit + 1, query.now_ms);
  if (!objects.ok()) return objects.status();
  return PageOf(connection, *std::move(objects), limit);
}

absl::StatusOr<core::ObjectPage> ReadVersions(Connection& connection, const std::string& name_or_id,
                                              core::VersionPlace before, int limit) {
  limit = std::max(limit, 1);
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  if (before == core::VersionPlace()) before = {kEnd, kEnd};
  auto versions = SelectVersions(connection, name_or_id, before, limit + 1);
  if (!versions.ok()) return versions.status();
  auto live = SelectObject(connection, name_or_id, WithData::kNo);
  if (!live.ok()) return live.status();
  if (live->has_value() && core::PlaceOf(**live) < before) {
    const auto place = std::find_if(versions->begin(), versions->end(), [&](const auto& version) {
      return core::PlaceOf(version) < core::PlaceOf(**live);
    });
    versions->insert(place, **std::move(live));
  }
  return PageOf(connection, *std::move(versions), limit);
}

absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureObjects(Connection& connection,
                                                                         const std::string& prefix,
                                                                         const std::string& after,
                                                                         int limit) {
  limit = std::max(limit, 1);
  const std::string name = after.empty() ? "" : after.substr(1);
  const bool live = after.empty() || after.front() == kLive;
  auto measured = live ? MeasureLive(connection, prefix, name, limit)
                       : MeasureVersions(connection, prefix, name, limit);
  if (!measured.ok()) return measured.status();
  std::string& next = measured->second;
  if (!next.empty()) {
    next.insert(next.begin(), live ? kLive : kVersions);
  } else if (live) {
    next = kVersions;
  }
  return measured;
}

}  // namespace grpc_os::store
