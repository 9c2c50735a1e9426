// Who holds how many connections and bytes of the transport.
#ifndef GRPC_OS_TRANSPORT_LEDGER_H_
#define GRPC_OS_TRANSPORT_LEDGER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "transport/budgets.h"

namespace grpc_os::transport {

// Thread-safe. Bytes are counted with atomics alone.
class Ledger {
 public:
  // What the connections of one user hold together.
  class Account {
   public:
    size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

   private:
    friend class Ledger;
    std::string user_;
    int connections_ = 0;  // under the ledger's lock
    std::atomic<size_t> bytes_{0};
    // Inflated and not yet forgiven, at that time; under the ledger's lock.
    size_t inflated_ = 0;
    int64_t forgiven_ms_ = 0;
  };

  explicit Ledger(const Budgets& budgets) : budgets_(budgets) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // A connection of this user, until Leave; null: there are too many, of all or of theirs. `kept`:
  // may have a place of those kept.
  Account* Enter(const std::string& user, bool kept = false);
  void Leave(Account* account);
  // The connection of an account that holds `bytes` for it is of this user from now on, who holds
  // them; null: they have too many, and it stays as it was.
  Account* Move(Account* account, const std::string& user, size_t bytes);

  // Counts bytes before they are buffered. False, and nothing counted: the user, or all together,
  // would hold too many.
  [[nodiscard]] bool Take(Account& account, size_t bytes);
  void Return(Account& account, size_t bytes);

  // Whether a message of this user may be inflated now; then what came of it is counted.
  [[nodiscard]] bool MayInflate(Account& account, int64_t now_ms);
  void Inflated(Account& account, size_t size, size_t inflated);

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  int connections() const;
  // Whether much was held since the last time that ShouldTrim was true.
  bool grown() const { return grown_.load(std::memory_order_relaxed); }
  // True once after much was held and little is any more.
  bool ShouldTrim();

 private:
  const Budgets& budgets_;
  // Under the lock.
  Account* Find(const std::string& user);
  void Drop(Account* account);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<Account>> accounts_;
  int connections_ = 0;
  std::atomic<size_t> bytes_{0};
  std::atomic<bool> grown_{false};  // over trim_bytes since the last trim
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_LEDGER_H_
