// What a server of a suite cannot do without.
#ifndef GRPC_OS_TESTS_TRANSPORT_MUST_H_
#define GRPC_OS_TESTS_TRANSPORT_MUST_H_

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/status/statusor.h"

namespace grpc_os::tests {

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << value.status().message() << "\n";
  std::exit(1);
}

}  // namespace grpc_os::tests

#endif  // GRPC_OS_TESTS_TRANSPORT_MUST_H_
