// The upload methods of FilesystemService: see protos/grpc_os/v1/filesystem_services.proto.
#ifndef GRPC_OS_SERVICES_UPLOAD_CALLS_H_
#define GRPC_OS_SERVICES_UPLOAD_CALLS_H_

#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/quotas.h"
#include "core/object/uploads.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "services/handlers.h"

namespace grpc_os::services {

class UploadCalls {
 public:
  struct Parts {
    core::Uploads& uploads;
    core::Quotas& quotas;
    const core::Digest& digest;
    const core::Checksum& checksum;
  };
  UploadCalls(Handlers& handlers, const Parts& parts);

 private:
  void AddStart(Handlers& handlers);
  void AddWrite(Handlers& handlers);

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UPLOAD_CALLS_H_
