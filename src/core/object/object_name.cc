#include "core/object/object_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/utf8.h"

namespace grpc_os::core {
namespace {

constexpr std::string_view kIdPrefix = "obj_";
constexpr size_t kWishedIdMax = 32;
constexpr size_t kNumberDigits = 13;
constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";

// How long the character at the start of `text` is, if it may stand in a name; 0: it is a control
// character, or no UTF-8.
size_t CharacterLength(std::string_view text) {
  const size_t length = Utf8CharacterLength(text);
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const bool control =
      length == 1 ? at(0) < 0x20 || at(0) == 0x7f : length == 2 && at(0) == 0xc2 && at(1) < 0xa0;
  return control ? 0 : length;
}

bool HasOnlyNameCharacters(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// What is wrong with the segments of an absolute name; empty: nothing.
std::string SegmentFault(std::string_view name) {
  for (std::string_view rest = name.substr(1); !rest.empty();) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty()) return "has an empty part (two slashes in a row); leave one out";
    if (segment == "." || segment == "..")
      return "has '.' or '..' as a part; write the name out from the top";
    if (segment.size() > static_cast<size_t>(limits::kPathSegmentBytes)) {
      return absl::StrCat("has a part of ", segment.size(), " bytes, the limit is ",
                          limits::kPathSegmentBytes, "; choose a shorter one");
    }
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
  }
  return "";
}

}  // namespace

std::string ObjectName(std::string_view given, const std::string& field, Violations& violations,
                       Root root) {
  std::string name;
  name.reserve(given.size() + 1);
  if (!given.starts_with('/')) name.push_back('/');
  name.append(given);
  if (given.empty()) {
    violations.Add(field, "give a name, such as /config/app.json");
  } else if (static_cast<int64_t>(name.size()) > limits::kPathBytes) {
    violations.Add(field, absl::StrCat("has ", name.size(), " bytes, the limit is ",
                                       limits::kPathBytes, "; choose a shorter one"));
  } else if (!HasOnlyNameCharacters(name)) {
    violations.Add(field, "has a control character, or bytes that are not UTF-8; leave them out");
  } else if (name == "/") {
    if (root == Root::kRefused)
      violations.Add(field, "'/' is the folder of all there is; name something in it");
  } else if (std::string fault = SegmentFault(name); !fault.empty()) {
    violations.Add(field, std::move(fault));
  } else if (IsObjectId(given)) {
    violations.Add(field, absl::StrCat("looks like an id; write '", name, "' if it is a name"));
  }
  return name;
}

bool IsObjectId(std::string_view reference) {
  if (!reference.starts_with(kIdPrefix)) return false;
  reference.remove_prefix(kIdPrefix.size());
  return !reference.empty() && reference.size() <= kWishedIdMax &&
         std::all_of(reference.begin(), reference.end(), [](char byte) {
           return absl::ascii_islower(byte) || absl::ascii_isdigit(byte);
         });
}

void CheckObjectId(std::string_view id, const std::string& field, Violations& violations) {
  if (!IsObjectId(id)) {
    violations.Add(field, "an id is obj_ and 1 to 32 of a-z and 0-9");
  } else if (id.size() == kIdPrefix.size() + kNumberDigits) {
    violations.Add(field, absl::StrCat("obj_ and ", kNumberDigits,
                                       " characters is the form of generated ids; choose another "
                                       "length"));
  }
}

std::string ObjectIdOf(int64_t number) {
  std::string id(kIdPrefix.size() + kNumberDigits, '0');
  kIdPrefix.copy(id.data(), kIdPrefix.size());
  auto rest = static_cast<uint64_t>(number);
  for (size_t i = id.size(); rest != 0; rest >>= 5) id[--i] = kDigits[rest & 31];
  return id;
}

std::optional<int64_t> NumberOfObjectId(std::string_view id) {
  if (!id.starts_with(kIdPrefix) || id.size() != kIdPrefix.size() + kNumberDigits)
    return std::nullopt;
  id.remove_prefix(kIdPrefix.size());
  if (id[0] > '7') return std::nullopt;  // more than 63 bits
  int64_t number = 0;
  for (const char byte : id) {
    const bool digit = byte >= '0' && byte <= '9';
    if (!digit && (byte < 'a' || byte > 'v')) return std::nullopt;
    number = number << 5 | (digit ? byte - '0' : byte - 'a' + 10);
  }
  return number;
}

bool IsSystemName(std::string_view name) {
  for (const std::string_view top : {"/proc", "/sys", "/domains"}) {
    if (name.starts_with(top) && (name.size() == top.size() || name[top.size()] == '/'))
      return true;
  }
  return false;
}

std::vector<std::string> AncestorsOf(std::string_view name) {
  std::vector<std::string> ancestors;
  for (size_t slash = name.find('/', 1); slash != std::string_view::npos;
       slash = name.find('/', slash + 1))
    ancestors.emplace_back(name.substr(0, slash));
  return ancestors;
}

std::string EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace grpc_os::core
