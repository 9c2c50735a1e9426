// What `ls` and `ls --deleted` found.
#ifndef GRPC_OS_SHELL_COMMANDS_OBJECT_LISTING_H_
#define GRPC_OS_SHELL_COMMANDS_OBJECT_LISTING_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Single objects, then folders with what is in them.
struct Listing {
  v1::ListObjectsResponse all;  // as programs get it
  std::vector<v1::Object> objects;
  std::vector<std::pair<std::string, std::vector<v1::Object>>> folders;
};

// Each folder with a view of its own, or the text of `nothing` if it has nothing. `code` is that of
// the words that were listed: where none could be, the errors say so.
void ShowListing(Session& session, const Arguments& arguments, const Listing& listing,
                 ExitCode code, ResourceView<v1::Object> (*view_of)(const std::string& folder),
                 const std::function<std::string(const std::string& folder)>& nothing);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_OBJECT_LISTING_H_
