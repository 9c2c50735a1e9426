// mkdir, rm, mv, cp.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// Asks before what cannot be undone or takes much with it. OK if it may be done.
absl::Status MayRemove(Session& session, const Arguments& arguments, const NamedObject& named) {
  const bool recursive = arguments.Has("recursive");
  const bool now = arguments.Has("now");
  if ((!recursive && !now) || !MayAsk(session, arguments)) return absl::OkStatus();
  std::string what = EscapeForTerminal(named.name);
  if (recursive) {
    const auto size = session.client().MeasureObjects(AsFolder(named.name));
    if (!size.ok()) return size.status();
    absl::StrAppend(&what, " and everything in it (", CountOfObjects(size->objects()), ", ",
                    FormatBytes(size->bytes()), ")");
  }
  return Confirm(session, arguments,
                 absl::StrCat("Delete ", what, now ? " for good, with all versions" : "", "?"),
                 named.name);
}

absl::Status Remove(Session& session, const Arguments& arguments, const NamedObject& named) {
  if (absl::Status status = MayRemove(session, arguments, named); !status.ok()) return status;
  v1::DeleteObjectRequest request;
  request.set_name(named.name);
  request.set_recursive(arguments.Has("recursive"));
  request.set_purge(arguments.Has("now"));
  const auto response = session.client().DeleteObject(request);
  if (!response.ok()) return response.status();
  const int64_t count = response->deleted_count();
  session.Show(*response, named.name,
               absl::StrCat("deleted ", named.name,
                            count == 1 ? "" : absl::StrCat(", ", CountOfObjects(count))));
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
  const auto into = IsFolder(session, destination);
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

ExitCode RunMove(Session& session, const Arguments& arguments) {
  return RelocateAll(session, arguments, Expand, "moved",
                     [&](const NamedObject& source, const std::string& target) {
                       v1::MoveObjectRequest request;
                       request.set_name(source.name);
                       request.set_destination(target);
                       return session.client().MoveObject(request);
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
  return {.name = "rm",
          .elsewhere = {"del", "unlink", "rmdir"},
          .synopsis = "NAME…",
          .arguments = {&kObjectWord},
          .summary = "Delete objects; `undelete` brings them back for 7 days",
          .details = std::string(kObjectNames) + "-r and --now ask first, on a terminal.\n",
          .options = {{"recursive", 'r', "", "folders with everything in them"},
                      {"now", 0, "", "for good, with all versions"},
                      YesOption()},
          .examples = {"rm obj_123", "rm '/tmp/*'", "rm -r -y /tmp"},
          .least = 1,
          .run = RunRemove};
}

Command MvRow() {
  return {.name = "mv",
          .elsewhere = {"rename", "ren", "move"},
          .synopsis = "NAME… TARGET",
          .arguments = {&kObjectWord},
          .summary = "Rename objects and folders, or move them into a folder",
          .details = std::string(kObjectNames) +
                     "Each in one step; ids and versions stay. What is at TARGET "
                     "is not replaced.\n",
          .examples = {"mv app.json old.json", "mv '/tmp/*.log' /logs/", "mv /tmp /archive"},
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
