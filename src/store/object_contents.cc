#include "store/object_contents.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/object/object_store.h"
#include "store/name_range.h"
#include "store/object_row.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

using core::ContentPage;
using core::Object;

// Where versions begin: "v" and the generation, number and name of the one before; live ones: "o"
// and its name.
constexpr char kLive = 'o';
constexpr char kVersion = 'v';

absl::StatusOr<std::vector<Object>> SelectLive(Connection& connection, const std::string& prefix,
                                               const std::string& after, int limit) {
  const NameCursor from = CursorAfter(prefix, after);
  const std::string end = EndOfNames(prefix);
  auto statement = connection.Prepare(
      absl::StrCat("SELECT ", kObjectColumns, ", data FROM objects WHERE name ", from.comparison(),
                   " ? AND name < ? AND folder = 0 ORDER BY name LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(from.name).Text(end).Int(limit);
  return TakeObjects(**statement, {.version = false, .data = true});
}

absl::StatusOr<std::vector<Object>> SelectOld(Connection& connection, const std::string& prefix,
                                              const std::string& after,
                                              const core::VersionPlace& place, int limit) {
  const std::string from = after.empty() ? prefix : after;
  const std::string end = EndOfNames(prefix);
  auto statement =
      connection.Prepare(absl::StrCat("SELECT ", kObjectColumns, kVersionColumns,
                                      ", data FROM object_versions WHERE name >= ? AND name < ? "
                                      "AND (name > ? OR generation > ? OR (generation = ? AND "
                                      "number > ?)) AND folder = 0 "
                                      "ORDER BY name, generation, number LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Text(from).Text(end).Text(from);
  row.Int(place.generation).Int(place.generation).Int(place.number).Int(limit);
  return TakeObjects(**statement, {.version = true, .data = true});
}

bool IsFull(const std::vector<Object>& objects, int limit) {
  return static_cast<int>(objects.size()) >= limit;
}

}  // namespace

absl::StatusOr<ContentPage> SelectContents(Connection& connection, const std::string& prefix,
                                           const std::string& from, int limit) {
  ContentPage page;
  if (from.empty() || from[0] == kLive) {
    auto live = SelectLive(connection, prefix, from.empty() ? "" : from.substr(1), limit);
    if (!live.ok()) return live.status();
    page.objects = *std::move(live);
    page.next = IsFull(page.objects, limit)
                    ? absl::StrCat(std::string(1, kLive), page.objects.back().name)
                    : absl::StrCat(std::string(1, kVersion), "-1 0 ");
    return page;
  }
  const std::vector<std::string> parts = absl::StrSplit(from.substr(1), absl::MaxSplits(' ', 2));
  core::VersionPlace place;
  if (from[0] != kVersion || parts.size() != 3 || !absl::SimpleAtoi(parts[0], &place.generation) ||
      !absl::SimpleAtoi(parts[1], &place.number)) {
    return absl::InvalidArgumentError(absl::StrCat("no place among contents: ", from));
  }
  auto old = SelectOld(connection, prefix, parts[2], place, limit);
  if (!old.ok()) return old.status();
  page.objects = *std::move(old);
  if (IsFull(page.objects, limit)) {
    const Object& last = page.objects.back();
    page.next =
        absl::StrCat(std::string(1, kVersion), last.generation, " ", last.number, " ", last.name);
  }
  return page;
}

}  // namespace grpc_os::store
