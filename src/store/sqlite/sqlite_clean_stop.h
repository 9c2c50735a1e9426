// The mark of a clean stop, in a file beside the database: by it a copy of a system that was
// stopped is known from one that was made while the system ran.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_CLEAN_STOP_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_CLEAN_STOP_H_

#include <cstdint>
#include <string>

namespace grpc_os::store {

// `path` is that of the database, which nobody has open; `revision` its newest. Leaves no mark
// where the log was not emptied into the database, or the disk is full: then the next start takes
// the stop for an unclean one.
void RecordCleanStop(const std::string& path, int64_t revision);

// Before the first write. A power cut that brings the mark back brings one of another revision.
void ForgetCleanStop(const std::string& path);

// Whether the database is as it was at its last clean stop: the mark is there, of its size and
// revision, and it has no log.
bool WasStoppedCleanly(const std::string& path);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_CLEAN_STOP_H_
