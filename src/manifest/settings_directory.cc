// The files of /etc/grpc-os.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "manifest/keys.h"
#include "manifest/read_text.h"
#include "manifest/settings.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {
namespace {

constexpr size_t kFilesMax = 100;

using Kind = YamlNode::Kind;

std::string Join(const std::string& section, const std::string& key) {
  return section.empty() ? key : absl::StrCat(section, ".", key);
}

// "grpc: {port: …}", of "grpc.port".
std::string Nested(const std::string& key) {
  const auto depth = static_cast<size_t>(absl::c_count(key, '.'));
  return absl::StrCat(absl::StrReplaceAll(key, {{".", ": {"}}), ": …", std::string(depth, '}'));
}

// What to do about a setting that has no key.
std::string InsteadOf(const std::string& name) {
  for (const Setting& setting : SettingTable()) {
    if (setting.name == name + "_FILE")
      return absl::StrCat("name a file that has it: ", Nested(setting.key));
  }
  return "it is taken from the environment";
}

// One file, on top of those before it.
class File {
 public:
  File(std::string path, SettingsFiles& into) : path_(std::move(path)), into_(into) {}

  void Read(const std::string& text) {
    const auto root = ParseYaml(text, problems_);
    if (root.has_value()) ReadMap(*root, "");
    // One whose every line is a comment says nothing.
    if (!root.has_value() && problems_.size() == 1 && problems_[0].message == kEmptyFile) return;
    SortProblems(problems_, 0);
    for (const Problem& problem : problems_) into_.problems.push_back(Describe(problem, path_));
  }

 private:
  // `section`: "grpc.tls"; empty: of the whole file.
  void ReadMap(const YamlNode& map, const std::string& section) {
    if (map.IsNull()) return;  // what is in it is commented out
    std::vector<std::string> names;
    for (const Setting& setting : SettingTable()) {
      const std::string_view key = setting.key;
      const std::string before = section.empty() ? "" : section + ".";
      if (key.empty() || !key.starts_with(before)) continue;
      const std::string name(
          key.substr(before.size(), key.find('.', before.size()) - before.size()));
      if (!absl::c_linear_search(names, name)) names.push_back(name);
    }
    if (map.kind != Kind::kMap) {
      return AddExpected(problems_, map, absl::StrCat("keys such as `", names[0], "`"));
    }
    const std::span<const Setting> table = SettingTable();
    for (const auto& [name, value] : map.entries) {
      const std::string key = Join(section, name.text);
      const auto setting = absl::c_find_if(
          table, [&](const Setting& one) { return *one.key != 0 && one.key == key; });
      if (!absl::c_linear_search(names, name.text))
        AddUnknown(name, names);
      else if (setting != table.end())
        Take(*setting, value);
      else
        ReadMap(value, key);
    }
  }

  void AddUnknown(const YamlNode& name, const std::vector<std::string>& names) {
    for (const Setting& setting : SettingTable()) {
      if (name.text != setting.name && (*setting.key == 0 || name.text != setting.key)) continue;
      if (*setting.key != 0) {
        return Add(problems_, name,
                   absl::StrCat("'", name.text, "' is written so here: ", Nested(setting.key)));
      }
      return Add(problems_, name,
                 absl::StrCat(name.text, " cannot be set here; ", InsteadOf(setting.name)));
    }
    AddUnknownKey(problems_, name, names);
  }

  void Take(const Setting& setting, const YamlNode& value) {
    std::vector<std::string> texts;
    const bool is_list = setting.is_list && value.kind == Kind::kList;
    for (const YamlNode& item : value.items) texts.push_back(item.text);
    if (is_list ? !absl::c_all_of(value.items, IsText) : !IsText(value))
      return AddExpected(problems_, value, setting.expected);
    Given given{is_list ? absl::StrJoin(texts, ",") : value.text,
                absl::StrCat(path_, ":", value.line)};
    const auto [first, added] = into_.variables.emplace(setting.name, given);
    if (added || first->second.value == given.value) return;
    Add(problems_, value,
        absl::StrCat(setting.key, " has another value here than in ", first->second.source,
                     "; keep one of them"));
  }

  const std::string path_;
  SettingsFiles& into_;
  Problems problems_;
};

// Why nobody should go by it; empty: nothing.
std::string ProblemOf(const std::string& path, bool is_directory) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return absl::StrCat(path, ": ", strerror(errno));
  if (!is_directory && S_ISLNK(info.st_mode)) {
    return absl::StrCat(path,
                        " is a symbolic link; put the file itself there: cp --remove-destination ",
                        "\"$(readlink -f ", path, ")\" ", path);
  }
  if (is_directory) stat(path.c_str(), &info);
  if (is_directory ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
    return absl::StrCat(path, " is no ", is_directory ? "directory" : "file");
  if ((info.st_mode & S_IWOTH) != 0) {
    return absl::StrCat(path, " can be changed by other accounts; run: chmod o-w ", path);
  }
  if (faccessat(AT_FDCWD, path.c_str(), is_directory ? R_OK | X_OK : R_OK, AT_EACCESS) != 0) {
    return absl::StrCat(path, " cannot be read by the account of uid ", geteuid(),
                        "; run: chmod a+r", is_directory ? "x " : " ", path);
  }
  return "";
}

// In their order; those of editors and packagers end otherwise, or begin with a dot.
std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  while (const dirent* entry = listing == nullptr ? nullptr : readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name.ends_with(".yml") && name[0] != '.') names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

SettingsFiles ReadSettingsDirectory(const std::string& directory) {
  SettingsFiles files;
  if (faccessat(AT_FDCWD, directory.c_str(), F_OK, AT_EACCESS) != 0 && errno == ENOENT)
    return files;
  if (std::string problem = ProblemOf(directory, true); !problem.empty()) {
    files.problems.push_back(std::move(problem));
    return files;
  }
  const std::vector<std::string> names = NamesIn(directory);
  if (names.size() > kFilesMax) {
    files.problems.push_back(
        absl::StrCat(directory, " has ", names.size(), " files *.yml; there may be ", kFilesMax));
    return files;
  }
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(directory, directory.ends_with('/') ? "" : "/", name);
    if (std::string problem = ProblemOf(path, false); !problem.empty()) {
      files.problems.push_back(std::move(problem));
      continue;
    }
    const auto text = ReadText(path, "the file of settings", kYamlBytes);
    if (text.ok())
      File(path, files).Read(*text);
    else
      files.problems.emplace_back(text.status().message());
  }
  for (std::string& problem : files.problems) {
    // A key may have what a terminal takes for a command.
    for (char& c : problem)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return files;
}

}  // namespace grpc_os::manifest
