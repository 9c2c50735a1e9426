// YAML as far as configuration needs it: maps, lists and scalars, with where they stand.
#ifndef GRPC_OS_MANIFEST_YAML_H_
#define GRPC_OS_MANIFEST_YAML_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manifest/problem.h"

namespace grpc_os::manifest {

inline constexpr size_t kYamlBytes = 64 << 10;
inline constexpr int kYamlDepth = 32;
inline constexpr char kEmptyFile[] = "the file is empty";  // a problem

struct YamlNode {
  enum class Kind { kScalar, kList, kMap };

  Kind kind = Kind::kScalar;
  int line = 1;
  int column = 1;
  // Of a scalar: as it was written, without its quotes: 1.0 stays "1.0", yes stays "yes".
  std::string text = {};
  bool plain = false;  // without quotes
  std::vector<YamlNode> items = {};
  std::vector<std::pair<YamlNode, YamlNode>> entries = {};  // keys are scalars, each once

  // Nothing, or null or ~ without quotes.
  bool IsNull() const;
};

// One document of UTF-8, of at most kYamlBytes and kYamlDepth. Anchors, aliases and tags are
// refused, and keys that come twice: `problems` gets each, and what was read is returned all the
// same, so that more can be found. nullopt: it cannot be read beyond the last problem.
std::optional<YamlNode> ParseYaml(std::string_view text, std::vector<Problem>& problems);

// Passes over the byte order mark of `text`. What keeps it from being a file of text of at most so
// many bytes: its size, or the first byte that is NUL or no UTF-8.
std::optional<Problem> CheckText(std::string_view& text, size_t most_bytes);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_YAML_H_
