// Looking at objects: cd, pwd, ls, stat, history, find, du.
#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_listing.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/object.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

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

std::string PrefixOf(Session& session, const std::string& word) {
  // A word that ends as a folder's does, and none at all, mean its contents.
  return ResolveName(session.directory(), word.empty() ? "." : word);
}

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
  ShowListing(session, arguments, listing, code, ObjectView, [](const std::string& folder) {
    return absl::StrCat(folder, " is empty. `touch NAME DATA` creates an object.");
  });
  return code;
}

ExitCode RunStat(Session& session, const Arguments& arguments) {
  bool first = true;
  return ForEachObject(session, arguments.positional(), ExpandVersioned,
                       [&](const NamedObject& named) -> absl::Status {
                         const auto object = GetObject(session, named);
                         if (!object.ok()) return object.status();
                         if (session.for_people() && !first) session.out() << "\n";
                         first = false;
                         session.Show(ObjectView("/"), object);
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
  session.ShowList(VersionView(), *all);
  session.Hint(absl::StrCat(
      "`cat NAME@GENERATION` shows one",
      all->objects(0).has_retire_time() ? ", `undelete NAME` brings the last back." : "."));
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
  const auto view = ObjectView(session.directory());
  const absl::Status status =
      session.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
        if (found.revision() == 0) found.set_revision(page.revision());
        for (v1::Object& object : *page.mutable_objects()) {
          if (pattern && ::fnmatch(pattern->c_str(), LastSegment(object.name()).c_str(), 0) != 0) {
            continue;
          }
          if (session.collects()) {
            *found.add_objects() = std::move(object);
          } else {
            const std::string name = view.name(object);
            session.ShowNext(object, name, EscapeForTerminal(name));
          }
        }
        session.out() << std::flush;
        return !session.interrupted();
      });
  if (!status.ok()) return session.Report(status);
  if (session.collects()) session.Print(found);
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
    session.Show(*size, prefix, "");
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
    if (storage->open_uploads() > 0) session.Hint("`uploads` lists the open uploads.");
  }
  return code;
}

}  // namespace

Command LsRow() {
  return {.name = "ls",
          .elsewhere = {"dir", "ll"},
          .synopsis = "[NAME…]",
          .arguments = {&kObjectWord},
          .summary = "List the contents of folders",
          .details = std::string(kObjectNames) +
                     "Folders end with a slash. With --deleted patterns fit what was deleted.\n",
          .options = {{"long", 'l', "", "with type, owner, generation, expiry and id"},
                      {"deleted", 0, "", "what was deleted there and `undelete` can bring back"},
                      WatchOption()},
          .examples = {"ls /", "ls /config", "ls -l '/config/*.json'", "ls --deleted /config",
                       "ls -o json"},
          .run = RunList};
}

Command CdRow() {
  return {
      .name = "cd",
      .synopsis = "[FOLDER]",
      .arguments = {&kFolderWord},
      .summary = "Change the folder that names count from; \"-\" is the one before",
      .details = "For this shell only: the API, and each `grpc-os COMMAND`, count from \"/\".\n",
      .examples = {"cd /config", "cd ..", "cd"},
      .most = 1,
      .run = RunChangeDirectory};
}

Command PwdRow() {
  return {.name = "pwd",
          .summary = "Show the folder that names count from",
          .examples = {"pwd"},
          .most = 0,
          .needs_daemon = false,
          .run = RunPrintDirectory};
}

Command StatRow() {
  return {.name = "stat",
          .synopsis = "NAME[@GENERATION]…",
          .arguments = {&kObjectWord},
          .summary = "Show all about objects but their content",
          .details = std::string(kObjectNames) + kObjectVersions,
          .examples = {"stat /config/app.json"},
          .least = 1,
          .run = RunStat};
}

Command HistoryRow() {
  return {.name = "history",
          .synopsis = "NAME",
          .arguments = {&kObjectWord},
          .summary = "List the contents that an object has had",
          .details =
              "The newest first, deleted ones too: they are kept for 7 days, at most 100 of a "
              "name.\n",
          .examples = {"history /config/app.json"},
          .least = 1,
          .most = 1,
          .run = RunHistory};
}

Command FindRow() {
  return {.name = "find",
          .synopsis = "[PREFIX]",
          .arguments = {&kObjectWord},
          .summary = "List every object whose name begins with PREFIX, however deep",
          .details = "\"/config/\" is all in that folder, \"/con\" all that begins so.\n",
          .options = {{"name", 'n', "GLOB", "only those whose last part fits; -name works too",
                       false, nullptr, false, true},
                      {"deleted", 0, "", "what was deleted and `undelete` can bring back"}},
          .examples = {"find", "find /config/ -name '*.json'", "find --deleted /config/"},
          .most = 1,
          .run = RunFind};
}

Command DuRow() {
  return {
      .name = "du",
      .synopsis = "[PREFIX…]",
      .arguments = {&kObjectWord},
      .summary = "Count the objects below prefixes, and their bytes",
      .details =
          "THEIR-SIZE is that of the kept versions, which `rm --versions` frees. "
          "Of\n"
          "all there is, also the other room: contents that nothing has and that are about to be\n"
          "removed, what open uploads have sent (`uploads` lists them), the database with all\n"
          "contents up to 64 KiB.\n",
      .examples = {"du", "du /config/ /logs/"},
      .run = RunMeasure};
}

}  // namespace grpc_os::shell
