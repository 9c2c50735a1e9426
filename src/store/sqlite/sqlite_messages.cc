#include "store/sqlite/sqlite_messages.h"

#include <sqlite3.h>

namespace grpc_os::store {
namespace {

using Take = void (*)(int, bool, const char*);

void Pass(void* take, int code, const char* text) {
  constexpr int kPrimary = 0xff;
  reinterpret_cast<Take>(take)(code, (code & kPrimary) == SQLITE_NOTICE, text);
}

}  // namespace

void PassSqliteMessages(Take take) {
  sqlite3_config(SQLITE_CONFIG_LOG, &Pass, reinterpret_cast<void*>(take));
}

}  // namespace grpc_os::store
