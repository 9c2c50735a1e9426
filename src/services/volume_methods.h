// VolumeService: see protos/grpc_os/v1/volume_services.proto.
#ifndef GRPC_OS_SERVICES_VOLUME_METHODS_H_
#define GRPC_OS_SERVICES_VOLUME_METHODS_H_

#include "core/volume/volumes.h"
#include "services/handlers.h"

namespace grpc_os::services {

void AddVolumeMethods(Handlers& handlers, core::Volumes& volumes);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_VOLUME_METHODS_H_
