#include "services/admission.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::services {
namespace {

// More users and sources than can hold places at a time: those that hold none are forgotten then.
constexpr size_t kRemembered = 4096;
constexpr int64_t kRetryMs = 200;

struct Words {
  const char* all;  // how both are called
  const char* in_all;
  const char* per_user;
  const char* per_source;
};
constexpr std::array<Words, 2> kWords = {{
    {"calls in flight", "calls in flight", "calls_per_user", "calls_per_source"},
    {"streams open", "streams open", "streams_per_user", "streams_per_source"},
}};

absl::Status Refused(const std::string& message, const char* limit, int value,
                     std::map<std::string, std::string> metadata) {
  metadata["limit"] = limit;
  metadata["value"] = absl::StrCat(value);
  return MakeError(absl::StatusCode::kResourceExhausted, message,
                   {.reason = core::reason::kLimitReached,
                    .metadata = std::move(metadata),
                    .retry_after_ms = kRetryMs});
}

}  // namespace

Admission::Admission()
    : Admission({.common = limits::kCallsInFlight,
                 .per_user = limits::kCallsPerUser,
                 .per_source = limits::kCallsPerSource,
                 .strangers_per_source = limits::kStrangerCallsPerSource,
                 .kept_lane = limits::kCallsKept,
                 .kept_lane_each = limits::kCallsKeptEach,
                 .admin_lane = limits::kCallsOfAdmins},
                {.common = limits::kStreamsOpen,
                 .per_user = limits::kStreamsPerUser,
                 .per_source = limits::kStreamsPerSource,
                 .admin_lane = limits::kStreamsOfAdmins}) {}

Admission::Admission(const Limits& calls, const Limits& streams) : limits_{calls, streams} {}

Admission::Place::Entry& Admission::Find(Entries& entries, std::string_view name) {
  if (const auto found = entries.find(name); found != entries.end()) return found->second;
  if (entries.size() >= kRemembered) {
    std::erase_if(entries, [](const auto& entry) {
      for (const auto& held : entry.second) {
        if (held.common + held.kept_lane + held.admin_lane > 0) return false;
      }
      return true;
    });
  }
  return entries[std::string(name)];
}

absl::Status Admission::Enter(Kind kind, const Who& who, Place& place) {
  const auto k = static_cast<size_t>(kind);
  const Limits& limit = limits_[k];
  const bool stranger = who.user.empty();
  bool of_all = false;
  bool of_user = false;
  bool of_source = false;
  {
    const std::lock_guard lock(mutex_);
    place.kind = kind;
    place.user = stranger ? nullptr : &Find(users_, who.user);
    place.source = who.admin ? nullptr : &Find(sources_, who.source);
    Place::Held* user = stranger ? nullptr : &(*place.user)[k];
    Place::Held* source = who.admin ? nullptr : &(*place.source)[k];
    Totals& totals = totals_[k];
    of_all = totals.common >= limit.common;
    if (!who.admin) {
      of_user = user != nullptr && user->common >= limit.per_user;
      of_source = source->common >= limit.per_source ||
                  (stranger && source->strangers >= limit.strangers_per_source);
    }
    if (!of_all && !of_user && !of_source) {
      place.lane = Place::Lane::kCommon;
      ++totals.common;
      if (source != nullptr) ++source->common;
      if (stranger) ++source->strangers;
      if (user != nullptr) ++user->common;
      return absl::OkStatus();
    }
    Place::Held& its = user == nullptr ? *source : *user;
    if (user != nullptr) place.source = nullptr;  // it counts the common places only
    if (who.kept && totals.kept_lane < limit.kept_lane && its.kept_lane < limit.kept_lane_each) {
      place.lane = Place::Lane::kKept;
      ++totals.kept_lane;
      ++its.kept_lane;
      return absl::OkStatus();
    }
    if (who.admin && totals.admin_lane < limit.admin_lane) {
      place.lane = Place::Lane::kAdmin;
      ++totals.admin_lane;
      ++its.admin_lane;
      return absl::OkStatus();
    }
  }
  const Words& words = kWords[k];
  if (of_user) {
    return Refused(
        absl::StrCat("'", std::string(who.user), "' has ", limit.per_user, " ", words.all,
                     ", the most of one user; end some of them, then try again"),
        words.per_user, limit.per_user, {{"user", std::string(who.user)}});
  }
  if (of_source) {
    const bool few = stranger && limit.strangers_per_source < limit.per_source;
    const int value = few ? limit.strangers_per_source : limit.per_source;
    return Refused(absl::StrCat("from ", std::string(who.source), " there are ", value, " ",
                                words.all, few ? " without a log-in" : "",
                                ", the most from one source; end some of them, then try again"),
                   words.per_source, value, {{"source", std::string(who.source)}});
  }
  return Refused(absl::StrCat("there are ", limit.common, " ", words.all, " already; try again"),
                 words.in_all, limit.common, {});
}

void Admission::Leave(const Place& place) {
  const auto k = static_cast<size_t>(place.kind);
  const std::lock_guard lock(mutex_);
  Place::Entry* const its = place.user == nullptr ? place.source : place.user;
  switch (place.lane) {
    case Place::Lane::kCommon:
      --totals_[k].common;
      if (place.source != nullptr) --(*place.source)[k].common;
      --(place.user == nullptr ? (*its)[k].strangers : (*its)[k].common);
      break;
    case Place::Lane::kKept:
      --totals_[k].kept_lane;
      --(*its)[k].kept_lane;
      break;
    case Place::Lane::kAdmin:
      --totals_[k].admin_lane;
      --(*its)[k].admin_lane;
      break;
  }
}

int Admission::Total(Kind kind) const {
  const std::lock_guard lock(mutex_);
  const Totals& totals = totals_[static_cast<size_t>(kind)];
  return totals.common + totals.kept_lane + totals.admin_lane;
}

size_t Admission::entries() const {
  const std::lock_guard lock(mutex_);
  return users_.size() + sources_.size();
}

}  // namespace grpc_os::services
