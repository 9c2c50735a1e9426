#include "services/call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/throttle.h"
#include "services/error_map.h"

namespace grpc_os::services {
namespace {

namespace reason = core::reason;

constexpr std::string_view kBearer = "Bearer ";
constexpr size_t kResourceBytes = 256;
constexpr size_t kErrorBytes = 512;

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "gRPC OS is shutting down or being replaced; try again in a moment",
                   {.reason = reason::kShuttingDown, .retry_after_ms = 1000});
}

absl::Status DeadlinePassed() {
  return MakeError(
      absl::StatusCode::kDeadlineExceeded,
      "the call's deadline passed before the answer was known; what it asked for may still be done",
      {.reason = reason::kDeadlinePassed});
}

const std::shared_ptr<const core::Caller>& Nobody() {
  static const auto& nobody =
      *new std::shared_ptr<const core::Caller>(std::make_shared<core::Caller>());
  return nobody;
}

absl::Status PermissionMissing(const core::Caller& caller, const std::string& permission) {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat("'", caller.user, "' lacks the permission ", permission,
                                "; ask an admin for it"),
                   {.reason = reason::kPermissionMissing,
                    .metadata = {{"permission", permission}, {"user", caller.user}}});
}

}  // namespace

void CallEnvironment::Add(Call* call) {
  {
    std::lock_guard lock(mutex_);
    if (call->removed_) return;
    call->next_ = first_;
    call->link_ = &first_;
    if (first_ != nullptr) first_->link_ = &call->next_;
    first_ = call;
  }
  if (shutting_down()) call->End(ShuttingDown());
}

void CallEnvironment::Remove(Call* call) {
  std::lock_guard lock(mutex_);
  call->removed_ = true;
  if (call->link_ == nullptr) return;
  *call->link_ = call->next_;
  if (call->next_ != nullptr) call->next_->link_ = call->link_;
  call->link_ = nullptr;
}

std::vector<std::shared_ptr<Call>> CallEnvironment::Live() {
  std::vector<std::shared_ptr<Call>> live;
  std::lock_guard lock(mutex_);
  for (Call* call = first_; call != nullptr; call = call->next_)
    live.push_back(call->shared_from_this());
  return live;
}

void CallEnvironment::Tick() {
  const int64_t now = clock.NowMs();
  for (const auto& call : Live()) call->Tick(now);
  audit.Tick(now);
}

void CallEnvironment::ShutDown() {
  shutting_down_.store(true);
  for (const auto& call : Live()) call->End(ShuttingDown());
}

Call::Call(CallEnvironment& environment, const MethodInfo& method, bool stream)
    : environment_(environment),
      method_(method),
      stream_(stream),
      start_ms_(environment.clock.NowMs()),
      caller_(Nobody()) {}

Call::~Call() { LeavePlace(); }

absl::Status Call::TakePlace() {
  const std::string from = core::Throttle::SourceOf(source());
  const absl::Status taken =
      environment_.admission.Enter(stream_ ? Admission::Kind::kStream : Admission::Kind::kCall,
                                   {.user = caller_->user,
                                    .source = from,
                                    .admin = core::Allows(*caller_, core::kEveryPermission),
                                    .kept = method_.kept},
                                   place_);
  has_place_.store(taken.ok());
  return taken;
}

// Once it has ended, for whatever reason: who waits for the world on its behalf may hold on to it
// for long.
void Call::LeavePlace() {
  if (has_place_.exchange(false)) environment_.admission.Leave(place_);
}

int64_t Call::DurationUs() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start_)
      .count();
}

absl::Status Call::Admit(const std::string& authorization, int64_t deadline_ms) {
  if (environment_.shutting_down()) return ShuttingDown();
  if (method_.permission == kNoLogin) {
    FindUid();  // whoever is not logged in takes the places of their own account only
  } else {
    if (authorization.rfind(kBearer, 0) != 0) {
      return MakeError(absl::StatusCode::kUnauthenticated,
                       "nobody is logged in; log in with `login`",
                       {.reason = reason::kNotLoggedIn});
    }
    auto caller =
        environment_.identity.Authenticate(std::string_view(authorization).substr(kBearer.size()));
    if (!caller.ok()) return caller.status();
    caller_ = *std::move(caller);
    if (method_.permission != kAnyLogin && !core::Allows(*caller_, method_.permission))
      return PermissionMissing(*caller_, method_.permission);
  }
  if (!stream_) {
    const bool given = deadline_ms != INT64_MAX;
    deadline_ms = std::min(deadline_ms, start_ms_ + (given ? limits::kUnaryDeadlineMaxMs
                                                           : limits::kUnaryDeadlineDefaultMs));
  }
  deadline_ms_.store(deadline_ms);
  if (deadline_ms <= start_ms_) return DeadlinePassed();
  return TakePlace();
}

void Call::Tick(int64_t now_ms) {
  if (now_ms >= deadline_ms_.load()) return End(DeadlinePassed());
  if (!stream_ || caller_->session_id.empty()) return;
  const auto current = environment_.identity.Current(caller_->session_id);
  if (current == nullptr) {
    End(MakeError(absl::StatusCode::kUnauthenticated,
                  "the session has ended; log in again with `login`",
                  {.reason = reason::kTokenInvalid}));
  } else if (method_.permission != kAnyLogin && !core::Allows(*current, method_.permission)) {
    End(PermissionMissing(*current, method_.permission));
  } else {
    for (const auto& slot : also_needed_) {
      const char* also = slot.load();
      if (also != nullptr && !core::Allows(*current, also)) End(PermissionMissing(*current, also));
    }
  }
}

absl::Status Call::AlsoNeeds(const char* permission) {
  for (auto& slot : also_needed_) {
    const char* none = nullptr;
    if (slot.compare_exchange_strong(none, permission)) break;
  }
  if (core::Allows(*caller_, permission)) return absl::OkStatus();
  return PermissionMissing(*caller_, permission);
}

void Call::set_peer(const std::string& peer) {
  local_ = peer.rfind("unix:", 0) == 0;
  if (local_) return;
  const size_t begin = peer.find(':');
  const size_t end = peer.rfind(':');
  address_ = begin < end ? peer.substr(begin + 1, end - begin - 1) : "unknown";
  if (begin >= end || !absl::SimpleAtoi(peer.substr(end + 1), &port_)) port_ = 0;
  for (const char* bracket : {"%5B", "%5D"}) {  // of IPv6
    if (const size_t at = address_.find(bracket); at != std::string::npos) address_.erase(at, 3);
  }
}

void Call::FindUid() {
  if (local_ || environment_.loopback == nullptr) return;
  if (const auto uid = environment_.loopback->UidOf(address_, port_); uid)
    absl::StrAppend(&address_, " uid ", *uid);
}

std::string Call::source() const {
  if (!local_) return address_;
  return caller_->peer_uid >= 0 ? absl::StrCat("uid ", caller_->peer_uid) : "unix";
}

core::Origin Call::MakeOrigin(std::string resource) {
  core::Origin origin;
  origin.record.time_ms = start_ms_;
  origin.record.user = caller_->user;
  origin.record.session_id = caller_->session_id;
  origin.record.source = source();
  origin.record.method = method_.full_name;
  origin.record.resource = CutText(resource, kResourceBytes);
  origin.record.call_id = request_id_;
  resource_ = origin.record.resource;
  audited_ = origin.written;
  findings_ = origin.findings;
  return origin;
}

// What no transaction carries: each refusal, and changes that changed nothing.
void Call::Audit(const absl::Status& status) {
  const bool denied = absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
  if (!method_.mutation && !denied) return;
  if (status.ok() && audited_ != nullptr && audited_->load()) return;
  core::AuditRecord record;
  record.time_ms = start_ms_;
  record.user = caller_->user;
  record.session_id = caller_->session_id;
  record.source = source();
  record.method = method_.full_name;
  record.resource = resource_;
  record.result = absl::StatusCodeToString(status.code());
  if (const auto detail = DetailOf(status); detail.has_value()) record.reason = detail->reason;
  record.call_id = request_id_;
  if (findings_ != nullptr) {
    auto found = findings_->Lock();
    if (found->told) return;
    if (!found->user.empty()) record.user = found->user;
    if (!found->source.empty()) record.source = found->source;
  }
  // A stranger may invent names faster than any record of them is worth; only wrong passwords are
  // bounded, by the throttle.
  if (caller_->user.empty() && record.reason != reason::kLoginFailed) record.resource.clear();
  environment_.audit.Note(std::move(record));
}

grpc::Status Call::Close(const absl::Status& status) {
  LeavePlace();
  if (when_ended_ != nullptr) std::exchange(when_ended_, nullptr)();
  if (findings_ != nullptr) findings_->Lock()->ended = true;
  Audit(status);
  grpc::Status out = ToGrpc(status, request_id_);
  const int64_t duration_us = DurationUs();
  environment_.counters.Count(method_.index, out.error_code(), duration_us);
  const core::LogLevel level = out.error_code() == grpc::StatusCode::INTERNAL
                                   ? core::LogLevel::kError
                                   : core::LogLevel::kInfo;
  if (environment_.logger.Enabled(level)) {
    core::LogFields fields = {
        {"method", method_.full_name},
        {"code",
         std::string(absl::StatusCodeToString(static_cast<absl::StatusCode>(out.error_code())))},
        {"duration_ms",
         absl::StrCat(duration_us / 1000, ".", absl::Dec(duration_us % 1000, absl::kZeroPad3))},
        {"request_id", request_id_},
        {"user", caller_->user}};
    if (!status.ok())
      fields.emplace_back("error", CutText(std::string(status.message()), kErrorBytes));
    environment_.logger.Write(level, caller_->user.empty() ? "call without a log-in" : "call",
                              fields);
  }
  return out;
}

}  // namespace grpc_os::services
