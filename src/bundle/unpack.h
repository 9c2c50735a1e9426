// Bundles on disk: DIRECTORY/<digest> is a bundle's files, all of them or none. Nobody can write to
// them (0444, or 0555 if executable; directories 0555), and only the owner enters <digest> itself
// (0500) until host::GrantAccess lets others in. While it is written it has another name, with
// ".partial-" in it.
#ifndef GRPC_OS_BUNDLE_UNPACK_H_
#define GRPC_OS_BUNDLE_UNPACK_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::bundle {

// Makes DIRECTORY/<digest> of an archive that `archive` is open for, from where it stands to its
// end; does nothing if it is there. Durable once it returns OK. Takes exactly the archives that
// Pack makes (bundle/format.h), and writes nothing outside of DIRECTORY whatever else it is given.
// Several threads may unpack the same bundle. Refused, and then nothing is left:
//   INVALID_ARGUMENT  an archive that is not such a one: says why, with the entry's name
//   DATA_LOSS         the archive's SHA-256 is not `digest`
//   UNAVAILABLE       the disk is full (core::DiskFullError), or fails
absl::Status Unpack(int archive, const std::string& directory, const std::string& digest);

// Whether DIRECTORY/<digest> is what was packed: reads all of it. DATA_LOSS: it is damaged;
// NOT_FOUND: it is not there.
absl::Status Verify(const std::string& directory, const std::string& digest);

// Removes DIRECTORY/<name>, a bundle (a digest) or a view of one: as one, also if the power fails
// meanwhile. OK if it is not there.
absl::Status RemoveBundle(const std::string& directory, const std::string& name);

// Removes what Unpack and RemoveBundle left there when they were killed. None of them may run.
absl::Status RemovePartials(const std::string& directory);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_UNPACK_H_
