// mkdir, rm, mv, cp.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/in_parts.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

// Asks before what cannot be undone or takes much with it. OK if it may be done.
absl::Status MayRemove(Session& session, const Arguments& arguments, const NamedObject& named) {
  const bool recursive = arguments.Has("recursive");
  const bool now = arguments.Has("now");
  const bool versions = arguments.Has("versions");
  if ((!recursive && !now && !versions) || !MayAsk(session, arguments)) return absl::OkStatus();
  std::string what = EscapeForTerminal(named.name);
  if (recursive) {
    const auto size = session.client().MeasureObjects(AsFolder(named.name));
    if (!size.ok()) return size.status();
    absl::StrAppend(&what, " and everything in it (",
                    versions ? CountOfVersions(size->versions()) : CountOfObjects(size->objects()),
                    ", ", FormatBytes(versions ? size->version_bytes() : size->bytes()), ")");
  }
  return Confirm(session, arguments,
                 absl::StrCat("Delete ", versions ? "the old versions of " : "", what,
                              now ? " for good, with all versions" : "", "?"),
                 named.name);
}

v1::DeleteObjectRequest RemovalOf(const Arguments& arguments, const NamedObject& named) {
  v1::DeleteObjectRequest request;
  request.set_name(named.name);
  request.set_recursive(arguments.Has("recursive"));
  request.set_purge(arguments.Has("now"));
  request.set_versions_only(arguments.Has("versions"));
  return request;
}

absl::StatusOr<v1::DeleteObjectResponse> RemoveInParts(Session& session,
                                                       v1::DeleteObjectRequest request) {
  const bool versions = request.versions_only();
  const auto size = session.client().MeasureObjects(AsFolder(request.name()));
  std::string again = request.purge() ? "rm -r --now " : versions ? "rm -r --versions " : "rm -r ";
  InParts work = {.what = "rm " + request.name(),
                  .done = versions ? "deleted versions," : "deleted",
                  .again = session.Typed(again + QuoteWord(request.name())),
                  .total = std::nullopt};
  if (size.ok()) work.total = versions ? size->versions() : size->objects();
  request.set_in_parts(true);
  v1::DeleteObjectResponse all;
  const auto count = DoInParts(session, work, [&]() -> absl::StatusOr<Part> {
    const auto part = session.client().DeleteObject(request);
    if (!part.ok()) return part.status();
    all.set_revision(part->revision());
    return Part{.count = part->deleted_count(), .more = part->more()};
  });
  if (!count.ok()) return count.status();
  all.set_deleted_count(*count);
  return all;
}

absl::Status Remove(Session& session, const Arguments& arguments, const NamedObject& named) {
  if (absl::Status status = MayRemove(session, arguments, named); !status.ok()) return status;
  const v1::DeleteObjectRequest request = RemovalOf(arguments, named);
  auto response = session.client().DeleteObject(request);
  if (request.recursive() && IsTooMuch(response.status()))
    response = RemoveInParts(session, request);
  if (!response.ok()) return response.status();
  const int64_t count = response->deleted_count();
  std::string done = absl::StrCat("deleted ", named.name);
  if (request.versions_only()) {
    done = absl::StrCat("deleted ", CountOfVersions(count), " of ", named.name);
  } else if (count != 1) {
    absl::StrAppend(&done, ", ", CountOfObjects(count));
  }
  session.Show(*response, named.name, done);
  return absl::OkStatus();
}

// The name that the source named so gets in `folder`; that of an id is asked for.
absl::StatusOr<std::string> NameIn(Session& session, const std::string& folder,
                                   const NamedObject& source) {
  std::string name = source.name;
  if (IsObjectId(name)) {
    const auto object = GetObject(session, source);
    if (!object.ok()) return object.status();
    name = object->name();
  }
  return AsFolder(folder) + LastSegment(name);
}

using Relocate =
    std::function<absl::StatusOr<v1::Object>(const NamedObject& source, const std::string& target)>;

ExitCode RelocateAll(Session& session, const Arguments& arguments, Expansion expand,
                     const char* done, const Relocate& relocate) {
  std::vector<std::string> words = arguments.positional();
  const std::string destination = ResolveName(session.directory(), words.back());
  words.pop_back();
  const auto into =
      arguments.Has("merge") ? absl::StatusOr<bool>(false) : IsFolder(session, destination);
  if (!into.ok()) return session.Report(into.status());
  if (!*into && (words.size() > 1 || IsPattern(words[0]))) {
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat(destination, " is no folder, so it can take the place of one object only. `",
                     session.Typed("mkdir"), "` makes a folder.")));
  }
  return ForEachObject(session, words, expand, [&](const NamedObject& source) -> absl::Status {
    std::string target = destination;
    if (*into) {
      auto name = NameIn(session, destination, source);
      if (!name.ok()) return name.status();
      target = *std::move(name);
    }
    const auto object = relocate(source, target);
    if (!object.ok()) return object.status();
    session.Show(*object, object->name(),
                 absl::StrCat(done, " ", source.name,
                              source.generation == 0 ? "" : absl::StrCat("@", source.generation),
                              " to ", object->name()));
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Object> Copy(Session& session, const NamedObject& source,
                                const std::string& target, bool replace) {
  v1::CopyObjectRequest request;
  request.set_name(source.name);
  request.set_generation(source.generation);
  request.set_destination(target);
  if (replace) {
    const auto there = GetObject(session, {.name = target});
    if (there.ok()) {
      request.mutable_preconditions()->set_if_generation_match(there->generation());
    } else if (client::ReasonOf(there.status()) != "OBJECT_NOT_FOUND") {
      return there.status();
    }
  }
  auto copy = session.client().CopyObject(request);
  if (replace || client::ReasonOf(copy.status()) != "NAME_TAKEN") return copy;
  return absl::AlreadyExistsError(
      absl::StrCat("There is ", target, " already; `", session.Typed("cp -f"),
                   "` gives it the new content, and keeps the old one among its versions."));
}

ExitCode RunMakeFolder(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& word) {
    const auto folder =
        session.client().CreateFolder(AsFolder(ResolveName(session.directory(), word)));
    if (folder.ok()) session.Show(*folder, folder->name(), absl::StrCat("made ", folder->name()));
    return folder.status();
  });
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  if (arguments.Has("now") && arguments.Has("versions")) {
    return session.Report(absl::InvalidArgumentError(
        "--now deletes the object with its versions, --versions only these; leave out one of "
        "them."));
  }
  return ForEachObject(session, arguments.positional(), Expand,
                       [&](const NamedObject& named) -> absl::Status {
                         const absl::Status status = Remove(session, arguments, named);
                         if (client::ReasonOf(status) != "OBJECT_NOT_FOUND") return status;
                         // Who writes a path means no process.
                         const std::string word = LastSegment(named.name);
                         if (std::ranges::count(arguments.positional(), word) == 0) return status;
                         const auto process = session.client().GetProcess(word);
                         if (!process.ok()) return status;
                         return absl::NotFoundError(
                             absl::StrCat("There is no object ", named.name, ". `",
                                          session.Typed(absl::StrCat("delete ", process->name())),
                                          "` deletes the process ", process->name(), "."));
                       });
}

absl::StatusOr<v1::Object> MoveInParts(Session& session, const std::string& source,
                                       const std::string& target) {
  v1::MoveFolderRequest request;
  request.set_name(source);
  request.set_destination(target);
  const auto size = session.client().MeasureObjects(AsFolder(source));
  InParts work = {.what = absl::StrCat("mv ", source),
                  .done = "moved",
                  .again = session.Typed(
                      absl::StrCat("mv --merge ", QuoteWord(source), " ", QuoteWord(target))),
                  .total = std::nullopt};
  if (size.ok()) work.total = size->objects();
  const auto count = DoInParts(session, work, [&]() -> absl::StatusOr<Part> {
    const auto part = session.client().MoveFolder(request);
    if (!part.ok()) return part.status();
    return Part{.count = part->moved_count(), .more = part->more()};
  });
  if (!count.ok()) return count.status();
  auto moved = GetObject(session, {.name = AsFolder(target)});
  // Who may write there may not be let to read.
  if (!moved.ok()) {
    moved.emplace().set_name(AsFolder(target));
    moved->set_folder(true);
  }
  return moved;
}

ExitCode RunMove(Session& session, const Arguments& arguments) {
  return RelocateAll(session, arguments, Expand, "moved",
                     [&](const NamedObject& source, const std::string& target) {
                       if (arguments.Has("merge")) return MoveInParts(session, source.name, target);
                       v1::MoveObjectRequest request;
                       request.set_name(source.name);
                       request.set_destination(target);
                       auto moved = session.client().MoveObject(request);
                       return IsTooMuch(moved.status()) ? MoveInParts(session, source.name, target)
                                                        : moved;
                     });
}

ExitCode RunCopy(Session& session, const Arguments& arguments) {
  return RelocateAll(session, arguments, ExpandVersioned, "copied",
                     [&](const NamedObject& source, const std::string& target) {
                       return Copy(session, source, target, arguments.Has("force"));
                     });
}

}  // namespace

Command MkdirRow() {
  return {.name = "mkdir",
          .synopsis = "FOLDER…",
          .arguments = {&kFolderWord},
          .summary = "Create folders that persist even when empty",
          .details =
              "Parent folders need not be created: they exist as long as they contain something.\n",
          .examples = {"mkdir /config/sites"},
          .least = 1,
          .run = RunMakeFolder};
}

Command RmRow() {
  return {
      .name = "rm",
      .elsewhere = {"del", "unlink", "rmdir"},
      .synopsis = "NAME…",
      .arguments = {&kObjectWord},
      .summary = "Delete objects; `undelete` brings them back for 7 days",
      .details = std::string(kObjectNames) +
                 "-r, --now and --versions ask first, on a terminal. A folder of more than\n"
                 "10,000 objects goes in parts of 1,000; the same command goes on after Ctrl-C.\n",
      .options = {{"recursive", 'r', "", "folders with everything in them"},
                  {"now", 0, "", "for good, with all versions"},
                  {"versions", 0, "", "the old versions alone; what is there now stays"},
                  YesOption()},
      .examples = {"rm obj_123", "rm '/tmp/*'", "rm -r -y /tmp", "rm --versions -r /logs"},
      .least = 1,
      .run = RunRemove};
}

Command MvRow() {
  return {
      .name = "mv",
      .elsewhere = {"rename", "ren", "move"},
      .synopsis = "NAME… TARGET",
      .arguments = {&kObjectWord},
      .summary = "Rename objects and folders, or move them into a folder",
      .details = std::string(kObjectNames) +
                 "Each in one step; ids and versions stay. What is at TARGET is not replaced.\n"
                 "A folder of more than 10,000 objects goes in parts of 1,000; others see both\n"
                 "folders meanwhile.\n",
      .options = {{"merge", 0, "",
                   "a folder, in parts: what is in it into the folder TARGET, be it new or not"}},
      .examples = {"mv app.json old.json", "mv '/tmp/*.log' /logs/", "mv /tmp /archive",
                   "mv --merge /logs/new /logs/old"},
      .least = 2,
      .run = RunMove};
}

Command CpRow() {
  return {.name = "cp",
          .elsewhere = {"copy"},
          .synopsis = "NAME[@GENERATION]… TARGET",
          .arguments = {&kObjectWord},
          .summary = "Copy objects, or older contents of them",
          .details = std::string(kObjectNames) + kObjectVersions,
          .options = {{"force", 'f', "", "replace what is at TARGET"}},
          .examples = {"cp app.json app.bak", "cp -f app.json@42 app.json"},
          .least = 2,
          .run = RunCopy};
}

}  // namespace grpc_os::shell
