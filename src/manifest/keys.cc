#include "manifest/keys.h"

#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/domain_name.h"
#include "base/utf8.h"
#include "manifest/quantity.h"
#include "manifest/suggest.h"

namespace grpc_os::manifest {
namespace {

using Kind = YamlNode::Kind;

// Not too long, in quotes.
std::string Quoted(const std::string& text) {
  constexpr size_t kMost = 60;
  return absl::StrCat("'", TruncateUtf8(text, kMost), text.size() > kMost ? "…" : "", "'");
}

std::string Shown(const YamlNode& node) {
  if (node.kind == Kind::kMap) return "a map";
  if (node.kind == Kind::kList) return "a list";
  if (node.IsNull()) return "nothing";
  return Quoted(node.text);
}

// As a person writes it: 1s, 5m, 24h.
std::string ShownTime(int64_t ms) {
  if (ms % 3'600'000 == 0 && ms != 0) return absl::StrCat(ms / 3'600'000, "h");
  if (ms % 60'000 == 0 && ms != 0) return absl::StrCat(ms / 60'000, "m");
  return absl::StrCat(ms / 1000, "s");
}

}  // namespace

void Add(Problems& problems, const YamlNode& at, std::string message) {
  problems.push_back({at.line, at.column, std::move(message)});
}

void AddExpected(Problems& problems, const YamlNode& at, const std::string& words) {
  Add(problems, at, absl::StrCat("here is ", Shown(at), "; expected: ", words));
}
void AddExpected(Problems& problems, const YamlNode& at, const Form& form) {
  AddExpected(problems, at, form.words);
}

void AddUnknownKey(Problems& problems, const YamlNode& name,
                   const std::vector<std::string>& names) {
  const std::string nearest = Nearest(name.text, names);
  Add(problems, name,
      absl::StrCat("there is no key ", Quoted(name.text), "; ",
                   nearest.empty() ? absl::StrCat("there are: ", absl::StrJoin(names, ", "))
                                   : absl::StrCat("did you mean '", nearest, "'?")));
}

void SortProblems(Problems& problems, size_t first) {
  std::stable_sort(problems.begin() + static_cast<std::ptrdiff_t>(first), problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
}

bool IsText(const YamlNode& node) { return node.kind == Kind::kScalar && !node.IsNull(); }

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= 63 && absl::ascii_isalnum(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

const YamlNode* FindKey(const YamlNode& map, const char* name) {
  for (const auto& [key, value] : map.entries)
    if (key.text == name) return &value;
  return nullptr;
}

void ReadNumber(const YamlNode& value, int least, int most, const Form& form, int& into,
                Problems& problems) {
  int number = 0;
  if (!IsText(value) || !absl::SimpleAtoi(value.text, &number) || number < least || number > most)
    return AddExpected(problems, value, form);
  into = number;
}

void ReadTime(const YamlNode& value, int64_t least_ms, int64_t most_ms, int64_t& into,
              Problems& problems) {
  const auto ms = ParseDurationMs(IsText(value) ? value.text : "-");
  if (!ms.ok()) return AddExpected(problems, value, kTime);
  if (*ms < least_ms || *ms > most_ms) {
    return Add(problems, value,
               absl::StrCat("'", value.text, "' is out of range; expected: ", ShownTime(least_ms),
                            " to ", ShownTime(most_ms)));
  }
  into = *ms;
}

void ReadSize(const YamlNode& value, int64_t least, int64_t most, int64_t& into,
              Problems& problems) {
  const auto bytes = ParseBytes(IsText(value) ? value.text : "-");
  if (!bytes.ok() || *bytes < least || *bytes > most) return AddExpected(problems, value, kSize);
  into = *bytes;
}

void ReadDomainName(const YamlNode& value, std::string& into, Problems& problems) {
  if (!IsText(value)) return AddExpected(problems, value, "a host name, such as www.example.com");
  std::string name = CanonicalDomainName(value.text);
  if (const std::string problem = DomainNameProblem(name); !problem.empty()) {
    return Add(problems, value, absl::StrCat(Quoted(value.text), " ", problem));
  }
  into = std::move(name);
}

}  // namespace grpc_os::manifest
