// undelete, and what ls shows of what was deleted.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/object_listing.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/render/object.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

enum class Depth { kFolder, kAll, kFirst };  // the last: of all only the first

// Page by page, until `on_object` returns false; with the revision of the first page.
absl::Status ForEachDeleted(Session& session, const std::string& prefix, Depth depth,
                            const std::function<bool(v1::Object&)>& on_object,
                            int64_t* revision = nullptr) {
  v1::ListObjectsRequest request;
  request.set_prefix(prefix);
  request.set_recursive(depth != Depth::kFolder);
  if (depth == Depth::kFirst) request.set_page_size(1);
  request.set_deleted(true);
  return session.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
    if (revision != nullptr && *revision == 0) *revision = page.revision();
    for (v1::Object& object : *page.mutable_objects()) {
      if (session.interrupted() || !on_object(object) || depth == Depth::kFirst) return false;
    }
    return !session.interrupted();
  });
}

absl::StatusOr<bool> AnyDeletedBelow(Session& session, const std::string& folder) {
  bool any = false;
  const absl::Status status =
      ForEachDeleted(session, folder, Depth::kFirst, [&](const v1::Object&) { return any = true; });
  if (!status.ok()) return status;
  return any;
}

// ---- ls --deleted -------------------------------------------------------------------------------

absl::Status ListOne(Session& session, const NamedObject& named, Listing& listing) {
  if (IsObjectId(named.name) || named.generation != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--deleted takes names, folders and patterns; `",
                                                   session.Typed("history NAME"),
                                                   "` lists the versions of one object."));
  }
  if (named.of_pattern && named.name.ends_with('/')) {
    // What a pattern found is shown itself.
    v1::Object& folder = *listing.all.add_objects();
    folder.set_name(named.name);
    folder.set_folder(true);
    listing.objects.push_back(folder);
    return absl::OkStatus();
  }
  int64_t revision = listing.all.revision();
  bool found = false;
  if (!named.name.ends_with('/')) {
    // The name itself comes before all that begins with it.
    const auto itself = [&](v1::Object& object) {
      found = object.name() == named.name;
      if (found) {
        *listing.all.add_objects() = object;
        listing.objects.push_back(std::move(object));
      }
      return found;
    };
    absl::Status status = ForEachDeleted(session, named.name, Depth::kFirst, itself, &revision);
    if (!status.ok()) return status;
  }
  if (!named.of_pattern) {
    std::vector<v1::Object> objects;
    const std::string folder = AsFolder(named.name);
    const auto inside = [&](v1::Object& object) {
      *listing.all.add_objects() = object;
      objects.push_back(std::move(object));
      return true;
    };
    absl::Status status = ForEachDeleted(session, folder, Depth::kFolder, inside, &revision);
    if (!status.ok()) return status;
    if (!objects.empty() || !found) listing.folders.emplace_back(folder, std::move(objects));
  }
  listing.all.set_revision(revision);
  return absl::OkStatus();
}

// ---- undelete -----------------------------------------------------------------------------------

absl::Status BringBack(Session& session, const std::string& name, int64_t generation,
                       bool silently) {
  v1::UndeleteObjectRequest request;
  request.set_name(name);
  request.set_generation(generation);
  const auto object = session.client().UndeleteObject(request);
  if (!object.ok()) return object.status();
  if (!silently) {
    session.Show(*object, object->name(),
                 absl::StrCat("brought back ", object->name(), " (", object->id(), "), generation ",
                              object->generation()));
  }
  return absl::OkStatus();
}

absl::Status BringBackOne(Session& session, const NamedObject& named) {
  absl::Status status = BringBack(session, named.name, named.generation, false);
  if (!absl::IsNotFound(status) || IsObjectId(named.name) || named.generation != 0) return status;
  const std::string folder = AsFolder(named.name);
  const auto below = AnyDeletedBelow(session, folder);
  if (!below.ok() || !*below) return status;
  return absl::NotFoundError(absl::StrCat(folder, " is a folder; `", session.Typed("undelete -r"),
                                          "` brings back what was deleted below it."));
}

// All below a folder, each for itself; `code` becomes that of the worst refusal.
absl::Status BringBackAll(Session& session, const NamedObject& named, ExitCode& code) {
  if (named.generation != 0) {
    return absl::InvalidArgumentError("A generation is of one object; leave out -r.");
  }
  const bool is_name = IsObjectId(named.name) || (named.of_pattern && !named.name.ends_with('/'));
  if (is_name) return BringBackOne(session, named);
  const std::string folder = AsFolder(named.name);
  bool any = false;
  int64_t back = 0;
  absl::Status ended;
  const auto bring = [&](const v1::Object& object) {
    any = true;
    const absl::Status status = BringBack(session, object.name(), 0, session.for_people());
    if (status.ok()) {
      ++back;
    } else if (EndsEverything(status)) {
      ended = status;
    } else {
      code = Worst(code, session.Report(status));
    }
    return ended.ok();
  };
  const absl::Status listed = ForEachDeleted(session, folder, Depth::kAll, bring);
  if (back > 0 && session.for_people()) {
    session.out() << "brought back " << EscapeForTerminal(folder) << ", " << CountOfObjects(back)
                  << "\n"
                  << std::flush;
  }
  if (!ended.ok()) return ended;
  if (!listed.ok()) return listed;
  if (any) return absl::OkStatus();
  if (!named.name.ends_with('/')) return BringBack(session, named.name, 0, false);
  return absl::NotFoundError(
      absl::StrCat("Nothing that was deleted below ", folder, " can be brought back."));
}

ExitCode RunUndelete(Session& session, const Arguments& arguments) {
  ExitCode refused = ExitCode::kOk;
  const ExitCode code =
      ForEachObject(session, arguments.positional(), ExpandDeleted, [&](const NamedObject& named) {
        return arguments.Has("recursive") ? BringBackAll(session, named, refused)
                                          : BringBackOne(session, named);
      });
  return Worst(code, refused);
}

}  // namespace

ExitCode ListDeleted(Session& session, const Arguments& arguments) {
  std::vector<std::string> words = arguments.positional();
  if (words.empty()) words.emplace_back(".");
  Listing listing;
  const ExitCode code = ForEachObject(session, words, ExpandDeleted, [&](const NamedObject& named) {
    return ListOne(session, named, listing);
  });
  ShowListing(session, arguments, listing, code, DeletedView, [](const std::string& folder) {
    return absl::StrCat("Nothing that was deleted in ", folder, " can be brought back.");
  });
  if (!listing.all.objects().empty()) {
    session.Hint("`undelete NAME` brings one back, `undelete -r FOLDER` all below a folder.");
  }
  return code;
}

Command UndeleteRow() {
  return {
      .name = "undelete",
      .synopsis = "NAME[@GENERATION]…",
      .arguments = {&kDeletedObjectWord},
      .summary = "Bring deleted objects back under their names and ids",
      .details =
          "NAME is an absolute name, one relative to the current folder, or an id. A pattern with\n"
          "* ? [ ] means every deleted name that it fits, as `ls --deleted` shows them. With\n"
          "@GENERATION that version, else the one deleted last. One that cannot come back (its\n"
          "name was taken again) is reported, and the others come back.\n",
      .options = {{"recursive", 'r', "", "all that was deleted below folders"}},
      .examples = {"undelete /config/app.json", "undelete '/config/*.json'", "undelete -r /config"},
      .least = 1,
      .run = RunUndelete};
}

}  // namespace grpc_os::shell
