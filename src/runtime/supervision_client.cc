#include "runtime/supervision_client.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/init_connection.h"
#include "runtime/instance_connection.h"
#include "runtime/layout.h"
#include "runtime/remains.h"
#include "runtime/task_runs.h"
#include "runtime/usage.h"

namespace grpc_os::runtime {
namespace {

constexpr int64_t kPingEveryMs = 1000;
constexpr size_t kPingsAtOnce = 100;

internal::SuperviseRequest StopRequestFor(const std::string& cause) {
  internal::SuperviseRequest request;
  request.mutable_stop()->set_cause(cause);
  return request;
}

// Drops the pid of an answer.
InstanceConnection::Done WithoutPid(std::function<void(absl::Status)> done) {
  return [done = std::move(done)](const absl::StatusOr<int>& pid) { done(pid.status()); };
}

}  // namespace

class SupervisionClient::Impl final : private InitConnection::Events,
                                      private InstanceConnection::Events {
 public:
  Impl(EventLoop& loop, Options options)
      : loop_(loop),
        options_(std::move(options)),
        init_(loop, options_.data_directory, OwnAccount(), *this),
        tasks_(loop, options_.data_directory, init_,
               [this](const std::string& message) { OnError(message); }) {}
  ~Impl() { loop_.Cancel(timer_); }

  void Start(core::SupervisionObserver& observer) {
    observer_ = &observer;
    init_.Start();
    PingSome();
  }
  void ReportReady() { init_.ReportReady(); }
  TaskRuns& tasks() { return tasks_; }

  void Launch(const core::Process& process, std::function<void(absl::Status)> done);
  void Attach(const std::string& instance_id, int64_t after_seq);
  void SetSpec(const core::Process& process, std::function<void(absl::Status)> done);
  void Call(const std::string& instance_id, internal::SuperviseRequest request, UniqueFd descriptor,
            InstanceConnection::Done done);
  void Acknowledge(const std::string& instance_id, int64_t seq);
  void Release(const std::string& instance_id);
  void RemoveRemains(const std::string& process_id, const std::string& process_name);
  Usage UsageOf(const std::string& instance_id) const;
  std::vector<std::string> Silent() const;

 private:
  void PingSome();
  // InitConnection::Events:
  void OnInit(const std::string& cgroup_mode, bool shielded,
              const std::vector<std::string>& instance_ids) override;
  void OnInstanceGone(const std::string& instance_id, bool relaunching) override;
  void OnShutdown() override;
  // InstanceConnection::Events:
  void OnInstanceConnected(const core::InstanceReport& snapshot) override;
  void OnInstanceReport(const core::InstanceReport& report) override;
  void OnInstancePresent(const core::InstanceReport& snapshot) override;
  void OnInstanceAway(const std::string& instance_id) override;
  // Of both:
  void OnError(const std::string& message) override;

  InstanceConnection* Find(const std::string& instance_id) const;
  void OnLaunched(const core::Process& process);
  // What `process.generation` executes, for messages about it.
  void Describe(const core::Process& process, const internal::LaunchSpec& spec);
  bool IsGone(const std::string& instance_id) const;
  void ForgetIfGone(const std::string& instance_id);

  EventLoop& loop_;
  const Options options_;
  core::SupervisionObserver* observer_ = nullptr;
  InitConnection init_;
  TaskRuns tasks_;
  std::map<std::string, std::unique_ptr<InstanceConnection>> instances_;
  EventLoop::TimerId timer_ = 0;
  std::string pinged_;  // the last one
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

void SupervisionClient::Impl::Launch(const core::Process& process,
                                     std::function<void(absl::Status)> done) {
  init_.Launch(process, [this, process, done = std::move(done)](const absl::Status& status) {
    if (status.ok()) OnLaunched(process);
    done(status);
  });
}

void SupervisionClient::Impl::OnLaunched(const core::Process& process) {
  Attach(process.instance_id, process.instance_seq);
  const absl::StatusOr<internal::LaunchSpec> spec = init_.SpecOf(process);
  if (spec.ok()) Describe(process, *spec);
}

void SupervisionClient::Impl::Describe(const core::Process& process,
                                       const internal::LaunchSpec& spec) {
  InstanceConnection* instance = Find(process.instance_id);
  if (instance != nullptr && !spec.argv().empty()) {
    instance->Describe(spec.generation(), {spec.argv(0), spec.working_directory()});
  }
}

void SupervisionClient::Impl::Attach(const std::string& instance_id, int64_t after_seq) {
  if (const absl::Status valid = CheckInstanceId(instance_id); !valid.ok()) {
    OnError(std::string(valid.message()));
    return;
  }
  std::unique_ptr<InstanceConnection>& instance = instances_[instance_id];
  if (instance != nullptr) {
    instance->ConnectAnew(after_seq);
    return;
  }
  instance = std::make_unique<InstanceConnection>(
      loop_, InstanceDirectory(options_.data_directory, instance_id), instance_id, after_seq,
      static_cast<InstanceConnection::Events&>(*this));
}

void SupervisionClient::Impl::SetSpec(const core::Process& process,
                                      std::function<void(absl::Status)> done) {
  const absl::StatusOr<internal::LaunchSpec> spec = init_.SpecOf(process);
  absl::StatusOr<UniqueFd> memfd = spec.ok() ? protocol::ToMemfd(*spec) : spec.status();
  if (!memfd.ok()) {
    loop_.Post([done = std::move(done), status = memfd.status()] { done(status); });
    return;
  }
  Describe(process, *spec);
  internal::SuperviseRequest request;
  request.mutable_set_spec();
  Call(process.instance_id, std::move(request), *std::move(memfd), WithoutPid(std::move(done)));
}

void SupervisionClient::Impl::Call(const std::string& instance_id,
                                   internal::SuperviseRequest request, UniqueFd descriptor,
                                   InstanceConnection::Done done) {
  if (InstanceConnection* instance = Find(instance_id); instance != nullptr) {
    instance->Call(std::move(request), std::move(descriptor), std::move(done));
    return;
  }
  loop_.Post([done = std::move(done)] {
    done(absl::UnavailableError("there is no connection to the supervisor"));
  });
}

// In turn, so that few wake up in the same moment.
void SupervisionClient::Impl::PingSome() {
  const int64_t every_ms = std::min(kPingEveryMs, options_.ping_interval_ms);
  timer_ = loop_.After(every_ms, [this] { PingSome(); });
  const auto share = instances_.size() * static_cast<size_t>(every_ms) /
                     static_cast<size_t>(options_.ping_interval_ms);
  size_t count = std::min({share + 1, kPingsAtOnce, instances_.size()});
  for (auto next = instances_.upper_bound(pinged_); count > 0; --count, ++next) {
    if (next == instances_.end()) next = instances_.begin();
    next->second->Ping(options_.ping_interval_ms);
    pinged_ = next->first;
  }
}

std::vector<std::string> SupervisionClient::Impl::Silent() const {
  std::vector<std::string> silent;
  for (const auto& [instance_id, instance] : instances_) {
    if (instance->SilentMs() > options_.ping_interval_ms) silent.push_back(instance_id);
  }
  return silent;
}

void SupervisionClient::Impl::Acknowledge(const std::string& instance_id, int64_t seq) {
  if (InstanceConnection* instance = Find(instance_id); instance != nullptr) {
    instance->Acknowledge(seq);
  }
}

void SupervisionClient::Impl::Release(const std::string& instance_id) {
  if (InstanceConnection* instance = Find(instance_id); instance != nullptr) {
    instance->Release();
  }
}

void SupervisionClient::Impl::RemoveRemains(const std::string& process_id,
                                            const std::string& process_name) {
  absl::Status status = CheckProcessId(process_id);
  status.Update(CheckProcessName(process_name));
  if (status.ok()) {
    status.Update(RemoveTree(LogsDirectory(options_.data_directory), process_id));
    init_.RemoveProcessDirectory(process_name);
  }
  if (!status.ok()) {
    OnError(absl::StrCat("what process ", process_id.substr(0, 64), " left: ", status.message()));
  }
}

SupervisionClient::Usage SupervisionClient::Impl::UsageOf(const std::string& instance_id) const {
  const InstanceConnection* instance = Find(instance_id);
  if (instance == nullptr) return {};
  const ResourceUsage usage = !instance->cgroup_path().empty()
                                  ? UsageOfLeaf(instance->cgroup_path(), instance_id)
                              : instance->connected() ? UsageOfProcess(instance->pid())
                                                      : ResourceUsage();
  return {usage.memory_bytes, usage.cpu_time_ms};
}

InstanceConnection* SupervisionClient::Impl::Find(const std::string& instance_id) const {
  const auto it = instances_.find(instance_id);
  return it == instances_.end() ? nullptr : it->second.get();
}

void SupervisionClient::Impl::OnInit(const std::string& cgroup_mode, bool shielded,
                                     const std::vector<std::string>& instance_ids) {
  if (options_.on_init) options_.on_init(cgroup_mode, shielded);
  observer_->OnInstances(instance_ids);
  for (const auto& [instance_id, instance] : instances_) ForgetIfGone(instance_id);
}

void SupervisionClient::Impl::OnInstanceGone(const std::string& instance_id, bool relaunching) {
  if (tasks_.OnGone(instance_id, relaunching)) return;
  const auto it = instances_.find(instance_id);
  if (relaunching) {
    if (it != instances_.end()) it->second->Relaunching();
    return;
  }
  if (it != instances_.end()) {
    // Its last words were sent before it ended.
    it->second->Receive();
    instances_.erase(instance_id);
  }
  observer_->OnGone(instance_id);
}

bool SupervisionClient::Impl::IsGone(const std::string& instance_id) const {
  const InstanceConnection* instance = Find(instance_id);
  return instance != nullptr && !instance->connected() && init_.established() &&
         !init_.Expects(instance_id);
}

void SupervisionClient::Impl::ForgetIfGone(const std::string& instance_id) {
  if (!IsGone(instance_id)) return;
  // Later, because this may be called by the connection itself.
  loop_.Post([this, instance_id, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired() || !IsGone(instance_id)) return;
    instances_.erase(instance_id);
    observer_->OnGone(instance_id);
  });
}

void SupervisionClient::Impl::OnShutdown() {
  if (options_.on_shutdown) options_.on_shutdown();
}

void SupervisionClient::Impl::OnInstanceConnected(const core::InstanceReport& snapshot) {
  observer_->OnConnected(snapshot);
}

void SupervisionClient::Impl::OnInstanceReport(const core::InstanceReport& report) {
  observer_->OnReport(report);
}

void SupervisionClient::Impl::OnInstancePresent(const core::InstanceReport& snapshot) {
  observer_->OnPresent(snapshot);
}

void SupervisionClient::Impl::OnInstanceAway(const std::string& instance_id) {
  ForgetIfGone(instance_id);
}

void SupervisionClient::Impl::OnError(const std::string& message) {
  if (options_.on_error) {
    options_.on_error(message);
  } else {
    fprintf(stderr, "%s\n", message.c_str());
  }
}

SupervisionClient::SupervisionClient(EventLoop& loop, Options options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
SupervisionClient::~SupervisionClient() = default;

void SupervisionClient::Start(core::SupervisionObserver& observer) { impl_->Start(observer); }
void SupervisionClient::ReportReady() { impl_->ReportReady(); }

void SupervisionClient::Launch(const core::Process& process,
                               std::function<void(absl::Status)> done) {
  impl_->Launch(process, std::move(done));
}

void SupervisionClient::Attach(const std::string& instance_id, int64_t after_seq) {
  impl_->Attach(instance_id, after_seq);
}

void SupervisionClient::SetSpec(const core::Process& process,
                                std::function<void(absl::Status)> done) {
  impl_->SetSpec(process, std::move(done));
}

void SupervisionClient::Stop(const std::string& instance_id,
                             std::function<void(absl::Status)> done) {
  impl_->Call(instance_id, StopRequestFor("requested"), UniqueFd(), WithoutPid(std::move(done)));
}

void SupervisionClient::Restart(const std::string& instance_id, int64_t restart_number,
                                bool only_if_waiting, std::function<void(absl::Status)> done) {
  internal::SuperviseRequest request;
  request.mutable_restart()->set_restart_number(restart_number);
  request.mutable_restart()->set_only_if_waiting(only_if_waiting);
  impl_->Call(instance_id, std::move(request), UniqueFd(), WithoutPid(std::move(done)));
}

void SupervisionClient::Signal(const std::string& instance_id, int signal,
                               std::function<void(absl::StatusOr<int>)> done) {
  internal::SuperviseRequest request;
  request.mutable_signal()->set_signal(signal);
  impl_->Call(instance_id, std::move(request), UniqueFd(), std::move(done));
}

void SupervisionClient::Acknowledge(const std::string& instance_id, int64_t seq) {
  impl_->Acknowledge(instance_id, seq);
}

void SupervisionClient::Release(const std::string& instance_id) { impl_->Release(instance_id); }

void SupervisionClient::RemoveRemains(const std::string& process_id,
                                      const std::string& process_name) {
  impl_->RemoveRemains(process_id, process_name);
}

std::vector<std::string> SupervisionClient::Silent() const { return impl_->Silent(); }

core::TaskRunner& SupervisionClient::tasks() { return impl_->tasks(); }

SupervisionClient::Usage SupervisionClient::UsageOf(const std::string& instance_id) const {
  return impl_->UsageOf(instance_id);
}

}  // namespace grpc_os::runtime
