// What every engine behind the store must do: keep users, sessions, the audit and committed
// requests, each with the change it belongs to. An engine joins by store_contract.h.
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/store_contract.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

using core::AuditRecord;
using core::IdentityWrite;
using core::ProcessWrite;
using core::Session;
using core::User;
using testing::ElementsAre;
using testing::IsEmpty;

class StoreIdentityContract : public StoreUnderTest,
                              public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreIdentityContract() : StoreUnderTest(GetParam()) {}

  Revision PutUsers(std::vector<User> users) {
    IdentityWrite write;
    write.put_users = std::move(users);
    return CommitIdentity(std::move(write));
  }
  static core::AuditQuery Query(int limit, int64_t since_ms, const std::string& user,
                                int64_t before_id) {
    return {.after = {.change = before_id}, .since_ms = since_ms, .user = user, .limit = limit};
  }
  std::vector<std::string> ResourcesOf(const core::AuditQuery& query = {}) {
    std::vector<std::string> resources;
    for (const AuditRecord& record : Audit(query)) resources.push_back(record.resource);
    return resources;
  }
};

// ---- Users and sessions ------------------------------------------------------------------------

// Each field differs from its default and from its neighbours.
TEST_P(StoreIdentityContract, AUserComesBackWhole) {
  User user;
  user.name = "anna";
  user.roles = {"admin", "operator", "viewer"};
  user.password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
  user.disabled = true;
  user.epoch = "0123456789abcdef";
  user.change_number = 101;
  user.create_time_ms = int64_t{1} << 52;
  user.update_time_ms = -1;
  ASSERT_TRUE(PutUsers({user, MakeUser("bert")}).ok());
  Reopen();
  EXPECT_THAT(Users(), ElementsAre(user, MakeUser("bert")));
  user.roles.clear();
  user.disabled = false;
  user.password_hash.clear();
  ASSERT_TRUE(PutUsers({user}).ok());
  EXPECT_THAT(Users(), ElementsAre(user, MakeUser("bert")));
}

TEST_P(StoreIdentityContract, ASessionComesBackWhole) {
  Session session = MakeSession("s1", 10, 100);
  session.user = "anna";
  session.method = "token";
  session.peer_uid = -1;
  session.source = "192.0.2.7";
  session.epoch = "epoch";
  session.refresh_number = 7;
  session.token_digest = std::string("\0\xff any bytes", 12);
  session.label = "the \"label\" of a token";
  session.roles = {"viewer", "operator"};
  ASSERT_TRUE(PutSession(session).ok());
  Reopen();
  EXPECT_THAT(*store_->LoadSessions(20), ElementsAre(session));
}

TEST_P(StoreIdentityContract, AUserGoesWithTheSessions) {
  ASSERT_TRUE(PutUsers({MakeUser("anna"), MakeUser("bert")}).ok());
  Session of_anna = MakeSession("s1", 10, 100);
  of_anna.user = "anna";
  Session of_bert = MakeSession("s2", 10, 100);
  of_bert.user = "bert";
  ASSERT_TRUE(PutSession(of_anna).ok());
  ASSERT_TRUE(PutSession(of_bert).ok());
  IdentityWrite write;
  write.remove_users = {"anna", "nobody"};
  ASSERT_TRUE(CommitIdentity(std::move(write)).ok());
  EXPECT_THAT(Users(), ElementsAre(MakeUser("bert")));
  EXPECT_THAT(SessionIds(20), ElementsAre("s2"));
}

TEST_P(StoreIdentityContract, ARemovedUserMayBeMadeAnewInTheSameWrite) {
  ASSERT_TRUE(PutUsers({MakeUser("anna")}).ok());
  User anew = MakeUser("anna");
  anew.roles = {"admin"};
  IdentityWrite write;
  write.remove_users = {"anna"};
  write.put_users = {anew};
  write.put_sessions = {MakeSession("s1", 10, 100)};
  write.end_sessions = {"s1"};
  ASSERT_TRUE(CommitIdentity(std::move(write)).ok());
  EXPECT_THAT(Users(), ElementsAre(anew));
  EXPECT_THAT(SessionIds(20), ElementsAre("s1")) << "what ends makes way for what begins";
}

TEST_P(StoreIdentityContract, AWriteTakesARevisionIfItHasEvents) {
  EXPECT_EQ(NumberOf(PutUsers({MakeUser("anna")})), 0);
  IdentityWrite write;
  write.put_users = {MakeUser("bert")};
  write.events = {MakeEvent("bert", "created"), MakeEvent("anna", "updated")};
  EXPECT_EQ(NumberOf(CommitIdentity(write)), 1);
  EXPECT_EQ(NumberOf(PutUsers({MakeUser("anna")})), 0);
  EXPECT_EQ(store_->NewestRevision(), 1);
  EXPECT_THAT(ActionsOf(Events(0)), ElementsAre("1.0 bert created", "1.1 anna updated"));
}

TEST_P(StoreIdentityContract, AFailedWriteLeavesNothingOfIt) {
  IdentityWrite write;
  write.put_users = {MakeUser("anna")};
  write.put_sessions = {MakeSession("s1", 10, 100)};
  write.events = {MakeEvent("anna", "created")};
  const auto asked = [] { return AskedBy({MakeRecord("anna")}, {MakeRequest("r1")}); };
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  const Revision refused = CommitIdentity(write, asked());
  EXPECT_EQ(ReasonOf(refused.status()), core::reason::kStoreUnavailable);
  EXPECT_THAT(Users(), IsEmpty());
  EXPECT_THAT(SessionIds(0), IsEmpty());
  EXPECT_THAT(Audit(), IsEmpty());
  EXPECT_FALSE(FindRequest(MakeRequest("r1").key).has_value());
  EXPECT_EQ(NumberOf(CommitIdentity(write, asked())), 1);
  EXPECT_THAT(ResourcesOf(), ElementsAre("anna"));
}

// ---- The audit ---------------------------------------------------------------------------------

TEST_P(StoreIdentityContract, AnAuditRecordComesBackWhole) {
  AuditRecord record;
  record.time_ms = int64_t{1} << 52;
  record.user = "anna";
  record.session_id = "0123456789abcdef0123456789abcdef";
  record.source = "uid 1000";
  record.method = "grpc_os.v1.UserService/CreateUser";
  record.resource = std::string("any\0 bytes\n", 11);
  record.result = "PERMISSION_DENIED";
  record.reason = "PERMISSION_MISSING";
  record.call_id = "req_1";
  record.count = 17;
  ASSERT_TRUE(PutAudit({record}).ok());
  Reopen();
  record.id = -1;  // a refusal
  EXPECT_THAT(Audit(), ElementsAre(record));
}

TEST_P(StoreIdentityContract, AuditIdsAscendOverAllWhoWrite) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one"), AskedBy({MakeRecord("a"), MakeRecord("b")})).ok());
  ASSERT_TRUE(PutAudit({MakeRecord("c")}).ok());
  ASSERT_TRUE(CommitIdentity({}, AskedBy({MakeRecord("d")})).ok());
  Reopen();
  ASSERT_TRUE(PutAudit({MakeRecord("e")}).ok());
  std::vector<std::string> found;
  for (const AuditRecord& record : Audit()) {
    found.push_back(absl::StrCat(record.id, " ", record.resource));
  }
  EXPECT_THAT(found, ElementsAre("5 e", "4 d", "3 c", "2 b", "1 a"));
}

TEST_P(StoreIdentityContract, ARefusedWriteLeavesNoTrace) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "web")).ok());
  const ProcessWrite refused = PutOf("proc_2", "web");
  const auto asked = [] { return AskedBy({MakeRecord("refused")}, {MakeRequest("r1")}); };
  EXPECT_EQ(Commit(refused, asked()).status().code(), absl::StatusCode::kAlreadyExists);
  std::future<Revision> alone;
  {
    const Held held(*store_);
    alone = Submit(refused, asked());  // in a group with others
    Submit(PutOf("proc_3", "three"));
  }
  EXPECT_EQ(alone.get().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Audit(), IsEmpty());
  EXPECT_FALSE(FindRequest(MakeRequest("r1").key).has_value());
}

// Asked again in the transaction, each time that it is run; who shares it is not harmed.
TEST_P(StoreIdentityContract, WhatIsNotPermittedAnyMoreIsRefusedInItsTransaction) {
  core::Origin lost;
  lost.record = MakeRecord("lost");
  const auto permitted = std::make_shared<std::atomic<bool>>(true);
  lost.permit = [permitted](std::string_view) {
    return permitted->load() ? absl::OkStatus() : absl::PermissionDeniedError("no longer");
  };
  std::vector<std::future<Revision>> answers;
  std::future<Revision> neighbour;
  {
    const Held held(*store_);
    answers.push_back(Submit(PutOf("proc_1", "one"), core::Envelope(lost)));
    neighbour = Submit(PutOf("proc_2", "two"), AskedBy({MakeRecord("kept")}));
    *permitted = false;  // after it was submitted
  }
  EXPECT_TRUE(absl::IsPermissionDenied(answers[0].get().status()));
  EXPECT_EQ(NumberOf(neighbour.get()), 1);
  IdentityWrite write;
  write.put_users = {MakeUser("anna")};
  EXPECT_TRUE(absl::IsPermissionDenied(CommitIdentity(write, core::Envelope(lost)).status()));
  auto promise = std::make_shared<std::promise<Revision>>();
  store_->CommitObjects({.apply = [](core::ObjectRows&, int64_t,
                                     core::ObjectWrite::Outcome&) { return absl::OkStatus(); }},
                        core::Envelope(lost),
                        [promise](Revision revision) { promise->set_value(revision); });
  EXPECT_TRUE(absl::IsPermissionDenied(promise->get_future().get().status()));
  EXPECT_THAT(ResourcesOf(), ElementsAre("kept"));
  EXPECT_THAT(Users(), IsEmpty());
  EXPECT_FALSE(lost.written->load());
  EXPECT_EQ(store_->NewestRevision(), 1);
}

TEST_P(StoreIdentityContract, TheAuditIsReadByUserTimeAndPage) {
  std::vector<AuditRecord> records;
  records.reserve(10);
  for (int i = 1; i <= 10; ++i) {
    records.push_back(
        MakeRecord(absl::StrCat("r", i), int64_t{100} * i, i % 3 == 0 ? "anna" : "bert"));
  }
  ASSERT_TRUE(PutAudit(records).ok());
  EXPECT_THAT(ResourcesOf(Query(3, 0, "", INT64_MAX)), ElementsAre("r10", "r9", "r8"));
  EXPECT_THAT(ResourcesOf(Query(3, 0, "", 8)), ElementsAre("r7", "r6", "r5"));
  EXPECT_THAT(ResourcesOf(Query(3, 0, "", 2)), ElementsAre("r1"));
  EXPECT_THAT(ResourcesOf(Query(100, 900, "", INT64_MAX)), ElementsAre("r10", "r9"));
  EXPECT_THAT(ResourcesOf(Query(100, 2000, "", INT64_MAX)), IsEmpty());
  EXPECT_THAT(ResourcesOf(Query(100, 0, "anna", INT64_MAX)), ElementsAre("r9", "r6", "r3"));
  EXPECT_THAT(ResourcesOf(Query(100, 600, "anna", 9)), ElementsAre("r6"));
  EXPECT_THAT(ResourcesOf(Query(100, 0, "nobody", INT64_MAX)), IsEmpty());
  EXPECT_THAT(ResourcesOf(Query(0, 0, "", INT64_MAX)), ElementsAre("r10"))
      << "a limit below 1 counts as 1";
}

// A clock that was set back must hide nothing.
TEST_P(StoreIdentityContract, RecordsOutOfTheirTimeAreFound) {
  ASSERT_TRUE(PutAudit({MakeRecord("a", 1000), MakeRecord("b", 5), MakeRecord("c", 1001)}).ok());
  EXPECT_THAT(ResourcesOf(Query(100, 900, "", INT64_MAX)), ElementsAre("c", "a"));
}

// More than are looked at for one page (audit_table.cc).
TEST_P(StoreIdentityContract, ALongAuditIsReadPieceByPiece) {
  constexpr int kMany = 50'000;
  constexpr int64_t kHourMs = 3'600'000;
  std::vector<AuditRecord> records = {MakeRecord("rare", 1, "anna")};
  records.reserve(kMany);
  for (int i = 2; i <= kMany; ++i) {
    records.push_back(MakeRecord(absl::StrCat("r", i), i <= 45'000 ? i : 2 * kHourMs + i));
  }
  ASSERT_TRUE(PutAudit(records).ok());
  EXPECT_THAT(ResourcesOf(Query(2, 100, "", INT64_MAX)), ElementsAre("r50000", "r49999"));
  EXPECT_THAT(ResourcesOf(Query(10, 100, "", 102)), ElementsAre("r101", "r100"));
  EXPECT_THAT(ResourcesOf(Query(10, 0, "anna", INT64_MAX)), ElementsAre("rare"))
      << "the pages before it are empty";
  EXPECT_THAT(ResourcesOf(Query(kMany, 2 * kHourMs, "", INT64_MAX)), testing::SizeIs(5'000));
}

TEST_P(StoreIdentityContract, ChangesAndRefusalsAreReadTogetherByTheirTimes) {
  std::vector<AuditRecord> records;
  for (int i = 1; i <= 12; ++i) {
    records.push_back(MakeRecord(absl::StrCat("r", i), int64_t{100} * i));
    if (i % 3 == 0) records.back().result = "PERMISSION_DENIED";
  }
  ASSERT_TRUE(PutAudit(records).ok());
  AuditRecord ended = MakeRecord("ended", 1300);
  ended.result = "UNAUTHENTICATED";
  ASSERT_TRUE(Commit(PutOf("proc_1", "one"), AskedBy({ended})).ok());
  std::vector<std::string> found;
  for (const AuditRecord& record : Audit())
    found.push_back(absl::StrCat(record.id, " ", record.resource));
  const auto all = {"9 ended", "-4 r12", "8 r11", "7 r10", "-3 r9", "6 r8", "5 r7",
                    "-2 r6",   "4 r5",   "3 r4",  "-1 r3", "2 r2",  "1 r1"};
  EXPECT_THAT(found, testing::ElementsAreArray(all)) << "what a change left is no refusal";
  // In pages of any size.
  for (const int size : {1, 2, 3, 5, 12, 13}) {
    found.clear();
    core::AuditQuery query{.limit = size};
    for (;;) {
      auto promise = std::make_shared<std::promise<absl::StatusOr<core::AuditPage>>>();
      store_->ReadAudit(query, [promise](auto page) { promise->set_value(std::move(page)); });
      const core::AuditPage page = Must(promise->get_future().get());
      ASSERT_LE(page.records.size(), static_cast<size_t>(size));
      for (const AuditRecord& record : page.records)
        found.push_back(absl::StrCat(record.id, " ", record.resource));
      if (!page.next) break;
      query.after = *page.next;
    }
    EXPECT_THAT(found, testing::ElementsAreArray(all)) << "in pages of " << size;
  }
}

// More of both than are looked at for one page.
TEST_P(StoreIdentityContract, ARareUsersRecordsAreInTheirOrderThoughThePartsAreOfUnlikeLength) {
  std::vector<AuditRecord> records = {MakeRecord("first", 1, "anna"),
                                      MakeRecord("second", 2, "anna")};
  records[1].result = "NOT_FOUND";
  for (int i = 0; i < 25'000; ++i) records.push_back(MakeRecord("other", 3 + i));
  records.push_back(MakeRecord("third", 30'000, "anna"));
  records.back().result = "NOT_FOUND";
  ASSERT_TRUE(PutAudit(records).ok());
  EXPECT_THAT(ResourcesOf(Query(10, 0, "anna", INT64_MAX)),
              ElementsAre("third", "second", "first"));
}

// ---- Requests ----------------------------------------------------------------------------------

TEST_P(StoreIdentityContract, ARequestIsFoundByItsWholeKey) {
  const core::CommittedRequest request = MakeRequest("r1", 1700);
  options_.now_ms = [] { return int64_t{1800}; };
  Reopen();
  ASSERT_TRUE(Commit(PutOf("proc_1", "one"), AskedBy({MakeRecord("one")}, {request})).ok());
  Reopen();
  EXPECT_EQ(FindRequest(request.key), request);
  for (const core::RequestKey& other :
       {core::RequestKey{"bert", request.key.method, "r1"},
        core::RequestKey{"admin", "grpc_os.v1.ProcessService/StopProcess", "r1"},
        core::RequestKey{"admin", request.key.method, "R1"}}) {
    EXPECT_FALSE(FindRequest(other).has_value()) << other.user << other.method << other.id;
  }
}

TEST_P(StoreIdentityContract, ARequestOfYesterdayIsForgottenAndItsIdIsFree) {
  const auto now = std::make_shared<std::atomic<int64_t>>(1'000'000'000);
  options_.now_ms = [now] { return now->load(); };
  Reopen();
  core::CommittedRequest request = MakeRequest("r1", *now);
  const ProcessWrite write = PutOf("proc_1", "one");
  ASSERT_TRUE(Commit(write, AskedBy({MakeRecord("one")}, {request})).ok());
  *now += limits::kRequestKeptMs - 1;
  EXPECT_TRUE(FindRequest(request.key).has_value());
  *now += 1;
  EXPECT_FALSE(FindRequest(request.key).has_value());
  request.digest = "another";
  request.time_ms = *now;
  ASSERT_TRUE(Commit(write, AskedBy({MakeRecord("one")}, {request})).ok());
  EXPECT_EQ(FindRequest(request.key), request);
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreIdentityContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
