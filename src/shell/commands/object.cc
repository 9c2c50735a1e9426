// Objects: the list of their commands, and their names for completion.
#include <algorithm>

#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_rows.h"
#include "shell/object_path.h"

namespace grpc_os::shell {
namespace {

enum class Which { kAll, kFolders, kDeleted };

constexpr int kPages = 10;  // that are looked through for one word

// What lies in `folder`, of the first pages of the list that `request` asks for.
LiveWords Names(client::Client& client, v1::ListObjectsRequest request, const std::string& folder,
                Which which, int pages) {
  LiveWords words;
  (void)client.ListObjects(request, [&](v1::ListObjectsResponse& page) {
    for (const v1::Object& object : page.objects()) {
      const std::string rest = object.name().substr(std::min(folder.size(), object.name().size()));
      const size_t slash = rest.find('/');
      if (rest.empty() || (which == Which::kFolders && slash == std::string::npos)) continue;
      std::string name = rest.substr(0, slash == std::string::npos ? slash : slash + 1);
      if (words.names.empty() || words.names.back() != name) words.names.push_back(std::move(name));
    }
    words.more = --pages == 0 && !page.next_page_token().empty();
    return pages > 0;
  });
  return words;
}

// A folder of one page is listed. Of a larger one what begins so is, deep, for only such a list
// takes the beginning of a name.
template <Which which>
LiveWords NamesIn(client::Client& client, const std::string& begun) {
  const std::string folder = begun.substr(0, begun.rfind('/') + 1);
  v1::ListObjectsRequest request;
  request.set_prefix(folder);
  request.set_deleted(which == Which::kDeleted);
  LiveWords words = Names(client, request, folder, which, 1);
  if (!words.more) return words;
  if (begun == folder) return Names(client, request, folder, which, kPages);
  request.set_prefix(begun);
  request.set_recursive(true);
  return Names(client, request, folder, which, kPages);
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
