// What people keep out of what they ship: the rules of .dockerignore, and those of .grpc-osignore,
// which has the same syntax and is read after it.
#ifndef GRPC_OS_BUNDLE_IGNORE_H_
#define GRPC_OS_BUNDLE_IGNORE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bundle/pack.h"

namespace grpc_os::bundle {

inline constexpr int64_t kIgnoreFileBytes = int64_t{64} << 10;

// Patterns, one a line, relative to the root; "*" and "?" are not "/", "**" is any number of
// directories; "[a-z]" "[^a-z]" "\*"; "!" before one takes back what earlier ones left out. The
// last that fits decides. A pattern that fits a directory fits all below it. Lines that begin with
// # say nothing, blanks around a line and slashes around a pattern neither.
// Reference: docs.docker.com/build/concepts/context/#dockerignore-files, moby/patternmatcher.
class IgnoreRules {
 public:
  // After those that are there. INVALID_ARGUMENT, "FILE:LINE: …": a pattern that is none; then
  // nothing is added.
  absl::Status Add(std::string_view text, const std::string& file);
  // As a LeftOut. A directory in which a later "!" pattern may fit something is not left out: Pack
  // has to look into it.
  bool LeavesOut(std::string_view path, bool is_directory) const;

 private:
  // One step of a pattern, over the characters of a path.
  struct Step {
    enum class Kind { kOne, kAny, kClass, kAnyWithin, kAnyDirectories, kInDirectories, kAll };
    Kind kind = Kind::kOne;
    char32_t character = 0;                               // kOne
    bool negated = false;                                 // kClass
    std::vector<std::pair<char32_t, char32_t>> ranges{};  // kClass, both ends included
  };
  struct Pattern {
    bool takes_back = false;
    std::vector<Step> steps;
  };
  enum class Fit { kNone, kBelow, kYes };

  static absl::StatusOr<std::vector<Step>> Compile(std::string_view pattern);
  // kYes: it fits the path or a directory of it; else kBelow: it may fit something below the path.
  static Fit Match(const Pattern& pattern, const std::u32string& path);

  std::vector<Pattern> patterns_;
};

// What the two files at the root of `directory` leave out, and these themselves. Errors of reading
// them and of IgnoreRules::Add, with their paths.
absl::StatusOr<LeftOut> ReadIgnoreFiles(const std::string& directory);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_IGNORE_H_
