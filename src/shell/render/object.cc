#include "shell/render/object.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "shell/quantity.h"

namespace grpc_os::shell {
namespace {

using Align = Table::Align;

template <typename Time>
std::string TimeText(const Time& time) {
  return time.seconds() == 0 ? "-" : FormatTime(time.seconds(), time.nanos(), 0);
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string SizeText(const v1::Object& object) {
  return object.folder() ? "-" : FormatBytes(object.size_bytes());
}

// Objects of the system, and folders that nobody made, have no generation.
std::string GenerationText(const v1::Object& object) {
  return object.generation() == 0 ? "-" : absl::StrCat(object.generation());
}

std::string NameBelow(const v1::Object& object, const std::string& folder) {
  const std::string& name = object.name();
  if (name.size() > folder.size() && name.starts_with(folder)) return name.substr(folder.size());
  return name;
}

std::string VersionState(const v1::Object& version) {
  if (version.deleted()) return "deleted";
  return version.has_retire_time() ? "replaced" : "live";
}

}  // namespace

Table ObjectTable(const std::vector<v1::Object>& objects, const std::string& folder, bool wide) {
  std::vector<Table::Column> columns = {{"NAME"}, {"SIZE", Align::kRight}, {"CHANGED"}};
  if (wide) {
    columns.insert(columns.end(),
                   {{"TYPE"}, {"OWNER"}, {"GENERATION", Align::kRight}, {"EXPIRES"}, {"ID"}});
  }
  Table table(columns);
  for (const v1::Object& object : objects) {
    std::vector<Cell> cells = {
        {NameBelow(object, folder), object.folder() ? Style::kTitle : Style::kPlain},
        {SizeText(object)},
        {TimeText(object.update_time())}};
    if (wide) {
      cells.push_back({object.folder() ? "folder" : OrDash(object.content_type())});
      cells.push_back({OrDash(object.owner())});
      cells.push_back({GenerationText(object)});
      cells.push_back({TimeText(object.expire_time())});
      cells.push_back({OrDash(object.id())});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

Table DeletedTable(const std::vector<v1::Object>& objects, const std::string& folder, bool wide) {
  std::vector<Table::Column> columns = {{"NAME"}, {"SIZE", Align::kRight}, {"DELETED"}};
  if (wide) {
    columns.insert(columns.end(),
                   {{"CHANGED"}, {"TYPE"}, {"OWNER"}, {"GENERATION", Align::kRight}, {"ID"}});
  }
  Table table(columns);
  for (const v1::Object& object : objects) {
    std::vector<Cell> cells = {
        {NameBelow(object, folder), object.folder() ? Style::kTitle : Style::kPlain},
        {SizeText(object)},
        {TimeText(object.retire_time())}};
    if (wide) {
      cells.push_back({TimeText(object.update_time())});
      cells.push_back({object.folder() ? "folder" : OrDash(object.content_type())});
      cells.push_back({OrDash(object.owner())});
      cells.push_back({GenerationText(object)});
      cells.push_back({OrDash(object.id())});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

Table VersionTable(const std::vector<v1::Object>& versions, bool wide) {
  std::vector<Table::Column> columns = {
      {"GENERATION", Align::kRight}, {"STATE"}, {"SIZE", Align::kRight}, {"CHANGED"}, {"ENDED"}};
  if (wide) columns.insert(columns.end(), {{"TYPE"}, {"OWNER"}, {"SHA256"}, {"ID"}});
  Table table(columns);
  for (const v1::Object& version : versions) {
    const std::string state = VersionState(version);
    std::vector<Cell> cells = {{GenerationText(version)},
                               {state, state == "live" ? Style::kGood : Style::kDim},
                               {SizeText(version)},
                               {TimeText(version.update_time())},
                               {TimeText(version.retire_time())}};
    if (wide) {
      cells.push_back({OrDash(version.content_type())});
      cells.push_back({OrDash(version.owner())});
      cells.push_back({OrDash(version.sha256())});
      cells.push_back({OrDash(version.id())});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

Table QuotaTable(const std::vector<v1::Quota>& quotas) {
  Table table({{"FOLDER"},
               {"OBJECTS", Align::kRight},
               {"AT-MOST", Align::kRight},
               {"SIZE", Align::kRight},
               {"AT-MOST", Align::kRight}});
  for (const v1::Quota& quota : quotas) {
    const bool full = (quota.max_objects() != 0 && quota.objects() >= quota.max_objects()) ||
                      (quota.max_bytes() != 0 && quota.bytes() >= quota.max_bytes());
    table.AddRow({{quota.prefix(), full ? Style::kBad : Style::kPlain},
                  {absl::StrCat(quota.objects())},
                  {quota.max_objects() == 0 ? "-" : absl::StrCat(quota.max_objects())},
                  {FormatBytes(quota.bytes())},
                  {quota.max_bytes() == 0 ? "-" : FormatBytes(quota.max_bytes())}});
  }
  return table;
}

void AddStored(const v1::StorageUsage& usage, Table& table) {
  table.AddRow(
      {{"objects"}, {absl::StrCat(usage.objects(), ", ", FormatBytes(usage.object_bytes()))}});
  table.AddRow({{"old versions"},
                {absl::StrCat(usage.versions(), ", ", FormatBytes(usage.version_bytes()))}});
}

void AddOtherRoom(const v1::StorageUsage& usage, Table& table) {
  table.AddRow({{"to be removed"}, {FormatBytes(usage.unused_bytes())}});
  table.AddRow({{"open uploads"},
                {absl::StrCat(usage.open_uploads(), ", ", FormatBytes(usage.upload_bytes()))}});
  table.AddRow({{"database"},
                {absl::StrCat(FormatBytes(usage.database_bytes()), ", log ",
                              FormatBytes(usage.database_log_bytes()))}});
}

Table DescribeObject(const v1::Object& object) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {object.name(), Style::kTitle}});
  table.AddRow({{"id"}, {OrDash(object.id())}});
  if (object.folder()) {
    table.AddRow({{"kind"}, {"folder"}});
  } else {
    table.AddRow({{"size"},
                  {object.size_bytes() < 1024 ? FormatBytes(object.size_bytes())
                                              : absl::StrCat(FormatBytes(object.size_bytes()), " (",
                                                             object.size_bytes(), " bytes)")}});
    table.AddRow({{"type"}, {OrDash(object.content_type())}});
    table.AddRow({{"sha256"}, {OrDash(object.sha256())}});
    table.AddRow({{"crc32c"}, {absl::StrFormat("%08x", object.crc32c())}});
  }
  table.AddRow(
      {{"generation"},
       {absl::StrCat(GenerationText(object),
                     object.metageneration() > 1
                         ? absl::StrCat(", changed ", object.metageneration() - 1, " times since")
                         : "")}});
  table.AddRow({{"owner"}, {OrDash(object.owner())}});
  table.AddRow({{"created"}, {TimeText(object.create_time())}});
  table.AddRow({{"changed"}, {TimeText(object.update_time())}});
  if (object.has_expire_time()) table.AddRow({{"expires"}, {TimeText(object.expire_time())}});
  if (object.has_retire_time()) {
    table.AddRow({{object.deleted() ? "deleted" : "replaced"}, {TimeText(object.retire_time())}});
  }
  // Sorted, for the order of a map of protobuf means nothing.
  const std::map<std::string, std::string> metadata(object.metadata().begin(),
                                                    object.metadata().end());
  for (const auto& [key, value] : metadata) {
    table.AddRow({{"metadata"}, {absl::StrCat(key, "=", value)}});
  }
  return table;
}

}  // namespace grpc_os::shell
