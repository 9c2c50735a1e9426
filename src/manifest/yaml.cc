#include "manifest/yaml.h"

#include <yaml.h>

#include <cstring>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace grpc_os::manifest {
namespace {

int From1(size_t mark) { return static_cast<int>(mark) + 1; }

// How many bytes the character at `at` has; 0: it is no UTF-8.
size_t CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  const size_t bytes = first < 0x80             ? 1
                       : (first & 0xE0) == 0xC0 ? 2
                       : (first & 0xF0) == 0xE0 ? 3
                       : (first & 0xF8) == 0xF0 ? 4
                                                : 0;
  if (bytes == 0 || at + bytes > text.size()) return 0;
  for (size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return bytes;
}

// The first byte that is no UTF-8, or that no file of text has.
std::optional<Problem> FindNoText(std::string_view text) {
  Problem problem;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterAt(text, at);
    if (bytes == 0) {
      problem.message = absl::StrFormat("the byte %02x is no UTF-8; save the file as UTF-8",
                                        static_cast<unsigned char>(text[at]));
      return problem;
    }
    if (text[at] == '\0') {
      problem.message = "a NUL byte; this is no file of text";
      return problem;
    }
    if (text[at] == '\n') {
      ++problem.line;
      problem.column = 1;
    } else {
      ++problem.column;
    }
    at += bytes;
  }
  return std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Problem>& problems) : text_(text), problems_(problems) {
    ready_ = yaml_parser_initialize(&parser_) != 0;
    if (!ready_) return;
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Parser() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  std::optional<YamlNode> Document() {
    const size_t before = problems_.size();
    if (!ready_) problems_.push_back({1, 1, "there is no memory to read it"});
    std::optional<YamlNode> root;
    while (ready_ && Next()) {
      switch (event_.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
          continue;
        case YAML_STREAM_END_EVENT:
          if (!root.has_value() && problems_.size() == before)
            problems_.push_back({1, 1, kEmptyFile});
          return root;
        case YAML_DOCUMENT_START_EVENT:
          if (!root.has_value()) continue;
          AddHere("a second document begins; write one file for each");
          return std::nullopt;
        default:
          root = Node(1);
          if (!root.has_value()) return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  void AddHere(std::string message) {
    problems_.push_back(
        {From1(event_.start_mark.line), From1(event_.start_mark.column), std::move(message)});
  }

  bool Next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) != 0) return true;
    std::memset(&event_, 0, sizeof event_);
    const yaml_mark_t& context = parser_.context_mark;
    if (parser_.context != nullptr && context.index < text_.size() && text_[context.index] == '*') {
      problems_.push_back(
          {From1(context.line), From1(context.column),
           "no YAML: text that begins with * needs quotes, as in \"*.example.com\""});
      return false;
    }
    const yaml_mark_t& mark = parser_.problem_mark;
    std::string message = parser_.problem != nullptr ? parser_.problem : "it ends too early";
    if (mark.index < text_.size() && text_[mark.index] == '\t')
      message = "a tab; indent with blanks";
    else if (parser_.context != nullptr)
      absl::StrAppend(&message, " ", parser_.context, " that begins in line ",
                      From1(parser_.context_mark.line));
    problems_.push_back({From1(mark.line), From1(mark.column), "no YAML: " + message});
    return false;
  }

  // The one that the current event begins; nullopt: what follows cannot be read.
  std::optional<YamlNode> Node(int depth) {
    YamlNode node;
    node.line = From1(event_.start_mark.line);
    node.column = From1(event_.start_mark.column);
    if (depth > kYamlDepth) {
      AddHere(absl::StrCat("deeper than ", kYamlDepth, " levels"));
      return std::nullopt;
    }
    switch (event_.type) {
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event_.data.scalar;
        node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        node.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
        RefuseExtras(scalar.anchor, scalar.tag);
        return node;
      }
      case YAML_SEQUENCE_START_EVENT:
        node.kind = YamlNode::Kind::kList;
        RefuseExtras(event_.data.sequence_start.anchor, event_.data.sequence_start.tag);
        return Items(std::move(node), depth);
      case YAML_MAPPING_START_EVENT:
        node.kind = YamlNode::Kind::kMap;
        RefuseExtras(event_.data.mapping_start.anchor, event_.data.mapping_start.tag);
        return Entries(std::move(node), depth);
      case YAML_ALIAS_EVENT:
        AddHere(absl::StrCat("*", reinterpret_cast<const char*>(event_.data.alias.anchor),
                             " refers to another place; write it out here (text that begins with "
                             "* needs quotes)"));
        return node;
      default:
        AddHere("a value is expected here");
        return std::nullopt;
    }
  }

  void RefuseExtras(const yaml_char_t* anchor, const yaml_char_t* tag) {
    if (anchor != nullptr)
      AddHere(absl::StrCat("&", reinterpret_cast<const char*>(anchor),
                           " names a place; references are not understood (text that begins with "
                           "& needs quotes)"));
    if (tag != nullptr)
      AddHere(absl::StrCat("the tag ", reinterpret_cast<const char*>(tag),
                           " is not understood; leave it out (text that begins with ! needs "
                           "quotes)"));
  }

  std::optional<YamlNode> Items(YamlNode node, int depth) {
    while (Next()) {
      if (event_.type == YAML_SEQUENCE_END_EVENT) return node;
      auto item = Node(depth + 1);
      if (!item.has_value()) return std::nullopt;
      node.items.push_back(*std::move(item));
    }
    return std::nullopt;
  }

  std::optional<YamlNode> Entries(YamlNode node, int depth) {
    std::unordered_map<std::string, int> lines;  // of the keys
    while (Next()) {
      if (event_.type == YAML_MAPPING_END_EVENT) return node;
      auto key = Node(depth + 1);
      if (!key.has_value()) return std::nullopt;
      if (key->kind != YamlNode::Kind::kScalar) {
        problems_.push_back({key->line, key->column, "a key is text, not a list or a map"});
      } else if (const auto [first, added] = lines.emplace(key->text, key->line); !added) {
        problems_.push_back(
            {key->line, key->column,
             absl::StrCat("'", key->text, "' comes twice; first in line ", first->second)});
      }
      if (!Next()) return std::nullopt;
      auto value = Node(depth + 1);
      if (!value.has_value()) return std::nullopt;
      node.entries.emplace_back(*std::move(key), *std::move(value));
    }
    return std::nullopt;
  }

  const std::string_view text_;
  std::vector<Problem>& problems_;
  bool ready_ = false;
  yaml_parser_t parser_ = {};
  yaml_event_t event_ = {};
};

}  // namespace

bool YamlNode::IsNull() const {
  return kind == Kind::kScalar && plain &&
         (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL");
}

std::optional<Problem> CheckText(std::string_view& text, size_t most_bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > most_bytes)
    return Problem{1, 1, absl::StrCat("the file has more than ", most_bytes >> 10, " KiB")};
  return FindNoText(text);
}

std::optional<YamlNode> ParseYaml(std::string_view text, std::vector<Problem>& problems) {
  if (auto problem = CheckText(text, kYamlBytes); problem.has_value()) {
    problems.push_back(*std::move(problem));
    return std::nullopt;
  }
  return Parser(text, problems).Document();
}

}  // namespace grpc_os::manifest
