// What SQLite says beside its return codes.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_MESSAGES_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_MESSAGES_H_

namespace grpc_os::store {

// From now on `take` has them, from any thread, with SQLite's extended result code. It may not use
// SQLite. To be called before the first database is opened; without it they are lost.
void PassSqliteMessages(void (*take)(int code, bool notice, const char* text));

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_MESSAGES_H_
