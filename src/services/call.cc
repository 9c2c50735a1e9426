#include "services/call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/identity_errors.h"
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

bool IsCallId(std::string_view text) {
  return !text.empty() && text.size() <= limits::kRequestIdBytes &&
         std::all_of(text.begin(), text.end(), [](char byte) { return absl::ascii_isgraph(byte); });
}

// As long as 128 random bits, which would be a system call each: half of it is random and of this
// daemon, half a count. It is shown to people and need not be hard to guess.
std::string NewCallId() {
  static const std::string daemon = RandomHex128().substr(0, 16);
  static std::atomic<uint64_t> count{0};
  return absl::StrCat(
      daemon, absl::Hex(count.fetch_add(1, std::memory_order_relaxed) + 1, absl::kZeroPad16));
}

const std::shared_ptr<const core::Caller>& Nobody() {
  static const auto& nobody =
      *new std::shared_ptr<const core::Caller>(std::make_shared<core::Caller>());
  return nobody;
}

absl::Status PermissionMissing(const core::Caller& caller, const std::string& permission) {
  return core::PermissionMissing(caller, permission, "ask an admin for it");
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

Call::Call(CallEnvironment& environment, const MethodInfo& method, bool stream,
           const Arrival& arrival)
    : environment_(environment),
      method_(method),
      stream_(stream),
      start_ms_(environment.clock.NowMs()),
      request_id_(IsCallId(arrival.request_id) ? std::string(arrival.request_id) : NewCallId()),
      local_(arrival.local),
      address_(arrival.address),
      peer_uid_(arrival.peer_uid),
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

absl::Status Call::Admit(const Arrival& arrival) {
  if (environment_.shutting_down()) return ShuttingDown();
  if (method_.permission == kNoLogin) {
    AddUid();  // whoever is not logged in takes the places of their own account only
  } else {
    if (!arrival.authorization.starts_with(kBearer)) {
      return MakeError(absl::StatusCode::kUnauthenticated,
                       "nobody is logged in; log in with `login`",
                       {.reason = reason::kNotLoggedIn});
    }
    auto caller = environment_.identity.Authenticate(arrival.authorization.substr(kBearer.size()));
    if (!caller.ok()) return caller.status();
    caller_ = *std::move(caller);
    if (method_.permission != kAnyLogin && !core::Allows(*caller_, method_.permission))
      return PermissionMissing(*caller_, method_.permission);
  }
  asked_.user = caller_->user.empty() ? source() : caller_->user;
  int64_t deadline_ms = arrival.deadline_ms;
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
  const bool noted = std::any_of(
      also_needed_.begin(), also_needed_.end(), [permission](std::atomic<const char*>& slot) {
        const char* there = nullptr;
        return slot.compare_exchange_strong(there, permission) || there == permission;
      });
  if (!noted) return absl::InternalError("a call needs more permissions than it can keep");
  if (core::Allows(*caller_, permission)) return absl::OkStatus();
  return PermissionMissing(*caller_, permission);
}

void Call::AddUid() {
  if (!local_ && peer_uid_ >= 0) absl::StrAppend(&address_, " uid ", peer_uid_);
}

std::string Call::source() const { return local_ ? absl::StrCat("uid ", peer_uid_) : address_; }

absl::Status Call::CheckName(std::string_view name) const {
  if (!NeedsPermission() || name.empty()) return absl::OkStatus();
  return core::CheckPermission(*caller_, method_.permission, name);
}

absl::Status Call::CheckNameNow(std::string_view name) const {
  if (!NeedsPermission()) return absl::OkStatus();
  uint64_t unknown = 0;
  return environment_.identity.CheckAllowed(caller_->session_id, method_.permission, name, unknown);
}

core::Origin Call::MakeOrigin(std::string resource, std::string name) {
  core::Origin origin;
  origin.record.time_ms = start_ms_;
  origin.record.user = caller_->user;
  origin.record.session_id = caller_->session_id;
  origin.record.source = source();
  origin.record.method = method_.full_name;
  origin.record.resource = CutText(resource, kResourceBytes);
  origin.record.call_id = request_id_;
  origin.name = std::move(name);
  if (NeedsPermission()) {
    const bool for_all = caller_->authority.AllowsAllNames(method_.permission, "");
    origin.permit = [&identity = environment_.identity, session_id = caller_->session_id,
                     permission = method_.permission,
                     version = for_all ? caller_->version : 0](std::string_view about) mutable {
      return identity.CheckAllowed(session_id, permission, about, version);
    };
  }
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
  }
  // A stranger may invent names faster than any record of them is worth; only wrong passwords are
  // bounded, by the throttle.
  if (caller_->user.empty() && record.reason != reason::kLoginFailed) record.resource.clear();
  environment_.audit.Note(std::move(record));
}

WireStatus Call::Close(const absl::Status& status) {
  LeavePlace();
  asked_.ended.store(true, std::memory_order_relaxed);
  if (when_ended_ != nullptr) std::exchange(when_ended_, nullptr)();
  if (findings_ != nullptr) findings_->Lock()->ended = true;
  Audit(status);
  WireStatus out = ToWire(status, request_id_);
  const int64_t duration_us = DurationUs();
  environment_.counters.Count(method_.index, static_cast<int>(out.code), duration_us);
  const core::LogLevel level =
      out.code == absl::StatusCode::kInternal ? core::LogLevel::kError : core::LogLevel::kInfo;
  if (environment_.logger.Enabled(level)) {
    core::LogFields fields = {
        {"method", method_.full_name},
        {"code", absl::StatusCodeToString(out.code)},
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
