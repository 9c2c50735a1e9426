#include "bundle/ignore.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"
#include "bundle/format.h"
#include "manifest/read_text.h"

namespace grpc_os::bundle {
namespace {

constexpr const char* kIgnoreFiles[] = {".dockerignore", ".grpc-osignore"};

// A byte that is of no character stands for itself, and is equal to no character.
std::u32string Characters(std::string_view text) {
  constexpr char32_t kNoCharacter = 0x110000;
  std::u32string characters;
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    const auto first = static_cast<unsigned char>(text[0]);
    char32_t character = first;
    if (length == 0) character += kNoCharacter;
    if (length > 1) {
      character = first & (0x7FU >> length);
      for (size_t i = 1; i < length; ++i)
        character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    characters += character;
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return characters;
}

// Without "." and "..", double slashes and those around it. ".." at its beginning stays, so that it
// fits nothing.
std::string Cleaned(const std::string& pattern) {
  const std::vector<std::string> given = absl::StrSplit(pattern, '/', absl::SkipEmpty());
  std::vector<std::string> parts;
  for (const std::string& part : given) {
    if (part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !pattern.starts_with('/')) {
      parts.push_back(part);
    }
  }
  return absl::StrJoin(parts, "/");
}

}  // namespace

absl::StatusOr<std::vector<IgnoreRules::Step>> IgnoreRules::Compile(std::string_view pattern) {
  const std::u32string text = Characters(pattern);
  std::vector<Step> steps;
  // The character at `i`, perhaps after a backslash; false if there is none.
  const auto take = [&](size_t& i, char32_t& character) {
    if (i < text.size() && text[i] == U'\\') ++i;
    if (i >= text.size()) return false;
    character = text[i++];
    return true;
  };
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i, 2) == U"**") {
      i = std::min(text.find_first_not_of(U'*', i), text.size());
      if (i < text.size() && text[i] == U'/') ++i;
      if (i == text.size()) {
        steps.push_back({.kind = Step::Kind::kAll});
      } else {
        steps.push_back({.kind = Step::Kind::kAnyDirectories});
        steps.push_back({.kind = Step::Kind::kInDirectories});
      }
    } else if (text[i] == U'*') {
      steps.push_back({.kind = Step::Kind::kAnyWithin});
      ++i;
    } else if (text[i] == U'?') {
      steps.push_back({.kind = Step::Kind::kAny});
      ++i;
    } else if (text[i] == U'[') {
      Step step{.kind = Step::Kind::kClass};
      step.negated = ++i < text.size() && text[i] == U'^';
      if (step.negated) ++i;
      while (i < text.size() && (text[i] != U']' || step.ranges.empty())) {
        char32_t low = 0;
        if (text[i] == U']' || text[i] == U'-' || !take(i, low))
          return absl::InvalidArgumentError("in [ ], write \\] for a ] and \\- for a -");
        char32_t high = low;
        if (i + 1 < text.size() && text[i] == U'-' && text[i + 1] != U']') {
          ++i;
          if (!take(i, high) || high < low)
            return absl::InvalidArgumentError("the range in [ ] goes backwards");
        }
        step.ranges.emplace_back(low, high);
      }
      if (i >= text.size()) return absl::InvalidArgumentError("the [ has no ]; write \\[ for a [");
      ++i;
      steps.push_back(std::move(step));
    } else {
      Step step;
      if (!take(i, step.character))
        return absl::InvalidArgumentError("nothing follows the \\; write \\\\ for a \\");
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

absl::Status IgnoreRules::Add(std::string_view text, const std::string& file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<Pattern> added;
  const std::vector<std::string> lines = absl::StrSplit(std::string(text), '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with('#')) continue;
    std::string line = lines[i];
    absl::StripAsciiWhitespace(&line);
    const auto wrong = [&](const std::string& why) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", i + 1, ": ", why, ", in ", Quoted(lines[i].substr(0, 60))));
    };
    Pattern pattern;
    pattern.takes_back = line.starts_with('!');
    if (pattern.takes_back) {
      line.erase(0, 1);
      absl::StripAsciiWhitespace(&line);
      if (line.empty()) return wrong("no pattern follows the !");
    }
    if (line.find('\0') != std::string::npos) return wrong("a zero byte is in no name");
    const std::string cleaned = Cleaned(line);
    if (cleaned.empty()) continue;  // nothing, or the root
    auto steps = Compile(cleaned);
    if (!steps.ok()) return wrong(std::string(steps.status().message()));
    pattern.steps = *std::move(steps);
    added.push_back(std::move(pattern));
  }
  patterns_.insert(patterns_.end(), std::make_move_iterator(added.begin()),
                   std::make_move_iterator(added.end()));
  return absl::OkStatus();
}

// All ways through the pattern at once: `at` says which steps may be the next.
IgnoreRules::Fit IgnoreRules::Match(const Pattern& pattern, const std::u32string& path) {
  const std::vector<Step>& steps = pattern.steps;
  std::vector<char> at(steps.size() + 1);
  std::vector<char> next(at.size());
  const auto reach = [&](std::vector<char>& set, size_t i) {
    for (; set[i] == 0; ++i) {
      set[i] = 1;
      if (i == steps.size()) return;
      if (steps[i].kind == Step::Kind::kAnyDirectories) {
        set[i + 1] = 1;  // in some; or in none
        ++i;
      } else if (steps[i].kind != Step::Kind::kAnyWithin) {
        return;
      }
    }
  };
  reach(at, 0);
  for (size_t k = 0; k <= path.size(); ++k) {
    const bool slash = k == path.size() || path[k] == U'/';
    if (slash && at.back() != 0) return Fit::kYes;
    const char32_t c = slash ? U'/' : path[k];
    std::fill(next.begin(), next.end(), 0);
    bool any = false;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (at[i] == 0) continue;
      const Step& step = steps[i];
      bool stays = false;
      bool goes_on = false;
      switch (step.kind) {
        case Step::Kind::kOne:
          goes_on = c == step.character;
          break;
        case Step::Kind::kAny:
          goes_on = !slash;
          break;
        case Step::Kind::kClass: {
          bool in = false;
          for (const auto& [low, high] : step.ranges) in = in || (low <= c && c <= high);
          goes_on = !slash && in != step.negated;
          break;
        }
        case Step::Kind::kAnyWithin:
          stays = !slash;
          break;
        case Step::Kind::kAnyDirectories:
          break;
        case Step::Kind::kInDirectories:
          stays = true;
          goes_on = slash;
          break;
        case Step::Kind::kAll:
          return Fit::kYes;
      }
      // Only itself: what may follow it was reached with it.
      if (stays) next[i] = 1;
      if (stays && step.kind == Step::Kind::kAnyWithin) reach(next, i + 1);
      if (goes_on) reach(next, i + 1);
      any = any || stays || goes_on;
    }
    if (!any) return Fit::kNone;
    at.swap(next);
  }
  return Fit::kBelow;
}

bool IgnoreRules::LeavesOut(std::string_view path, bool is_directory) const {
  const std::u32string characters = Characters(path);
  bool left_out = false;
  bool look_below = false;
  for (const Pattern& pattern : patterns_) {
    const Fit fit = Match(pattern, characters);
    if (fit == Fit::kYes) {
      left_out = !pattern.takes_back;
      look_below = false;
    } else if (fit == Fit::kBelow && pattern.takes_back) {
      look_below = true;
    }
  }
  return left_out && !(is_directory && look_below);
}

absl::StatusOr<LeftOut> ReadIgnoreFiles(const std::string& directory) {
  auto rules = std::make_shared<IgnoreRules>();
  for (const char* name : kIgnoreFiles) {
    const std::string path = absl::StrCat(directory, directory.ends_with('/') ? "" : "/", name);
    const auto text = manifest::ReadText(path, "the file", kIgnoreFileBytes);
    if (absl::IsNotFound(text.status())) continue;
    if (absl::IsInvalidArgument(text.status())) return text.status();
    if (!text.ok())
      return absl::FailedPreconditionError(
          absl::StrCat("cannot read ", Quoted(path), "; make it a readable file, or remove it"));
    if (absl::Status status = rules->Add(*text, path); !status.ok()) return status;
  }
  return LeftOut([rules](const std::string& path, bool is_directory) {
    return path == kIgnoreFiles[0] || path == kIgnoreFiles[1] ||
           rules->LeavesOut(path, is_directory);
  });
}

}  // namespace grpc_os::bundle
