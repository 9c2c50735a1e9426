#include "core/identity/user_grammar.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::core {

void CheckUserName(std::string_view name, const std::string& field, Violations& violations) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (!name.empty() && static_cast<int64_t>(name.size()) <= limits::kNameBytes && letters &&
      absl::ascii_islower(static_cast<unsigned char>(name[0])))
    return;
  violations.Add(field, absl::StrCat("a user's name is 1 to ", limits::kNameBytes,
                                     " of a-z, 0-9, '.', '_' and '-', beginning with a letter"));
}

void CheckNewPassword(std::string_view password, std::string_view user, const std::string& field,
                      Violations& violations) {
  const auto size = static_cast<int64_t>(password.size());
  if (size < limits::kPasswordBytesMin || size > limits::kPasswordBytesMax) {
    violations.Add(field, absl::StrCat("a password has ", limits::kPasswordBytesMin, " to ",
                                       limits::kPasswordBytesMax, " bytes, this one ", size,
                                       size < limits::kPasswordBytesMin ? "; take a longer one"
                                                                        : "; take a shorter one"));
  } else if (password == user) {
    violations.Add(field, "the password is the user's name; take another");
  }
}

void CheckTriedPassword(std::string_view password, const std::string& field,
                        Violations& violations) {
  if (password.empty()) {
    violations.Add(field, "give the password");
  } else if (static_cast<int64_t>(password.size()) > limits::kPasswordBytesMax) {
    violations.Add(field, absl::StrCat("a password has at most ", limits::kPasswordBytesMax,
                                       " bytes, this one ", password.size()));
  }
}

void CheckSessionId(std::string_view id, const std::string& field, Violations& violations) {
  const bool digits = std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (digits && id.size() == 32) return;
  violations.Add(field,
                 "the id of a session or token is 32 hexadecimal digits; `sessions` and "
                 "`token ls` show them");
}

void CheckLabel(std::string_view label, const std::string& field, Violations& violations) {
  const bool printable = std::all_of(label.begin(), label.end(), [](char c) {
    return !absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (printable && static_cast<int64_t>(label.size()) <= limits::kLabelBytes) return;
  violations.Add(field, absl::StrCat("a label is at most ", limits::kLabelBytes,
                                     " bytes of printable text, this one has ", label.size()));
}

void CheckTokenTtl(int64_t ttl_ms, const std::string& field, Violations& violations) {
  if (ttl_ms >= limits::kTokenTtlMinMs && ttl_ms <= limits::kTokenTtlMaxMs) return;
  violations.Add(field, "a token lives from 1 minute to 365 days; unset: 90 days");
}

}  // namespace grpc_os::core
