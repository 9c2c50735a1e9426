// A small daemon inside a test: the API's services with processes that exist only as records.
#ifndef GRPC_OS_CLIENT_FAKE_DAEMON_H_
#define GRPC_OS_CLIENT_FAKE_DAEMON_H_

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "grpc_os/internal/v1/rpc_status.pb.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "grpc_os/v1/process_services.grpc.pb.h"
#include "grpc_os/v1/system_services.grpc.pb.h"

namespace grpc_os::client {

// A directory of its own for a test, removed with everything in it at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/grpc-os-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline grpc::Status FakeError(grpc::StatusCode code, const std::string& message,
                              const std::string& reason) {
  internal::v1::RpcStatus status;
  status.set_code(code);
  status.set_message(message);
  internal::v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("grpc-os");
  auto* any = status.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any->set_value(info.SerializeAsString());
  return grpc::Status(code, message, status.SerializeAsString());
}

// What a test sets up and looks at; guarded by `mutex`.
struct FakeState {
  std::mutex mutex;
  std::set<std::string> tickets;
  std::set<std::string> tokens;
  int next_number = 1;
  int logins = 0;
  std::map<std::string, v1::Process> processes;  // by name
  std::vector<std::string> calls;                // "StopProcess web"
  std::vector<v1::TailLogsResponse> log;
  int cut_stream_after = 0;  // messages, then UNAVAILABLE, once; 0: never
  int etag_mismatches = 0;   // how many updates are answered ABORTED
  bool exec_fails = false;   // for create, start and restart
  bool hang = false;         // GetSystem answers only when the caller gave up
  v1::CreateProcessRequest last_create;
  v1::UpdateProcessRequest last_update;
  std::vector<v1::TailLogsRequest> tails;
};

class FakeDaemon {
 public:
  // Serves on `directory`/run/api.sock and peer.sock.
  explicit FakeDaemon(const std::string& directory)
      : directory_(directory), auth_(state), processes_(state), system_(state) {
    std::filesystem::create_directories(directory_ + "/run");
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&auth_);
    builder.RegisterService(&processes_);
    builder.RegisterService(&system_);
    server_ = builder.BuildAndStart();
    ListenForPeers();
  }
  ~FakeDaemon() {
    stopping_ = true;
    peer_thread_.join();
    server_->Shutdown(std::chrono::system_clock::now());
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  std::string address() const { return "unix:" + directory_ + "/run/api.sock"; }

  v1::Process& AddProcess(const std::string& name, v1::Process::State process_state) {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return AddLocked(state, name, process_state);
  }
  std::vector<std::string> calls() {
    const std::lock_guard<std::mutex> lock(state.mutex);
    return state.calls;
  }
  // As when sessions expire: every token so far is refused from now on.
  void ForgetTokens() {
    const std::lock_guard<std::mutex> lock(state.mutex);
    state.tokens.clear();
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
    if (process_state == v1::Process::STATE_RUNNING) process.mutable_status()->set_pid(4242);
    return process;
  }

  // Notes the call and checks the token.
  static grpc::Status Enter(FakeState& state, grpc::ServerContext* context,
                            const std::string& what) {
    state.calls.push_back(what);
    const auto found = context->client_metadata().find("authorization");
    if (found == context->client_metadata().end()) {
      return FakeError(grpc::UNAUTHENTICATED, "Log in first.", "NOT_LOGGED_IN");
    }
    const std::string token(found->second.data(), found->second.size());
    if (state.tokens.count(token) == 0) {
      return FakeError(grpc::UNAUTHENTICATED, "The token is not valid.", "TOKEN_INVALID");
    }
    return grpc::Status::OK;
  }

  class Auth : public v1::AuthService::Service {
   public:
    explicit Auth(FakeState& state) : state_(state) {}
    grpc::Status LoginPeer(grpc::ServerContext*, const v1::LoginPeerRequest* request,
                           v1::LoginResponse* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      state_.calls.push_back("LoginPeer");
      if (state_.tickets.erase(request->ticket()) == 0) {
        return FakeError(grpc::UNAUTHENTICATED, "The ticket is not valid.", "TICKET_INVALID");
      }
      const std::string token = "token-" + std::to_string(++state_.logins);
      state_.tokens.insert("Bearer " + token);
      response->set_access_token(token);
      response->mutable_identity()->set_user("admin");
      response->mutable_identity()->add_roles("admin");
      response->mutable_identity()->set_login_method("peer");
      return grpc::Status::OK;
    }
    grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                        v1::WhoAmIResponse* response) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = Enter(state_, context, "WhoAmI"); !status.ok()) return status;
      response->mutable_identity()->set_user("admin");
      response->mutable_identity()->add_roles("admin");
      response->mutable_identity()->set_login_method("peer");
      return grpc::Status::OK;
    }
    grpc::Status Logout(grpc::ServerContext* context, const v1::LogoutRequest*,
                        v1::LogoutResponse*) override {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = Enter(state_, context, "Logout"); !status.ok()) return status;
      state_.tokens.clear();
      return grpc::Status::OK;
    }

   private:
    FakeState& state_;
  };

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
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = Enter(state_, context, "ListProcesses"); !status.ok()) return status;
      // Pages of two, whatever is asked for: a page may be smaller than wished.
      auto from = request->page_token().empty() ? state_.processes.begin()
                                                : state_.processes.find(request->page_token());
      for (int n = 0; n < 2 && from != state_.processes.end(); ++n, ++from) {
        *response->add_processes() = from->second;
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
      if (auto status = Enter(state_, context, "CreateProcess " + name); !status.ok()) {
        return status;
      }
      state_.last_create = *request;
      if (state_.processes.count(name) != 0) {
        return FakeError(grpc::ALREADY_EXISTS, "The name is taken.", "NAME_TAKEN");
      }
      if (state_.exec_fails) return ExecFailed();
      v1::Process& process = AddLocked(state_, name, v1::Process::STATE_RUNNING);
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
      return Run(context, "StartProcess", request->name(), response);
    }
    grpc::Status StopProcess(grpc::ServerContext* context, const v1::StopProcessRequest* request,
                             v1::Process* response) override {
      return With(context, "StopProcess", request->name(), response, [](v1::Process& process) {
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
                         [](v1::Process&) {});
      const auto now = response->process().status().state();
      const bool at_rest = now == v1::Process::STATE_STOPPED || now == v1::Process::STATE_EXITED ||
                           now == v1::Process::STATE_FAILED;
      const bool want_rest = request->condition() == v1::WaitProcessRequest::CONDITION_EXITED;
      if (status.ok() && at_rest && !want_rest) {
        return FakeError(grpc::FAILED_PRECONDITION, "It ended for good.", "PROCESS_NOT_RUNNING");
      }
      response->set_satisfied(at_rest == want_rest);
      return status;
    }
    grpc::Status TailLogs(grpc::ServerContext* context, const v1::TailLogsRequest* request,
                          grpc::ServerWriter<v1::TailLogsResponse>* writer) override {
      std::vector<v1::TailLogsResponse> log;
      size_t cut = 0;
      {
        const std::lock_guard<std::mutex> lock(state_.mutex);
        if (auto status = Enter(state_, context, "TailLogs " + request->name()); !status.ok()) {
          return status;
        }
        state_.tails.push_back(*request);
        log = state_.log;
        cut = static_cast<size_t>(std::exchange(state_.cut_stream_after, 0));
      }
      size_t from = 0;
      for (size_t i = 0; i < log.size(); ++i) {
        if (log[i].cursor() == request->cursor()) from = i + 1;
      }
      for (size_t i = from; i < log.size(); ++i) {
        if (cut != 0 && i == cut) return grpc::Status(grpc::UNAVAILABLE, "Socket closed");
        writer->Write(log[i]);
      }
      return grpc::Status::OK;
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
      if (auto status = Enter(state_, context, call + " " + reference); !status.ok()) {
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
        fails = state_.exec_fails;
        process.mutable_status()->set_state(fails ? v1::Process::STATE_FAILED
                                                  : v1::Process::STATE_RUNNING);
        process.mutable_status()->set_pid(fails ? 0 : 4243);
      });
      return status.ok() && fails ? ExecFailed() : status;
    }

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
        if (auto status = Enter(state_, context, "GetSystem"); !status.ok()) return status;
        hang = state_.hang;
      }
      while (hang && !context->IsCancelled()) ::poll(nullptr, 0, 2);
      response->set_version("9.9.9");
      response->set_cgroup_mode("v2");
      response->set_process_count(3);
      return grpc::Status::OK;
    }

   private:
    FakeState& state_;
  };

  void ListenForPeers() {
    const std::string path = directory_ + "/run/peer.sock";
    ::unlink(path.c_str());
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
    if (::bind(listener_.get(), reinterpret_cast<struct sockaddr*>(&name), sizeof(name)) != 0 ||
        ::listen(listener_.get(), 16) != 0) {
      std::abort();  // a test without its daemon proves nothing
    }
    peer_thread_ = std::thread([this] {
      while (!stopping_) {
        struct pollfd poll_fd = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&poll_fd, 1, 20) <= 0) continue;
        const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
        std::string ticket;
        {
          const std::lock_guard<std::mutex> lock(state.mutex);
          ticket = "ticket-" + std::to_string(state.next_number++);
          state.tickets.insert(ticket);
        }
        ticket.push_back('\n');
        [[maybe_unused]] const ssize_t n = ::write(peer.get(), ticket.data(), ticket.size());
      }
    });
  }

  const std::string directory_;
  Auth auth_;
  Processes processes_;
  System system_;
  std::unique_ptr<grpc::Server> server_;
  UniqueFd listener_;
  std::thread peer_thread_;
  std::atomic<bool> stopping_{false};
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_DAEMON_H_
