#include "manifest/suggest.h"

#include <algorithm>
#include <utility>

namespace grpc_os::manifest {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 64;  // nobody means a command by a longer one
  if (word.empty() || word.size() > kLongestWord) return "";
  const size_t most = std::max<size_t>(1, word.size() / 3);
  std::string best;
  // A beginning counts as one mistake; of several that do, the one with the least left to type.
  std::pair<size_t, size_t> best_distance = {most + 1, 0};
  for (const std::string& candidate : candidates) {
    const size_t letters = EditDistance(word, candidate);
    const bool begins = word.size() >= 2 && candidate.starts_with(word);
    const std::pair distance = {begins ? std::min<size_t>(letters, 1) : letters, letters};
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace grpc_os::manifest
