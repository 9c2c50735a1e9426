#include "host/password_hasher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "base/error_detail.h"
#include "base/limits.h"

namespace grpc_os::host {
namespace {

using ::testing::StartsWith;
using Lane = PasswordHasher::Lane;

// The least that argon2id takes: these tests are about the rest.
constexpr PasswordHasher::Cost kCheap = {1, 8192};

std::string HashOf(PasswordHasher& hasher, const std::string& password) {
  std::promise<absl::StatusOr<std::string>> made;
  hasher.Hash(password, [&](absl::StatusOr<std::string> hash) { made.set_value(std::move(hash)); });
  return made.get_future().get().value();
}

core::PasswordHasher::Verdict VerdictOf(PasswordHasher& hasher, const std::string& password,
                                        const std::string& hash) {
  std::promise<absl::StatusOr<core::PasswordHasher::Verdict>> made;
  hasher.Verify(password, hash, Lane::kKnown,
                [&](auto verdict) { made.set_value(std::move(verdict)); });
  return made.get_future().get().value();
}

TEST(PasswordHasher, AcceptsThePasswordAndNoOther) {
  PasswordHasher hasher(kCheap, 1);
  const std::string hash = HashOf(hasher, "correct horse");
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=8,t=1,p=1$"));
  EXPECT_TRUE(VerdictOf(hasher, "correct horse", hash).matches);
  for (const char* wrong : {"", "correct horsf", "correct horse ", "correct hors"})
    EXPECT_FALSE(VerdictOf(hasher, wrong, hash).matches) << wrong;
  EXPECT_NE(HashOf(hasher, "correct horse"), hash) << "each has its salt";
}

TEST(PasswordHasher, TakesAnyBytesWithoutCuttingThem) {
  PasswordHasher hasher(kCheap, 1);
  const std::string odd("nul\0and \xff", 9);
  const std::string hash = HashOf(hasher, odd);
  EXPECT_TRUE(VerdictOf(hasher, odd, hash).matches);
  EXPECT_FALSE(VerdictOf(hasher, "nul", hash).matches);
  const std::string longest(1024, 'x');
  EXPECT_FALSE(VerdictOf(hasher, longest.substr(1), HashOf(hasher, longest)).matches);
}

TEST(PasswordHasher, AcceptsWhatLibsodiumMade) {
  PasswordHasher hasher(kCheap, 1);
  char hash[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str(hash, "correct horse", 13, 3, 65536), 0);
  EXPECT_TRUE(VerdictOf(hasher, "correct horse", hash).matches);
  EXPECT_FALSE(VerdictOf(hasher, "correct horsf", hash).matches);
}

TEST(PasswordHasher, AMalformedHashMatchesNothing) {
  PasswordHasher hasher(kCheap, 1);
  const std::string good = HashOf(hasher, "password");
  for (const std::string& hash :
       {std::string(), std::string("nonsense"), good.substr(0, good.size() - 1), good + "x",
        std::string("$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"),
        std::string(5000, 'x'),
        std::string("$argon2id$v=19$m=4294967295,t=4294967295,p=1$AA$AA")}) {
    EXPECT_FALSE(VerdictOf(hasher, "password", hash).matches) << hash;
    EXPECT_FALSE(VerdictOf(hasher, "", hash).matches) << hash;
  }
}

TEST(PasswordHasher, KnowsAHashOfLessWork) {
  PasswordHasher cheap(kCheap, 1);
  PasswordHasher dear({2, 16384}, 1);
  const std::string hash = HashOf(cheap, "password");
  EXPECT_FALSE(VerdictOf(cheap, "password", hash).outdated);
  const auto verdict = VerdictOf(dear, "password", hash);
  EXPECT_TRUE(verdict.matches);
  EXPECT_TRUE(verdict.outdated);
}

TEST(PasswordHasher, CostsWhatTheMachineCanBear) {
  const auto usual = PasswordHasher::CostFor(size_t{8} << 30);
  EXPECT_EQ(usual.memory_bytes, size_t{64} << 20);
  EXPECT_EQ(usual.operations, 2u);
  const auto small = PasswordHasher::CostFor(size_t{512} << 20);
  EXPECT_EQ(small.memory_bytes, size_t{19} << 20);
  EXPECT_EQ(small.operations, 2u);
}

TEST(PasswordHasher, TakesAQuarterOfTheMemoryAtMost) {
  for (size_t mib = 28; mib < 4096; mib += 4) {
    const auto cost = PasswordHasher::CostFor(mib << 20);
    const int threads = PasswordHasher::ThreadsFor(64, mib << 20, cost);
    ASSERT_GE(threads, 1);
    ASSERT_LE(threads, 2) << "however many cores there are";
    ASSERT_LE(cost.memory_bytes * static_cast<size_t>(threads), (mib << 20) / 4) << mib;
  }
  EXPECT_EQ(PasswordHasher::ThreadsFor(1, size_t{8} << 30, kCheap), 1);
  EXPECT_EQ(PasswordHasher::ThreadsFor(3, size_t{8} << 30, kCheap), 1);
  EXPECT_EQ(PasswordHasher::ThreadsFor(4, size_t{8} << 30, kCheap), 2);
  EXPECT_EQ(PasswordHasher::ThreadsFor(4, 0, kCheap), 1);
}

// As long as it lives, little more memory can be had.
class Scarcity {
 public:
  Scarcity() {
    getrlimit(RLIMIT_AS, &before_);
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit scarce = {pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + (size_t{96} << 20),
                           before_.rlim_max};
    setrlimit(RLIMIT_AS, &scarce);
  }
  ~Scarcity() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST(PasswordHasher, WantOfMemoryIsNoWrongPassword) {
  PasswordHasher cheap(kCheap, 1);
  std::string dear = HashOf(cheap, "correct horse");
  dear.replace(dear.find("m=8,"), 4, "m=1048576,");  // as if it had been made with 1 GiB
  PasswordHasher costly({1, size_t{1} << 30}, 1);
  const auto ask = [](PasswordHasher& hasher, const std::string& hash) {
    std::promise<absl::Status> answered;
    hasher.Verify("correct horse", hash, Lane::kKnown,
                  [&](const auto& verdict) { answered.set_value(verdict.status()); });
    return answered.get_future().get();
  };
  const Scarcity scarcity;
  EXPECT_EQ(ask(cheap, dear).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ask(costly, "").code(), absl::StatusCode::kUnavailable)
      << "the same answer as for a user that there is";
}

TEST(PasswordHasher, RefusesAtOnceWhenTooManyWait) {
  PasswordHasher hasher(kCheap, 1);
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::promise<void> begun;
  hasher.Verify("x", "", Lane::kKnown, [&, gate](const auto&) {
    begun.set_value();
    gate.wait();
  });
  begun.get_future().wait();  // the one thread is busy
  std::atomic<int> verified{0};
  std::promise<void> all;
  for (int i = 0; i < limits::kPasswordQueue; ++i)
    hasher.Verify("x", "", Lane::kKnown, [&](const auto& verdict) {
      verified += verdict.ok();
      if (verified == limits::kPasswordQueue) all.set_value();
    });
  absl::Status refused;
  hasher.Verify("x", "", Lane::kKnown, [&](const auto& verdict) { refused = verdict.status(); });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(DetailOf(refused).has_value());
  EXPECT_EQ(DetailOf(refused)->reason, "LIMIT_REACHED");
  EXPECT_GT(DetailOf(refused)->retry_after_ms, 0);
  go.set_value();
  all.get_future().wait();  // those that were let in are answered
}

TEST(PasswordHasher, StrangersKeepNobodyOutWhoIsKnownAndAreServedAllTheSame) {
  PasswordHasher hasher(kCheap, 1);
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::promise<void> begun;
  hasher.Verify("x", "", Lane::kStrangers, [&, gate](const auto&) {
    begun.set_value();
    gate.wait();
  });
  begun.get_future().wait();
  std::string order;  // on the one thread
  std::promise<void> all;
  const size_t expected = limits::kPasswordQueue + 5;
  const auto note = [&](char who) {
    return [&, who](const auto&) {
      order += who;
      if (order.size() == expected) all.set_value();
    };
  };
  for (int i = 0; i < limits::kPasswordQueue; ++i)
    hasher.Verify("x", "", Lane::kStrangers, note('s'));
  absl::Status refused;
  hasher.Verify("x", "", Lane::kStrangers,
                [&](const auto& verdict) { refused = verdict.status(); });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  for (int i = 0; i < 5; ++i) hasher.Verify("x", "", Lane::kKnown, note('k'));
  go.set_value();
  all.get_future().wait();
  EXPECT_THAT(order, StartsWith("kkkskks"));
}

TEST(PasswordHasher, AnswersEveryoneWhenItStops) {
  PasswordHasher hasher(kCheap, 1);
  std::promise<void> go;
  const auto gate = go.get_future().share();
  std::promise<void> begun;
  hasher.Verify("x", "", Lane::kKnown, [&, gate](const auto&) {
    begun.set_value();
    gate.wait();
  });
  begun.get_future().wait();
  std::promise<absl::Status> waiting;
  hasher.Hash("x", [&](const auto& hash) { waiting.set_value(hash.status()); });
  std::thread stopper([&] { hasher.Stop(); });
  EXPECT_EQ(waiting.get_future().get().code(), absl::StatusCode::kUnavailable);
  go.set_value();
  stopper.join();
  absl::Status late;
  hasher.Hash("x", [&](const auto& hash) { late = hash.status(); });
  EXPECT_EQ(late.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace grpc_os::host
