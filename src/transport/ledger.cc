#include "transport/ledger.h"

#include <algorithm>

namespace grpc_os::transport {
namespace {

constexpr size_t kInflateFree = 4;  // times its size

}  // namespace

Ledger::Account* Ledger::Enter(const std::string& user, bool kept) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= budgets_.connections + (kept ? budgets_.connections_kept : 0)) return nullptr;
  Account* account = Find(user);
  if (account != nullptr) ++connections_;
  return account;
}

Ledger::Account* Ledger::Find(const std::string& user) {
  if (accounts_.size() >= 2 * static_cast<size_t>(budgets_.connections))
    std::erase_if(accounts_, [](const auto& each) { return each.second->connections_ == 0; });
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
  // Whoever comes again at once is who they were.
  if (--account->connections_ == 0 && account->inflated_ == 0)
    accounts_.erase(std::string(account->user_));
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

bool Ledger::MayInflate(Account& account, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto passed_ms = static_cast<size_t>(std::max<int64_t>(now_ms - account.forgiven_ms_, 0));
  const size_t forgiven = std::min(passed_ms, size_t{1'000'000}) * budgets_.inflate_rate / 1000;
  if (forgiven > 0) {
    account.inflated_ -= std::min(account.inflated_, forgiven);
    account.forgiven_ms_ = now_ms;
  }
  return account.inflated_ < budgets_.inflate_burst;
}

void Ledger::Inflated(Account& account, size_t size, size_t inflated) {
  const std::lock_guard lock(mutex_);
  account.inflated_ += inflated - std::min(inflated, size * kInflateFree);
  if (account.inflated_ > budgets_.trim_bytes) grown_.store(true, std::memory_order_relaxed);
}

int Ledger::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

bool Ledger::ShouldTrim() { return bytes() < budgets_.trim_bytes / 4 && grown_.exchange(false); }

}  // namespace grpc_os::transport
