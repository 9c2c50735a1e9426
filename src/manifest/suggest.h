// "Did you mean …?"
#ifndef GRPC_OS_MANIFEST_SUGGEST_H_
#define GRPC_OS_MANIFEST_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace grpc_os::manifest {

// How many insertions, deletions, replacements and swaps of neighbours make `b` of `a` (optimal
// string alignment). Reference: Damerau 1964; Boytsov 2011, "Indexing methods for approximate
// dictionary searching", 2.2.1.
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, or "" if none is near: at most a third of its letters (and at
// least one) wrong, or `word` is its beginning; of several such the one with the fewest letters
// more.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_SUGGEST_H_
