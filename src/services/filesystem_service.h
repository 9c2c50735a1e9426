// FilesystemService: see protos/grpc_os/v1/filesystem_services.proto.
#ifndef GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/blobs.h"
#include "core/object/object_store.h"
#include "core/object/objects.h"
#include "grpc_os/v1/filesystem_services.grpc.pb.h"
#include "services/convert/object_convert.h"
#include "services/funnel.h"
#include "services/object_stream.h"

namespace grpc_os::services {

// What reads is in filesystem_reads.cc.
class FilesystemService final : public v1::FilesystemService::CallbackService {
 public:
  struct Parts {
    Funnel& funnel;
    core::Objects& objects;
    core::ObjectStore& store;
    core::Blobs* blobs;  // null: no content is a file
    const core::Digest& digest;
    const core::Checksum& checksum;
  };
  explicit FilesystemService(Parts parts) : parts_(parts) {}

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

 private:
  using ObjectCall = std::shared_ptr<UnaryCall<v1::Object>>;

  ObjectReader ReaderFor(Call& call) const;
  // DATA_LOSS (OBJECT_DAMAGED) unless the bytes, if it has any, are those that were written.
  absl::Status CheckContent(const core::Object& object) const;
  void ReadContent(const std::shared_ptr<ObjectStream::ReadCall>& call, core::Object object,
                   int64_t offset, int64_t limit_bytes) const;
  // Carries out `work(by, done)` once, and answers with the object.
  template <typename Request, typename Work>
  void RunChange(const ObjectCall& call, const Request& request, const std::string& resource,
                 Work work) const;

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
