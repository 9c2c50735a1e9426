#include "core/audit/audit_trail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/throttle.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStrangersMs = 1000;

}  // namespace

void AuditTrail::Note(AuditRecord record) {
  {
    auto state = state_.Lock();
    const bool stranger = record.user.empty();
    const int64_t now = record.time_ms;
    if (record.result != "OK" && SumUp(*state, record)) return;
    Add(*state, std::move(record));
    if (state->failing) return;  // Tick tries again
    if (stranger) {
      if (now >= state->strangers_written_ms && now - kStrangersMs < state->strangers_written_ms)
        return;
      state->strangers_written_ms = now;
    }
  }
  Write();
}

void AuditTrail::Tick(int64_t now_ms) {
  CloseWindows(*state_.Lock(), now_ms);
  Write();
}

void AuditTrail::Finish() {
  const auto wait = [this] {
    auto state = state_.Lock();
    written_.wait(state.lock(), [&state] { return !state->writing; });
  };
  CloseWindows(*state_.Lock(), INT64_MAX);
  wait();
  Write();
  wait();
}

AuditTrail::Kind AuditTrail::KindOf(const AuditRecord& record) {
  return {record.user,     record.session_id, record.source, record.method,
          record.resource, record.result,     record.reason};
}

bool AuditTrail::CountWith(Records& records, const AuditRecord& record) {
  const auto it = records.find(KindOf(record));
  if (it == records.end()) return false;
  it->second.count += record.count;
  it->second.time_ms = std::min(it->second.time_ms, record.time_ms);
  return true;
}

void AuditTrail::Add(State& state, AuditRecord record) {
  if (CountWith(state.waiting, record)) return;
  if (state.waiting.size() < limits::kAuditNoted) {
    Kind kind = KindOf(record);
    state.waiting.emplace(std::move(kind), std::move(record));
  } else {
    CountOnly(state, record, state.failing ? reason::kStoreUnavailable : reason::kLimitReached);
  }
}

void AuditTrail::CountOnly(State& state, const AuditRecord& record, std::string_view why) {
  if (state.uncounted == 0) {
    state.first_uncounted_ms = record.time_ms;
    state.uncounted_reason = why;
  }
  state.uncounted += record.count;
}

bool AuditTrail::SumUp(State& state, const AuditRecord& record) {
  if (CountWith(state.waiting, record)) return true;
  const bool stranger = record.user.empty();
  const std::string source = Throttle::SourceOf(record.source);
  Series series{stranger ? " " + source : record.user, record.method};
  // Of more sources than anybody needs to know apart.
  const bool many = stranger && state.windows.size() >= limits::kAuditNoted;
  if (many && !state.windows.contains(series)) series = {};
  Window& window = state.windows[series];
  if (window.IsOver(record.time_ms)) {
    for (auto& [kind, sum] : std::exchange(window, {.start_ms = record.time_ms}).sums)
      Add(state, std::move(sum));
  }
  if (window.apart < limits::kAuditRefusalsApart) {
    ++window.apart;
    return false;
  }
  AuditRecord sum = record;
  sum.session_id.clear();
  sum.resource.clear();
  sum.call_id.clear();
  sum.source = series == Series() ? "" : source;
  if (CountWith(window.sums, sum)) return true;
  if (window.sums.size() >= limits::kAuditRefusalsApart) {
    sum.source.clear();
    if (CountWith(window.sums, sum)) return true;
  }
  Kind kind = KindOf(sum);
  window.sums.emplace(std::move(kind), std::move(sum));
  return true;
}

void AuditTrail::CloseWindows(State& state, int64_t now_ms) {
  std::erase_if(state.windows, [&state, now_ms](auto& entry) {
    if (!entry.second.IsOver(now_ms)) return false;
    for (auto& [kind, sum] : entry.second.sums) Add(state, std::move(sum));
    return true;
  });
}

void AuditTrail::Write() {
  std::vector<AuditRecord> records;
  {
    auto state = state_.Lock();
    if (state->writing || (state->waiting.empty() && state->uncounted == 0)) return;
    state->writing = true;
    for (auto& [kind, record] : std::exchange(state->waiting, {})) {
      records.push_back(std::move(record));
    }
    std::stable_sort(records.begin(), records.end(), [](const auto& one, const auto& other) {
      return one.time_ms < other.time_ms;
    });
    if (const int64_t count = std::exchange(state->uncounted, 0); count > 0) {
      AuditRecord summary;
      summary.time_ms = state->first_uncounted_ms;
      summary.result = "UNRECORDED";
      summary.reason = state->uncounted_reason;
      summary.count = count;
      records.push_back(std::move(summary));
    }
  }
  // Shared, for a store that refuses takes them with it.
  auto kept = records;
  store_.PutAudit(std::move(records), [this, kept = std::move(kept)](const absl::Status& status) {
    Written(kept, status);
  });
}

void AuditTrail::Written(std::vector<AuditRecord> records, const absl::Status& status) {
  bool newly_failing = false;
  {
    auto state = state_.Lock();
    state->writing = false;
    newly_failing = !status.ok() && !state->failing;
    state->failing = !status.ok();
    if (!status.ok()) {
      for (AuditRecord& record : records) {
        if (record.result == "UNRECORDED") {
          CountOnly(*state, record, record.reason);
        } else {
          Add(*state, std::move(record));
        }
      }
    }
  }
  written_.notify_all();
  if (newly_failing) {
    logger_.Write(LogLevel::kError, "refusals wait to be audited",
                  {{"error", std::string(status.message()).substr(0, 512)}});
  }
  if (status.ok()) Write();
}

}  // namespace grpc_os::core
