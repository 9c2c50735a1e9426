// What is wrong with a file, and where.
#ifndef GRPC_OS_MANIFEST_PROBLEM_H_
#define GRPC_OS_MANIFEST_PROBLEM_H_

#include <string>

#include "absl/strings/str_cat.h"

namespace grpc_os::manifest {

struct Problem {
  int line = 1;    // from 1
  int column = 1;  // from 1, in characters
  std::string message;

  bool operator==(const Problem&) const = default;
};

// "process.yml:3:7: …", as compilers write it.
inline std::string Describe(const Problem& problem, const std::string& file) {
  return absl::StrCat(file, ":", problem.line, ":", problem.column, ": ", problem.message);
}

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_PROBLEM_H_
