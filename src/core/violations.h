// What is wrong with the fields of a request.
#ifndef GRPC_OS_CORE_VIOLATIONS_H_
#define GRPC_OS_CORE_VIOLATIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/error_detail.h"

namespace grpc_os::core {

// Collects it, so that one answer names all of it.
class Violations {
 public:
  void Add(std::string field, std::string description);
  bool empty() const { return found_.empty(); }
  // OK if nothing was added, else INVALID_ARGUMENT with one FieldViolation each.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> found_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_VIOLATIONS_H_
