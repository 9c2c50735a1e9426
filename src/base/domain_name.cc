#include "base/domain_name.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"

namespace grpc_os {
namespace {

constexpr size_t kLabelBytes = 63;  // RFC 1035, 2.3.4
constexpr std::string_view kWildcard = "*.";
constexpr char kCoversTooMuch[] =
    "covers too much; give one with two more labels, such as *.example.com";

bool IsLabelByte(char byte) {
  return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || byte == '-';
}

// The first byte that no name has.
std::string ForeignByteProblem(std::string_view name) {
  const auto foreign = std::find_if(name.begin(), name.end(),
                                    [](char byte) { return !IsLabelByte(byte) && byte != '.'; });
  if (foreign == name.end()) return "";
  if (absl::ascii_isupper(*foreign)) return "has upper-case letters; write it in lower case";
  if (*foreign == '*') return "has a '*'; only the whole first label may be one: *.example.com";
  if (!absl::ascii_isascii(*foreign)) {
    return "has a character that is not ASCII; write the name in its xn-- form";
  }
  if (name.find('/') != std::string_view::npos) {
    return "has a '/'; give the name alone, without http:// and without a path";
  }
  if (*foreign == '[' || std::count(name.begin(), name.end(), ':') > 1) {
    return "is an address; give a name";
  }
  if (*foreign == ':') return "has a port; give the name alone";
  return absl::StrCat("has '", absl::CHexEscape(std::string(1, *foreign)),
                      "'; a name has letters, digits, '-' and '.' only");
}

// "10", "0x7f": what the last label of a name must not be.
bool IsNumber(std::string_view label) {
  if (label.starts_with("0x")) {
    return std::all_of(label.begin() + 2, label.end(), absl::ascii_isxdigit);
  }
  return std::all_of(label.begin(), label.end(), absl::ascii_isdigit);
}

}  // namespace

std::string CanonicalDomainName(std::string_view name) {
  return absl::AsciiStrToLower(absl::string_view(name.data(), name.size()));
}

std::string DomainNameProblem(std::string_view name) {
  if (name.empty()) return "is empty; give a name such as example.com";
  if (static_cast<int64_t>(name.size()) > limits::kDomainBytes) {
    return absl::StrCat("has ", name.size(), " bytes, the limit is ", limits::kDomainBytes,
                        "; give a shorter one");
  }
  const bool wildcard = name.starts_with(kWildcard);
  if (wildcard) name.remove_prefix(kWildcard.size());
  if (wildcard && name.empty()) return kCoversTooMuch;
  if (std::string problem = ForeignByteProblem(name); !problem.empty()) return problem;
  if (name.starts_with('.')) {
    return "begins with a dot; leave it out, or write *.example.com for all names below";
  }
  if (name.ends_with('.')) return "ends with a dot; leave it out";
  const std::vector<std::string> labels =
      absl::StrSplit(absl::string_view(name.data(), name.size()), '.');
  for (const std::string& label : labels) {
    if (label.empty()) return "has two dots in a row; leave one out";
    if (label.size() > kLabelBytes) {
      return absl::StrCat("has a label of ", label.size(), " bytes, the limit is ", kLabelBytes,
                          "; give a shorter one");
    }
    if (label.front() == '-' || label.back() == '-') {
      return "has a label that begins or ends with '-'; leave that out";
    }
  }
  if (IsNumber(labels.back())) return "ends in a number, as addresses do; give a name";
  if (wildcard && labels.size() == 1 && !IsSpecialUseName(name)) return kCoversTooMuch;
  return "";
}

bool IsSpecialUseName(std::string_view name) {
  for (const std::string_view special :
       {"localhost", "internal", "test", "example", "invalid", "local", "home.arpa"}) {
    if (name == special) return true;
    if (name.ends_with(special) && name[name.size() - special.size() - 1] == '.') return true;
  }
  return false;
}

std::string RoutePathProblem(std::string_view path) {
  if (!path.starts_with('/')) return "does not begin with '/'; write /api";
  if (static_cast<int64_t>(path.size()) > limits::kRoutePathBytes) {
    return absl::StrCat("has ", path.size(), " bytes, the limit is ", limits::kRoutePathBytes,
                        "; give a shorter one");
  }
  for (const char byte : path) {
    if (absl::ascii_isalnum(byte) || std::string_view("._~/-").find(byte) != std::string::npos) {
      continue;
    }
    return absl::StrCat("has '", absl::CHexEscape(std::string(1, byte)),
                        "'; a path has letters, digits and . _ ~ - / only");
  }
  if (path == "/") return "";
  if (path.ends_with('/')) {
    return "ends with '/'; leave that out: /api covers what is below it, too";
  }
  const std::vector<std::string> segments =
      absl::StrSplit(absl::string_view(path.data() + 1, path.size() - 1), '/');
  for (const std::string& segment : segments) {
    if (segment.empty()) return "has two slashes in a row; leave one out";
    if (segment == "." || segment == "..") {
      return absl::StrCat("has the segment '", segment, "'; write the path without it");
    }
  }
  return "";
}

}  // namespace grpc_os
