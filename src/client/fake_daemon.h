// A small daemon inside a test: the API's services with processes that exist only as records.
#ifndef GRPC_OS_CLIENT_FAKE_DAEMON_H_
#define GRPC_OS_CLIENT_FAKE_DAEMON_H_

#include <grpcpp/grpcpp.h>
#include <poll.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/fake_auth.h"
#include "client/fake_deploys.h"
#include "client/fake_domains.h"
#include "client/fake_objects.h"
#include "client/fake_state.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "grpc_os/v1/event_services.grpc.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.grpc.pb.h"
#include "grpc_os/v1/system_services.grpc.pb.h"

namespace grpc_os::client {

class FakeDaemon {
 public:
  // Serves on `directory`/run/api.sock.
  explicit FakeDaemon(const std::string& directory)
      : directory_(directory),
        auth_(state),
        processes_(state),
        events_(state),
        objects_(state),
        system_(state),
        deploys_(state),
        domains_(state) {
    std::filesystem::create_directories(directory_ + "/run");
    grpc::ServerBuilder builder;
    // Otherwise its end may have to wait for a thread that looks up every 10 s.
    builder.SetSyncServerOption(grpc::ServerBuilder::CQ_TIMEOUT_MSEC, 100);
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&auth_);
    builder.RegisterService(&processes_);
    builder.RegisterService(&events_);
    builder.RegisterService(&objects_);
    builder.RegisterService(&system_);
    builder.RegisterService(&deploys_);
    builder.RegisterService(&domains_);
    server_ = builder.BuildAndStart();
  }
  ~FakeDaemon() { server_->Shutdown(std::chrono::system_clock::now()); }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  std::string address() const { return "unix:" + directory_ + "/run/api.sock"; }

  v1::Object& AddObject(const std::string& name, const std::string& data) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return FakeObjects::Put(state, name, data);
  }
  v1::Process& AddProcess(const std::string& name, v1::Process::State process_state) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return AddLocked(state, name, process_state);
  }
  std::vector<std::string> calls() {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return state.calls;
  }
  // As when time passes: every token so far is refused from now on; refresh tokens serve.
  void ForgetTokens() {
    const std::lock_guard<std::mutex> lock(state.mutex);
    state.tokens.clear();
  }

  v1::User& AddUser(const std::string& name, const std::string& password,
                    const std::vector<std::string>& roles) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    v1::User& user = state.users[name];
    user.set_name(name);
    user.set_has_password(!password.empty());
    for (const std::string& role : roles) user.add_roles(role);
    if (!password.empty()) state.passwords[name] = password;
    return user;
  }
  // A token that somebody was given: for GRPC_OS_TOKEN.
  std::string AddToken(const std::string& user) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return FakeAuth::GiveToken(state, user, "token", FakeAuth::OpenSession(state, user, "token"));
  }

  FakeState state;

 private:
  static v1::Process& AddLocked(FakeState& state, const std::string& name,
                                v1::Process::State process_state) {
    v1::Process& process = state.processes[name];
    process.set_id("proc_" + std::to_string(state.next_number++));
    process.set_name(name);
    process.mutable_spec()->set_command("sleep 1000");
    process.mutable_spec()->set_restart_policy(v1::ProcessSpec::RESTART_POLICY_ALWAYS);
    process.mutable_spec()->mutable_stop_timeout()->set_seconds(10);
    process.mutable_spec()->set_stop_signal("TERM");
    process.set_generation(1);
    process.set_etag("e1");
    process.mutable_status()->set_state(process_state);
    process.mutable_status()->set_running_generation(1);
    process.set_desired_state(v1::Process::DESIRED_STATE_RUNNING);
    if (process_state == v1::Process::STATE_RUNNING) process.mutable_status()->set_pid(4242);
    if (process_state == v1::Process::STATE_STOPPED) {
      process.set_desired_state(v1::Process::DESIRED_STATE_STOPPED);
    }
    if (process_state == v1::Process::STATE_EXITED) {
      process.set_desired_state(v1::Process::DESIRED_STATE_COMPLETED);
      process.mutable_status()->mutable_last_exit()->set_reason(v1::ExitReport::REASON_EXITED);
      process.mutable_status()->mutable_last_exit()->set_exit_code(0);
    }
    return process;
  }

  static bool Hangs(FakeState& state) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return state.hang;
  }

  class Processes : public v1::ProcessService::Service {
   public:
    explicit Processes(FakeState& state) : state_(state) {}
    grpc::Status GetProcess(grpc::ServerContext* context, const v1::GetProcessRequest* request,
                            v1::Process* response) override {
      return With(context, "GetProcess", request->name(), response, [](v1::Process&) {});
    }
    grpc::Status ListProcesses(grpc::ServerContext* context,
                               const v1::ListProcessesRequest* request,
                               v1::ListProcessesResponse* response) override {
      while (Hangs(state_) && !context->IsCancelled()) ::poll(nullptr, 0, 2);
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, "ListProcesses"); !status.ok()) return status;
      // Pages of two, whatever is asked for: a page may be smaller than wished.
      auto from = request->page_token().empty() ? state_.processes.begin()
                                                : state_.processes.find(request->page_token());
      for (; response->processes_size() < 2 && from != state_.processes.end(); ++from) {
        if (from->second.system() == request->system()) *response->add_processes() = from->second;
      }
      if (from != state_.processes.end()) response->set_next_page_token(from->first);
      response->set_revision(17);
      return grpc::Status::OK;
    }
    grpc::Status CreateProcess(grpc::ServerContext* context,
                               const v1::CreateProcessRequest* request,
                               v1::Process* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      const std::string& name = request->process().name();
      if (auto status = EnterFake(state_, context, "CreateProcess " + name); !status.ok()) {
        return status;
      }
      state_.last_create = *request;
      if (state_.processes.count(name) != 0) {
        return FakeError(grpc::ALREADY_EXISTS, "The name is taken.", "NAME_TAKEN");
      }
      if (state_.exec_fails) return ExecFailed();
      v1::Process& process =
          AddLocked(state_, name,
                    state_.ends_at_once ? v1::Process::STATE_EXITED : v1::Process::STATE_RUNNING);
      process.mutable_spec()->CopyFrom(request->process().spec());
      *response = process;
      return grpc::Status::OK;
    }
    grpc::Status UpdateProcess(grpc::ServerContext* context,
                               const v1::UpdateProcessRequest* request,
                               v1::Process* response) override {
      const auto update = [&](v1::Process& process) {
        state_.last_update = *request;
        process.mutable_spec()->CopyFrom(request->process().spec());
        process.set_generation(process.generation() + 1);
        process.set_etag("e" + std::to_string(process.generation()));
      };
      {
        const std::lock_guard<std::mutex> lock(state_.mutex);
        if (state_.etag_mismatches > 0) {
          --state_.etag_mismatches;
          return FakeError(grpc::ABORTED, "The process changed meanwhile.", "ETAG_MISMATCH");
        }
      }
      return With(context, "UpdateProcess", request->process().id(), response, update);
    }
    grpc::Status DeleteProcess(grpc::ServerContext* context,
                               const v1::DeleteProcessRequest* request,
                               v1::DeleteProcessResponse* response) override {
      v1::Process ignored;
      bool running = false;
      auto status =
          With(context, "DeleteProcess", request->name(), &ignored, [&](v1::Process& process) {
            running = process.status().state() == v1::Process::STATE_RUNNING;
            if (!running || request->force()) state_.processes.erase(std::string(process.name()));
          });
      if (status.ok() && running && !request->force()) {
        return FakeError(grpc::FAILED_PRECONDITION, "It runs.", "PROCESS_RUNNING");
      }
      response->set_revision(18);
      return status;
    }
    grpc::Status StartProcess(grpc::ServerContext* context, const v1::StartProcessRequest* request,
                              v1::Process* response) override {
      auto status = Run(context, "StartProcess", request->name(), response);
      const std::lock_guard<std::mutex> lock(state_.mutex);
      return status.ok() ? LeaveFake(state_, request->request_id()) : status;
    }
    grpc::Status StopProcess(grpc::ServerContext* context, const v1::StopProcessRequest* request,
                             v1::Process* response) override {
      std::unique_lock<std::mutex> lock(state_.mutex);
      ++state_.stops_begun;
      state_.changed.notify_all();
      const bool all = state_.changed.wait_for(lock, std::chrono::seconds(5), [&] {
        return state_.stops_begun >= state_.stops_at_once;
      });
      lock.unlock();
      if (!all) return FakeError(grpc::ABORTED, "The other stops did not come.", "TEST");
      return With(context, "StopProcess", request->name(), response, [](v1::Process& process) {
        process.set_desired_state(v1::Process::DESIRED_STATE_STOPPED);
        if (process.status().state() == v1::Process::STATE_EXITED) return;
        process.mutable_status()->set_state(v1::Process::STATE_STOPPED);
      });
    }
    grpc::Status RestartProcess(grpc::ServerContext* context,
                                const v1::RestartProcessRequest* request,
                                v1::Process* response) override {
      return Run(context, "RestartProcess", request->name(), response);
    }
    grpc::Status SignalProcess(grpc::ServerContext* context,
                               const v1::SignalProcessRequest* request,
                               v1::SignalProcessResponse* response) override {
      v1::Process process;
      auto status = With(context, "SignalProcess " + request->signal(), request->name(), &process,
                         [](v1::Process&) {});
      response->set_pid(process.status().pid());
      return status;
    }
    // Never waits: says at once whether the condition holds.
    grpc::Status WaitProcess(grpc::ServerContext* context, const v1::WaitProcessRequest* request,
                             v1::WaitProcessResponse* response) override {
      auto status = With(context, "WaitProcess", request->name(), response->mutable_process(),
                         [&](v1::Process& process) {
                           if (state_.at_process_wait) state_.at_process_wait(process);
                         });
      const auto now = response->process().status().state();
      const bool at_rest = now == v1::Process::STATE_STOPPED || now == v1::Process::STATE_EXITED ||
                           now == v1::Process::STATE_FAILED;
      const bool want_rest = request->condition() == v1::WaitProcessRequest::CONDITION_EXITED;
      if (status.ok() && at_rest && !want_rest) {
        return FakeError(grpc::FAILED_PRECONDITION, "It ended for good.", "PROCESS_NOT_RUNNING");
      }
      const bool want_ready = request->condition() == v1::WaitProcessRequest::CONDITION_READY;
      response->set_satisfied(at_rest == want_rest && !(want_ready && state_.never_ready));
      return status;
    }
    grpc::Status TailLogs(grpc::ServerContext* context, const v1::TailLogsRequest* request,
                          grpc::ServerWriter<v1::TailLogsResponse>* writer) override {
      return WriteFakeLog(state_, context, "TailLogs ", *request, state_.tails, writer);
    }

   private:
    static grpc::Status ExecFailed() {
      return FakeError(grpc::FAILED_PRECONDITION,
                       "The command could not be started: No such file or directory.",
                       "EXEC_FAILED");
    }
    template <typename Change>
    grpc::Status With(grpc::ServerContext* context, const std::string& call,
                      const std::string& reference, v1::Process* response, Change change) {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, call + " " + reference); !status.ok()) {
        return status;
      }
      for (auto& [key, process] : state_.processes) {
        const std::string name = key;  // `change` may remove the process
        if (name != reference && process.id() != reference) continue;
        *response = process;
        change(process);
        const auto still = state_.processes.find(name);
        if (still != state_.processes.end()) *response = still->second;
        return grpc::Status::OK;
      }
      return FakeError(grpc::NOT_FOUND, "No process " + reference + ".", "PROCESS_NOT_FOUND");
    }
    grpc::Status Run(grpc::ServerContext* context, const std::string& call, const std::string& name,
                     v1::Process* response) {
      bool fails = false;
      auto status = With(context, call, name, response, [&](v1::Process& process) {
        const bool never = process.spec().restart_policy() == v1::ProcessSpec::RESTART_POLICY_NEVER;
        fails = state_.exec_fails && never;
        process.mutable_status()->set_state(v1::Process::STATE_RUNNING);
        process.mutable_status()->set_pid(4243);
        process.set_desired_state(v1::Process::DESIRED_STATE_RUNNING);
        if (state_.exec_fails) {  // what ran before is tried again
          process.mutable_status()->set_state(never ? v1::Process::STATE_FAILED
                                                    : v1::Process::STATE_BACKOFF);
          process.mutable_status()->set_pid(0);
          process.mutable_status()->set_message("cannot execute 'x': No such file or directory");
          process.mutable_status()->mutable_last_exit()->set_reason(
              v1::ExitReport::REASON_EXEC_FAILED);
        }
        if (state_.ends_at_once) {
          process.mutable_status()->set_state(v1::Process::STATE_EXITED);
          process.mutable_status()->set_pid(0);
        }
      });
      return status.ok() && fails ? ExecFailed() : status;
    }

    FakeState& state_;
  };

  class Events : public v1::EventService::Service {
   public:
    explicit Events(FakeState& state) : state_(state) {}
    // What is there after the revision that is asked for; then the stream ends.
    grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                       grpc::ServerWriter<v1::WatchResponse>* writer) override {
      std::vector<v1::WatchResponse> events;
      size_t cut = 0;
      {
        const std::lock_guard<std::mutex> lock(state_.mutex);
        if (auto status = EnterFake(state_, context, "Watch"); !status.ok()) return status;
        state_.watches.push_back(*request);
        if (request->from_revision() > 1000) {
          return FakeError(grpc::OUT_OF_RANGE, "The revision is newer than any.",
                           "REVISION_UNAVAILABLE");
        }
        events = state_.events;
        cut = static_cast<size_t>(std::exchange(state_.cut_stream_after, 0));
      }
      size_t written = 0;
      for (const v1::WatchResponse& message : events) {
        if (message.events_size() > 0 && message.events(0).revision() <= request->from_revision()) {
          continue;
        }
        if (cut != 0 && written == cut) return grpc::Status(grpc::UNAVAILABLE, "Socket closed");
        writer->Write(message);
        ++written;
      }
      return grpc::Status::OK;
    }

   private:
    FakeState& state_;
  };

  class System : public v1::SystemService::Service {
   public:
    explicit System(FakeState& state) : state_(state) {}
    grpc::Status GetSystem(grpc::ServerContext* context, const v1::GetSystemRequest*,
                           v1::System* response) override {
      bool hang = false;
      {
        const std::lock_guard<std::mutex> lock(state_.mutex);
        if (auto status = EnterFake(state_, context, "GetSystem"); !status.ok()) return status;
        hang = state_.hang;
      }
      while (hang && !context->IsCancelled()) ::poll(nullptr, 0, 2);
      response->set_version("9.9.9");
      response->set_cgroup_mode("v2");
      response->set_process_count(3);
      response->set_revision(17);
      response->set_oldest_revision(3);
      const std::lock_guard<std::mutex> lock(state_.mutex);
      response->set_log_level(state_.log_level);
      response->set_held_reason(state_.held);
      response->set_held_count(state_.held.empty() ? 0 : 2);
      return grpc::Status::OK;
    }
    grpc::Status Resume(grpc::ServerContext* context, const v1::ResumeRequest*,
                        v1::ResumeResponse* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, "Resume"); !status.ok()) return status;
      response->set_resumed_count(std::exchange(state_.held, "").empty() ? 0 : 2);
      return grpc::Status::OK;
    }
    grpc::Status GetConfiguration(grpc::ServerContext* context, const v1::GetConfigurationRequest*,
                                  v1::GetConfigurationResponse* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, "GetConfiguration"); !status.ok()) return status;
      *response = state_.configuration;
      return grpc::Status::OK;
    }
    grpc::Status SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* request,
                             v1::SetLogLevelResponse* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, "SetLogLevel"); !status.ok()) return status;
      response->set_previous(std::exchange(state_.log_level, request->level()));
      return grpc::Status::OK;
    }

   private:
    FakeState& state_;
  };

  const std::string directory_;
  FakeAuth auth_;
  Processes processes_;
  Events events_;
  FakeObjects objects_;
  System system_;
  FakeDeploys deploys_;
  FakeDomains domains_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_DAEMON_H_
