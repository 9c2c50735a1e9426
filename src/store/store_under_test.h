// For tests: a store on an engine that can be made to fail, and words to speak to it.
#ifndef GRPC_OS_STORE_STORE_UNDER_TEST_H_
#define GRPC_OS_STORE_STORE_UNDER_TEST_H_

#include <cstdint>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/audit/audit.h"
#include "core/event/event.h"
#include "core/identity/user.h"
#include "core/process/process_store.h"
#include "store/faulty_database.h"
#include "store/store.h"
#include "store/store_contract.h"

namespace grpc_os::store {

inline core::Process MakeProcess(const std::string& id, const std::string& name) {
  core::Process process;
  process.id = id;
  process.name = name;
  process.spec.command = "true";
  return process;
}

// With an environment of so many bytes. Another generation, because it is another spec.
inline void FillSpec(core::Process& process, size_t bytes) {
  process.spec.environment["FILL"] = std::string(bytes, 'f');
  process.generation = static_cast<int64_t>(bytes);
}

inline core::Event MakeEvent(const std::string& id, const std::string& action) {
  return {.revision = 0,
          .sequence = 0,
          .time_ms = 1700,
          .kind = "process",
          .resource_id = id,
          .name = "name of " + id,
          .action = action,
          .attributes = {{"pid", "7"}, {"reason", action}}};
}

// A process, and an event that tells of it.
inline core::ProcessWrite PutOf(const std::string& id, const std::string& name) {
  return {.put = {MakeProcess(id, name)}, .remove = {}, .events = {MakeEvent(id, "created")}};
}

inline core::Session MakeSession(const std::string& id, int64_t create_time_ms,
                                 int64_t expire_time_ms) {
  core::Session session;
  session.id = id;
  session.user = "admin";
  session.method = "peer";
  session.peer_uid = 1000;
  session.create_time_ms = create_time_ms;
  session.expire_time_ms = expire_time_ms;
  return session;
}

inline core::User MakeUser(const std::string& name) {
  core::User user;
  user.name = name;
  user.roles = {"viewer"};
  user.epoch = "epoch of " + name;
  return user;
}

inline core::AuditRecord MakeRecord(const std::string& resource, int64_t time_ms = 1700,
                                    const std::string& user = "admin") {
  core::AuditRecord record;
  record.time_ms = time_ms;
  record.user = user;
  record.method = "grpc_os.v1.ProcessService/StartProcess";
  record.resource = resource;
  return record;
}

inline core::CommittedRequest MakeRequest(const std::string& id, int64_t time_ms = 1700) {
  return {.key = {.user = "admin", .method = "grpc_os.v1.ProcessService/StartProcess", .id = id},
          .digest = "digest of " + id,
          .subject = "proc_" + id,
          .time_ms = time_ms};
}

// Of those who asked: a record of each, and the first ones' requests, which keep their subjects.
inline core::Envelope AskedBy(const std::vector<core::AuditRecord>& records,
                              const std::vector<core::CommittedRequest>& requests = {}) {
  core::Envelope envelope = core::Envelope::OfSystem();
  for (size_t i = 0; i < records.size(); ++i) {
    core::Origin origin;
    origin.record = records[i];
    if (i < requests.size()) origin.request = requests[i];
    envelope.Add(origin, i < requests.size() ? requests[i].subject : "");
  }
  return envelope;
}

// "1.0 proc_1 created": revision, sequence, resource, action.
inline std::vector<std::string> ActionsOf(const std::vector<core::Event>& events) {
  std::vector<std::string> actions;
  actions.reserve(events.size());
  for (const core::Event& event : events) {
    actions.push_back(absl::StrCat(event.revision, ".", event.sequence, " ", event.resource_id, " ",
                                   event.action));
  }
  return actions;
}

inline std::vector<std::string> NamesOf(const std::vector<core::Process>& processes) {
  std::vector<std::string> names;
  names.reserve(processes.size());
  for (const core::Process& process : processes) names.push_back(process.name);
  return names;
}

inline std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() ? detail->reason : "";
}

// The revision, -1 for a refusal.
inline int64_t NumberOf(const absl::StatusOr<int64_t>& revision) {
  return revision.ok() ? *revision : -1;
}

// The value; where there is none, it throws what fails the test.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return *std::move(result);
}

// Page after page, until there are as many as asked for.
inline absl::Status SaveBootId(Store& store, const std::string& boot_id) {
  std::promise<absl::Status> answer;
  store.SaveBootId(boot_id, [&](const absl::Status& status) { answer.set_value(status); });
  return answer.get_future().get();
}

inline absl::StatusOr<std::vector<core::AuditRecord>> AuditOf(Store& store,
                                                              core::AuditQuery query) {
  std::vector<core::AuditRecord> records;
  for (;;) {
    using Page = absl::StatusOr<core::AuditPage>;
    auto promise = std::make_shared<std::promise<Page>>();
    store.ReadAudit(query, [promise](Page page) { promise->set_value(std::move(page)); });
    auto page = promise->get_future().get();
    if (!page.ok()) return page.status();
    query.limit -= static_cast<int>(page->records.size());
    for (auto& record : page->records) records.push_back(std::move(record));
    if (!page->next || query.limit <= 0) return records;
    query.after = *page->next;
  }
}

// Its functions that give a value and not a status throw where there is none (Must).
class StoreUnderTest {
 public:
  using Revision = absl::StatusOr<int64_t>;

  explicit StoreUnderTest(const DatabaseFactory& factory) : data_(factory.make()) {
    options_.now_ms = [] { return int64_t{0}; };  // nothing grows old
    Open();
  }

  void Open() {
    auto database = Must(data_->Open());
    faults_ = std::make_shared<Faults>();
    store_ =
        Must(Store::Open(std::make_unique<FaultyDatabase>(std::move(database), faults_), options_));
  }
  void Reopen() {
    store_.reset();
    Open();
  }

  std::future<Revision> Submit(core::ProcessWrite write,
                               core::Envelope envelope = core::Envelope::OfSystem()) {
    auto promise = std::make_shared<std::promise<Revision>>();
    store_->Commit(std::move(write), std::move(envelope),
                   [promise](Revision revision) { promise->set_value(std::move(revision)); });
    return promise->get_future();
  }
  Revision Commit(core::ProcessWrite write, core::Envelope envelope = core::Envelope::OfSystem()) {
    return Submit(std::move(write), std::move(envelope)).get();
  }

  absl::StatusOr<std::vector<core::Event>> TryEvents(core::LogPosition after, int limit = 1000) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<std::vector<core::Event>>>>();
    store_->ReadEvents({}, after, limit,
                       [promise](absl::StatusOr<std::vector<core::Event>> events) {
                         promise->set_value(std::move(events));
                       });
    return promise->get_future().get();
  }
  std::vector<core::Event> Events(core::LogPosition after, int limit = 1000) {
    return Must(TryEvents(after, limit));
  }
  std::vector<core::Process> Processes() { return Must(store_->LoadProcesses()); }

  Revision CommitIdentity(core::IdentityWrite write,
                          core::Envelope envelope = core::Envelope::OfSystem()) {
    auto promise = std::make_shared<std::promise<Revision>>();
    store_->CommitIdentity(std::move(write), std::move(envelope), [promise](Revision revision) {
      promise->set_value(std::move(revision));
    });
    return promise->get_future().get();
  }
  absl::Status PutSession(const core::Session& session) {
    core::IdentityWrite write;
    write.put_sessions = {session};
    write.now_ms = session.create_time_ms;
    return CommitIdentity(std::move(write)).status();
  }
  absl::Status EndSession(const std::string& id, int64_t now_ms) {
    core::IdentityWrite write;
    write.end_sessions = {id};
    write.now_ms = now_ms;
    return CommitIdentity(std::move(write)).status();
  }
  std::vector<std::string> SessionIds(int64_t now_ms) {
    std::vector<std::string> ids;
    for (const core::Session& session : Must(store_->LoadSessions(now_ms))) {
      ids.push_back(session.id);
    }
    return ids;
  }
  std::vector<core::User> Users() { return Must(store_->LoadUsers()); }

  absl::Status PutAudit(std::vector<core::AuditRecord> records) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    store_->PutAudit(std::move(records),
                     [promise](absl::Status status) { promise->set_value(std::move(status)); });
    return promise->get_future().get();
  }
  std::vector<core::AuditRecord> Audit(const core::AuditQuery& query = {}) {
    return Must(AuditOf(*store_, query));
  }
  std::optional<core::CommittedRequest> FindRequest(const core::RequestKey& key) {
    using Found = absl::StatusOr<std::optional<core::CommittedRequest>>;
    auto promise = std::make_shared<std::promise<Found>>();
    store_->FindRequest(key, [promise](Found found) { promise->set_value(std::move(found)); });
    return Must(promise->get_future().get());
  }

  // While one of these lives, the writer's thread waits, and what is submitted becomes one group.
  class Held {
   public:
    explicit Held(Store& store) {
      store.PutAudit({}, [latches = latches_](const absl::Status&) {
        latches->held.count_down();
        latches->release.wait();
      });
      latches_->held.wait();
    }
    ~Held() { latches_->release.count_down(); }

   private:
    struct Latches {
      std::latch held{1};
      std::latch release{1};
    };
    const std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();
  };

  // Of everything answered so far the subscribers have been told.
  void Settle() { const Held held(*store_); }

 protected:
  // Declared first: the store goes before its data.
  std::unique_ptr<TestData> data_;
  StoreOptions options_;  // from the next Open on
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<Store> store_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STORE_UNDER_TEST_H_
