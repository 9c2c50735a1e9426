#include "core/object/quotas.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"
#include "core/store_error.h"

namespace grpc_os::core {
namespace {

auto Find(const std::vector<Quota>& quotas, const std::string& prefix) {
  return std::find_if(quotas.begin(), quotas.end(),
                      [&](const Quota& quota) { return quota.prefix == prefix; });
}

absl::Status CheckCount(ObjectRows& rows, const std::string& prefix) {
  const auto quotas = rows.ListQuotas();
  if (!quotas.ok()) return quotas.status();
  const bool is_new = Find(*quotas, prefix) == quotas->end();
  return is_new && quotas->size() >= static_cast<size_t>(limits::kQuotas) ? TooManyQuotas()
                                                                          : absl::OkStatus();
}

}  // namespace

std::string QuotaPrefix(const std::string& given, const std::string& field,
                        Violations& violations) {
  std::string prefix = ObjectName(given, field, violations, Root::kAllowed);
  if (!prefix.ends_with('/')) prefix += '/';
  if (prefix != "/" && IsSystemName(prefix))
    violations.Add(field,
                   "nothing is stored below it, it is the system's own; give another folder");
  return prefix;
}

void CheckQuotaBounds(const Quota& quota, const std::string& prefix, Violations& violations) {
  if (quota.max_objects < 0)
    violations.Add(prefix + ".max_objects",
                   "give how many objects may be there, or 0 for any number");
  if (quota.max_bytes < 0)
    violations.Add(prefix + ".max_bytes", "give how many bytes they may have, or 0 for any number");
  if (quota.max_objects == 0 && quota.max_bytes == 0)
    violations.Add(prefix, "give max_objects, max_bytes or both; DeleteQuota takes a quota away");
}

// Refuses clean: `apply` looks before it changes.
void Quotas::Commit(std::string prefix, const char* action, bool may_use_reserve, Origin origin,
                    std::function<absl::Status(ObjectRows&)> apply,
                    std::function<void(absl::Status)> done) {
  store_.CommitObjects(
      {.apply =
           [prefix = std::move(prefix), action, apply = std::move(apply), now_ms = clock_.NowMs()](
               ObjectRows& rows, int64_t, ObjectWrite::Outcome& outcome) {
             if (auto status = apply(rows); !status.ok()) return status;
             Event& event = outcome.events.emplace_back();
             event.time_ms = now_ms;
             event.kind = "quota";
             event.resource_id = event.name = prefix;
             event.action = action;
             outcome.subject = prefix;
             return absl::OkStatus();
           },
       .refuses_clean = true,
       .may_use_reserve = may_use_reserve},
      Envelope(std::move(origin)),
      [done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
        if (!revision.ok()) return done(FromStore(revision.status()));
        done(absl::OkStatus());
      });
}

void Quotas::Set(const Quota& wanted, Origin origin, Done done) {
  const auto quota = std::make_shared<Quota>();
  Commit(
      wanted.prefix, "set", /*may_use_reserve=*/false, std::move(origin),
      [wanted, quota](ObjectRows& rows) {
        if (auto status = CheckCount(rows, wanted.prefix); !status.ok()) return status;
        auto put = rows.PutQuota(wanted);
        if (put.ok()) *quota = *std::move(put);
        return put.status();
      },
      [quota, done = std::move(done)](const absl::Status& status) {
        status.ok() ? done(std::move(*quota)) : done(status);
      });
}

void Quotas::Delete(const std::string& prefix, Origin origin,
                    std::function<void(absl::Status)> done) {
  Commit(
      prefix, "deleted", /*may_use_reserve=*/true, std::move(origin),
      [prefix](ObjectRows& rows) {
        const auto removed = rows.RemoveQuota(prefix);
        if (!removed.ok()) return removed.status();
        return *removed ? absl::OkStatus() : QuotaNotFound(prefix);
      },
      std::move(done));
}

void Quotas::Get(const std::string& prefix, Done done, const Requester& by) {
  List(
      [prefix, done = std::move(done)](const absl::StatusOr<std::vector<Quota>>& quotas) {
        if (!quotas.ok()) return done(quotas.status());
        const auto found = Find(*quotas, prefix);
        found == quotas->end() ? done(QuotaNotFound(prefix)) : done(*found);
      },
      by);
}

void Quotas::List(std::function<void(absl::StatusOr<std::vector<Quota>>)> done,
                  const Requester& by) {
  store_.ListQuotas(by, [done = std::move(done)](absl::StatusOr<std::vector<Quota>> quotas) {
    quotas.ok() ? done(std::move(quotas)) : done(FromStore(quotas.status()));
  });
}

void Quotas::CheckRoom(const std::string& name_or_id, int64_t bytes, const ObjectAccess& access,
                       std::function<void(absl::Status)> done, const Requester& by) {
  store_.FindObject({.name_or_id = name_or_id, .now_ms = clock_.NowMs(), .by = by},
                    [self = *this, name_or_id, bytes, access, by,
                     done = std::move(done)](ObjectStore::Found live) mutable {
                      if (!live.ok()) return done(FromStore(live.status()));
                      const bool there = live->has_value();
                      if (there && IsObjectId(name_or_id) &&
                          !(access(ObjectVerb::kRead, (*live)->name) &&
                            access(ObjectVerb::kWrite, (*live)->name)))
                        return done(absl::OkStatus());
                      self.List(
                          [name = there ? (*live)->name : name_or_id, objects = there ? 0 : 1,
                           more = bytes - (there ? (*live)->size_bytes : 0),
                           old_bytes = there ? (*live)->size_bytes : 0, done = std::move(done)](
                              const absl::StatusOr<std::vector<Quota>>& quotas) {
                            if (!quotas.ok()) return done(quotas.status());
                            for (const Quota& quota : *quotas) {
                              if (!name.starts_with(quota.prefix)) continue;
                              const QuotaDelta delta = {.name = name,
                                                        .objects = objects,
                                                        .bytes = more,
                                                        .versions = 1 - objects,
                                                        .version_bytes = old_bytes};
                              if (auto status = CheckQuota(quota, delta); !status.ok())
                                return done(status);
                            }
                            done(absl::OkStatus());
                          },
                          by);
                    });
}

}  // namespace grpc_os::core
