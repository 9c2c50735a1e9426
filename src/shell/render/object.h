// Objects as people look at them.
#ifndef GRPC_OS_SHELL_RENDER_OBJECT_H_
#define GRPC_OS_SHELL_RENDER_OBJECT_H_

#include <string>
#include <vector>

#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/render/table.h"

namespace grpc_os::shell {

// One line each; folders end with a slash. Names as they lie below `folder`, whole where they do
// not. `wide`: with all there is.
Table ObjectTable(const std::vector<v1::Object>& objects, const std::string& folder, bool wide);
// What was deleted, as ObjectTable.
Table DeletedTable(const std::vector<v1::Object>& objects, const std::string& folder, bool wide);
// Of one name, the newest first.
Table VersionTable(const std::vector<v1::Object>& versions, bool wide);
// With what is used of them.
Table QuotaTable(const std::vector<v1::Quota>& quotas);
// Lines of "what, how much", of what is stored and of the room that the rest takes.
void AddStored(const v1::StorageUsage& usage, Table& table);
void AddOtherRoom(const v1::StorageUsage& usage, Table& table);
// All about one, several lines.
Table DescribeObject(const v1::Object& object);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_OBJECT_H_
