// Hashes, signatures and digests that tests can count and read: for tests of core::Identity.
#ifndef GRPC_OS_TESTING_FAKE_CRYPTO_H_
#define GRPC_OS_TESTING_FAKE_CRYPTO_H_

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/digest.h"
#include "core/identity/identity_ports.h"

namespace grpc_os::testing {

// "hash:PASSWORD" ("old:PASSWORD" counts as outdated). At once, or (if `hold`) when the test says
// so.
class FakeHasher final : public core::PasswordHasher {
 public:
  void Hash(std::string password, std::function<void(absl::StatusOr<std::string>)> done) override {
    ++hashed;
    Do([password = std::move(password), done = std::move(done)] {
      done(absl::StrCat("hash:", password));
    });
  }
  void Verify(std::string password, std::string hash, Lane lane,
              std::function<void(absl::StatusOr<Verdict>)> done) override {
    if (!refusal.ok()) return done(refusal);
    lanes.push_back(lane);
    ++verified;
    Do([password = std::move(password), hash = std::move(hash), done = std::move(done)] {
      done(Verdict{hash == "hash:" + password || hash == "old:" + password,
                   hash.rfind("old:", 0) == 0});
    });
  }
  void Release() {
    auto work = std::move(waiting.front());
    waiting.pop_front();
    work();
  }

  int hashed = 0;
  int verified = 0;
  std::vector<Lane> lanes;  // of each that was verified
  bool hold = false;
  absl::Status refusal;  // of every Verify, until it is OK again
  std::deque<std::function<void()>> waiting;

 private:
  void Do(std::function<void()> work) {
    if (!hold) return work();
    waiting.push_back(std::move(work));
  }
};

// "signed|USE|USER|SESSION|NUMBER|ISSUED|EXPIRES"; "elsewhere|…" is of another instance.
class FakeSigner final : public core::TokenSigner {
 public:
  std::string Sign(const core::Claims& claims) const override {
    return absl::StrCat("signed|", claims.use == core::Claims::Use::kAccess ? "access" : "refresh",
                        "|", claims.user, "|", claims.session_id, "|", claims.refresh_number, "|",
                        claims.issue_time_s, "|", claims.expire_time_s);
  }
  absl::StatusOr<core::Claims> Verify(std::string_view token) const override {
    ++verified;
    const std::vector<std::string> parts =
        absl::StrSplit(absl::string_view(token.data(), token.size()), '|');
    core::Claims claims;
    if (parts[0] == "elsewhere") return absl::FailedPreconditionError("of another instance");
    if (parts.size() != 7 || parts[0] != "signed" ||
        !absl::SimpleAtoi(parts[4], &claims.refresh_number) ||
        !absl::SimpleAtoi(parts[5], &claims.issue_time_s) ||
        !absl::SimpleAtoi(parts[6], &claims.expire_time_s))
      return absl::UnauthenticatedError("not a token of this system");
    claims.use = parts[1] == "access" ? core::Claims::Use::kAccess : core::Claims::Use::kRefresh;
    claims.user = parts[2];
    claims.session_id = parts[3];
    return claims;
  }
  std::string Instance() const override { return "0123456789abcdef"; }
  mutable std::atomic<int> verified = 0;
};

class FakeDigest final : public core::Digest {
 public:
  std::string Sha256Bytes(std::string_view text) const override { return Sha256Hex(text); }
  std::string Sha256Hex(std::string_view text) const override {
    return absl::StrCat("digest of ", absl::string_view(text.data(), text.size()));
  }
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_FAKE_CRYPTO_H_
