// For tests: what calls share, with fakes all around, and clients that are no more than what gRPC
// would tell of them.
#ifndef GRPC_OS_SERVICES_CALL_HARNESS_H_
#define GRPC_OS_SERVICES_CALL_HARNESS_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <optional>
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
  core::Identity identity{{identity_store, signer, hasher, digest, clock, {}, clock}};
  SilentLogger logger;
  EmptyAuditStore audit_store;
  core::AuditTrail audit{audit_store, logger};
  EmptyRequestStore request_store;
  core::Requests requests{request_store};
  CallEnvironment environment{{identity, audit, requests, digest, logger, clock},
                              MethodTable::BuildApi().value()};
};

// The other side of a call with one answer. It must Leave.
class UnaryClient final : public grpc::ServerCallbackUnary {
 public:
  // As gRPC does when the method's handler has returned.
  void Connect(grpc::ServerUnaryReactor* reactor) {
    reactor_ = reactor;
    BindReactor(reactor);
  }
  void Leave() { reactor_->OnDone(); }
  void Cancel() { reactor_->OnCancel(); }

  std::optional<grpc::StatusCode> ended;

 private:
  void Finish(grpc::Status status) override { ended = status.error_code(); }
  void SendInitialMetadata() override {}
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  grpc::ServerUnaryReactor* reactor_ = nullptr;
};

// The other side of a stream. It must Leave.
template <typename Response>
class StreamClient final : public grpc::ServerCallbackWriter<Response> {
 public:
  explicit StreamClient(grpc::ServerWriteReactor<Response>* reactor) : reactor_(reactor) {
    this->BindReactor(reactor);
  }
  // Takes messages until none comes any more; all of them are in `received`.
  void TakeAll() {
    while (writing_) {
      writing_ = false;
      reactor_->OnWriteDone(true);
    }
  }
  void Leave() { std::exchange(reactor_, nullptr)->OnDone(); }

  std::vector<Response> received;
  std::optional<grpc::StatusCode> ended;

 private:
  void Write(const Response* message, grpc::WriteOptions) override {
    received.push_back(*message);
    writing_ = true;
  }
  void WriteAndFinish(const Response* message, grpc::WriteOptions options,
                      grpc::Status status) override {
    Write(message, options);
    Finish(std::move(status));
  }
  void Finish(grpc::Status status) override { ended = status.error_code(); }
  void SendInitialMetadata() override {}
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  grpc::ServerWriteReactor<Response>* reactor_;
  bool writing_ = false;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CALL_HARNESS_H_
