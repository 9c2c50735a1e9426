#include "core/identity/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/limits.h"

namespace grpc_os::core {
namespace {

constexpr int kFreeFailures = 5;
constexpr int64_t kFirstWaitMs = 1000;
constexpr int64_t kLongestWaitMs = int64_t{15} * 60'000;
constexpr int64_t kForgottenMs = 86'400'000;
constexpr int64_t kKnownMs = int64_t{30} * 86'400'000;

struct Rate {
  double burst;
  double per_ms;
};
constexpr Rate kPerUser = {100, 100 / 3'600'000.0};
constexpr Rate kPerSource = {20, 10 / 60'000.0};
constexpr Rate kSessions = {limits::kSessionsAtOnce, 1.0 / limits::kSessionEachMs};

double SpentAt(double spent, int64_t since_ms, int64_t now_ms, const Rate& rate) {
  const int64_t passed = std::max<int64_t>(0, now_ms - since_ms);
  return std::max(0.0, spent - static_cast<double>(passed) * rate.per_ms);
}

// Until one more fits.
int64_t WaitFor(double spent, const Rate& rate) {
  const double over = spent + 1 - rate.burst;
  return over <= 0 ? 0 : static_cast<int64_t>(over / rate.per_ms) + 1;
}

int64_t WaitAfter(int failures) {
  if (failures <= kFreeFailures) return 0;
  const int doublings = std::min(failures - kFreeFailures - 1, 20);
  return std::min(kFirstWaitMs << doublings, kLongestWaitMs);
}

}  // namespace

template <typename Key, typename Value>
void Throttle::Bound(std::map<Key, Value>& entries) {
  if (entries.size() <= static_cast<size_t>(limits::kThrottleEntries)) return;
  const auto rank = [](const auto& entry) {
    if constexpr (requires { entry.second.success_ms; }) {
      return std::tuple(entry.second.success_ms >= 0,
                        std::max(entry.second.last_ms, entry.second.success_ms));
    } else {
      return std::tuple(false, entry.second.time_ms);
    }
  };
  entries.erase(std::min_element(entries.begin(), entries.end(),
                                 [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
}

void Throttle::Rewind(const std::string& user, const std::string& source, int64_t now_ms) {
  if (const auto it = pairs_.find({user, source}); it != pairs_.end()) {
    it->second.last_ms = std::min(it->second.last_ms, now_ms);
    it->second.success_ms = std::min(it->second.success_ms, now_ms);
  }
  const auto rewind = [now_ms](std::map<std::string, Budget>& budgets, const std::string& key) {
    if (const auto it = budgets.find(key); it != budgets.end())
      it->second.time_ms = std::min(it->second.time_ms, now_ms);
  };
  rewind(users_, user);
  rewind(sources_, source);
}

bool Throttle::Knows(const std::string& user, const std::string& source, int64_t now_ms) const {
  const auto it = pairs_.find({user, source});
  return it != pairs_.end() && it->second.success_ms >= 0 &&
         now_ms - it->second.success_ms < kKnownMs;
}

bool Throttle::NamedByKernel(const std::string& source) {
  return source.find("uid ") != std::string::npos;
}

int64_t Throttle::WaitMs(const std::string& user, const std::string& source, int64_t now_ms) {
  Rewind(user, source, now_ms);
  int64_t wait = 0;
  if (const auto it = pairs_.find({user, source}); it != pairs_.end()) {
    const Pair& pair = it->second;
    if (now_ms - pair.last_ms < kForgottenMs && WaitAfter(pair.failures) > 0)
      wait = std::max(wait, pair.last_ms + WaitAfter(pair.failures) - now_ms);
  }
  if (Knows(user, source, now_ms)) return wait;
  if (const auto it = users_.find(user); it != users_.end() && !NamedByKernel(source)) {
    const double spent = SpentAt(it->second.spent, it->second.time_ms, now_ms, kPerUser);
    wait = std::max(wait, WaitFor(spent, kPerUser));
  }
  if (const auto it = sources_.find(source); it != sources_.end()) {
    const double spent = SpentAt(it->second.spent, it->second.time_ms, now_ms, kPerSource);
    wait = std::max(wait, WaitFor(spent, kPerSource));
  }
  return wait;
}

void Throttle::Began(const std::string& user, const std::string& source, int64_t now_ms) {
  Pair& pair = pairs_[{user, source}];
  if (now_ms - pair.last_ms >= kForgottenMs) pair.failures = 0;
  ++pair.failures;
  pair.last_ms = now_ms;
  Bound(pairs_);
  if (Knows(user, source, now_ms)) return;
  if (!NamedByKernel(source)) {
    Budget& of_user = users_[user];
    of_user = {SpentAt(of_user.spent, of_user.time_ms, now_ms, kPerUser) + 1, now_ms};
  }
  Budget& of_source = sources_[source];
  of_source = {SpentAt(of_source.spent, of_source.time_ms, now_ms, kPerSource) + 1, now_ms};
  Bound(users_);
  Bound(sources_);
}

void Throttle::Succeeded(const std::string& user, const std::string& source, int64_t now_ms) {
  GiveBack(user, source, now_ms);
  Pair& pair = pairs_[{user, source}];
  pair.failures = 0;
  pair.success_ms = now_ms;
  Bound(pairs_);
}

void Throttle::Withdrawn(const std::string& user, const std::string& source, int64_t now_ms) {
  if (const auto it = pairs_.find({user, source}); it != pairs_.end() && it->second.failures > 0)
    --it->second.failures;
  GiveBack(user, source, now_ms);
}

int64_t Throttle::OpenSession(const std::string& user, int64_t now_ms) {
  Budget& of_user = opened_[user];
  const int64_t since = std::min(of_user.time_ms, now_ms);
  const double spent = SpentAt(of_user.spent, since, now_ms, kSessions);
  const int64_t wait = WaitFor(spent, kSessions);
  of_user = {wait == 0 ? spent + 1 : spent, now_ms};
  Bound(opened_);
  return wait;
}

void Throttle::Knew(const std::string& user, const std::string& source, int64_t success_ms) {
  if (pairs_.size() >= static_cast<size_t>(limits::kThrottleEntries)) return;
  Pair& pair = pairs_[{user, source}];
  pair.success_ms = std::max(pair.success_ms, success_ms);
}

void Throttle::GiveBack(const std::string& user, const std::string& source, int64_t now_ms) {
  if (Knows(user, source, now_ms)) return;  // it spent nothing
  const auto give_back = [now_ms](std::map<std::string, Budget>& budgets, const std::string& key,
                                  const Rate& rate) {
    const auto it = budgets.find(key);
    if (it == budgets.end()) return;
    const double spent = SpentAt(it->second.spent, it->second.time_ms, now_ms, rate);
    it->second = {std::max(0.0, spent - 1), now_ms};
  };
  if (!NamedByKernel(source)) give_back(users_, user, kPerUser);
  give_back(sources_, source, kPerSource);
}

std::string Throttle::SourceOf(const std::string& source) {
  // The loopback has a network of addresses, of which a client may take any.
  if (source.starts_with("127."))
    return "127.0.0.1" + source.substr(std::min(source.find(' '), source.size()));
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET6, source.c_str(), address.data()) != 1) return source;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address.data()));
  if (mapped) return source;
  std::fill(address.begin() + 8, address.end(), 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  return std::string(text.data()) + "/64";
}

}  // namespace grpc_os::core
