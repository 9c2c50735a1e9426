#include "shell/live_names.h"

#include <pthread.h>

#include <utility>

#include "shell/object_path.h"

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kServes{2};

bool IsOfObjects(Kind kind) {
  return kind == Kind::kObject || kind == Kind::kFolder || kind == Kind::kDeletedObject;
}

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

std::vector<std::string> LiveNames::Of(Kind kind, const std::string& folder) {
  const bool in_folder = IsOfObjects(kind);
  const Question question(kind, in_folder ? folder : "");
  std::unique_lock<std::mutex> lock(mutex_);
  const auto serves = [&] {
    const auto found = entries_.find(question);
    return found != entries_.end() && Clock::now() - found->second.asked < kServes;
  };
  if (!serves() && !asking_) {
    if (thread_.joinable()) thread_.join();  // it has ended but for its last line
    asking_ = true;
    thread_ = std::thread([this, question] {
      ::pthread_setname_np(::pthread_self(), "completion");
      client_.BeginCommand();
      std::vector<std::string> names = Ask(question);
      const std::lock_guard<std::mutex> done(mutex_);
      entries_[question] = {std::move(names), Clock::now()};
      asking_ = false;
      answered_.notify_all();
    });
  }
  answered_.wait_for(lock, kPatience, serves);
  return serves() ? entries_[question].names : std::vector<std::string>();
}

std::vector<std::string> LiveNames::NamesIn(const std::string& folder, Kind kind) {
  const bool only_folders = kind == Kind::kFolder;
  std::vector<std::string> names;
  v1::ListObjectsRequest request;
  request.set_prefix(folder);
  request.set_deleted(kind == Kind::kDeletedObject);
  // Nobody looks through more of them; what else begins as the word does comes when more is typed.
  (void)client_.ListObjects(request, [&](v1::ListObjectsResponse& page) {
    for (const v1::Object& object : page.objects()) {
      if (!only_folders || object.folder()) {
        names.push_back(LastSegment(object.name()) + (object.folder() ? "/" : ""));
      }
    }
    return names.empty();
  });
  return names;
}

std::vector<std::string> LiveNames::Ask(const Question& question) {
  const auto& [kind, folder] = question;
  if (IsOfObjects(kind)) return NamesIn(folder, kind);
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
  } else if (kind == Kind::kRole) {
    const auto all = client_.ListRoles();
    if (!all.ok()) return names;
    for (const v1::Role& role : all->roles()) names.push_back(role.name());
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
