// Tables of keys: what the parser, the schema, the reference page and the example of a kind of file
// are made of.
#ifndef GRPC_OS_MANIFEST_KEYS_H_
#define GRPC_OS_MANIFEST_KEYS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manifest/problem.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {

// What a value may be.
struct Form {
  const char* words;   // "a number from 1 to 65535"
  const char* schema;  // JSON Schema; "$": of the keys below, see KeyText::below
};

struct KeyText {
  const char* name;
  const Form* form;
  const char* what;     // one or two sentences
  const char* example;  // the value, in YAML; of several lines if it begins with a newline
  const std::vector<KeyText>* below = nullptr;  // of a value that is a map with keys of its own
};

using Problems = std::vector<Problem>;

template <typename Target>
struct Key {
  KeyText text;
  void (*read)(const YamlNode& value, Target& target, Problems& problems);
};

// ---- Problems

void Add(Problems& problems, const YamlNode& at, std::string message);
void AddExpected(Problems& problems, const YamlNode& at, const std::string& words);
void AddExpected(Problems& problems, const YamlNode& at, const Form& form);
// There is no key `name` among `names`; the nearest is suggested.
void AddUnknownKey(Problems& problems, const YamlNode& name, const std::vector<std::string>& names);
// Puts those from index `first` on into the order of the file.
void SortProblems(Problems& problems, size_t first);

// ---- Values that several tables have

inline constexpr Form kTime = {
    "a time such as `500ms`, `10s`, `2m` or `1h`; a bare number is seconds",
    R"({"type": ["string", "number"], "pattern": "^[0-9.]+(ms|s|m|h|d)?$"})"};
inline constexpr Form kSize = {"a size such as `64K`, `50M` or `2G`",
                               R"({"type": ["string", "integer"]})"};
inline constexpr Form kPort = {"a number from 1 to 65535",
                               R"({"type": "integer", "minimum": 1, "maximum": 65535})"};

bool IsText(const YamlNode& node);
// A letter or digit, then up to 62 letters, digits, '.', '_' or '-'.
bool IsName(const std::string& text);
const YamlNode* FindKey(const YamlNode& map, const char* name);

// Each leaves `into` as it is if the value is a problem.
void ReadNumber(const YamlNode& value, int least, int most, const Form& form, int& into,
                Problems& problems);
void ReadTime(const YamlNode& value, int64_t least_ms, int64_t most_ms, int64_t& into,
              Problems& problems);
void ReadSize(const YamlNode& value, int64_t least, int64_t most, int64_t& into,
              Problems& problems);
// The canonical form.
void ReadDomainName(const YamlNode& value, std::string& into, Problems& problems);

// ---- Maps

template <typename Target>
std::vector<KeyText> TextsOf(const std::vector<Key<Target>>& keys) {
  std::vector<KeyText> texts;
  for (const Key<Target>& key : keys) texts.push_back(key.text);
  return texts;
}

// Takes what `map` says, on top of what is there; keys that there are not are problems.
template <typename Target>
void ReadKeys(const std::vector<Key<Target>>& keys, const YamlNode& map, Target& target,
              Problems& problems) {
  for (const auto& [name, value] : map.entries) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&name = name](const Key<Target>& one) {
      return one.text.name == name.text;
    });
    if (key != keys.end()) {
      key->read(value, target, problems);
      continue;
    }
    std::vector<std::string> names;
    for (const Key<Target>& one : keys) names.emplace_back(one.text.name);
    AddUnknownKey(problems, name, names);
  }
}

// ---- What is made of a table for people and editors

// The JSON Schema (draft 7) of a map with these keys. `top`: of the whole file.
std::string SchemaOf(const std::vector<KeyText>& keys, const std::string& indent, bool top);
// Tables of Markdown: of the keys, then of the keys below each.
std::string ReferenceOf(const std::vector<KeyText>& keys);
// YAML that uses each key that has an example.
std::string ExampleOf(const std::vector<KeyText>& keys);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_KEYS_H_
