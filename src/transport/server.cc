#include "transport/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/listener.h"

namespace grpc_os::transport {

Server::Server(std::vector<Endpoint> endpoints, Methods methods, Options options)
    : shared_(options.budgets, std::move(methods), std::move(options.user_of)),
      uid_of_(std::move(options.uid_of)),
      endpoints_(std::move(endpoints)),
      each_second_(std::move(options.each_second)) {
  for (int i = 0; i < std::max(options.io_threads, 1); ++i)
    threads_.push_back(std::make_unique<IoThread>(shared_));
  IoThread& first = *threads_.front();
  for (Endpoint& endpoint : endpoints_) {
    const auto take = [this, &endpoint](UniqueFd fd) { Take(endpoint, std::move(fd)); };
    if (endpoint.path.empty()) {
      acceptors_.push_back(
          std::make_unique<Acceptor>(first.loop(), std::move(endpoint.listener), take));
      continue;
    }
    const auto listen = [path = endpoint.path] { return ListenUnix(path); };
    unix_listeners_.push_back(std::make_unique<KeptListener>(
        first.loop(), std::move(endpoint.listener),
        KeptListener::Settings{endpoint.path, listen, take, options.say}));
  }
  second_ = first.loop().After(KeptListener::kLookEveryMs, [this] { OnSecond(); });
  int number = 0;
  for (const auto& thread : threads_) thread->Start(absl::StrCat("grpc-io-", number++).c_str());
}

Server::~Server() { Stop(0); }

void Server::Take(const Endpoint& endpoint, UniqueFd fd) {
  shared_.counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  auto peer = PeerOf(fd.get(), endpoint.local, endpoint.tls == nullptr ? uid_of_ : nullptr);
  if (!peer.has_value()) return;
  peer->encrypted = endpoint.tls != nullptr;
  peer->relay = endpoint.relay;
  const bool kept = peer->local && (peer->uid == 0 || peer->uid == static_cast<int64_t>(geteuid()));
  Ledger::Account* account = shared_.ledger.Enter(peer->user, kept);
  if (account == nullptr) {
    shared_.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const int yes = 1;
  if (!endpoint.local) setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  auto wire = endpoint.tls == nullptr ? MakePlainWire(fd.get()) : endpoint.tls->MakeWire(fd.get());
  if (wire == nullptr) return shared_.ledger.Leave(account);
  IoThread& thread = *threads_[next_thread_++ % threads_.size()];
  if (thread.IsCurrent())
    return thread.Adopt(std::move(fd), std::move(wire), *std::move(peer), account);
  // A function that is posted can be copied; what it carries cannot.
  auto carried =
      std::make_shared<std::pair<UniqueFd, std::unique_ptr<Wire>>>(std::move(fd), std::move(wire));
  thread.Post([&thread, carried, peer = *std::move(peer), account] {
    thread.Adopt(std::move(carried->first), std::move(carried->second), peer, account);
  });
}

void Server::OnSecond() {
  second_ = threads_.front()->loop().After(KeptListener::kLookEveryMs, [this] { OnSecond(); });
  for (const auto& listener : unix_listeners_) listener->Look();
  if (each_second_) each_second_();
}

void Server::Stop(int64_t grace_ms) {
  if (std::exchange(stopped_, true)) return;
  std::promise<void> deaf;
  threads_.front()->Post([this, &deaf] {
    threads_.front()->loop().Cancel(second_);
    acceptors_.clear();
    unix_listeners_.clear();
    deaf.set_value();
  });
  deaf.get_future().wait();
  for (const auto& thread : threads_) thread->BeginStop(grace_ms);
  for (const auto& thread : threads_) thread->Join();
}

}  // namespace grpc_os::transport
