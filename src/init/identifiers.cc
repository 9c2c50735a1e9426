#include "init/identifiers.h"

#include "base/limits.h"

namespace grpc_os::init {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool In(std::string_view set, char byte) { return set.find(byte) != std::string_view::npos; }
bool IsAlphanumeric(char byte) { return In(kLower, byte) || In(kUpper, byte) || In(kDigits, byte); }

}  // namespace

bool IsInstanceId(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsProcessId(std::string_view text) {
  constexpr std::string_view kPrefix = "proc_";
  if (text.substr(0, kPrefix.size()) != kPrefix) return false;
  text.remove_prefix(kPrefix.size());
  if (text.empty() || text.size() > 32) return false;
  for (const char byte : text) {
    if (!In(kLower, byte) && !In(kDigits, byte)) return false;
  }
  return true;
}

bool IsProcessName(std::string_view text) {
  if (text.empty() || static_cast<int64_t>(text.size()) > limits::kNameBytes) return false;
  if (!IsAlphanumeric(text[0])) return false;
  for (const char byte : text) {
    if (!IsAlphanumeric(byte) && !In("._-", byte)) return false;
  }
  return true;
}

}  // namespace grpc_os::init
