// A directory as a bundle: one archive (bundle/format.h), named by its SHA-256.
#ifndef GRPC_OS_BUNDLE_PACK_H_
#define GRPC_OS_BUNDLE_PACK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::bundle {

struct Packed {
  std::string digest;   // SHA-256 of the archive, 64 hexadecimal digits
  int64_t bytes = 0;    // of the archive
  int64_t entries = 0;  // files, directories and links in it

  bool operator==(const Packed&) const = default;
};

// Whether what lies at `path` ("lib/a.txt") stays out of the bundle, with all below it if it is a
// directory.
using LeftOut = std::function<bool(const std::string& path, bool is_directory)>;
// Takes the archive's next bytes, limits::kBundlePieceBytes but for the last.
using Sink = std::function<absl::Status(std::string_view piece)>;

// Packs all of `directory` but what is called .git and what `left_out` says (none: nothing).
// Without `sink` only reads: so one learns whether a bundle is there already, and its size, before
// a second call sends it; if the two differ, the directory changed in between.
// Reads each file once and never more than a piece of it. All owners, times and modes are the same
// in the archive; a file is executable if its owner may execute it.
// Refused, FAILED_PRECONDITION, with the names and reasons of the first limits::kBundleProblems:
// what cannot be read, is no file, directory or link, leads out of the directory or changes
// meanwhile; and what is more than a bundle holds. An error of `sink` is handed through at once.
absl::StatusOr<Packed> Pack(const std::string& directory, const LeftOut& left_out = nullptr,
                            const Sink& sink = nullptr);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_PACK_H_
