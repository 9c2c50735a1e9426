// What is made of the table of settings for people.
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "manifest/settings.h"

namespace grpc_os::manifest {
namespace {

// As comments of at most so many characters.
void AppendComment(const std::string& text, const std::string& indent, std::string& out) {
  constexpr size_t kWidth = 110;
  std::string line = indent + "#";
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (line.size() + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, line, "\n");
      line = indent + "#";
    }
    absl::StrAppend(&line, " ", word);
  }
  absl::StrAppend(&out, line, "\n");
}

// The name of the file in config/default that has the section.
std::string_view FileOf(std::string_view section) {
  return section == "auth" || section == "logging" ? section : "system";
}

}  // namespace

std::string SettingsReference() {
  std::string page =
      "| name | key in `/etc/grpc-os/*.yml` | default | value | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : SettingTable()) {
    const auto code = [](absl::string_view text) {
      return text.empty() ? std::string("–") : absl::StrCat("`", text, "`");
    };
    absl::StrAppend(&page, "| `", setting.name, "` | ", code(setting.key), " | ",
                    code(setting.fallback), " | ", setting.expected, " | ", setting.what, " |\n");
  }
  return page;
}

std::string SettingsExample(const std::string& name) {
  std::string text = absl::StrCat(
      "# /etc/grpc-os/", name, ".yml: settings of gRPC OS. Nothing needs to be set.\n",
      "# Flags of grpc-os-init go before the environment, that goes before a .env file, that "
      "before "
      "the files *.yml\n"
      "# of this directory, which are all read alike, and those go before the defaults, which are "
      "shown here.\n"
      "# To set a value, remove the # before its key alone. `grpc-os config check` says what is "
      "wrong, `grpc-os config show`\n"
      "# what is in force and from where. They are read when grpc-osd starts "
      "(docs/CONFIGURATION.md).\n");
  std::vector<std::string> sections;  // that are open
  for (const Setting& setting : SettingTable()) {
    std::vector<std::string> key = absl::StrSplit(setting.key, '.');
    if (FileOf(key[0]) != name || *setting.key == 0) continue;
    const std::string last = key.back();
    key.pop_back();
    size_t same = 0;
    while (same < sections.size() && same < key.size() && sections[same] == key[same]) ++same;
    sections.resize(same);
    for (; sections.size() < key.size(); sections.push_back(key[sections.size()])) {
      if (sections.empty()) text += "\n";
      absl::StrAppend(&text, std::string(2 * sections.size(), ' '), key[sections.size()], ":\n");
    }
    const std::string indent(2 * key.size(), ' ');
    for (const std::string& comment :
         {std::string(setting.what), absl::StrCat(setting.name, ": ", setting.expected, ".")})
      AppendComment(absl::StrReplaceAll(comment, {{"`", ""}}), indent, text);
    absl::StrAppend(&text, indent, "#", last, ": ",
                    *setting.fallback != 0 ? setting.fallback : setting.example, "\n");
  }
  return text;
}

}  // namespace grpc_os::manifest
