#include "transport/ledger.h"

namespace grpc_os::transport {

Ledger::Account* Ledger::Enter(const std::string& user, bool kept) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= budgets_.connections + (kept ? budgets_.connections_kept : 0)) return nullptr;
  Account* account = Find(user);
  if (account != nullptr) ++connections_;
  return account;
}

Ledger::Account* Ledger::Find(const std::string& user) {
  auto& account = accounts_[user];
  if (account == nullptr) {
    account = std::make_unique<Account>();
    account->user_ = user;
  }
  if (account->connections_ >= budgets_.connections_each) return nullptr;
  ++account->connections_;
  return account.get();
}

void Ledger::Drop(Account* account) {
  if (--account->connections_ == 0) accounts_.erase(std::string(account->user_));
}

Ledger::Account* Ledger::Move(Account* account, const std::string& user, size_t bytes) {
  if (account->user_ == user) return account;
  const std::lock_guard lock(mutex_);
  Account* to = Find(user);
  if (to == nullptr) return nullptr;
  account->bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  to->bytes_.fetch_add(bytes, std::memory_order_relaxed);
  Drop(account);
  return to;
}

void Ledger::Leave(Account* account) {
  const std::lock_guard lock(mutex_);
  --connections_;
  Drop(account);
}

bool Ledger::Take(Account& account, size_t bytes) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  if (account.bytes_.fetch_add(bytes, kRelaxed) + bytes > budgets_.bytes_user) {
    account.bytes_.fetch_sub(bytes, kRelaxed);
    return false;
  }
  const size_t all = bytes_.fetch_add(bytes, kRelaxed) + bytes;
  if (all > budgets_.bytes_all) {
    account.bytes_.fetch_sub(bytes, kRelaxed);
    bytes_.fetch_sub(bytes, kRelaxed);
    return false;
  }
  if (all > budgets_.trim_bytes) grown_.store(true, kRelaxed);
  return true;
}

void Ledger::Return(Account& account, size_t bytes) {
  account.bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

int Ledger::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

bool Ledger::ShouldTrim() { return bytes() < budgets_.trim_bytes / 4 && grown_.exchange(false); }

}  // namespace grpc_os::transport
