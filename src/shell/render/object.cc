#include "shell/render/object.h"

#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "shell/object_path.h"
#include "shell/quantity.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

using Align = Table::Align;

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

std::string TypeText(const v1::Object& object) {
  return object.folder() ? "folder" : OrDash(object.content_type());
}

using View = ResourceView<v1::Object>;

View::Column NameBelowColumn(const std::string& folder) {
  return {"NAME", [folder](const v1::Object& object) -> Cell {
            return {NameBelow(object, folder), object.folder() ? Style::kTitle : Style::kPlain};
          }};
}

View::Column Wide(const char* title, std::function<Cell(const v1::Object&)> cell,
                  Align align = Align::kLeft) {
  return {title, std::move(cell), align, View::In::kWide};
}

View::Column Size() { return View::Column{"SIZE", SizeText, Align::kRight}; }
const auto kChanged = [](const v1::Object& object) { return TimeText(object.update_time()); };
const auto kEnded = [](const v1::Object& object) { return TimeText(object.retire_time()); };
const auto kExpires = [](const v1::Object& object) { return TimeText(object.expire_time()); };
const auto kContentType = [](const v1::Object& object) { return OrDash(object.content_type()); };
const auto kOwner = [](const v1::Object& object) { return OrDash(object.owner()); };
const auto kId = [](const v1::Object& object) { return OrDash(object.id()); };
const auto kSha256 = [](const v1::Object& object) { return OrDash(object.sha256()); };

Table Details(const v1::Object& object) {
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

}  // namespace

ResourceView<v1::Object> ObjectView(const std::string& folder) {
  return {.name =
              [](const v1::Object& object) {
                return object.folder() ? AsFolder(object.name()) : object.name();
              },
          .columns = {NameBelowColumn(folder),
                      Size(),
                      {"CHANGED", kChanged},
                      Wide("TYPE", TypeText),
                      Wide("OWNER", kOwner),
                      Wide("GENERATION", GenerationText, Align::kRight),
                      Wide("EXPIRES", kExpires),
                      Wide("ID", kId)},
          .details = Details};
}

ResourceView<v1::Object> DeletedView(const std::string& folder) {
  return {.name = [](const v1::Object& object) { return object.name(); },
          .columns = {NameBelowColumn(folder),
                      Size(),
                      {"DELETED", kEnded},
                      Wide("CHANGED", kChanged),
                      Wide("TYPE", TypeText),
                      Wide("OWNER", kOwner),
                      Wide("GENERATION", GenerationText, Align::kRight),
                      Wide("ID", kId)}};
}

ResourceView<v1::Object> VersionView() {
  const auto state = [](const v1::Object& version) -> Cell {
    if (version.deleted()) return {"deleted", Style::kDim};
    if (version.has_retire_time()) return {"replaced", Style::kDim};
    return {"live", Style::kGood};
  };
  return {.name =
              [](const v1::Object& version) {
                return absl::StrCat(version.name(), "@", version.generation());
              },
          .columns = {{"GENERATION", GenerationText, Align::kRight},
                      {"STATE", state},
                      Size(),
                      {"CHANGED", kChanged},
                      {"ENDED", kEnded},
                      Wide("TYPE", kContentType),
                      Wide("OWNER", kOwner),
                      Wide("SHA256", kSha256),
                      Wide("ID", kId)}};
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

}  // namespace grpc_os::shell
