// Objects as people look at them.
#ifndef GRPC_OS_SHELL_RENDER_OBJECT_H_
#define GRPC_OS_SHELL_RENDER_OBJECT_H_

#include <string>

#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/render/resource_view.h"

namespace grpc_os::shell {

// Names of folders end with a slash. A table has the names below `folder` without it.
ResourceView<v1::Object> ObjectView(const std::string& folder);
// What was deleted, as ObjectView.
ResourceView<v1::Object> DeletedView(const std::string& folder);
// Of one name: each is called NAME@GENERATION.
ResourceView<v1::Object> VersionView();
// Lines of "what, how much", of what is stored and of the room that the rest takes.
void AddStored(const v1::StorageUsage& usage, Table& table);
void AddOtherRoom(const v1::StorageUsage& usage, Table& table);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_OBJECT_H_
