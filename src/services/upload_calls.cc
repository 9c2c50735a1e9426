#include "services/upload_calls.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/identity/identity_errors.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"
#include "services/answer_empty.h"
#include "services/convert/object_convert.h"
#include "services/object_access.h"
#include "services/paging.h"
#include "services/run_once.h"
#include "services/upload_stream.h"

namespace grpc_os::services {
namespace {

core::Uploads::Done AnswerWith(const std::shared_ptr<UnaryCall<v1::Upload>>& call) {
  return [call](const absl::StatusOr<core::Upload>& upload) {
    if (!upload.ok()) return call->End(upload.status());
    call->Answer(ToProto(*upload));
  };
}

core::Uploads::By ByOf(Call& call) {
  return {.user = call.caller().user, .access = LastingAccessOf(call)};
}

// Who bounds what may lie below "/" may also see to what is on its way there.
absl::Status CheckAllUsers(const Call& call) {
  return core::CheckPermission(call.caller(), "quota.write", "/");
}

absl::Status CheckId(const std::string& id) {
  core::Violations violations;
  if (id.empty()) violations.Add("upload_id", "give the id that StartUpload answered");
  return violations.ToStatus();
}

void CheckSize(int64_t bytes, core::Violations& violations) {
  if (bytes < 0 || bytes > limits::kObjectBytes)
    violations.Add("size_bytes", absl::StrCat("give 0 to ", limits::kObjectBytes));
}

// What PutObject would be refused for whatever the content.
absl::Status CheckTarget(const Call& call, const std::string& name) {
  if (core::IsObjectId(name)) return absl::OkStatus();
  if (!AccessOf(call)(core::ObjectVerb::kWrite, name))
    return core::NameForbidden(core::ObjectVerb::kWrite, name);
  if (core::IsSystemName(name)) return core::SystemObject(name);
  if (name.ends_with('/')) return core::IsAFolder(name);
  return absl::OkStatus();
}

}  // namespace

UploadCalls::UploadCalls(Handlers& handlers, const Parts& parts) : parts_(parts) {
  AddStart(handlers);
  AddWrite(handlers);
}

void UploadCalls::AddStart(Handlers& handlers) {
  handlers.Unary<v1::StartUploadRequest, v1::Upload>(
      [this](const auto& call, const v1::StartUploadRequest& request) {
        ObjectReader reader({.digest = parts_.digest,
                             .checksum = parts_.checksum,
                             .now_ms = call->environment().clock.NowMs()});
        core::UploadTarget target;
        target.object = reader.Target(request.object(), request.preconditions(), "");
        if (request.has_size_bytes()) {
          target.size_bytes = request.size_bytes();
          CheckSize(request.size_bytes(), reader.violations());
        }
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        if (absl::Status status = CheckTarget(*call, target.object.name); !status.ok())
          return call->End(status);
        if (!request.request_id().empty()) {
          if (absl::Status status = CheckRequestId(request.request_id()); !status.ok())
            return call->End(status);
          target.request_id = request.request_id();
          target.request_digest = parts_.digest.Sha256Hex(ContentOf(request));
        }
        call->MakeOrigin(target.object.name);
        core::Uploads::Check check = nullptr;
        if (target.size_bytes.has_value()) {
          check = [this, call, name = target.object.name,
                   bytes = *target.size_bytes](std::function<void(absl::Status)> done) {
            parts_.quotas.CheckRoom(name, bytes, LastingAccessOf(*call), std::move(done),
                                    call->requester());
          };
        }
        parts_.uploads.Start(std::move(target), ByOf(*call), std::move(check), AnswerWith(call));
      });
}

void UploadCalls::AddWrite(Handlers& handlers) {
  handlers.Reader<v1::WriteUploadRequest, v1::Upload>(
      [this](const auto& call) { UploadStream::Start(call, parts_.uploads); });

  handlers.Unary<v1::GetUploadRequest, v1::Upload>(
      [this](const auto& call, const v1::GetUploadRequest& request) {
        if (absl::Status status = CheckId(request.upload_id()); !status.ok())
          return call->End(status);
        parts_.uploads.Get(request.upload_id(), ByOf(*call), AnswerWith(call));
      });

  handlers.Unary<v1::FinishUploadRequest, v1::Object>(
      [this](const auto& call, const v1::FinishUploadRequest& request) {
        core::Violations violations;
        core::UploadExpectation expected;
        if (request.upload_id().empty())
          violations.Add("upload_id", "give the id that StartUpload answered");
        if (request.has_size_bytes()) {
          expected.size_bytes = request.size_bytes();
          CheckSize(request.size_bytes(), violations);
        }
        if (request.has_crc32c()) expected.crc32c = request.crc32c();
        expected.sha256 = Sha256FromProto(request.sha256(), "sha256", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        core::Objects::By by = {.origin = call->MakeOrigin(request.upload_id()),
                                .access = LastingAccessOf(*call)};
        parts_.uploads.Finish(request.upload_id(), std::move(expected), std::move(by),
                              [call](const absl::StatusOr<core::Object>& object) {
                                if (!object.ok()) return call->End(object.status());
                                call->Answer(ToProto(*object));
                              });
      });

  handlers.Unary<v1::CancelUploadRequest, v1::CancelUploadResponse>(
      [this](const auto& call, const v1::CancelUploadRequest& request) {
        if (absl::Status status = CheckId(request.upload_id()); !status.ok())
          return call->End(status);
        call->MakeOrigin(request.upload_id());
        core::Uploads::By by = ByOf(*call);
        by.all_users = CheckAllUsers(*call).ok();
        for (const core::Upload& upload : parts_.uploads.List(by))
          if (upload.id == request.upload_id()) call->NoteName(upload.id, upload.name);
        parts_.uploads.Cancel(request.upload_id(), by, AnswerEmpty<v1::CancelUploadResponse>(call));
      });

  handlers.Unary<v1::ListUploadsRequest, v1::ListUploadsResponse>(
      [this](const auto& call, const v1::ListUploadsRequest& request) {
        const auto query =
            PageQuery::Of(*call, request, {}, {request.all_users() ? "all_users" : ""});
        if (!query.ok()) return call->End(query.status());
        core::Uploads::By by = ByOf(*call);
        by.all_users = request.all_users();
        if (by.all_users) {
          if (absl::Status status = CheckAllUsers(*call); !status.ok()) return call->End(status);
        }
        v1::ListUploadsResponse answer;
        Page page(*query, answer.mutable_uploads());
        for (const core::Upload& upload : parts_.uploads.List(by)) {
          if (upload.id > query->after() && !page.Add(ToProto(upload), upload.id)) break;
        }
        answer.set_next_page_token(page.NextToken());
        call->Answer(std::move(answer));
      });
}

}  // namespace grpc_os::services
