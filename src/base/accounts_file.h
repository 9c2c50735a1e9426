// The file of accounts that processes may run as: one a line, "#" begins a comment.
#ifndef GRPC_OS_BASE_ACCOUNTS_FILE_H_
#define GRPC_OS_BASE_ACCOUNTS_FILE_H_

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace grpc_os {

// In their order; the first is the default.
inline std::vector<std::string> ParseAccounts(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    line.resize(std::min(line.size(), line.find('#')));
    absl::StripAsciiWhitespace(&line);
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_ACCOUNTS_FILE_H_
