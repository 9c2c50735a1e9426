// Words that tables of every kind have.
#ifndef GRPC_OS_SHELL_RENDER_TEXT_H_
#define GRPC_OS_SHELL_RENDER_TEXT_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/strings/str_join.h"
#include "shell/quantity.h"

namespace grpc_os::shell {

inline std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

// "-" if there is none.
inline std::string TimeText(const google::protobuf::Timestamp& time, int digits = 0) {
  return time.seconds() == 0 ? "-" : FormatTime(time.seconds(), time.nanos(), digits);
}

template <typename Words>
std::string Joined(const Words& words) {
  return words.empty() ? "-" : absl::StrJoin(words, ", ");
}

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_TEXT_H_
