// What core::Identity needs of the outside beside its store.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_PORTS_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_PORTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::core {

// What a signed token says. Times are whole seconds since 1970.
struct Claims {
  enum class Use { kAccess, kRefresh };
  Use use = Use::kAccess;
  std::string user = {};
  std::string session_id = {};
  int64_t refresh_number = 0;  // kRefresh: which of the session's refresh tokens it is
  int64_t issue_time_s = 0;
  int64_t expire_time_s = 0;

  bool operator==(const Claims&) const = default;
};

// The port to the signing of tokens. Thread-safe.
class TokenSigner {
 public:
  static constexpr size_t kInstanceDigits = 16;

  virtual ~TokenSigner() = default;
  virtual std::string Sign(const Claims& claims) const = 0;
  // UNAUTHENTICATED unless it is, byte for byte, a token that Sign made with the same key; or
  // FAILED_PRECONDITION, where it names another key's instance as its issuer, which anybody can
  // write. Does not look at the time.
  virtual absl::StatusOr<Claims> Verify(std::string_view token) const = 0;
  // What is different for each key, in kInstanceDigits hexadecimal digits.
  virtual std::string Instance() const = 0;
};

// Whether it has the form of an instance of TokenSigner.
inline bool IsInstance(std::string_view text) {
  return text.size() == TokenSigner::kInstanceDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The port to the hashing of passwords (argon2id). Thread-safe; never blocks: hashes are made one
// after the other on threads of low priority, `done` comes on one of them. RESOURCE_EXHAUSTED
// (LIMIT_REACHED, with RetryInfo), at once and on the calling thread, if too many wait in the lane.
class PasswordHasher {
 public:
  virtual ~PasswordHasher() = default;
  // A PHC string. In the lane of those who are known.
  virtual void Hash(std::string password,
                    std::function<void(absl::StatusOr<std::string>)> done) = 0;
  struct Verdict {
    bool matches = false;
    bool outdated = false;  // hashed with less work than is the rule now: hash it again
  };
  // Who waits in the one lane takes no place in the other, and those who are known come first, but
  // for every fourth.
  enum class Lane { kKnown, kStrangers };
  // With an empty or malformed `hash`: false, after the same work.
  virtual void Verify(std::string password, std::string hash, Lane lane,
                      std::function<void(absl::StatusOr<Verdict>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_PORTS_H_
