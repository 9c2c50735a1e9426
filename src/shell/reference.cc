#include "shell/reference.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "shell/command_table.h"
#include "shell/help.h"

namespace grpc_os::shell {
namespace {

// How it is written. What is said, and in which order, is the same for all (Reference).
class Markup {
 public:
  virtual ~Markup() = default;
  virtual std::string Section(const std::string& title) const = 0;
  virtual std::string Heading(const Command& command) const = 0;
  virtual std::string Names(const std::vector<std::string>& names) const = 0;
  // Of lines that each end with a newline; they flow.
  virtual std::string Paragraph(const std::string& lines) const = 0;
  virtual std::string Options(const std::vector<Option>& options) const = 0;
  virtual std::string Examples(const std::vector<std::string>& lines) const = 0;
};

std::string HelpOf(const Option& option) {
  return absl::StrCat(option.help, option.repeatable ? "; may be given several times" : "");
}

class Markdown final : public Markup {
 public:
  std::string Section(const std::string& title) const override {
    return absl::StrCat("## ", title, "\n\n");
  }
  std::string Heading(const Command& command) const override {
    return absl::StrCat("### ", command.name, "\n\n```\n", SynopsisOf(command), "\n```\n\n");
  }
  std::string Names(const std::vector<std::string>& names) const override {
    return absl::StrCat("`", absl::StrJoin(names, "`, `"), "`");
  }
  std::string Paragraph(const std::string& lines) const override {
    return absl::StrCat(InCell(lines), "\n");
  }
  std::string Options(const std::vector<Option>& options) const override {
    std::string text = "| option | |\n|---|---|\n";
    for (const Option& option : options) {
      absl::StrAppend(&text, "| `", InCell(OptionText(option)), "` | ", InCell(HelpOf(option)),
                      " |\n");
    }
    return absl::StrCat(text, "\n");
  }
  std::string Examples(const std::vector<std::string>& lines) const override {
    return absl::StrCat("```sh\n", absl::StrJoin(lines, "\n"), "\n```\n\n");
  }

 private:
  static std::string InCell(const std::string& text) {
    return absl::StrReplaceAll(text, {{"|", "\\|"}, {"<", "&lt;"}, {"*", "\\*"}});
  }
};

// man(7). Section 1 calls its chapters in capitals.
class Man final : public Markup {
 public:
  std::string Section(const std::string& title) const override {
    return absl::StrCat(".SH ", absl::AsciiStrToUpper(Characters(title)), "\n");
  }
  std::string Heading(const Command& command) const override {
    return absl::StrCat(".SS ", Characters(SynopsisOf(command)), "\n");
  }
  std::string Names(const std::vector<std::string>& names) const override {
    return absl::StrJoin(names, ", ");
  }
  std::string Paragraph(const std::string& lines) const override {
    return absl::StrCat(".PP\n", Lines(lines));
  }
  std::string Options(const std::vector<Option>& options) const override {
    std::string text;
    for (const Option& option : options) {
      absl::StrAppend(&text, ".TP\n.B ", Characters(OptionText(option)), "\n",
                      Lines(HelpOf(option)));
    }
    return text;
  }
  std::string Examples(const std::vector<std::string>& lines) const override {
    return absl::StrCat(".PP\n.RS 4\n.nf\n", Lines(absl::StrJoin(lines, "\n")), ".fi\n.RE\n");
  }

 private:
  // As they are, in text and as an argument of a macro: else a terminal with UTF-8 shows other
  // quotes and hyphens, which no shell takes.
  static std::string Characters(const std::string& text) {
    return absl::StrReplaceAll(text, {{"\\", "\\(rs"},
                                      {"-", "\\-"},
                                      {"\"", "\\(dq"},
                                      {"'", "\\(aq"},
                                      {"`", "\\(ga"},
                                      {"^", "\\(ha"},
                                      {"~", "\\(ti"}});
  }
  // Those that begin with a dot are no requests.
  static std::string Lines(const std::string& text) {
    std::string escaped;
    const std::vector<std::string> lines =
        absl::StrSplit(absl::StripTrailingAsciiWhitespace(text), '\n');
    for (const std::string& line : lines) {
      absl::StrAppend(&escaped, line.starts_with('.') ? "\\&" : "", Characters(line), "\n");
    }
    return escaped;
  }
};

std::string Written(const Markup& markup) {
  std::string text;
  std::string section;
  for (const Command& command : Commands()) {
    if (command.hidden) continue;
    if (command.section != section) absl::StrAppend(&text, markup.Section(command.section));
    section = command.section;
    const std::string also =
        command.aliases.empty() ? "" : absl::StrCat(" Also: ", markup.Names(command.aliases), ".");
    absl::StrAppend(&text, markup.Heading(command),
                    markup.Paragraph(absl::StrCat(command.summary, ".", also, "\n")));
    if (!command.details.empty()) absl::StrAppend(&text, markup.Paragraph(command.details));
    if (!command.options.empty()) absl::StrAppend(&text, markup.Options(command.options));
    absl::StrAppend(&text, markup.Examples(command.examples));
  }
  absl::StrAppend(&text, markup.Section("Options of every command"),
                  markup.Options(CommonOptions()), markup.Section("Options of the program"),
                  markup.Paragraph("Before the command: `grpc-os -o json ps`.\n"),
                  markup.Options(ProgramOptions()), markup.Section("Exit codes"),
                  markup.Paragraph(kExitCodes));
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(text), "\n");
}

}  // namespace

std::string Reference(ReferenceFormat format) {
  return format == ReferenceFormat::kMan ? Written(Man()) : Written(Markdown());
}

}  // namespace grpc_os::shell
