// What reads all contents, to find those that are damaged.
#include <memory>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/limits.h"
#include "core/object/content_check.h"
#include "core/object/object_errors.h"
#include "core/store_error.h"
#include "services/filesystem_service.h"
#include "services/stream_call.h"

namespace grpc_os::services {
namespace {

using CheckCall = StreamCall<v1::CheckObjectsResponse>;
using core::ContentCheck;

v1::CheckObjectsResponse ToProto(const ContentCheck::Progress& progress) {
  v1::CheckObjectsResponse out;
  for (const ContentCheck::Damage& one : progress.damaged) {
    v1::DamagedObject& damaged = *out.add_damaged();
    damaged.set_name(one.object.name);
    damaged.set_id(one.object.id);
    damaged.set_generation(one.object.generation);
    damaged.set_message(one.how);
  }
  out.set_checked_count(progress.contents);
  out.set_checked_bytes(progress.bytes);
  out.set_done(progress.done);
  return out;
}

// Takes the next step once the client has taken what the last one found. Lives as long as the call
// or the check refers to it.
class CheckStream final : public std::enable_shared_from_this<CheckStream> {
 public:
  static void Start(const std::shared_ptr<CheckCall>& call, std::string prefix,
                    std::shared_ptr<ContentCheck> check) {
    std::shared_ptr<CheckStream> stream(new CheckStream(call, std::move(prefix), std::move(check)));
    const bool heard = call->SetProducer({.on_ready = [stream] { stream->Step(); },
                                          .on_gone = [stream] { *stream->gone_.Lock() = true; },
                                          .heartbeat =
                                              [](const v1::CheckObjectsResponse& last) {
                                                v1::CheckObjectsResponse beat = last;
                                                beat.clear_damaged();
                                                return beat;
                                              }},
                                         {});
    if (heard) stream->Step();
  }

 private:
  CheckStream(std::shared_ptr<CheckCall> call, std::string prefix,
              std::shared_ptr<ContentCheck> check)
      : call_(std::move(call)), prefix_(std::move(prefix)), check_(std::move(check)) {}

  // It names what it finds. The caller's roles may change while it reads.
  bool MayTell() {
    const auto caller = call_->environment().identity.Current(call_->caller().session_id);
    return caller != nullptr && caller->authority.AllowsAllNames(core::kObjectRead, prefix_);
  }

  void Forbid() {
    *gone_.Lock() = true;
    call_->End(core::NameForbidden(core::ObjectVerb::kRead, prefix_));
  }

  void Step() {
    if (*gone_.Lock()) return;
    if (!MayTell()) return Forbid();
    check_->Next([self = shared_from_this()](const absl::StatusOr<ContentCheck::Progress>& found) {
      if (!found.ok()) return self->call_->End(core::FromStore(found.status()));
      if (!self->MayTell()) return self->Forbid();
      if (found->done) *self->gone_.Lock() = true;
      self->call_->Send(ToProto(*found));
      if (found->done) self->call_->End(absl::OkStatus());
    });
  }

  const std::shared_ptr<CheckCall> call_;
  const std::string prefix_;
  const std::shared_ptr<ContentCheck> check_;
  Guarded<bool> gone_{false};
};

}  // namespace

void FilesystemService::AddCheck(Handlers& handlers) {
  handlers.Stream<v1::CheckObjectsRequest, v1::CheckObjectsResponse>(
      [this](const auto& call, const v1::CheckObjectsRequest& request) {
        core::Violations violations;
        const std::string prefix =
            PrefixFromProto(request.prefix(), /*recursive=*/true, "prefix", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        CheckStream::Start(call, prefix,
                           ContentCheck::Make({parts_.contents, parts_.blobs, parts_.content_hash,
                                               parts_.checksum, call->requester()},
                                              prefix));
      });
}

}  // namespace grpc_os::services
