// How many calls and streams there may be at a time, and whose.
#ifndef GRPC_OS_SERVICES_ADMISSION_H_
#define GRPC_OS_SERVICES_ADMISSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"

namespace grpc_os::services {

// A call takes a place when its caller is known and leaves it when it ends. The common places are
// bounded in all, by user and by source, so that no user and no address has them all; calls without
// a log-in by their source alone. When there is none for a call, two lanes remain: one for the
// methods by which people get in, out and rid of what runs (MethodInfo::kept), of which one user or
// source has a part at most, and one for admins, who are bounded neither by user nor by source, and
// take nothing of what their source may have.
//
// Thread-safe: one short lock a call.
class Admission {
 public:
  enum class Kind { kCall, kStream };
  struct Limits {
    int common = 0;
    int per_user = 0;
    int per_source = 0;
    int strangers_per_source = 0;  // calls of nobody who is logged in
    int kept_lane = 0;
    int kept_lane_each = 0;
    int admin_lane = 0;
  };
  Admission();  // as base/limits.h says
  Admission(const Limits& calls, const Limits& streams);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  struct Who {
    std::string_view user = {};  // empty: nobody is logged in
    std::string_view source = {};
    bool admin = false;
    bool kept = false;  // MethodInfo::kept
  };
  // What a call holds until Leave.
  class Place {
   private:
    friend class Admission;
    enum class Lane : uint8_t { kCommon, kKept, kAdmin };
    struct Held {
      int common = 0;
      int strangers = 0;  // of `common`; of a source
      int kept_lane = 0;
      int admin_lane = 0;
    };
    using Entry = std::array<Held, 2>;  // of one user or one source, by Kind
    Entry* user = nullptr;              // null: nobody is logged in
    Entry* source = nullptr;            // null: of an admin, or of a user in a lane
    Kind kind = Kind::kCall;
    Lane lane = Lane::kCommon;
  };
  // RESOURCE_EXHAUSTED (LIMIT_REACHED): whose limit.
  absl::Status Enter(Kind kind, const Who& who, Place& place);
  void Leave(const Place& place);

  int calls() const { return Total(Kind::kCall); }
  int streams() const { return Total(Kind::kStream); }
  size_t entries() const;  // users and sources that are remembered

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Entries = std::unordered_map<std::string, Place::Entry, Hash, std::equal_to<>>;
  struct Totals {
    int common = 0;
    int kept_lane = 0;
    int admin_lane = 0;
  };

  int Total(Kind kind) const;
  static Place::Entry& Find(Entries& entries, std::string_view name);

  const std::array<Limits, 2> limits_;  // by Kind, as all that follows
  mutable std::mutex mutex_;
  std::array<Totals, 2> totals_;
  Entries users_;
  Entries sources_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_ADMISSION_H_
