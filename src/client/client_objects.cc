// Client: the methods of FilesystemService.
#include <utility>

#include "base/limits.h"
#include "client/calls.h"
#include "client/crc32c.h"
#include "grpc_os/v1/filesystem_services.pb.h"

namespace grpc_os::client {
namespace {

constexpr int kListPage = limits::kPageSizeMax;

}  // namespace

absl::StatusOr<v1::Object> Client::CreateObject(const v1::CreateObjectRequest& request) {
  return Mutate<v1::CreateObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, CreateObject), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::Object> Client::PutObject(const v1::PutObjectRequest& request) {
  return Mutate<v1::PutObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, PutObject), request,
                                                  options_.timeout);
}

absl::StatusOr<v1::Object> Client::GetObject(const v1::GetObjectRequest& request) {
  return CallWithToken<v1::GetObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, GetObject),
                                                         request, options_.timeout);
}

absl::StatusOr<v1::Object> Client::UpdateObject(const v1::UpdateObjectRequest& request) {
  return Mutate<v1::UpdateObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, UpdateObject), request,
                                                     options_.timeout);
}

absl::StatusOr<v1::DeleteObjectResponse> Client::DeleteObject(
    const v1::DeleteObjectRequest& request) {
  return Mutate<v1::DeleteObjectRequest, v1::DeleteObjectResponse>(
      GRPC_OS_METHOD(objects, DeleteObject), request, options_.timeout);
}

absl::StatusOr<v1::Object> Client::UndeleteObject(const v1::UndeleteObjectRequest& request) {
  return Mutate<v1::UndeleteObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, UndeleteObject),
                                                       request, options_.timeout);
}

absl::StatusOr<v1::Object> Client::MoveObject(const v1::MoveObjectRequest& request) {
  return Mutate<v1::MoveObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, MoveObject), request,
                                                   options_.timeout);
}

absl::StatusOr<v1::MoveFolderResponse> Client::MoveFolder(const v1::MoveFolderRequest& request) {
  return Mutate<v1::MoveFolderRequest, v1::MoveFolderResponse>(GRPC_OS_METHOD(objects, MoveFolder),
                                                               request, options_.timeout);
}

absl::StatusOr<v1::Object> Client::CopyObject(const v1::CopyObjectRequest& request) {
  return Mutate<v1::CopyObjectRequest, v1::Object>(GRPC_OS_METHOD(objects, CopyObject), request,
                                                   options_.timeout);
}

absl::StatusOr<v1::Object> Client::CreateFolder(const std::string& name) {
  v1::CreateFolderRequest request;
  request.set_name(name);
  return Mutate<v1::CreateFolderRequest, v1::Object>(GRPC_OS_METHOD(objects, CreateFolder), request,
                                                     options_.timeout);
}

absl::Status Client::ListObjects(const v1::ListObjectsRequest& request,
                                 const std::function<bool(v1::ListObjectsResponse&)>& on_page) {
  v1::ListObjectsRequest paged = request;
  if (paged.page_size() == 0) paged.set_page_size(kListPage);
  while (true) {
    auto page = CallWithToken<v1::ListObjectsRequest, v1::ListObjectsResponse>(
        GRPC_OS_METHOD(objects, ListObjects), paged, options_.timeout);
    if (!page.ok()) return page.status();
    paged.set_page_token(page->next_page_token());
    if (!on_page(*page) || paged.page_token().empty()) return absl::OkStatus();
  }
}

absl::StatusOr<v1::ListVersionsResponse> Client::ListVersions(const std::string& name) {
  v1::ListVersionsRequest request;
  request.set_name(name);
  request.set_page_size(kListPage);
  return AllPages<v1::ListVersionsRequest, v1::ListVersionsResponse>(
      GRPC_OS_METHOD(objects, ListVersions), request, [](auto& page, auto& all) {
        for (v1::Object& object : *page.mutable_objects()) {
          all.mutable_objects()->Add(std::move(object));
        }
      });
}

absl::StatusOr<v1::MeasureObjectsResponse> Client::MeasureObjects(const std::string& prefix) {
  v1::MeasureObjectsRequest request;
  request.set_prefix(prefix);
  return AllPages<v1::MeasureObjectsRequest, v1::MeasureObjectsResponse>(
      GRPC_OS_METHOD(objects, MeasureObjects), request, [](auto& page, auto& all) {
        all.set_objects(all.objects() + page.objects());
        all.set_bytes(all.bytes() + page.bytes());
        all.set_versions(all.versions() + page.versions());
        all.set_version_bytes(all.version_bytes() + page.version_bytes());
        if (page.has_storage()) *all.mutable_storage() = std::move(*page.mutable_storage());
      });
}

absl::Status Client::ReadObject(
    const v1::ReadObjectRequest& request,
    const std::function<bool(const v1::ReadObjectResponse&)>& on_message) {
  bool damaged = false;
  const std::function<bool(const v1::ReadObjectResponse&)> check =
      [&](const v1::ReadObjectResponse& message) {
        damaged = Crc32c(message.data()) != message.crc32c();
        return !damaged && on_message(message);
      };
  absl::Status status =
      Stream(GRPC_OS_METHOD(objects, ReadObject), request, options_.timeout, check);
  if (!damaged) return status;
  return absl::DataLossError(absl::StrCat("A part of ", request.name(),
                                          " arrived with another checksum than it was sent with. "
                                          "Try again; `stat` shows whether it was changed."));
}

absl::StatusOr<v1::Upload> Client::StartUpload(const v1::StartUploadRequest& request) {
  return Mutate<v1::StartUploadRequest, v1::Upload>(GRPC_OS_METHOD(objects, StartUpload), request,
                                                    options_.timeout);
}

absl::StatusOr<v1::Upload> Client::WriteUpload(
    const std::function<bool(v1::WriteUploadRequest&)>& next) {
  // The first piece is kept: it goes out again with a new token if the first one was refused.
  v1::WriteUploadRequest first;
  if (!next(first)) return absl::InvalidArgumentError("An upload without pieces.");
  first.set_crc32c(Crc32c(first.data()));
  bool began = false;
  const auto stream = [&](Connection& connection, grpc::ClientContext* context,
                          const v1::WriteUploadRequest& piece, v1::Upload* upload) {
    auto writer = connection.objects.WriteUpload(context, upload);
    bool open = writer->Write(piece);
    v1::WriteUploadRequest more;
    while (open && next(more)) {
      began = true;
      more.set_crc32c(Crc32c(more.data()));
      open = writer->Write(more);
    }
    if (open) writer->WritesDone();
    return writer->Finish();
  };
  absl::StatusOr<v1::Upload> result = absl::UnknownError("not called");
  const absl::Status status = WithToken([&](const std::string& token) {
    result = Call<v1::WriteUploadRequest, v1::Upload>(stream, first, options_.timeout, token);
    // What `next` has given already cannot be given again: that is for the caller to resume.
    return began ? absl::OkStatus() : result.status();
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<v1::Upload> Client::GetUpload(const std::string& upload_id) {
  v1::GetUploadRequest request;
  request.set_upload_id(upload_id);
  return CallWithToken<v1::GetUploadRequest, v1::Upload>(GRPC_OS_METHOD(objects, GetUpload),
                                                         request, options_.timeout);
}

absl::StatusOr<v1::ListUploadsResponse> Client::ListUploads(bool all_users) {
  v1::ListUploadsRequest request;
  request.set_page_size(kListPage);
  request.set_all_users(all_users);
  return AllPages<v1::ListUploadsRequest, v1::ListUploadsResponse>(
      GRPC_OS_METHOD(objects, ListUploads), request, [](auto& page, auto& all) {
        for (v1::Upload& one : *page.mutable_uploads()) all.mutable_uploads()->Add(std::move(one));
      });
}

absl::StatusOr<v1::Object> Client::FinishUpload(const v1::FinishUploadRequest& request) {
  return CallWithToken<v1::FinishUploadRequest, v1::Object>(GRPC_OS_METHOD(objects, FinishUpload),
                                                            request, options_.timeout);
}

absl::StatusOr<v1::CancelUploadResponse> Client::CancelUpload(const std::string& upload_id) {
  v1::CancelUploadRequest request;
  request.set_upload_id(upload_id);
  return CallWithToken<v1::CancelUploadRequest, v1::CancelUploadResponse>(
      GRPC_OS_METHOD(objects, CancelUpload), request, options_.timeout);
}

absl::Status Client::CheckObjects(
    const v1::CheckObjectsRequest& request,
    const std::function<bool(const v1::CheckObjectsResponse&)>& on_message) {
  return Stream(GRPC_OS_METHOD(objects, CheckObjects), request, kNoTimeout, on_message);
}

absl::StatusOr<v1::Quota> Client::SetQuota(const v1::SetQuotaRequest& request) {
  return Mutate<v1::SetQuotaRequest, v1::Quota>(GRPC_OS_METHOD(objects, SetQuota), request,
                                                options_.timeout);
}

absl::StatusOr<v1::ListQuotasResponse> Client::ListQuotas() {
  v1::ListQuotasRequest request;
  request.set_page_size(kListPage);
  return AllPages<v1::ListQuotasRequest, v1::ListQuotasResponse>(
      GRPC_OS_METHOD(objects, ListQuotas), request, [](auto& page, auto& all) {
        for (v1::Quota& quota : *page.mutable_quotas()) all.mutable_quotas()->Add(std::move(quota));
      });
}

absl::StatusOr<v1::DeleteQuotaResponse> Client::DeleteQuota(const std::string& prefix) {
  v1::DeleteQuotaRequest request;
  request.set_prefix(prefix);
  return Mutate<v1::DeleteQuotaRequest, v1::DeleteQuotaResponse>(
      GRPC_OS_METHOD(objects, DeleteQuota), request, options_.timeout);
}

}  // namespace grpc_os::client
