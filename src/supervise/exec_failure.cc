#include "supervise/exec_failure.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/unique_fd.h"
#include "supervise/printable.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kShownBytes = 256;  // of a name
constexpr size_t kShownNames = 3;
constexpr size_t kNamesLookedAt = 10'000;  // in all directories of PATH
constexpr size_t kFirstLineBytes = 256;    // as the kernel reads of a script (BINPRM_BUF_SIZE)

// Relative to where the payload would have been started.
std::string PathOf(const Command& command, const std::string& candidate) {
  return candidate.starts_with('/') ? candidate
                                    : absl::StrCat(command.working_directory, "/", candidate);
}

std::string BeginOf(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string begin(kFirstLineBytes, '\0');
  const ssize_t size = file ? read(file.get(), begin.data(), begin.size()) : 0;
  begin.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return begin;
}

// The program that the first line of a script names; empty: it is none.
std::string InterpreterOf(std::string_view begin) {
  if (!begin.starts_with("#!")) return "";
  const std::string_view line = begin.substr(2, begin.find('\n') - 2);
  const size_t from = std::min(line.find_first_not_of(" \t"), line.size());
  return std::string(line.substr(from, line.find_first_of(" \t\r", from) - from));
}

// Programs in PATH whose names begin with `name`, the shortest first.
std::vector<std::string> Similar(const Command& command, const std::string& name) {
  std::set<std::pair<size_t, std::string>> found;
  size_t looked_at = 0;
  for (const std::string& candidate : Candidates(command)) {
    const auto directory = std::filesystem::path(PathOf(command, candidate)).parent_path();
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end;
         !error && entry != end && ++looked_at < kNamesLookedAt; entry.increment(error)) {
      const std::string other = entry->path().filename();
      if (other.starts_with(name) && other != name && access(entry->path().c_str(), X_OK) == 0) {
        found.emplace(other.size(), other);
      }
    }
  }
  std::vector<std::string> names;
  for (const auto& [size, other] : found) {
    if (names.size() < kShownNames) names.push_back(other);
  }
  return names;
}

// PATH last: it may be long, and is what is cut.
std::string NotInPath(const Command& command, const std::string& name) {
  std::vector<std::string> directories;
  for (const std::string& candidate : Candidates(command)) {
    directories.push_back(candidate.substr(0, candidate.rfind('/')));
  }
  const std::vector<std::string> similar = Similar(command, name);
  return absl::StrCat(
      similar.empty() ? "" : absl::StrCat("there is ", absl::StrJoin(similar, ", "), "; "),
      "name the program by its path, or set PATH, which is ", absl::StrJoin(directories, ":"));
}

std::string AboutFile(const std::string& path, int error_number) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "";
  if (S_ISDIR(info.st_mode)) return "it is a directory";
  const std::string begin = BeginOf(path);
  const std::string interpreter = InterpreterOf(begin);
  switch (error_number) {
    case EACCES:
      if ((info.st_mode & 0111) == 0) return absl::StrCat("it is not executable: chmod +x ", path);
      return interpreter.empty()
                 ? ""
                 : absl::StrCat("see whether ", interpreter, ", its interpreter, may be executed");
    case ENOENT:
      if (interpreter.empty()) {
        return begin.starts_with(
                   "\x7f"
                   "ELF")
                   ? "its loader is missing: it was built for another system"
                   : "";
      }
      if (begin.find("\r\n") < begin.find('\n')) {
        return absl::StrCat(
            "its lines end as on Windows (CR LF), so its interpreter is not found: "
            "sed -i 's/\\r$//' ",
            path);
      }
      return absl::StrCat("its interpreter ", interpreter, " is not there");
    case ENOEXEC:
      if (begin.empty()) return "the file is empty";
      if (begin.starts_with("\x7f"
                            "ELF"))
        return "it was built for another kind of machine";
      return absl::StrCat(
          "its first line names no interpreter: begin it with #!/bin/sh, or start it as sh ", path);
    default:
      return "";
  }
}

std::string Explain(const Command& command, int error_number) {
  const std::string name = command.argv.empty() ? "" : command.argv[0];
  if (name.empty()) return "";
  const std::vector<std::string> candidates = Candidates(command);
  const auto there = std::find_if(candidates.begin(), candidates.end(), [&](const auto& candidate) {
    return access(PathOf(command, candidate).c_str(), F_OK) == 0;
  });
  if (there != candidates.end()) return AboutFile(PathOf(command, *there), error_number);
  const bool is_path = name.find('/') != std::string::npos;
  return error_number != ENOENT || is_path ? "" : NotInPath(command, name);
}

}  // namespace

std::string ExplainExecFailure(const Command& command, int error_number) {
  return Printable(Explain(command, error_number), kExplanationBytesMax);
}

std::string DescribeExecFailure(const Command& command, const SpawnFailure& failure) {
  const std::string why = strerror(failure.error_number);
  if (std::string_view(failure.stage) == "chdir") {
    return absl::StrCat("cannot enter the working directory ",
                        Printable(command.working_directory, kShownBytes), ": ", why);
  }
  if (std::string_view(failure.stage) == "state") {
    return absl::StrCat("cannot make the directory ",
                        Printable(command.state_directory, kShownBytes),
                        " for what it keeps: ", why);
  }
  const std::string what = command.argv.empty() ? "the command" : command.argv[0];
  return absl::StrCat("cannot execute '", Printable(what, kShownBytes), "': ", why, " (",
                      failure.stage, ")", failure.explanation.empty() ? "" : "; ",
                      failure.explanation);
}

}  // namespace grpc_os::supervise
