// A view of a bundle: the same files, with links to other places in it.
#ifndef GRPC_OS_BUNDLE_VIEW_H_
#define GRPC_OS_BUNDLE_VIEW_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os::bundle {

struct Mount {
  std::string path;    // in the bundle: "data", "var/cache"
  std::string target;  // what the link says: absolute, or from where it lies
};

// Makes DIRECTORY/<name>, which has what the bundle DIRECTORY/<digest> has (its files are hard
// links, so that it takes little room), and at the path of each mount a link to its target.
// `name` begins with the digest and has no "/"; one that is there stays. Modes as of a bundle.
// Refused, INVALID_ARGUMENT, with the name: the bundle has something at the path of a mount that is
// no empty directory, or no directory on the way to it; a path that WhyNotPath refuses, or that
// lies in another's. NOT_FOUND: there is no such bundle. UNAVAILABLE: the disk is full, or fails.
absl::Status MakeView(const std::string& directory, const std::string& digest,
                      const std::string& name, const std::vector<Mount>& mounts);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_VIEW_H_
