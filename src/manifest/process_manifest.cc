#include "manifest/process_manifest.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "manifest/process_keys.h"
#include "manifest/read_text.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {
namespace {

constexpr char kFileName[] = "process.yml";

void CheckOne(const YamlNode& at, const ProcessManifest& manifest, Problems& problems) {
  const auto add = [&](std::string message) {
    problems.push_back({at.line, at.column, std::move(message)});
  };
  if (manifest.command.empty()) {
    const bool said = std::any_of(problems.begin(), problems.end(), [&](const Problem& problem) {
      const YamlNode* command = FindKey(at, "command");
      return command != nullptr && problem.line == command->line;
    });
    if (!said)
      add(absl::StrCat("'", manifest.name, "' needs `command: …`, which says what is run"));
  }
  for (const Dependency& dependency : manifest.depends_on)
    if (dependency.process == manifest.name) add("it depends on itself");
  if (!problems.empty()) return;  // the rest may only follow from them
  const auto said = manifest.environment.find("PORT");
  const bool has_port =
      manifest.port != 0 || manifest.auto_port || said != manifest.environment.end();
  for (const auto* probe : {&manifest.ready, &manifest.liveness}) {
    const bool asks = probe->has_value() &&
                      ((*probe)->kind == Probe::Kind::kHttp || (*probe)->kind == Probe::Kind::kTcp);
    if (asks && (*probe)->port == 0 && !has_port)
      add("`ready` and `liveness` need to know where it listens; give it a `port`");
  }
  if (said != manifest.environment.end() && manifest.port != 0 &&
      said->second != absl::StrCat(manifest.port))
    add(absl::StrCat("`port` is ", manifest.port, ", but PORT of its environment is ", said->second,
                     "; leave one of them out"));
}

void CheckTogether(const YamlNode& at, const std::vector<ProcessManifest>& processes,
                   Problems& problems) {
  // What only one may have, and who has it.
  std::map<std::string, std::string> owners;
  const auto claim = [&](const std::string& what, const ProcessManifest& one, const char* cure) {
    if (const auto [other, added] = owners.emplace(what, one.name); !added)
      problems.push_back({at.line, at.column,
                          absl::StrCat("'", other->second, "' and '", one.name, "' both have the ",
                                       what, "; ", cure)});
  };
  for (const ProcessManifest& one : processes) {
    if (one.port != 0)
      claim(absl::StrCat("port ", one.port), one, "give each its own, or `port: auto`");
    for (const std::string& domain : one.domains)
      claim(absl::StrCat("domain ", domain), one, "leave it with one");
    for (const VolumeMount& mount : one.volumes)
      if (!mount.shared)
        claim(absl::StrCat("volume ", mount.name), one, "write `:shared` after its place in both");
  }
  if (const std::string circle = DependencyCircle(processes); !circle.empty())
    problems.push_back({at.line, at.column, "`depends_on` goes in a circle: " + circle});
}

}  // namespace

std::string DependencyCircle(const std::vector<ProcessManifest>& processes) {
  for (const ProcessManifest& start : processes) {
    // At most as many steps as there are processes, each to the first that leads on.
    std::vector<std::string> path;
    std::vector<std::string> done;
    const auto walk = [&](const auto& self, const std::string& name) -> bool {
      path.push_back(name);
      const auto found = std::find_if(processes.begin(), processes.end(),
                                      [&](const ProcessManifest& one) { return one.name == name; });
      if (found != processes.end()) {
        for (const Dependency& next : found->depends_on) {
          if (next.process == start.name && next.process != name) return true;
          if (std::find(done.begin(), done.end(), next.process) != done.end()) continue;
          done.push_back(next.process);
          if (self(self, next.process)) return true;
        }
      }
      path.pop_back();
      return false;
    };
    if (walk(walk, start.name)) {
      std::string circle;
      for (const std::string& name : path) absl::StrAppend(&circle, name, " → ");
      return circle + start.name;
    }
  }
  return "";
}

std::optional<std::vector<ProcessManifest>> ParseProcesses(std::string_view text,
                                                           Problems& problems) {
  const size_t before = problems.size();
  const auto root = ParseYaml(text, problems);
  if (!root.has_value()) return std::nullopt;
  std::vector<ProcessManifest> processes;
  if (root->kind != YamlNode::Kind::kMap) {
    problems.push_back({root->line, root->column, "expected: keys such as `name: myapp`"});
    return std::nullopt;
  }
  ProcessManifest shared;
  ReadProcessKeys(*root, shared, problems);
  const YamlNode* const name = FindKey(*root, "name");
  const YamlNode* const several = FindKey(*root, "processes");
  if (several == nullptr) {
    if (name == nullptr) problems.push_back({root->line, root->column, "`name: …` is missing"});
    CheckOne(*root, shared, problems);
    processes.push_back(std::move(shared));
  } else {
    if (name != nullptr)
      problems.push_back({name->line, name->column,
                          "with `processes`, the keys there are the names; leave `name` out"});
    for (const auto& [key, value] : several->entries) {
      ProcessManifest one = shared;
      const YamlNode as_name{
          .kind = key.kind, .line = key.line, .column = key.column, .text = "name", .plain = true};
      YamlNode named{.kind = YamlNode::Kind::kMap, .line = key.line, .column = key.column};
      named.entries.emplace_back(as_name, key);
      ReadProcessKeys(named, one, problems);
      if (value.kind != YamlNode::Kind::kMap && !value.IsNull()) {
        problems.push_back({value.line, value.column, "expected: keys such as `command: …`"});
        continue;
      }
      for (const char* not_here : {"name", "processes"}) {
        if (const YamlNode* found = FindKey(value, not_here); found != nullptr)
          problems.push_back(
              {found->line, found->column, absl::StrCat("`", not_here, "` is not for in here")});
      }
      ReadProcessKeys(value, one, problems);
      CheckOne(value, one, problems);
      processes.push_back(std::move(one));
    }
    CheckTogether(*several, processes, problems);
  }
  SortProblems(problems, before);
  if (problems.size() > before) return std::nullopt;
  return processes;
}

namespace {

bool IsFile(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

// Whether this file says that it is about the directory of this name. One that cannot be read is,
// so that its problems are shown.
bool IsAbout(const std::string& text, const std::string& directory) {
  Problems problems;
  const auto root = ParseYaml(text, problems);
  if (!root.has_value()) return true;
  const YamlNode* name = FindKey(*root, "name");
  return name != nullptr && name->text == directory;
}

// Of a file: see the header.
std::string DirectoryAbout(const std::string& path, const std::string& text) {
  namespace fs = std::filesystem;
  std::string own = fs::path(path).parent_path().string();
  if (own.empty()) own = ".";
  std::string named;
  std::error_code error;
  if (IsAbout(text, fs::canonical(own, error).filename().string())) return own;
  for (fs::directory_iterator entry(own, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.') || name == fs::path(path).filename()) continue;
    if (!entry->is_directory(error)) return own;
    if (IsAbout(text, name)) named = entry->path().string();
  }
  return error || named.empty() || IsFile(absl::StrCat(named, "/", kFileName)) ? own : named;
}

}  // namespace

absl::StatusOr<ManifestFile> FindProcessFile(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    return absl::NotFoundError(absl::StrCat("there is no ", path));
  if (!fs::exists(status))
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", path));
  ManifestFile file;
  if (!fs::is_directory(status)) {
    file.path = path;
    auto text = ReadText(path, "the file", kYamlBytes);
    if (!text.ok()) return text.status();
    file.text = *std::move(text);
    file.directory = DirectoryAbout(path, file.text);
    return file;
  }
  const fs::path directory = fs::canonical(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", path));
  file.directory = path;
  const std::string shown = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  std::string tried = shown + "/" + kFileName;
  if (IsFile(tried)) {
    auto text = ReadText(tried, "the file", kYamlBytes);
    if (!text.ok()) return text.status();
    file.text = *std::move(text);
    file.path = std::move(tried);
    return file;
  }
  const std::string beside = (directory.parent_path() / kFileName).string();
  if (IsFile(beside)) {
    auto text = ReadText(beside, "the file", kYamlBytes);
    if (!text.ok()) return text.status();
    if (IsAbout(*text, directory.filename().string())) {
      file.text = *std::move(text);
      file.path = beside;
      return file;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("there is no ", tried, ", and no ", kFileName,
                   " beside the directory with `name: ", directory.filename().string(), "`"));
}

}  // namespace grpc_os::manifest
