#include "edge/nginx_process.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"

namespace grpc_os::edge {
namespace {

constexpr int64_t kTestMs = 30'000;
constexpr size_t kOutputBytes = 4096;

class TestSink final : public core::TaskSink {
 public:
  using Done = std::function<void(absl::StatusOr<NginxProcess::Run>)>;
  TestSink(core::Tasks& tasks, Done done) : tasks_(tasks), done_(std::move(done)) {}
  void SetId(std::string id) { id_ = std::move(id); }

  void OnStarted(int /*pid*/) override {}
  void OnOutput(core::TaskStream /*stream*/, std::string bytes) override {
    output_ += bytes;
    if (output_.size() > kOutputBytes) output_.erase(0, output_.size() - kOutputBytes);
    tasks_.Continue(id_);
  }
  void OnEnded(absl::StatusOr<core::TaskEnd> end) override {
    if (!end.ok()) return done_(end.status());
    if (!end->exit.exit_code)
      return done_(absl::UnavailableError("nginx did not finish looking at its configuration"));
    done_(NginxProcess::Run{*end->exit.exit_code, output_});
  }

 private:
  core::Tasks& tasks_;
  const Done done_;
  std::string id_;
  std::string output_;
};

}  // namespace

void NginxProcess::Test(const std::string& config, std::function<void(absl::StatusOr<Run>)> done) {
  core::TaskSpec task;
  task.process = parts_.process;
  const core::Process* there = Find();
  task.process.id = there != nullptr ? there->id : NewId("proc_", parts_.scheduler.NowMs());
  task.process.spec.command =
      absl::StrCat("sh -c 'exec \"$EDGE_NGINX\" -t -q -e stderr -p . -c ", config, "'");
  task.timeout_ms = kTestMs;
  const auto sink = std::make_shared<TestSink>(parts_.tasks, done);
  const auto id = parts_.tasks.Start(task, sink);
  if (!id.ok())
    return parts_.scheduler.Post([done = std::move(done), status = id.status()] { done(status); });
  sink->SetId(*id);
}

void NginxProcess::Start(std::function<void(absl::Status)> done) {
  const auto answer = [alive = std::weak_ptr<char>(alive_),
                       done = std::move(done)](const absl::StatusOr<core::Process>& process) {
    if (!alive.expired()) done(process.status());
  };
  stopped_ = false;
  const core::Process* there = Find();
  if (there == nullptr) return parts_.processes.Create(parts_.process, answer);
  const auto start = [this, alive = std::weak_ptr<char>(alive_),
                      answer](const absl::StatusOr<core::Process>& updated) {
    if (alive.expired()) return;
    if (!updated.ok()) return answer(updated);
    parts_.processes.Start(updated->id, "", answer);
  };
  if (there->spec == parts_.process.spec) return start(*there);
  parts_.processes.Update(
      there->id, "",
      [spec = parts_.process.spec](core::ProcessSpec& old) {
        old = spec;
        return absl::OkStatus();
      },
      start);
}

void NginxProcess::Stop() {
  if (!Wanted()) return;
  stopped_ = true;
  parts_.processes.Stop(parts_.process.name, "", [](const absl::StatusOr<core::Process>&) {});
}

void NginxProcess::Signal(int signal, std::function<void(absl::Status)> done) {
  parts_.processes.Signal(parts_.process.name, signal,
                          [alive = std::weak_ptr<char>(alive_),
                           done = std::move(done)](const absl::StatusOr<int>& pid) {
                            if (!alive.expired()) done(pid.status());
                          });
}

bool NginxProcess::Runs() const {
  const core::Process* process = Find();
  return Wanted() && parts_.processes.NewestStatus(*process).state == core::ProcessState::kRunning;
}

bool NginxProcess::Wanted() const {
  const core::Process* process = Find();
  return !stopped_ && process != nullptr && process->desired == core::DesiredState::kRunning;
}

}  // namespace grpc_os::edge
