#include "shell/live_names.h"

#include <pthread.h>

#include <utility>

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kServes{2};

}  // namespace

LiveNames::LiveNames(client::Address address, std::string state_directory, std::string token)
    : client_(std::move(address), {.timeout = kPatience,
                                   .state_directory = std::move(state_directory),
                                   .token = std::move(token),
                                   // An answer that comes too late would end the session.
                                   .may_refresh = false}) {}

LiveNames::~LiveNames() {
  client_.Cancel();
  if (thread_.joinable()) thread_.join();
}

std::vector<std::string> LiveNames::Of(Kind kind) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto serves = [&] {
    const auto found = entries_.find(kind);
    return found != entries_.end() && Clock::now() - found->second.asked < kServes;
  };
  if (!serves() && !asking_) {
    if (thread_.joinable()) thread_.join();  // it has ended but for its last line
    asking_ = true;
    thread_ = std::thread([this, kind] {
      ::pthread_setname_np(::pthread_self(), "completion");
      client_.BeginCommand();
      std::vector<std::string> names = Ask(kind);
      const std::lock_guard<std::mutex> done(mutex_);
      entries_[kind] = {std::move(names), Clock::now()};
      asking_ = false;
      answered_.notify_all();
    });
  }
  answered_.wait_for(lock, kPatience, serves);
  return serves() ? entries_[kind].names : std::vector<std::string>();
}

std::vector<std::string> LiveNames::Ask(Kind kind) {
  std::vector<std::string> names;
  if (kind == Kind::kProcess) {
    const auto all = client_.ListProcesses();
    if (!all.ok()) return names;
    for (const v1::Process& process : all->processes()) {
      names.push_back(process.name());
      names.push_back(process.id());
    }
  } else if (kind == Kind::kUser) {
    const auto all = client_.ListUsers();
    if (!all.ok()) return names;
    for (const v1::User& user : all->users()) names.push_back(user.name());
  } else if (kind == Kind::kSession || kind == Kind::kToken) {
    const auto all = client_.ListSessions({});
    if (!all.ok()) return names;
    for (const v1::Session& session : all->sessions()) {
      if (kind == Kind::kSession || session.login_method() == "token")
        names.push_back(session.id());
    }
  }
  return names;
}

}  // namespace grpc_os::shell
