// The upload methods of FilesystemService: see protos/grpc_os/v1/filesystem_services.proto.
#ifndef GRPC_OS_SERVICES_UPLOAD_CALLS_H_
#define GRPC_OS_SERVICES_UPLOAD_CALLS_H_

#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/quotas.h"
#include "core/object/uploads.h"
#include "grpc_os/v1/filesystem_services.grpc.pb.h"
#include "services/funnel.h"

namespace grpc_os::services {

class UploadCalls {
 public:
  struct Parts {
    Funnel& funnel;
    core::Uploads& uploads;
    core::Quotas& quotas;
    const core::Digest& digest;
    const core::Checksum& checksum;
  };
  explicit UploadCalls(Parts parts) : parts_(parts) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* Start(Context* context, const v1::StartUploadRequest* request, v1::Upload* response);
  grpc::ServerReadReactor<v1::WriteUploadRequest>* Write(Context* context, v1::Upload* response);
  Reactor* Get(Context* context, const v1::GetUploadRequest* request, v1::Upload* response);
  Reactor* Finish(Context* context, const v1::FinishUploadRequest* request, v1::Object* response);
  Reactor* Cancel(Context* context, const v1::CancelUploadRequest* request,
                  v1::CancelUploadResponse* response);

 private:
  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UPLOAD_CALLS_H_
