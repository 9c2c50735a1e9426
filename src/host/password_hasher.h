// Passwords by argon2id (RFC 9106), with libsodium.
#ifndef GRPC_OS_HOST_PASSWORD_HASHER_H_
#define GRPC_OS_HOST_PASSWORD_HASHER_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/identity/identity_ports.h"

namespace grpc_os::host {

// Half of the machine's cores and at most two threads, at low priority, so that log-ins starve
// nobody; at most limits::kPasswordQueue wait in each lane. Memory of a hash is given back after
// it.
class PasswordHasher final : public core::PasswordHasher {
 public:
  struct Cost {
    unsigned long long operations = 0;
    size_t memory_bytes = 0;
  };
  // libsodium's INTERACTIVE (64 MiB, 2 passes); with less than 1 GiB of memory OWASP's least
  // (19 MiB, 2 passes), or where that would be more than a quarter, what OWASP holds equal to it
  // (7 MiB, 5 passes).
  static Cost CostFor(size_t memory_bytes);
  // So many that all of them together take a quarter of the memory at most; at least one.
  static int ThreadsFor(unsigned cores, size_t memory_bytes, const Cost& cost);

  PasswordHasher(Cost cost, int threads);
  PasswordHasher();  // as the memory and the cores here bear it
  ~PasswordHasher() override;

  void Hash(std::string password, std::function<void(absl::StatusOr<std::string>)> done) override;
  void Verify(std::string password, std::string hash, Lane lane,
              std::function<void(absl::StatusOr<Verdict>)> done) override;

  // Finishes what is being hashed; what waits is refused with UNAVAILABLE. Idempotent.
  void Stop();

 private:
  struct Job {
    std::function<void()> work;
    std::function<void(const absl::Status&)> refuse;
  };
  void Add(Job job, Lane lane);
  bool HasJob() const { return !known_.empty() || !strangers_.empty(); }
  Job TakeJob();
  void Run();
  std::string HashNow(const std::string& password) const;  // empty: out of memory
  absl::StatusOr<Verdict> VerifyNow(const std::string& password, const std::string& hash) const;

  const Cost cost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> known_;
  std::deque<Job> strangers_;
  int known_in_a_row_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_PASSWORD_HASHER_H_
