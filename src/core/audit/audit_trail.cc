#include "core/audit/audit_trail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStrangersMs = 1000;

}  // namespace

void AuditTrail::Note(AuditRecord record) {
  {
    auto state = state_.Lock();
    const bool stranger = record.user.empty();
    const int64_t now = record.time_ms;
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

void AuditTrail::Tick() { Write(); }

void AuditTrail::Finish() {
  const auto wait = [this] {
    auto state = state_.Lock();
    written_.wait(state.lock(), [&state] { return !state->writing; });
  };
  wait();
  Write();
  wait();
}

void AuditTrail::Add(State& state, AuditRecord record) {
  Kind kind{record.user,     record.session_id, record.source, record.method,
            record.resource, record.result,     record.reason};
  if (auto it = state.waiting.find(kind); it != state.waiting.end()) {
    it->second.count += record.count;
    it->second.time_ms = std::min(it->second.time_ms, record.time_ms);
  } else if (state.waiting.size() < limits::kAuditNoted) {
    state.waiting.emplace(std::move(kind), std::move(record));
  } else {
    if (state.uncounted == 0) state.first_uncounted_ms = record.time_ms;
    state.uncounted += record.count;
  }
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
      summary.reason = "STORE_UNAVAILABLE";
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
        if (record.result != "UNRECORDED") {
          Add(*state, std::move(record));
          continue;
        }
        if (state->uncounted == 0) state->first_uncounted_ms = record.time_ms;
        state->uncounted += record.count;
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
