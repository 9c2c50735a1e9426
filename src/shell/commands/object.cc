// Objects: the list of their commands, and their names for completion.
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_rows.h"
#include "shell/object_path.h"

namespace grpc_os::shell {
namespace {

enum class Which { kAll, kFolders, kDeleted };

template <Which which>
LiveWords NamesIn(client::Client& client, const std::string& folder) {
  LiveWords words;
  v1::ListObjectsRequest request;
  request.set_prefix(folder);
  request.set_deleted(which == Which::kDeleted);
  // Nobody looks through more of them; what else begins as the word does comes when more is typed.
  (void)client.ListObjects(request, [&](v1::ListObjectsResponse& page) {
    for (const v1::Object& object : page.objects()) {
      if (which == Which::kFolders && !object.folder()) continue;
      words.names.push_back(LastSegment(object.name()) + (object.folder() ? "/" : ""));
    }
    return words.names.empty();
  });
  return words;
}

}  // namespace

const WordKind kObjectWord = {.live = NamesIn<Which::kAll>, .in_folders = true};
const WordKind kFolderWord = {.live = NamesIn<Which::kFolders>, .in_folders = true};
const WordKind kDeletedObjectWord = {.live = NamesIn<Which::kDeleted>, .in_folders = true};

std::vector<Command> ObjectCommands() {
  return {LsRow(), CdRow(),    PwdRow(),   CatRow(),   StatRow(), HistoryRow(),  FindRow(),
          DuRow(), WatchRow(), TouchRow(), MkdirRow(), RmRow(),   UndeleteRow(), MvRow(),
          CpRow(), PutRow(),   GetRow(),   EditRow(),  CheckRow()};
}

}  // namespace grpc_os::shell
