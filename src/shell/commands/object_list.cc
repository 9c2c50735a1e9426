// cd, pwd, ls, stat, history, find, du.
#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "shell/commands/commands.h"
#include "shell/commands/object_names.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/object.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// What `ls` found: single objects, then folders with what is in them.
struct Listing {
  v1::ListObjectsResponse all;  // as programs get it
  std::vector<v1::Object> objects;
  std::vector<std::pair<std::string, std::vector<v1::Object>>> folders;
};

absl::Status ListFolder(Session& session, const std::string& folder, Listing& listing) {
  v1::ListObjectsRequest request;
  request.set_prefix(folder);
  std::vector<v1::Object> objects;
  const absl::Status status =
      session.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
        // Of the first page: from there a watch misses nothing.
        if (listing.all.revision() == 0) listing.all.set_revision(page.revision());
        for (v1::Object& object : *page.mutable_objects()) {
          objects.push_back(object);
          *listing.all.add_objects() = std::move(object);
        }
        return !session.interrupted();
      });
  if (status.ok()) listing.folders.emplace_back(folder, std::move(objects));
  return status;
}

absl::Status List(Session& session, const NamedObject& named, Listing& listing) {
  // What a pattern found is shown itself.
  if (!named.of_pattern && named.name == "/") return ListFolder(session, "/", listing);
  const auto object = GetObject(session, named);
  if (!object.ok()) return object.status();
  if (object->folder() && !named.of_pattern) {
    return ListFolder(session, AsFolder(object->name()), listing);
  }
  listing.objects.push_back(*object);
  *listing.all.add_objects() = *object;
  return absl::OkStatus();
}

void ShowListing(Session& session, const Listing& listing, bool wide) {
  bool first = true;
  if (!listing.objects.empty()) {
    session.Print(ObjectTable(listing.objects, session.directory(), wide));
    first = false;
  }
  const bool several = listing.folders.size() > 1 || !listing.objects.empty();
  for (const auto& [folder, objects] : listing.folders) {
    if (several) {
      session.out() << (first ? "" : "\n") << EscapeForTerminal(folder) << ":\n";
    }
    first = false;
    if (!objects.empty()) {
      session.Print(ObjectTable(objects, folder, wide));
    } else if (session.console().out_is_terminal) {
      session.out() << "Nothing lies in " << EscapeForTerminal(folder) << " yet. `"
                    << session.Typed("touch NAME DATA") << "` makes an object.\n";
    }
  }
}

// One page of what `find` found.
void ShowFound(Session& session, const v1::Object& object) {
  if (session.for_programs()) {
    session.PrintNext(object);
  } else {
    session.PrintName(object.folder() ? AsFolder(object.name()) : object.name());
  }
}

std::string PrefixOf(Session& session, const std::string& word) {
  // A word that ends as a folder's does, and none at all, mean what lies in it.
  return ResolveName(session.directory(), word.empty() ? "." : word);
}

}  // namespace

ExitCode RunPrintDirectory(Session& session, const Arguments&) {
  std::string directory = session.directory();
  if (directory.size() > 1) directory.pop_back();
  session.PrintName(directory);
  return ExitCode::kOk;
}

ExitCode RunChangeDirectory(Session& session, const Arguments& arguments) {
  const std::string word = arguments.positional().empty() ? "/" : arguments.positional()[0];
  const std::string name =
      word == "-" ? session.previous_directory() : ResolveName(session.directory(), word);
  if (name == "/") {
    session.ChangeDirectory("/");
    return ExitCode::kOk;
  }
  const auto object = GetObject(session, {.name = name});
  if (!object.ok()) return session.Report(object.status());
  if (!object->folder()) {
    return session.Report(absl::FailedPreconditionError(
        absl::StrCat(object->name(), " is no folder; `cat` shows what is in it.")));
  }
  session.ChangeDirectory(AsFolder(object->name()));
  return ExitCode::kOk;
}

ExitCode RunList(Session& session, const Arguments& arguments) {
  if (arguments.Has("deleted")) return ListDeleted(session, arguments);
  std::vector<std::string> words = arguments.positional();
  if (words.empty()) words.emplace_back(".");
  Listing listing;
  const ExitCode code =
      ForEachObject(session, words, ExpandVersioned,
                    [&](const NamedObject& named) { return List(session, named, listing); });
  if (session.for_programs()) {
    if (code == ExitCode::kOk || listing.all.objects_size() > 0) {
      session.PrintList(listing.all, listing.all.objects());
    }
  } else if (session.for_people()) {
    ShowListing(session, listing, arguments.Has("long") || session.format() == Format::kWide);
  } else {
    for (const v1::Object& object : listing.all.objects()) ShowFound(session, object);
  }
  return code;
}

ExitCode RunStat(Session& session, const Arguments& arguments) {
  bool first = true;
  return ForEachObject(session, arguments.positional(), ExpandVersioned,
                       [&](const NamedObject& named) -> absl::Status {
                         const auto object = GetObject(session, named);
                         if (!object.ok()) return object.status();
                         if (!session.for_people()) {
                           ShowChanged(session, *object, "");
                           return absl::OkStatus();
                         }
                         if (!first) session.out() << "\n";
                         first = false;
                         session.Print(DescribeObject(*object));
                         return absl::OkStatus();
                       });
}

ExitCode RunHistory(Session& session, const Arguments& arguments) {
  const std::string name = ResolveName(session.directory(), arguments.positional()[0]);
  const auto all = session.client().ListVersions(name);
  if (!all.ok()) return session.Report(all.status());
  if (all->objects().empty()) {
    return session.Report(
        absl::NotFoundError(absl::StrCat(name, " is not there, and no version of it is kept.")));
  }
  if (session.for_programs()) {
    session.PrintList(*all, all->objects());
    return ExitCode::kOk;
  }
  if (!session.for_people()) {
    for (const v1::Object& version : all->objects()) {
      session.PrintName(absl::StrCat(version.name(), "@", version.generation()));
    }
    return ExitCode::kOk;
  }
  session.Print(VersionTable({all->objects().begin(), all->objects().end()},
                             session.format() == Format::kWide));
  if (session.console().out_is_terminal) {
    const bool deleted = all->objects(0).has_retire_time();
    session.out() << "`" << session.Typed("cat NAME@GENERATION") << "` shows one"
                  << (deleted ? absl::StrCat(", `", session.Typed("undelete NAME"),
                                             "` brings the last back.\n")
                              : ".\n");
  }
  return ExitCode::kOk;
}

ExitCode RunFind(Session& session, const Arguments& arguments) {
  v1::ListObjectsRequest request;
  request.set_prefix(
      PrefixOf(session, arguments.positional().empty() ? "" : arguments.positional()[0]));
  request.set_recursive(true);
  request.set_deleted(arguments.Has("deleted"));
  const auto pattern = arguments.Value("name");
  v1::ListObjectsResponse found;
  const bool at_once = session.format() == Format::kJson || session.format() == Format::kYaml;
  const absl::Status status =
      session.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
        if (found.revision() == 0) found.set_revision(page.revision());
        for (v1::Object& object : *page.mutable_objects()) {
          if (pattern && ::fnmatch(pattern->c_str(), LastSegment(object.name()).c_str(), 0) != 0) {
            continue;
          }
          if (at_once) {
            *found.add_objects() = std::move(object);
          } else {
            ShowFound(session, object);
          }
        }
        session.out() << std::flush;
        return !session.interrupted();
      });
  if (!status.ok()) return session.Report(status);
  if (at_once) session.Print(found);
  return ExitCode::kOk;
}

ExitCode RunMeasure(Session& session, const Arguments& arguments) {
  std::vector<std::string> words = arguments.positional();
  if (words.empty()) words.emplace_back("");
  Table table({{"PREFIX"},
               {"OBJECTS", Table::Align::kRight},
               {"SIZE", Table::Align::kRight},
               {"VERSIONS", Table::Align::kRight},
               {"THEIR-SIZE", Table::Align::kRight}});
  ExitCode code = ExitCode::kOk;
  bool any = false;
  std::optional<v1::StorageUsage> storage;
  for (const std::string& word : words) {
    const std::string prefix = PrefixOf(session, word);
    const auto size = session.client().MeasureObjects(prefix);
    if (!size.ok()) {
      code = Worst(code, session.Report(size.status()));
      if (EndsEverything(size.status())) break;
      continue;
    }
    any = true;
    if (size->has_storage()) storage = size->storage();
    if (session.for_programs()) session.Print(*size);
    if (session.format() == Format::kName) session.PrintName(prefix);
    table.AddRow({{prefix},
                  {absl::StrCat(size->objects())},
                  {FormatBytes(size->bytes())},
                  {absl::StrCat(size->versions())},
                  {FormatBytes(size->version_bytes())}});
  }
  if (session.for_people() && any) session.Print(table);
  if (session.for_people() && storage.has_value()) {
    session.out() << "\n";
    Table other({{""}, {""}});
    AddOtherRoom(*storage, other);
    session.Print(other);
  }
  return code;
}

}  // namespace grpc_os::shell
