#include "store/object_listing.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/name_range.h"
#include "store/object_row.h"
#include "store/object_table.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// The bound texts must live until the statement is stepped to its end.
absl::StatusOr<Statement*> PrepareRange(Connection& connection, const NameCursor& from,
                                        const std::string& end, int64_t now_ms, size_t limit) {
  auto statement = connection.Prepare(
      absl::StrCat("SELECT ", kObjectColumns, " FROM objects WHERE name ", from.comparison(),
                   " ? AND name < ? AND (expire_time_ms = 0 OR expire_time_ms > ?) "
                   "ORDER BY name LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(from.name).Text(end).Int(now_ms).Int(static_cast<int64_t>(limit));
  return statement;
}

// "/a/", "/a/b/c" → "/a/b/"; empty: the name lies in `prefix` itself.
std::string FolderBelow(const std::string& prefix, const std::string& name) {
  const size_t slash = name.find('/', prefix.size());
  return slash == std::string::npos ? "" : name.substr(0, slash + 1);
}

core::Object ImpliedFolder(const std::string& name) {
  return {.name = name, .folder = true, .metageneration = 0};
}

NameCursor ChildrenAfter(const std::string& prefix, const std::string& after) {
  if (after <= prefix) return {prefix, false};  // its own row is not in it
  const std::string folder = FolderBelow(prefix, after);
  return folder.empty() ? NameCursor{after, false} : NameCursor{EndOfNames(folder), true};
}

// A page may have ended within a folder that nothing was told of yet.
NameCursor DeletedAfter(const core::ObjectQuery& query) {
  if (query.recursive) return CursorAfter(query.prefix, query.after);
  if (query.after <= query.prefix) return {query.prefix, false};
  const bool told = query.after == FolderBelow(query.prefix, query.after);
  return told ? NameCursor{EndOfNames(query.after), true} : NameCursor{query.after, false};
}

// The first name from `from` on, as it was when it was deleted last.
absl::StatusOr<std::optional<core::Object>> NextDeleted(Connection& connection,
                                                        const NameCursor& from,
                                                        const std::string& end) {
  auto statement = connection.Prepare(
      absl::StrCat("SELECT ", kObjectColumns, kVersionColumns,
                   " FROM object_versions WHERE deleted = 1 AND name ", from.comparison(),
                   " ? AND name < ? ORDER BY name, retire_time_ms DESC, generation DESC LIMIT 1"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(from.name).Text(end);
  return TakeObject(**statement, {.version = true});
}

// Whether there is an object of its name or its id.
absl::StatusOr<bool> IsLiveAgain(Connection& connection, const core::Object& deleted,
                                 int64_t now_ms) {
  for (const std::string& reference : {deleted.name, deleted.id}) {
    const auto live = SelectObject(connection, reference, WithData::kNo);
    if (!live.ok()) return live.status();
    if (live->has_value() && !HasExpired(**live, now_ms)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<core::Object>> SelectObjects(Connection& connection,
                                                        const std::string& prefix,
                                                        const std::string& after, int limit,
                                                        int64_t now_ms) {
  const NameCursor from = CursorAfter(prefix, after);
  const std::string end = EndOfNames(prefix);
  const auto statement =
      PrepareRange(connection, from, end, now_ms, static_cast<size_t>(std::max(limit, 0)));
  if (!statement.ok()) return statement.status();
  return TakeObjects(**statement, {});
}

absl::StatusOr<std::vector<core::Object>> SelectChildren(Connection& connection,
                                                         const std::string& prefix,
                                                         const std::string& after, int limit,
                                                         int64_t now_ms) {
  NameCursor from = ChildrenAfter(prefix, after);
  const std::string end = EndOfNames(prefix);
  const auto most = static_cast<size_t>(std::max(limit, 0));
  std::vector<core::Object> children;
  while (children.size() < most) {
    const auto statement = PrepareRange(connection, from, end, now_ms, most - children.size());
    if (!statement.ok()) return statement.status();
    std::string folder;
    while (folder.empty()) {
      auto object = NextObject(**statement, {});
      if (!object.ok()) return object.status();
      if (!object->has_value()) return children;
      folder = FolderBelow(prefix, (*object)->name);
      if (!folder.empty() && (*object)->name != folder) {
        *object = ImpliedFolder(folder);
      }
      children.push_back(**std::move(object));
    }
    (*statement)->Reset();
    from = {EndOfNames(folder), true};
  }
  return children;
}

absl::StatusOr<DeletedNames> SelectDeleted(Connection& connection, const core::ObjectQuery& query,
                                           int limit) {
  NameCursor from = DeletedAfter(query);
  const std::string end = EndOfNames(query.prefix);
  const auto most = static_cast<size_t>(std::max(limit, 0));
  DeletedNames found;
  for (int looks = 1; found.objects.size() < most; ++looks) {
    auto next = NextDeleted(connection, from, end);
    if (!next.ok()) return next.status();
    if (!next->has_value()) return found;
    core::Object& object = **next;
    const auto live = IsLiveAgain(connection, object, query.now_ms);
    if (!live.ok()) return live.status();
    from = {object.name, false};
    if (!*live) {
      const std::string folder = query.recursive ? "" : FolderBelow(query.prefix, object.name);
      if (!folder.empty()) from = {EndOfNames(folder), true};
      found.objects.push_back(folder.empty() ? std::move(object) : ImpliedFolder(folder));
    } else if (looks >= query.most_looks) {
      found.stopped_at = from.name;
      return found;
    }
  }
  return found;
}

absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureLive(Connection& connection,
                                                                      const std::string& prefix,
                                                                      const std::string& after,
                                                                      int limit) {
  const NameCursor from = CursorAfter(prefix, after);
  const std::string end = EndOfNames(prefix);
  auto statement = connection.Prepare(absl::StrCat(
      "SELECT COUNT(*), COALESCE(SUM(1 - folder), 0), COALESCE(SUM(size_bytes), 0), "
      "COALESCE(MAX(name), '') FROM (SELECT name, folder, size_bytes FROM objects WHERE name ",
      from.comparison(), " ? AND name < ? ORDER BY name LIMIT ?) AS page"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(from.name).Text(end).Int(limit);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  RowReader row(**statement);
  std::pair<core::ObjectUsage, std::string> measured;
  const int64_t rows = row.Int64();
  measured.first.objects = row.Int64();
  measured.first.bytes = row.Int64();
  if (rows == limit) measured.second = row.Text();
  (*statement)->Reset();
  return measured;
}

}  // namespace grpc_os::store
