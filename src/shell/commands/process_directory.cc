#include "shell/commands/process_directory.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

namespace fs = std::filesystem;

// From the current directory, if it is below it.
std::string Shown(const std::string& path) {
  std::error_code error;
  const std::string relative =
      fs::absolute(path, error).lexically_normal().lexically_proximate(fs::current_path(error));
  return error || relative.starts_with("..") ? path : relative;
}

// The directories in `path`, by their names. An error is reported.
std::vector<std::string> DirectoriesIn(Session& session, const std::string& path, ExitCode& code) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->symlink_status(gone).type() == fs::file_type::directory)
      names.push_back(name);
  }
  if (error) {
    code = Worst(code, session.Report(absl::ErrnoToStatus(
                           error.value(), absl::StrCat("cannot read the directory ", path))));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void ReadBelow(Session& session, const std::string& path, ExitCode& code,
               std::vector<ProcessDirectory>& found) {
  std::error_code error;
  std::string bundle;
  const std::string file = path + "/process.yml";
  const auto type = fs::status(file, error).type();
  if (type != fs::file_type::not_found && type != fs::file_type::directory) {
    auto directory = ReadProcessDirectory(session, file, code);
    if (!directory || directory->directory == path) {
      if (directory) found.push_back(*std::move(directory));
      return;
    }
    // Beside the directory that it is about, and perhaps beside others.
    bundle = directory->directory;
    found.push_back(*std::move(directory));
  }
  for (const std::string& name : DirectoriesIn(session, path, code)) {
    const std::string below = absl::StrCat(path, "/", name);
    if (session.interrupted()) return;
    if (below != bundle) ReadBelow(session, below, code, found);
  }
}

}  // namespace

std::optional<ProcessDirectory> ReadProcessDirectory(Session& session, const std::string& path,
                                                     ExitCode& code) {
  auto file = manifest::FindProcessFile(path);
  if (!file.ok()) {
    code = Worst(code, session.Report(file.status()));
    return std::nullopt;
  }
  ProcessDirectory read{.file = Shown(file->path), .directory = file->directory, .processes = {}};
  std::vector<manifest::Problem> problems;
  auto processes = manifest::ParseProcesses(file->text, problems);
  if (!processes.has_value()) {
    for (const manifest::Problem& problem : problems)
      session.err() << EscapeForTerminal(manifest::Describe(problem, read.file)) << '\n';
    code = Worst(code, ExitCode::kUsage);
    return std::nullopt;
  }
  read.processes = *std::move(processes);
  return read;
}

std::vector<ProcessDirectory> ReadProcessDirectories(Session& session, const std::string& path,
                                                     ExitCode& code) {
  std::vector<ProcessDirectory> found;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    auto one = ReadProcessDirectory(session, path, code);
    if (one) found.push_back(*std::move(one));
    return found;
  }
  std::string root = path;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  ReadBelow(session, root, code, found);
  if (found.empty() && code == ExitCode::kOk) {
    code = session.Report(absl::NotFoundError(
        absl::StrCat("there is no process.yml in ", path, ", nor in a directory below it")));
  }
  return found;
}

absl::StatusOr<std::vector<size_t>> DeployOrder(
    const std::vector<manifest::ProcessManifest>& processes) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (!places.emplace(processes[i].name, i).second) {
      return absl::InvalidArgumentError(absl::StrCat("two of the process.yml have a process ",
                                                     processes[i].name, "; rename one of them"));
    }
  }
  if (const std::string circle = manifest::DependencyCircle(processes); !circle.empty())
    return absl::InvalidArgumentError("`depends_on` goes in a circle: " + circle);
  std::vector<size_t> order;
  std::vector<bool> taken(processes.size());
  const std::function<void(size_t)> take = [&](size_t i) {
    if (taken[i]) return;
    taken[i] = true;
    for (const manifest::Dependency& dependency : processes[i].depends_on) {
      const auto found = places.find(dependency.process);
      if (found != places.end()) take(found->second);
    }
    order.push_back(i);
  };
  for (size_t i = 0; i < processes.size(); ++i) take(i);
  return order;
}

}  // namespace grpc_os::shell
