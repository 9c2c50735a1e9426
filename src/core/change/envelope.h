// What goes with every change into its transaction: who asked for it, whether they still may, and
// what the transaction records of that. There is no other way to write.
#ifndef GRPC_OS_CORE_CHANGE_ENVELOPE_H_
#define GRPC_OS_CORE_CHANGE_ENVELOPE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/guarded.h"
#include "core/audit/audit.h"
#include "core/request/request.h"

namespace grpc_os::core {

// What was learnt while a change was carried out; its call, which did not know, audits by it.
struct OriginFindings {
  bool ended = false;  // the call: nobody waits for its answer any more
  std::string user;    // whom a log-in is about, if there is such a user
  // The record that was written tells how the call ends, so that it needs no other.
  bool told = false;
  // Of what the call gave by an id, by that id.
  std::map<std::string, std::string> names = {};

  // What the call was about, with the names of what it gave by ids: "web (proc_01k…)".
  std::string Named(const std::string& resource) const;
};

// A call that asks for a change. Copies are the same origin.
struct Origin {
  AuditRecord record;
  std::optional<CommittedRequest> request;
  // Whether the caller (still) has the permission, for the thing of this name: OK, or why not.
  // Asked again in the transaction, on the store's writer thread: quick. Empty: the change needs
  // none.
  std::function<absl::Status(std::string_view name)> permit = nullptr;
  std::string name = {};  // of what is changed; empty: it is about no single thing
  // Set by the store once the transaction is durable: the audit has its record.
  std::shared_ptr<std::atomic<bool>> written = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<Guarded<OriginFindings>> findings = std::make_shared<Guarded<OriginFindings>>();
  // Lets go of the request's key (core/request) when the last copy goes.
  std::shared_ptr<void> slot = nullptr;

  // The thing that the call refers to is there, under this name.
  void SetFound(const std::string& reference, const std::string& its_name) {
    name = its_name;
    NoteName(reference, its_name);
  }
  // For the audit, which is not for the caller: whether or not it may know the name.
  void NoteName(const std::string& reference, const std::string& its_name) const {
    if (reference != its_name) findings->Lock()->names[reference] = its_name;
  }

  absl::Status CheckPermitted() const { return permit ? permit(name) : absl::OkStatus(); }
  // The permission is there, but not for this name: who asked by an id must not learn what it
  // names.
  bool HidesName() const { return permit && !permit(name).ok() && permit("").ok(); }
};

// Every write of a store takes one. The store asks CheckPermitted first of all in the transaction,
// writes the record and the request of each origin with the change, and calls SetWritten once that
// is durable.
class Envelope {
 public:
  // Nobody asked for it: what the system does by itself, which no audit record tells of.
  static Envelope OfSystem() { return {}; }
  // `subject`: what a repeat of its request has to know.
  explicit Envelope(Origin origin, std::string subject = "") {
    Add(std::move(origin), std::move(subject));
  }
  // One more who asked for what the transaction does.
  void Add(Origin origin, std::string subject) {
    if (origin.request) origin.request->subject = std::move(subject);
    origins_.push_back(std::move(origin));
  }
  // For a change that finds its subject while it is made.
  void SetSubject(const std::string& subject) {
    for (Origin& origin : origins_)
      if (origin.request) origin.request->subject = subject;
  }

  bool asked_for() const { return !origins_.empty(); }
  // The first refusal: UNAUTHENTICATED or PERMISSION_DENIED.
  absl::Status CheckPermitted() const {
    for (const Origin& origin : origins_)
      if (absl::Status status = origin.CheckPermitted(); !status.ok()) return status;
    return absl::OkStatus();
  }
  const std::vector<Origin>& origins() const { return origins_; }
  void SetWritten() const {
    for (const Origin& origin : origins_) origin.written->store(true);
  }

 private:
  Envelope() = default;

  std::vector<Origin> origins_;
};

// Whether a write was refused because whoever asked for it may not any more.
inline bool IsNotPermitted(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_CHANGE_ENVELOPE_H_
