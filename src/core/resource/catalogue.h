// The resources of one kind: what is committed, and the changes of it.
#ifndef GRPC_OS_CORE_RESOURCE_CATALOGUE_H_
#define GRPC_OS_CORE_RESOURCE_CATALOGUE_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "base/id.h"
#include "core/change/change_queue.h"
#include "core/change/envelope.h"
#include "core/resource/resource.h"
#include "core/resource/resource_codec.h"
#include "core/resource/resource_errors.h"
#include "core/resource/resource_store.h"
#include "core/scheduler.h"
#include "core/store_error.h"

namespace grpc_os::core {

// What a kind adds to the rules of all. Each may be empty.
template <typename R>
struct ResourceRules {
  // Whether users may make a change: of `before` (null: a creation) to `after` (null: a deletion).
  // Asked once all changes before it are committed, before the change is.
  std::function<absl::Status(const R* before, const R* after, const Origin& origin)> check = {};
  // What only this one may have.
  std::function<std::vector<Claim>(const R& resource)> claims = {};
  // The change is durable; before it is answered. What cannot be read (any more) is null as well.
  std::function<void(const R* before, const R* after)> committed = {};
};

// Shows only what is committed. A row that cannot be read is DATA_LOSS by its name, and may be
// deleted; the others are not harmed. Thread-safe; answers come on a thread of the store, or at
// once where something is refused without it. `R`: a Resource<…>, whose Spec and Status have a
// Describe (core/tagged.h).
template <typename R>
class Catalogue {
 public:
  using Spec = typename R::Spec;
  using Status = typename R::Status;
  using Done = std::function<void(absl::StatusOr<R>)>;

  struct Parts {
    const ResourceKind& kind;
    ResourceStore& store;
    const Clock& clock;
    // In which its changes are made, one after the other; several kinds may share one.
    ChangeQueue& changes;
    ResourceRules<R> rules = {};
  };
  explicit Catalogue(Parts parts) : parts_(std::move(parts)) {}

  // Takes what the store holds, before anything else. `revision`: the store's newest. Blocks.
  absl::Status Load(int64_t revision) {
    auto stored = parts_.store.LoadResources(parts_.kind.name);
    if (!stored.ok()) return stored.status();
    auto state = state_.Lock();
    state->revision = revision;
    for (StoredResource& row : *stored) {
      auto read = DecodeResource<R>(row);
      if (read.ok()) {
        state->Put(std::make_shared<const R>(*std::move(read)));
      } else {
        state->damaged[row.name] = {std::move(row.id), read.status()};
      }
    }
    return absl::OkStatus();
  }

  // By name or id. NOT_FOUND; DATA_LOSS.
  absl::StatusOr<R> Find(const std::string& reference) const {
    auto state = state_.Lock();
    if (const auto found = state->Find(reference); found != nullptr) return *found;
    if (const auto it = state->damaged.find(reference); it != state->damaged.end())
      return ResourceDamaged(parts_.kind, reference, it->second.why);
    return ResourceNotFound(parts_.kind, reference);
  }
  // In the order of names, those after `after_name`, at most `limit`.
  std::vector<R> List(const std::string& after_name, int limit) const {
    std::vector<R> found;
    auto state = state_.Lock();
    for (auto it = state->by_name.upper_bound(after_name);
         it != state->by_name.end() && static_cast<int>(found.size()) < limit; ++it)
      found.push_back(*it->second);
    return found;
  }
  int Count() const { return static_cast<int>(state_.Lock()->by_name.size()); }
  // Everything of this kind up to this revision of the store is in what Find and List show.
  // `newest`: the store's newest, read just now.
  int64_t Revision(int64_t newest) const {
    return parts_.changes.busy() ? state_.Lock()->revision : newest;
  }

  // `name`, `spec` and, if the caller chose one, `id` are checked before. The id, the owner and the
  // times are set here.
  void Create(R wanted, Origin origin, Done done) {
    parts_.changes.Enqueue([this, wanted = std::move(wanted), origin = std::move(origin),
                            done = std::move(done)](std::function<void()> next) mutable {
      auto refuse = [&](const absl::Status& status) {
        done(status);
        next();
      };
      origin.name = wanted.name;
      if (absl::Status status = origin.CheckPermitted(); !status.ok()) return refuse(status);
      if (absl::Status status = CheckPlace(wanted.name); !status.ok()) return refuse(status);
      const int64_t now = parts_.clock.NowMs();
      if (wanted.id.empty())
        wanted.id = *parts_.kind.id_prefix == 0 ? wanted.name : NewId(parts_.kind.id_prefix, now);
      wanted.owner = origin.record.user;
      wanted.generation = 1;
      wanted.create_time_ms = wanted.update_time_ms = now;
      if (absl::Status status = Check(nullptr, &wanted, origin); !status.ok())
        return refuse(status);
      Commit(nullptr, std::make_shared<R>(std::move(wanted)), "created", std::move(origin),
             std::move(done), std::move(next));
    });
  }

  // `change` refuses, having changed nothing, or changes. One that changes nothing is remembered as
  // asked for, and is no change.
  void Update(std::string reference, std::string etag, std::function<absl::Status(Spec&)> change,
              Origin origin, Done done) {
    parts_.changes.Enqueue([this, reference = std::move(reference), etag = std::move(etag),
                            change = std::move(change), origin = std::move(origin),
                            done = std::move(done)](std::function<void()> next) mutable {
      auto refuse = [&](const absl::Status& status) {
        done(status);
        next();
      };
      if (absl::Status status = Permit(reference, origin); !status.ok()) return refuse(status);
      const auto before = Require(reference, etag);
      if (!before.ok()) return refuse(before.status());
      auto after = std::make_shared<R>(**before);
      if (absl::Status status = change(after->spec); !status.ok()) return refuse(status);
      const bool changes = after->spec != (*before)->spec;
      if (changes) {
        ++after->generation;
        after->update_time_ms = parts_.clock.NowMs();
        if (absl::Status status = Check(before->get(), after.get(), origin); !status.ok())
          return refuse(status);
      }
      Commit(*before, std::move(after), changes ? "updated" : "", std::move(origin),
             std::move(done), std::move(next));
    });
  }

  // `done` gets the revision. Without an origin: the system.
  void Delete(std::string reference, std::string etag, std::optional<Origin> origin,
              std::function<void(absl::StatusOr<int64_t>)> done) {
    parts_.changes.Enqueue([this, reference = std::move(reference), etag = std::move(etag),
                            origin = std::move(origin),
                            done = std::move(done)](std::function<void()> next) mutable {
      auto refuse = [&](const absl::Status& status) {
        done(status);
        next();
      };
      if (origin) {
        if (absl::Status status = Permit(reference, *origin); !status.ok()) return refuse(status);
      }
      ResourceKey key{parts_.kind.name, DamagedId(reference)};
      std::string name = reference;
      std::shared_ptr<const R> before;
      if (key.id.empty()) {
        auto found = Require(reference, etag);
        if (!found.ok()) return refuse(found.status());
        before = *std::move(found);
        key.id = before->id;
        name = before->name;
      }
      if (origin) {
        if (absl::Status status = Check(before.get(), nullptr, *origin); !status.ok())
          return refuse(status);
      }
      ResourceWrite write{.remove = {key}, .may_use_reserve = true};
      write.events = {EventOf(key.id, name, "deleted")};
      std::string subject = key.id;
      parts_.store.CommitResources(
          std::move(write),
          origin ? Envelope(*std::move(origin), std::move(subject)) : Envelope::OfSystem(),
          [this, before, name, done = std::move(done),
           next = std::move(next)](const absl::StatusOr<int64_t>& revision) {
            if (revision.ok()) {
              state_.Lock()->Remove(name, *revision);
              if (parts_.rules.committed) parts_.rules.committed(before.get(), nullptr);
            }
            done(revision.ok() ? revision : FromStore(revision.status()));
            next();
          });
    });
  }

  // The system's own, in one transaction: first those of these names go, then these are made or,
  // where there is one of the name, get this spec. `check`: whether one of these changes may be
  // made, as in ResourceRules; if one may not, none is. `done` gets the revision.
  using MayChange = std::function<absl::Status(const R* before, const R* after)>;
  void ChangeAll(std::vector<std::string> remove, std::vector<R> put, MayChange check,
                 std::function<void(absl::StatusOr<int64_t>)> done) {
    parts_.changes.Enqueue([this, remove = std::move(remove), put = std::move(put),
                            check = std::move(check),
                            done = std::move(done)](std::function<void()> next) mutable {
      const auto refuse = [&](const absl::Status& status) {
        done(status);
        next();
      };
      int count = Count();
      ResourceWrite write;
      auto changes = std::make_shared<Changes>();
      for (const std::string& name : remove) {
        const Pointer before = Named(name);
        if (before == nullptr) continue;
        if (absl::Status status = check(before.get(), nullptr); !status.ok()) return refuse(status);
        write.remove.push_back({parts_.kind.name, before->id});
        write.events.push_back(EventOf(before->id, name, "deleted"));
        changes->emplace_back(before, nullptr);
        --count;
      }
      for (R& wanted : put) {
        const Pointer before = Named(wanted.name);
        if (before != nullptr && before->spec == wanted.spec) continue;
        if (before == nullptr && ++count > parts_.kind.most)
          return refuse(TooManyResources(parts_.kind));
        auto after = Changed(before.get(), std::move(wanted));
        if (absl::Status status = check(before.get(), after.get()); !status.ok())
          return refuse(status);
        write.put.push_back(RowOf(*after));
        write.events.push_back(
            EventOf(after->id, after->name, before == nullptr ? "created" : "updated"));
        changes->emplace_back(before, after);
      }
      if (changes->empty()) {
        done(state_.Lock()->revision);
        return next();
      }
      write.may_use_reserve = write.put.empty();
      parts_.store.CommitResources(std::move(write), Envelope::OfSystem(),
                                   [this, changes, done = std::move(done), next = std::move(next)](
                                       const absl::StatusOr<int64_t>& revision) {
                                     if (revision.ok()) Take(*changes, *revision);
                                     done(revision.ok() ? revision : FromStore(revision.status()));
                                     next();
                                   });
    });
  }

  // What a reconciler found, of this generation of the spec. Nobody asks for it. A resource that is
  // gone meanwhile is NOT_FOUND.
  void SetStatus(std::string id, int64_t observed_generation, Status status, Done done) {
    parts_.changes.Enqueue([this, id = std::move(id), observed_generation,
                            status = std::move(status),
                            done = std::move(done)](std::function<void()> next) mutable {
      const auto before = Require(id, "");
      if (!before.ok()) {
        done(before.status());
        return next();
      }
      auto after = std::make_shared<R>(**before);
      after->observed_generation = observed_generation;
      after->status = std::move(status);
      if (*after == **before) {
        done(*after);
        return next();
      }
      Commit(*before, std::move(after), "status", std::nullopt, std::move(done), std::move(next));
    });
  }

 private:
  using Pointer = std::shared_ptr<const R>;
  struct Damaged {
    std::string id;
    absl::Status why;
  };
  struct State {
    std::map<std::string, Pointer> by_name;
    std::map<std::string, Pointer> by_id;
    std::map<std::string, Damaged> damaged;  // by name
    int64_t revision = 0;                    // of the last commit of ours

    Pointer Find(const std::string& reference) const {
      if (const auto it = by_name.find(reference); it != by_name.end()) return it->second;
      const auto it = by_id.find(reference);
      return it == by_id.end() ? nullptr : it->second;
    }
    void Put(Pointer resource) {
      by_id[resource->id] = resource;
      std::string name = resource->name;
      by_name[std::move(name)] = std::move(resource);
    }
    void Remove(const std::string& name, int64_t at) {
      revision = at;
      damaged.erase(name);
      const auto it = by_name.find(name);
      if (it == by_name.end()) return;
      by_id.erase(it->second->id);
      by_name.erase(it);
    }
  };

  Pointer Named(const std::string& name) const {
    auto state = state_.Lock();
    const auto it = state->by_name.find(name);
    return it == state->by_name.end() ? nullptr : it->second;
  }
  // As ChangeAll makes it of what is wanted.
  std::shared_ptr<R> Changed(const R* before, R wanted) const {
    const int64_t now = parts_.clock.NowMs();
    auto after = std::make_shared<R>(before != nullptr ? *before : std::move(wanted));
    if (before != nullptr) {
      after->spec = std::move(wanted.spec);
      ++after->generation;
    } else {
      after->id = *parts_.kind.id_prefix == 0 ? after->name : NewId(parts_.kind.id_prefix, now);
      after->generation = 1;
      after->create_time_ms = now;
    }
    after->update_time_ms = now;
    return after;
  }
  using Changes = std::vector<std::pair<Pointer, std::shared_ptr<R>>>;
  void Take(const Changes& changes, int64_t revision) {
    {
      auto state = state_.Lock();
      for (const auto& [before, after] : changes) {
        if (after == nullptr) {
          state->Remove(before->name, revision);
        } else {
          after->revision = revision;
          state->Put(after);
        }
      }
      state->revision = revision;
    }
    if (!parts_.rules.committed) return;
    for (const auto& [before, after] : changes) parts_.rules.committed(before.get(), after.get());
  }
  absl::Status CheckPlace(const std::string& name) const {
    auto state = state_.Lock();
    if (state->by_name.contains(name) || state->damaged.contains(name))
      return ResourceExists(parts_.kind, name);
    return static_cast<int>(state->by_name.size()) >= parts_.kind.most
               ? TooManyResources(parts_.kind)
               : absl::OkStatus();
  }
  // OK if whoever asks may change it: what is forbidden and what is not there answer alike. An id
  // is judged by the name behind it.
  absl::Status Permit(const std::string& reference, Origin& origin) const {
    const Pointer found = state_.Lock()->Find(reference);
    const bool by_id = LooksLikeId(reference);
    if (by_id && found == nullptr) return ResourceNotFound(parts_.kind, reference);
    if (found != nullptr) {
      origin.SetFound(reference, found->name);
    } else {
      origin.name = reference;
    }
    if (by_id && origin.HidesName()) return ResourceNotFound(parts_.kind, reference);
    return origin.CheckPermitted();
  }
  absl::StatusOr<Pointer> Require(const std::string& reference, const std::string& etag) const {
    Pointer found = state_.Lock()->Find(reference);
    if (found == nullptr) return Find(reference).status();
    if (!etag.empty() && etag != EtagOf(*found)) return ResourceChanged(parts_.kind, *found, etag);
    return found;
  }
  std::string DamagedId(const std::string& name) const {
    auto state = state_.Lock();
    const auto it = state->damaged.find(name);
    return it == state->damaged.end() ? "" : it->second.id;
  }
  absl::Status Check(const R* before, const R* after, const Origin& origin) const {
    return parts_.rules.check ? parts_.rules.check(before, after, origin) : absl::OkStatus();
  }

  // `action`: of the event; empty: nothing changes, and only who asked is recorded. Without an
  // origin: the system.
  void Commit(Pointer before, std::shared_ptr<R> after, const char* action,
              std::optional<Origin> origin, Done done, std::function<void()> next) {
    ResourceWrite write;
    const bool changes = *action != 0;
    if (changes) {
      write.put = {RowOf(*after)};
      write.events = {EventOf(after->id, after->name, action)};
    }
    Envelope envelope = origin ? Envelope(*std::move(origin), after->id) : Envelope::OfSystem();
    parts_.store.CommitResources(
        std::move(write), std::move(envelope),
        [this, before = std::move(before), after = std::move(after), changes,
         done = std::move(done), next = std::move(next)](const absl::StatusOr<int64_t>& revision) {
          if (revision.ok() && changes) {
            after->revision = *revision;
            {
              auto state = state_.Lock();
              state->revision = *revision;
              state->Put(after);
            }
            if (parts_.rules.committed) parts_.rules.committed(before.get(), after.get());
          }
          done(revision.ok() ? absl::StatusOr<R>(*after) : FromStore(revision.status()));
          next();
        });
  }

  Event EventOf(const std::string& id, const std::string& name, const char* action) const {
    Event event;
    event.time_ms = parts_.clock.NowMs();
    event.kind = parts_.kind.name;
    event.resource_id = id;
    event.name = name;
    event.action = action;
    return event;
  }
  StoredResource RowOf(const R& resource) const {
    StoredResource row = EncodeResource(parts_.kind, resource);
    if (parts_.rules.claims) row.claims = parts_.rules.claims(resource);
    return row;
  }

  const Parts parts_;
  mutable Guarded<State> state_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_CATALOGUE_H_
