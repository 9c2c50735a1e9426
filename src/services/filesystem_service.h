// FilesystemService: see protos/grpc_os/v1/filesystem_services.proto.
#ifndef GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/blobs.h"
#include "core/object/content_hash.h"
#include "core/object/content_index.h"
#include "core/object/object_store.h"
#include "core/object/objects.h"
#include "core/object/quotas.h"
#include "core/object/storage_usage.h"
#include "core/object/system_objects.h"
#include "grpc_os/v1/filesystem_services.grpc.pb.h"
#include "services/convert/object_convert.h"
#include "services/funnel.h"
#include "services/object_stream.h"
#include "services/upload_calls.h"

namespace grpc_os::services {

// What reads is in filesystem_reads.cc.
class FilesystemService final : public v1::FilesystemService::CallbackService {
 public:
  struct Parts {
    Funnel& funnel;
    core::Objects& objects;
    core::Quotas& quotas;
    core::ObjectStore& store;
    core::Blobs& blobs;
    core::Uploads& uploads;
    const core::Digest& digest;
    const core::Checksum& checksum;
    const core::SystemObjects& system;
    core::ContentIndex& contents;
    const core::ContentHash& content_hash;
    core::StorageMeter& storage;
  };
  explicit FilesystemService(Parts parts)
      : parts_(parts),
        uploads_({parts.funnel, parts.uploads, parts.quotas, parts.digest, parts.checksum}) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* CreateObject(Context* context, const v1::CreateObjectRequest* request,
                        v1::Object* response) override;
  Reactor* PutObject(Context* context, const v1::PutObjectRequest* request,
                     v1::Object* response) override;
  Reactor* GetObject(Context* context, const v1::GetObjectRequest* request,
                     v1::Object* response) override;
  grpc::ServerWriteReactor<v1::ReadObjectResponse>* ReadObject(
      Context* context, const v1::ReadObjectRequest* request) override;
  Reactor* UpdateObject(Context* context, const v1::UpdateObjectRequest* request,
                        v1::Object* response) override;
  Reactor* DeleteObject(Context* context, const v1::DeleteObjectRequest* request,
                        v1::DeleteObjectResponse* response) override;
  Reactor* UndeleteObject(Context* context, const v1::UndeleteObjectRequest* request,
                          v1::Object* response) override;
  Reactor* MoveObject(Context* context, const v1::MoveObjectRequest* request,
                      v1::Object* response) override;
  Reactor* CopyObject(Context* context, const v1::CopyObjectRequest* request,
                      v1::Object* response) override;
  Reactor* CreateFolder(Context* context, const v1::CreateFolderRequest* request,
                        v1::Object* response) override;
  Reactor* ListObjects(Context* context, const v1::ListObjectsRequest* request,
                       v1::ListObjectsResponse* response) override;
  Reactor* ListVersions(Context* context, const v1::ListVersionsRequest* request,
                        v1::ListVersionsResponse* response) override;
  Reactor* TransactObjects(Context* context, const v1::TransactObjectsRequest* request,
                           v1::TransactObjectsResponse* response) override;
  Reactor* MeasureObjects(Context* context, const v1::MeasureObjectsRequest* request,
                          v1::MeasureObjectsResponse* response) override;
  Reactor* StartUpload(Context* context, const v1::StartUploadRequest* request,
                       v1::Upload* response) override {
    return uploads_.Start(context, request, response);
  }
  grpc::ServerReadReactor<v1::WriteUploadRequest>* WriteUpload(Context* context,
                                                               v1::Upload* response) override {
    return uploads_.Write(context, response);
  }
  Reactor* GetUpload(Context* context, const v1::GetUploadRequest* request,
                     v1::Upload* response) override {
    return uploads_.Get(context, request, response);
  }
  Reactor* FinishUpload(Context* context, const v1::FinishUploadRequest* request,
                        v1::Object* response) override {
    return uploads_.Finish(context, request, response);
  }
  Reactor* CancelUpload(Context* context, const v1::CancelUploadRequest* request,
                        v1::CancelUploadResponse* response) override {
    return uploads_.Cancel(context, request, response);
  }
  grpc::ServerWriteReactor<v1::CheckObjectsResponse>* CheckObjects(
      Context* context, const v1::CheckObjectsRequest* request) override;
  Reactor* SetQuota(Context* context, const v1::SetQuotaRequest* request,
                    v1::Quota* response) override;
  Reactor* ListQuotas(Context* context, const v1::ListQuotasRequest* request,
                      v1::ListQuotasResponse* response) override;
  Reactor* DeleteQuota(Context* context, const v1::DeleteQuotaRequest* request,
                       v1::DeleteQuotaResponse* response) override;

 private:
  using ObjectCall = std::shared_ptr<UnaryCall<v1::Object>>;

  ObjectReader ReaderFor(Call& call) const;
  // DATA_LOSS (OBJECT_DAMAGED) unless the bytes, if it has any, are those that were written.
  absl::Status CheckContent(const core::Object& object) const;
  // As core::Objects::Get with the data, of the system's names and all others.
  void Find(Call& call, const core::GetObject& wanted, int64_t generation,
            core::Objects::Done done) const;
  void FindSystemObject(Call& call, const core::GetObject& wanted, int64_t generation,
                        core::Objects::Done done) const;
  // As core::Objects::List, with what of the system's lies there.
  void ListAll(const std::shared_ptr<Call>& call, const core::ObjectQuery& query,
               std::function<void(absl::StatusOr<core::ObjectPage>)> done) const;
  void ReadContent(const std::shared_ptr<ObjectStream::ReadCall>& call, core::Object object,
                   int64_t offset, int64_t limit_bytes) const;
  // Carries out `work(by, done)` once, and answers with the object.
  template <typename Request, typename Work>
  void RunChange(const ObjectCall& call, const Request& request, const std::string& resource,
                 Work work) const;

  const Parts parts_;
  UploadCalls uploads_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
