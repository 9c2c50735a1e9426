// DeployService of the fake daemon.
#ifndef GRPC_OS_CLIENT_FAKE_DEPLOYS_H_
#define GRPC_OS_CLIENT_FAKE_DEPLOYS_H_

#include <google/protobuf/util/message_differencer.h>

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/fake_state.h"
#include "grpc_os/v1/deploy_services.grpc.pb.h"

namespace grpc_os::client {

// A deploy takes one of FakeState::deploy_steps with each WaitRevision, and then has ended.
class FakeDeploys : public v1::DeployService::Service {
 public:
  explicit FakeDeploys(FakeState& state) : state_(state) {}

  grpc::Status DeployProcess(grpc::ServerContext* context, const v1::DeployProcessRequest* request,
                             v1::Revision* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->process();
    const char* const what =
        request->validate_only() ? "DeployProcess (validate) " : "DeployProcess ";
    if (auto status = Enter(context, what + name); !status.ok()) return status;
    if (!request->validate_only()) {
      state_.deploys.push_back(*request);
      if (state_.before_deploy) std::exchange(state_.before_deploy, nullptr)();
    }
    const auto known = state_.processes.find(name);
    const bool is_new = known == state_.processes.end();
    if (!request->etag().empty() && (is_new || known->second.etag() != request->etag()))
      return FakeError(grpc::ABORTED, "It changed meanwhile.", "ETAG_MISMATCH");
    const v1::ProcessSpec spec =
        Whole(request->spec(), is_new ? v1::ProcessSpec() : known->second.spec());
    std::vector<v1::Revision>& revisions = state_.revisions[name];
    if (!is_new && !revisions.empty() &&
        google::protobuf::util::MessageDifferencer::Equals(spec, known->second.spec())) {
      *response = revisions.back();
      return grpc::Status::OK;
    }
    v1::Revision revision;
    revision.set_process(name);
    revision.set_number(static_cast<int64_t>(revisions.size()) + 1);
    *revision.mutable_spec() = spec;
    revision.set_dockerfile(request->dockerfile());
    if (request->validate_only()) {
      *response = std::move(revision);
      return grpc::Status::OK;
    }
    if (state_.objects.count("/bundles/" + spec.bundle()) == 0)
      return FakeError(grpc::NOT_FOUND, "There is no such bundle.", "OBJECT_NOT_FOUND");
    *response = Begin(std::move(revision));
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status RollbackProcess(grpc::ServerContext* context,
                               const v1::RollbackProcessRequest* request,
                               v1::Revision* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "RollbackProcess " + request->process()); !status.ok())
      return status;
    std::vector<v1::Revision>& revisions = state_.revisions[request->process()];
    const auto last = static_cast<int64_t>(revisions.size());
    const int64_t number = request->number() > 0 ? request->number() : last - 1;
    if (number < 1 || number > last) return NotFound();
    v1::Revision revision = revisions[static_cast<size_t>(number - 1)];
    revision.set_number(last + 1);
    revision.set_rollback_of(number);
    *response = Begin(std::move(revision));
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status GetRevision(grpc::ServerContext* context, const v1::GetRevisionRequest* request,
                           v1::Revision* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "GetRevision " + request->process()); !status.ok())
      return status;
    const v1::Revision* const found = Find(request->process(), request->number());
    if (found == nullptr) return NotFound();
    *response = *found;
    return grpc::Status::OK;
  }

  grpc::Status ListRevisions(grpc::ServerContext* context, const v1::ListRevisionsRequest* request,
                             v1::ListRevisionsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "ListRevisions " + request->process()); !status.ok())
      return status;
    const std::vector<v1::Revision>& revisions = state_.revisions[request->process()];
    response->mutable_revisions()->Assign(revisions.rbegin(), revisions.rend());
    return grpc::Status::OK;
  }

  grpc::Status WaitRevision(grpc::ServerContext* context, const v1::WaitRevisionRequest* request,
                            v1::Revision* response) override {
    std::function<void()> at_wait;
    {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      at_wait = state_.at_wait;
    }
    if (at_wait) at_wait();
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "WaitRevision " + request->process()); !status.ok())
      return status;
    if (state_.away) return grpc::Status(grpc::UNAVAILABLE, "Socket closed");
    v1::Revision* const revision = Find(request->process(), request->number());
    if (revision == nullptr) return NotFound();
    if (!state_.deploy_steps.empty()) {
      revision->set_step(state_.deploy_steps.front());
      state_.deploy_steps.erase(state_.deploy_steps.begin());
    } else {
      revision->clear_step();
      revision->set_message(std::exchange(state_.deploy_fails, ""));
      revision->set_state(revision->message().empty() ? v1::Revision::STATE_DEPLOYED
                                                      : v1::Revision::STATE_FAILED);
    }
    *response = *revision;
    return grpc::Status::OK;
  }

 private:
  grpc::Status Enter(grpc::ServerContext* context, const std::string& call) {
    auto status = EnterFake(state_, context, call);
    if (!status.ok() || state_.deploy_refused.empty() ||
        (!call.starts_with("Deploy") && !call.starts_with("Rollback"))) {
      return status;
    }
    return FakeError(state_.deploy_refused == "PERMISSION_MISSING" ? grpc::PERMISSION_DENIED
                                                                   : grpc::FAILED_PRECONDITION,
                     "It is refused.", state_.deploy_refused);
  }
  static grpc::Status NotFound() {
    return FakeError(grpc::NOT_FOUND, "There is none; `revisions myapp` lists them.",
                     "REVISION_NOT_FOUND");
  }
  // With the defaults, and the secrets that are kept.
  static v1::ProcessSpec Whole(v1::ProcessSpec spec, const v1::ProcessSpec& now) {
    if (spec.restart_policy() == v1::ProcessSpec::RESTART_POLICY_UNSPECIFIED)
      spec.set_restart_policy(v1::ProcessSpec::RESTART_POLICY_ALWAYS);
    if (spec.stop_signal().empty()) spec.set_stop_signal("TERM");
    if (!spec.has_stop_timeout()) spec.mutable_stop_timeout()->set_seconds(10);
    for (const std::string& secret : now.secret_environment()) {
      if (spec.environment().contains(secret)) continue;
      spec.add_secret_environment(secret);
      (*spec.mutable_environment())[secret] = "";
    }
    return spec;
  }
  v1::Revision Begin(v1::Revision revision) {
    v1::Process& process = state_.processes[revision.process()];
    if (process.id().empty()) process.set_id("proc_" + std::to_string(state_.next_number++));
    process.set_name(revision.process());
    *process.mutable_spec() = revision.spec();
    process.set_generation(process.generation() + 1);
    process.set_etag("e" + std::to_string(process.generation()));
    process.mutable_status()->set_state(v1::Process::STATE_RUNNING);
    process.mutable_status()->set_port(revision.spec().port());
    process.mutable_status()->set_deployed_revision(revision.number());
    revision.set_process_id(process.id());
    revision.set_state(v1::Revision::STATE_DEPLOYING);
    revision.clear_message();
    revision.set_current(true);
    std::vector<v1::Revision>& revisions = state_.revisions[revision.process()];
    for (v1::Revision& other : revisions) other.set_current(false);
    revision.set_previous(static_cast<int64_t>(revisions.size()));
    revisions.push_back(revision);
    return revision;
  }
  // By name or id; number 0: the newest.
  v1::Revision* Find(const std::string& process, int64_t number) {
    for (auto& [name, revisions] : state_.revisions) {
      for (v1::Revision& revision : revisions) {
        if (name != process && revision.process_id() != process) continue;
        if (revision.number() == (number > 0 ? number : revisions.back().number()))
          return &revision;
      }
    }
    return nullptr;
  }

  FakeState& state_;
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_DEPLOYS_H_
