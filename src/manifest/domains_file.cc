#include "manifest/domains_file.h"

#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "manifest/domain_keys.h"

namespace grpc_os::manifest {
namespace {

constexpr size_t kMostProblems = 100;
constexpr int kMostKeys = 4096;  // of one domain; more than its routes and targets can have

using Kind = YamlNode::Kind;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool EndsWord(char c) {
  return IsBlank(c) || std::string_view("\n{}\"'").find(c) != std::string_view::npos;
}

std::string Shown(const YamlNode& word) {
  constexpr size_t kMost = 60;
  return TruncateUtf8(word.text, kMost);
}

// Makes of each block the map that domain.yml would have, so that one table of keys reads both.
class Parser {
 public:
  Parser(std::string_view text, Problems& problems)
      : text_(text), problems_(problems), most_(problems.size() + kMostProblems) {}

  std::vector<DomainEntry> File() {
    std::vector<DomainEntry> entries;
    std::unordered_map<std::string, int> lines;  // of the names
    while (Next()) {
      const YamlNode word = KeyWord();
      if (word.text != "domain") {
        Refuse(word, "`domain NAME { … }`");
        continue;
      }
      YamlNode name = Word();
      YamlNode map = MapAt(name);
      const std::string of = absl::StrCat("domain ", Shown(name));
      map.entries.emplace_back(Named("domain", name), std::move(name));
      keys_ = 0;
      if (OpenBlock(of)) Body(Block::kDomain, of, map);
      DomainEntry entry = ReadDomain(map, problems_);
      if (!entry.name.empty()) NoteOnce(map.entries.front().second, entry.name, lines);
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  enum class Block { kDomain, kPath, kTarget };

  struct Place {
    size_t at = 0;  // in bytes
    int line = 1;
    int column = 1;  // in characters
  };

  // ---- Characters

  bool AtEnd() const { return place_.at >= text_.size(); }
  char Peek() const { return AtEnd() ? '\n' : text_[place_.at]; }
  void Advance() {
    const char c = text_[place_.at++];
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++place_.column;
    }
  }
  void SkipBlanks() {
    while (!AtEnd() && IsBlank(Peek())) Advance();
    if (Peek() != '#') return;
    while (!AtEnd() && Peek() != '\n') Advance();
  }
  // Goes to what comes next, in whatever line; false: nothing more is to be read.
  bool Next() {
    for (SkipBlanks(); !AtEnd() && Peek() == '\n'; SkipBlanks()) Advance();
    return !AtEnd() && problems_.size() < most_ && keys_ <= kMostKeys;
  }
  // Whether a block begins before the end of the line.
  bool BlockBegins() const {
    const size_t found = text_.find_first_of("{}\n#", place_.at);
    return found != std::string_view::npos && text_[found] == '{';
  }

  // ---- Words

  YamlNode Here() const { return {.line = place_.line, .column = place_.column}; }
  static YamlNode MapAt(const YamlNode& at) {
    return {.kind = Kind::kMap, .line = at.line, .column = at.column};
  }
  static YamlNode Named(const char* name, const YamlNode& at) {
    return {.line = at.line, .column = at.column, .text = name};
  }

  // What begins a statement, up to a colon; empty: something else is here.
  YamlNode KeyWord() {
    YamlNode word = Here();
    for (; !AtEnd() && !EndsWord(Peek()) && Peek() != ':'; Advance()) word.text.push_back(Peek());
    return word;
  }
  // What is next in this line, bare or in quotes; empty: nothing, or something else.
  YamlNode Word() {
    SkipBlanks();
    YamlNode word = Here();
    word.plain = Peek() != '"' && Peek() != '\'';
    if (!word.plain) {
      Quoted(word);
    } else {
      for (; !AtEnd() && !EndsWord(Peek()); Advance()) word.text.push_back(Peek());
    }
    return word;
  }
  void Quoted(YamlNode& word) {
    const char quote = Peek();
    for (Advance(); Peek() != '\n' && Peek() != quote; Advance()) {
      if (quote == '"' && Peek() == '\\') {
        const YamlNode backslash = Here();
        Advance();
        if (Peek() != '"' && Peek() != '\\')
          Add(problems_, backslash,
              R"(after a backslash expected " or \; write \\ for a backslash)");
        if (Peek() == '\n') break;
      }
      word.text.push_back(Peek());
    }
    if (Peek() == quote) return Advance();
    Add(problems_, word,
        absl::StrCat("this ", std::string(1, quote), " is not closed on its line"));
  }

  // ---- What is wrong

  // Notes the line of what only one may be called.
  void NoteOnce(const YamlNode& word, const std::string& name,
                std::unordered_map<std::string, int>& lines) {
    const auto [first, added] = lines.emplace(name, word.line);
    if (!added)
      Add(problems_, word,
          absl::StrCat("'", Shown(word), "' comes twice; first in line ", first->second));
  }

  // Passes over the statement that begins with this word, where `expected` ones may be.
  void Refuse(const YamlNode& word, const std::string& expected) {
    const std::string here =
        !word.text.empty() ? Shown(word) : std::string(text_.substr(place_.at, 1));
    Add(problems_, word, absl::StrCat("here is '", here, "'; expected: ", expected));
    if (Peek() == '}') Advance();
    SkipStatement();
  }

  // To the end of the line, and of the blocks that begin in it; not past the end of this block.
  void SkipStatement() {
    int depth = 0;
    for (SkipBlanks(); !AtEnd() && (depth > 0 || Peek() != '\n'); SkipBlanks()) {
      if (Peek() == '}' && --depth < 0) return;
      if (Peek() == '{') ++depth;
      Advance();
    }
  }

  // ---- Blocks

  // Takes the brace that begins a block, or supposes it; false: the file ends here.
  bool OpenBlock(const std::string& of) {
    SkipBlanks();
    const YamlNode at = Here();
    if (Peek() == '\n') Next();
    if (Peek() != '{') {
      Add(problems_, at, absl::StrCat("expected '{' after `", of, "`"));
      if (at.line != place_.line || !BlockBegins()) return !AtEnd();
      while (Peek() != '{') Advance();
    }
    Advance();
    return true;
  }

  // What is in a block, into `map`; false: it does not end.
  bool Body(Block block, const std::string& of, YamlNode& map) {
    std::unordered_map<std::string, int> lines;  // of the keys
    for (const auto& [key, value] : map.entries) lines.emplace(key.text, key.line);
    std::unordered_map<std::string, int> path_lines;
    YamlNode paths{.kind = Kind::kMap};
    YamlNode targets{.kind = Kind::kList};
    bool ends = false;
    bool goes_on = true;
    while (goes_on) {
      if (!Next()) {
        if (AtEnd()) Add(problems_, map, absl::StrCat("`", of, "` has no '}' at its end"));
        break;
      }
      if (Peek() == '}') {
        Advance();
        ends = true;
        break;
      }
      const Place before = place_;
      YamlNode word = KeyWord();
      SkipBlanks();
      if (word.text == "domain" && Peek() != ':') {
        Add(problems_, word,
            absl::StrCat("`", of, "` of line ", map.line, " has no '}' before this"));
        place_ = before;
        break;
      }
      if (word.text == "path" && block == Block::kDomain && Peek() != ':') {
        YamlNode path = Word();
        NoteOnce(path, path.text, path_lines);
        YamlNode inner = MapAt(path);
        const std::string inner_of = absl::StrCat("path ", Shown(path));
        goes_on = OpenBlock(inner_of) && Body(Block::kPath, inner_of, inner);
        paths.entries.emplace_back(std::move(path), std::move(inner));
      } else if (word.text == "target" && block != Block::kTarget && Peek() != ':') {
        YamlNode inner = MapAt(word);
        goes_on = OpenBlock("target") && Body(Block::kTarget, "target", inner);
        targets.items.push_back(std::move(inner));
      } else {
        Statement(std::move(word), block, lines, map);
      }
    }
    for (auto& [name, node, first] :
         {std::tuple("paths", &paths, paths.entries.empty() ? nullptr : &paths.entries[0].first),
          std::tuple("targets", &targets, targets.items.empty() ? nullptr : &targets.items[0])}) {
      if (first == nullptr) continue;
      node->line = first->line;
      node->column = first->column;
      map.entries.emplace_back(Named(name, *first), std::move(*node));
    }
    return ends;
  }

  // One that begins with this word and is no block that may be here.
  void Statement(YamlNode word, Block block, std::unordered_map<std::string, int>& lines,
                 YamlNode& map) {
    const bool colon = Peek() == ':';
    const bool is_block = word.text == "path" || word.text == "paths" || word.text == "target" ||
                          word.text == "targets" || (!colon && BlockBegins());
    if (is_block || word.text.empty()) {
      return Refuse(word, block == Block::kDomain
                              ? "`KEY: VALUE`, `path /PATH { … }`, `target { … }` or '}'"
                          : block == Block::kPath ? "`KEY: VALUE`, `target { … }` or '}'"
                                                  : "`KEY: VALUE` or '}'");
    }
    const YamlNode here = Here();
    if (colon) Advance();
    YamlNode value = Word();
    if (!colon && !value.text.empty())
      Add(problems_, here, absl::StrCat("expected ':' after '", Shown(word), "'"));
    if (++keys_ > kMostKeys)
      return Add(problems_, word, absl::StrCat("the domain has more than ", kMostKeys, " keys"));
    if (word.text == "process_id") word.text = "process";
    NoteOnce(word, word.text, lines);
    map.entries.emplace_back(std::move(word), std::move(value));
  }

  const std::string_view text_;
  Problems& problems_;
  const size_t most_;
  Place place_;
  int keys_ = 0;  // of this domain
};

}  // namespace

std::optional<std::vector<DomainEntry>> ParseDomainsFile(std::string_view text,
                                                         Problems& problems) {
  const size_t before = problems.size();
  if (auto problem = CheckText(text, kDomainsFileBytes); problem.has_value()) {
    problems.push_back(*std::move(problem));
    return std::nullopt;
  }
  std::vector<DomainEntry> entries = Parser(text, problems).File();
  SortProblems(problems, before);
  if (problems.size() >= before + kMostProblems) {
    problems.resize(before + kMostProblems);
    problems.push_back(problems.back());
    problems.back().message = "there may be more after this; correct what is above first";
  }
  if (problems.size() > before) return std::nullopt;
  return entries;
}

}  // namespace grpc_os::manifest
