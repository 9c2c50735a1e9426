#include "host/password_hasher.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "host/memory_limit.h"

namespace grpc_os::host {
namespace {

constexpr size_t kSmallMachineBytes = size_t{1} << 30;
constexpr PasswordHasher::Cost kLeast = {2, size_t{19} << 20};
constexpr PasswordHasher::Cost kTiny = {5, size_t{7} << 20};
constexpr size_t kShare = 4;  // of the memory: one part is for hashing
constexpr size_t kThreadsMax = 2;
constexpr int kNiceness = 10;
constexpr int kKnownBeforeAStranger = 3;

// Overwrites the password when the job is gone, however it ends.
struct Password {
  explicit Password(std::string text_in) : text(std::move(text_in)) {}
  Password(const Password&) = delete;
  Password& operator=(const Password&) = delete;
  ~Password() { sodium_memzero(text.data(), text.size()); }
  std::string text;
};

constexpr size_t kHashBytes = 32;

struct HashParts {
  PasswordHasher::Cost cost;
  std::array<unsigned char, crypto_pwhash_argon2id_SALTBYTES> salt{};
  std::array<unsigned char, kHashBytes> hash{};
};

template <size_t kSize>
bool Decode(const std::string& text, std::array<unsigned char, kSize>& bytes) {
  size_t size = 0;
  return sodium_base642bin(bytes.data(), kSize, text.data(), text.size(), nullptr, &size, nullptr,
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == kSize;
}

// "$argon2id$v=19$m=KIB,t=OPERATIONS,p=1$SALT$HASH", as libsodium writes it.
std::optional<HashParts> ParseHash(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '$');
  if (parts.size() != 6) return std::nullopt;
  HashParts found;
  size_t kib = 0;
  const std::vector<std::string> numbers = absl::StrSplit(parts[3], ',');
  if (numbers.size() != 3 || numbers[0].rfind("m=", 0) != 0 || numbers[1].rfind("t=", 0) != 0 ||
      numbers[2] != "p=1" || !absl::SimpleAtoi(numbers[0].substr(2), &kib) ||
      !absl::SimpleAtoi(numbers[1].substr(2), &found.cost.operations) ||
      !Decode(parts[4], found.salt) || !Decode(parts[5], found.hash))
    return std::nullopt;
  found.cost.memory_bytes = kib * 1024;
  return found;
}

absl::Status QueueFull() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat(limits::kPasswordQueue,
                                " passwords wait to be checked already; try again in a second"),
                   {.reason = core::reason::kLimitReached,
                    .metadata = {{"limit", "passwords_waiting"},
                                 {"value", absl::StrCat(limits::kPasswordQueue)}},
                    .retry_after_ms = 1000});
}

absl::Status Stopping() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "gRPC OS is shutting down or being replaced; try again in a moment",
                   {.reason = core::reason::kShuttingDown, .retry_after_ms = 1000});
}

absl::Status OutOfMemory() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "there is not enough memory to hash a password just now; try again",
                   {.reason = core::reason::kStoreUnavailable,
                    .metadata = {{"cause", "out of memory"}},
                    .retry_after_ms = 1000});
}

}  // namespace

PasswordHasher::Cost PasswordHasher::CostFor(size_t memory_bytes) {
  if (memory_bytes >= kSmallMachineBytes) {
    return {crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
            crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE};
  }
  if (memory_bytes / kShare >= kLeast.memory_bytes) return kLeast;
  return kTiny;
}

int PasswordHasher::ThreadsFor(unsigned cores, size_t memory_bytes, const Cost& cost) {
  const size_t fit = memory_bytes / kShare / cost.memory_bytes;
  return static_cast<int>(std::max<size_t>(1, std::min({fit, size_t{cores / 2}, kThreadsMax})));
}

PasswordHasher::PasswordHasher()
    : PasswordHasher(CostFor(MemoryLimitHere()),
                     ThreadsFor(std::thread::hardware_concurrency(), MemoryLimitHere(),
                                CostFor(MemoryLimitHere()))) {}

PasswordHasher::PasswordHasher(Cost cost, int threads) : cost_(cost) {
  if (sodium_init() < 0) abort();  // no random bytes: nothing would be safe
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

PasswordHasher::~PasswordHasher() { Stop(); }

void PasswordHasher::Stop() {
  std::deque<Job> dropped;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(known_);
    std::move(strangers_.begin(), strangers_.end(), std::back_inserter(dropped));
    strangers_.clear();
  }
  wake_.notify_all();
  for (const Job& job : dropped) job.refuse(Stopping());
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void PasswordHasher::Hash(std::string password,
                          std::function<void(absl::StatusOr<std::string>)> done) {
  auto secret = std::make_shared<const Password>(std::move(password));
  Add({[this, secret, done] {
         std::string hash = HashNow(secret->text);
         done(hash.empty() ? absl::StatusOr<std::string>(OutOfMemory()) : std::move(hash));
       },
       [done](const absl::Status& status) { done(status); }},
      Lane::kKnown);
}

void PasswordHasher::Verify(std::string password, std::string hash, Lane lane,
                            std::function<void(absl::StatusOr<Verdict>)> done) {
  auto secret = std::make_shared<const Password>(std::move(password));
  Add({[this, secret, hash = std::move(hash), done] { done(VerifyNow(secret->text, hash)); },
       [done](const absl::Status& status) { done(status); }},
      lane);
}

void PasswordHasher::Add(Job job, Lane lane) {
  absl::Status refused;
  std::deque<Job>& jobs = lane == Lane::kKnown ? known_ : strangers_;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Stopping();
    } else if (jobs.size() >= static_cast<size_t>(limits::kPasswordQueue)) {
      refused = QueueFull();
    } else {
      jobs.push_back(std::move(job));
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  if (!refused.ok()) return job.refuse(refused);
  wake_.notify_one();
}

// Under the lock.
PasswordHasher::Job PasswordHasher::TakeJob() {
  const bool known =
      strangers_.empty() || (!known_.empty() && known_in_a_row_ < kKnownBeforeAStranger);
  known_in_a_row_ = known ? known_in_a_row_ + 1 : 0;
  std::deque<Job>& jobs = known ? known_ : strangers_;
  Job job = std::move(jobs.front());
  jobs.pop_front();
  return job;
}

void PasswordHasher::Run() {
  pthread_setname_np(pthread_self(), "hasher");
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);  // of this thread
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || HasJob(); });
      if (stopping_) return;
      job = TakeJob();
    }
    job.work();
  }
}

std::string PasswordHasher::HashNow(const std::string& password) const {
  std::array<char, crypto_pwhash_argon2id_STRBYTES> hash{};
  if (crypto_pwhash_argon2id_str(hash.data(), password.data(), password.size(), cost_.operations,
                                 cost_.memory_bytes) != 0)
    return "";
  return hash.data();
}

absl::StatusOr<core::PasswordHasher::Verdict> PasswordHasher::VerifyNow(
    const std::string& password, const std::string& hash) const {
  // -1: not a hash of ours; then the work is done all the same, and for nothing.
  const int outdated = hash.size() >= crypto_pwhash_argon2id_STRBYTES
                           ? -1
                           : crypto_pwhash_argon2id_str_needs_rehash(hash.c_str(), cost_.operations,
                                                                     cost_.memory_bytes);
  const auto parts = outdated < 0 ? std::nullopt : ParseHash(hash);
  if (!parts) {
    if (HashNow(password).empty()) return OutOfMemory();
    return Verdict();
  }
  // Not crypto_pwhash_str_verify, to which want of memory is a wrong password.
  std::array<unsigned char, kHashBytes> made{};
  if (crypto_pwhash(made.data(), made.size(), password.data(), password.size(), parts->salt.data(),
                    parts->cost.operations, parts->cost.memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return OutOfMemory();
  return Verdict{.matches = sodium_memcmp(made.data(), parts->hash.data(), made.size()) == 0,
                 .outdated = outdated != 0};
}

}  // namespace grpc_os::host
