#include "base/signal_name.h"

#include <signal.h>
#include <string.h>

#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace grpc_os {

std::optional<int> SignalFrom(std::string_view text) {
  int number = 0;
  if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      error == std::errc() && end == text.data() + text.size()) {
    return number >= 1 && number <= SIGRTMAX ? std::optional<int>(number) : std::nullopt;
  }
  std::string upper = absl::AsciiStrToUpper(std::string(text));
  if (upper.rfind("SIG", 0) == 0) upper.erase(0, 3);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (SignalName(signal) == upper) return signal;
  }
  return std::nullopt;
}

std::string SignalName(int signal) {
  if (const char* name = sigabbrev_np(signal); name != nullptr) return name;
  if (signal == SIGRTMIN) return "RTMIN";
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return absl::StrCat("RTMIN+", signal - SIGRTMIN);
  return absl::StrCat(signal);
}

}  // namespace grpc_os
