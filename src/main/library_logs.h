// What the libraries say, in the log of the daemon.
#ifndef GRPC_OS_MAIN_LIBRARY_LOGS_H_
#define GRPC_OS_MAIN_LIBRARY_LOGS_H_

#include "core/logger.h"

namespace grpc_os {

// From now on lines of protobuf and SQLite go to `logger`; the place in their source is the
// message, and so the kind. What precedes an abort goes to standard error as well, because the
// logger's thread may not come to it any more. One at a time; made before the first use of SQLite.
class LibraryLogs {
 public:
  explicit LibraryLogs(core::Logger& logger);
  LibraryLogs(const LibraryLogs&) = delete;
  LibraryLogs& operator=(const LibraryLogs&) = delete;
  // From then on they go to standard error.
  ~LibraryLogs();
};

// Empties standard error if it is a file beyond limits::kSystemLogBytes: whatever else writes there
// while the daemon runs, it has a bound.
void BoundStandardError();

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_LIBRARY_LOGS_H_
