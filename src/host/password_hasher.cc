#include "host/password_hasher.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::host {
namespace {

constexpr size_t kSmallMachineBytes = size_t{1} << 30;
constexpr int kNiceness = 10;

// Overwrites the password when the job is gone, however it ends.
struct Password {
  explicit Password(std::string text_in) : text(std::move(text_in)) {}
  Password(const Password&) = delete;
  Password& operator=(const Password&) = delete;
  ~Password() { sodium_memzero(text.data(), text.size()); }
  std::string text;
};

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

PasswordHasher::Cost PasswordHasher::CostFor(size_t machine_memory_bytes) {
  if (machine_memory_bytes < kSmallMachineBytes) return {2, size_t{19} << 20};
  return {crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE, crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE};
}

PasswordHasher::Cost PasswordHasher::CostHere() {
  return CostFor(static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) *
                 static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

PasswordHasher::PasswordHasher(Cost cost)
    : PasswordHasher(cost,
                     static_cast<int>(std::max(1U, std::thread::hardware_concurrency() / 2))) {}

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
    dropped.swap(jobs_);
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
       [done](const absl::Status& status) { done(status); }});
}

void PasswordHasher::Verify(std::string password, std::string hash,
                            std::function<void(absl::StatusOr<Verdict>)> done) {
  auto secret = std::make_shared<const Password>(std::move(password));
  Add({[this, secret, hash = std::move(hash), done] { done(VerifyNow(secret->text, hash)); },
       [done](const absl::Status& status) { done(status); }});
}

void PasswordHasher::Add(Job job) {
  absl::Status refused;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Stopping();
    } else if (jobs_.size() >= static_cast<size_t>(limits::kPasswordQueue)) {
      refused = QueueFull();
    } else {
      jobs_.push_back(std::move(job));
    }
  }
  if (!refused.ok()) return job.refuse(refused);
  wake_.notify_one();
}

void PasswordHasher::Run() {
  pthread_setname_np(pthread_self(), "hasher");
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);  // of this thread
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
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

core::PasswordHasher::Verdict PasswordHasher::VerifyNow(const std::string& password,
                                                        const std::string& hash) const {
  // -1: not a hash of ours; then the work is done all the same, and for nothing.
  const int outdated = hash.size() >= crypto_pwhash_argon2id_STRBYTES
                           ? -1
                           : crypto_pwhash_argon2id_str_needs_rehash(hash.c_str(), cost_.operations,
                                                                     cost_.memory_bytes);
  if (outdated < 0) {
    HashNow(password);
    return {};
  }
  const bool matches =
      crypto_pwhash_argon2id_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  return {.matches = matches, .outdated = outdated != 0};
}

}  // namespace grpc_os::host
