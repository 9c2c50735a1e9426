// Names and values, or words, in one column.
#ifndef GRPC_OS_STORE_PAIRS_H_
#define GRPC_OS_STORE_PAIRS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::store {

// Netstrings (cr.yp.to/proto/netstrings.txt), a name and its value in turn: "4:PORT,4:8099,". Any
// bytes are kept, NUL included; what a person sees of it can be read.
std::string EncodePairs(const std::map<std::string, std::string>& pairs);
// DATA_LOSS: not such a text.
absl::StatusOr<std::map<std::string, std::string>> DecodePairs(std::string_view encoded);

// The same for words, in their order: "5:admin,6:viewer,".
std::string EncodeWords(const std::vector<std::string>& words);
// DATA_LOSS: not such a text.
absl::StatusOr<std::vector<std::string>> DecodeWords(std::string_view encoded);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_PAIRS_H_
