// For tests: what calls share, with fakes all around, and clients.
#ifndef GRPC_OS_SERVICES_CALL_HARNESS_H_
#define GRPC_OS_SERVICES_CALL_HARNESS_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/call.h"
#include "testing/fake_crypto.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_identity_store.h"

namespace grpc_os::services {

class SilentLogger final : public core::Logger {
 public:
  bool Enabled(core::LogLevel) const override { return false; }
  void SetLevel(core::LogLevel) override {}
  core::LogLevel Level() const override { return core::LogLevel::kError; }
  void Write(core::LogLevel, std::string_view, const core::LogFields&) override {}
};

// Takes every record, has none.
class EmptyAuditStore final : public core::AuditStore {
 public:
  void PutAudit(std::vector<core::AuditRecord>, std::function<void(absl::Status)> done) override {
    done(absl::OkStatus());
  }
  void ReadAudit(const core::AuditQuery&,
                 std::function<void(absl::StatusOr<core::AuditPage>)> done) override {
    done(core::AuditPage{});
  }
};

class EmptyRequestStore final : public core::RequestStore {
 public:
  void FindRequest(
      const core::RequestKey&,
      std::function<void(absl::StatusOr<std::optional<core::CommittedRequest>>)> done) override {
    done(std::nullopt);
  }
};

// A CallEnvironment that nobody is logged in to.
struct CallWorld {
  testing::ManualScheduler clock;
  testing::MemoryIdentityStore identity_store;
  testing::FakeSigner signer;
  testing::FakeHasher hasher;
  testing::FakeDigest digest;
  core::Identity identity{{identity_store,
                           identity_store,
                           signer,
                           hasher,
                           digest,
                           clock,
                           {0},
                           clock,
                           Declarations::BuildApi()->permissions}};
  SilentLogger logger;
  EmptyAuditStore audit_store;
  core::AuditTrail audit{audit_store, logger};
  EmptyRequestStore request_store;
  core::Requests requests{request_store};
  CallEnvironment environment{{identity, audit, requests, digest, logger, clock, "5ec4e7"},
                              MethodTable::BuildApi().value(),
                              Declarations::BuildApi().value()};
};

// The other side of a call: what a transport would report, and no more. Its call must Leave.
template <typename Response>
class Client final : public Exchange {
 public:
  ~Client() override { EXPECT_EQ(call_, nullptr) << "the call has not left"; }

  void Open(std::shared_ptr<Call> call) override { call_ = std::move(call); }
  void Cancel() { call_->End(absl::CancelledError("the client gave up")); }
  // Takes messages until none comes any more.
  void TakeAll() {
    while (std::exchange(writing_, false)) call_->OnWritten(true);
  }
  // Of a stream of requests: one is asked for, and comes.
  bool asked() const { return asked_for_ != nullptr; }
  void Send(const google::protobuf::Message& message) {
    std::exchange(asked_for_, nullptr)->CopyFrom(message);
    call_->OnRead(true);
  }
  void Leave() { std::exchange(call_, nullptr)->OnGone(); }

  std::string request;             // its bytes
  std::vector<Response> received;  // the messages of a stream, or the answer
  std::optional<absl::StatusCode> ended;
  std::string said;  // with which

 private:
  absl::Status Parse(google::protobuf::Message& message) override {
    return message.ParseFromString(request) ? absl::OkStatus() : MalformedRequest(message, "");
  }
  void Read(google::protobuf::Message& message) override { asked_for_ = &message; }
  void Write(const google::protobuf::Message& message) override {
    Receive(message);
    writing_ = true;
  }
  void Finish(const google::protobuf::Message* answer, const WireStatus& status) override {
    if (answer != nullptr) Receive(*answer);
    ended = status.code;
    said = status.message;
  }
  void Receive(const google::protobuf::Message& message) {
    received.emplace_back().CopyFrom(message);
  }

  std::shared_ptr<Call> call_;
  bool writing_ = false;
  google::protobuf::Message* asked_for_ = nullptr;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CALL_HARNESS_H_
