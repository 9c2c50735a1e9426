#include "shell/commands/object_names.h"

#include <fnmatch.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shell/commands/for_each.h"
#include "shell/commands/selection.h"
#include "shell/object_path.h"

namespace grpc_os::shell {
namespace {

enum class Among { kLive, kDeleted };

// The names in `folder` (which ends with a slash) whose last segment fits; those of folders end
// with a slash.
absl::Status AddFitting(Session& session, Among among, const std::string& folder,
                        const std::string& pattern, bool only_folders,
                        std::vector<std::string>& found) {
  v1::ListObjectsRequest request;
  request.set_prefix(folder);
  request.set_deleted(among == Among::kDeleted);
  const absl::Status status =
      session.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
        for (const v1::Object& object : page.objects()) {
          if (only_folders && !object.folder()) continue;
          if (::fnmatch(pattern.c_str(), LastSegment(object.name()).c_str(), FNM_PERIOD) != 0) {
            continue;
          }
          found.push_back(object.folder() ? AsFolder(object.name()) : object.name());
        }
        return !session.interrupted();
      });
  // A folder that is gone meanwhile, or was none, has nothing that fits.
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ? absl::OkStatus() : status;
}

// `segments` below each of `folders`.
absl::StatusOr<std::vector<std::string>> Walk(Session& session, Among among,
                                              const std::vector<std::string>& segments,
                                              bool only_folders) {
  std::vector<std::string> names = {"/"};
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    std::vector<std::string> next;
    for (const std::string& name : names) {
      if (!IsPattern(segments[i]) && !last) {
        next.push_back(absl::StrCat(name, segments[i], "/"));
        continue;
      }
      auto status = AddFitting(session, among, name, segments[i], !last || only_folders, next);
      if (!status.ok()) return status;
    }
    names = std::move(next);
  }
  return names;
}

absl::StatusOr<std::vector<NamedObject>> ExpandAmong(Session& session, Among among,
                                                     const std::string& word) {
  const std::string name = ResolveName(session.directory(), word);
  if (!IsPattern(word)) return std::vector<NamedObject>{{.name = name}};
  // The directory is no pattern, whatever its name has.
  const bool relative = !word.starts_with('/');
  const std::string& directory = session.directory();
  const bool below = relative && name.starts_with(directory);
  std::vector<std::string> segments;
  if (below) {
    for (const auto segment : absl::StrSplit(directory, '/', absl::SkipEmpty())) {
      std::string literal;
      for (const char c : segment) {
        if (c == '*' || c == '?' || c == '[' || c == '\\') literal.push_back('\\');
        literal.push_back(c);
      }
      segments.push_back(std::move(literal));
    }
  }
  for (const auto segment :
       absl::StrSplit(below ? name.substr(directory.size()) : name, '/', absl::SkipEmpty())) {
    segments.emplace_back(segment);
  }
  const auto found = Walk(session, among, segments, name.ends_with('/'));
  if (!found.ok()) return found.status();
  if (found->empty()) {
    return absl::NotFoundError(
        among == Among::kLive
            ? absl::StrCat("No object's name fits ", name, ". `ls` shows what there is.")
            : absl::StrCat("No deleted object's name fits ", name,
                           ". `ls --deleted` shows what can be brought back."));
  }
  std::vector<NamedObject> objects;
  for (const std::string& each : *found) objects.push_back({.name = each, .of_pattern = true});
  return objects;
}

absl::StatusOr<std::vector<NamedObject>> ExpandVersionedAmong(Session& session, Among among,
                                                              const std::string& word) {
  const VersionedName versioned = ParseVersionedName(word);
  if (versioned.name == word) return ExpandAmong(session, among, word);
  return std::vector<NamedObject>{{.name = ResolveName(session.directory(), versioned.name),
                                   .generation = versioned.generation}};
}

}  // namespace

absl::StatusOr<std::vector<NamedObject>> Expand(Session& session, const std::string& word) {
  return ExpandAmong(session, Among::kLive, word);
}

absl::StatusOr<std::vector<NamedObject>> ExpandVersioned(Session& session,
                                                         const std::string& word) {
  return ExpandVersionedAmong(session, Among::kLive, word);
}

absl::StatusOr<std::vector<NamedObject>> ExpandDeleted(Session& session, const std::string& word) {
  return ExpandVersionedAmong(session, Among::kDeleted, word);
}

ExitCode ForEachObject(Session& session, const std::vector<std::string>& words, Expansion expand,
                       const std::function<absl::Status(const NamedObject&)>& action) {
  ExitCode code = ExitCode::kOk;
  std::set<std::pair<std::string, int64_t>> seen;
  for (const std::string& word : words) {
    if (session.interrupted()) break;
    const auto objects = expand(session, word);
    if (!objects.ok()) {
      code = Worst(code, session.Report(objects.status()));
      if (EndsEverything(objects.status())) return code;
      continue;
    }
    for (const NamedObject& object : *objects) {
      if (session.interrupted()) break;
      if (!seen.insert({object.name, object.generation}).second) continue;
      const absl::Status status = action(object);
      if (status.ok()) continue;
      code = Worst(code, session.Report(status));
      if (EndsEverything(status)) return code;
    }
  }
  return code;
}

absl::StatusOr<v1::Object> GetObject(Session& session, const NamedObject& named) {
  v1::GetObjectRequest request;
  request.set_name(named.name);
  request.set_generation(named.generation);
  return session.client().GetObject(request);
}

absl::StatusOr<bool> IsFolder(Session& session, const std::string& name) {
  if (name.ends_with('/')) return true;
  const auto object = GetObject(session, {.name = name});
  if (object.ok()) return object->folder();
  // Who may not read it may perhaps write it.
  if (absl::IsNotFound(object.status()) || absl::IsPermissionDenied(object.status())) return false;
  return object.status();
}

std::string CountOfVersions(int64_t count) {
  return absl::StrCat(count, count == 1 ? " version" : " versions");
}

std::string CountOfObjects(int64_t count) {
  return absl::StrCat(count, count == 1 ? " object" : " objects");
}

}  // namespace grpc_os::shell
