#include "store/sqlite/sqlite_clean_stop.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "store/meta_table.h"
#include "store/sqlite/sqlite_connection.h"

namespace grpc_os::store {
namespace {

std::string MarkOf(const std::string& path) { return path + "-clean"; }

int64_t SizeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<int64_t>(info.st_size) : 0;
}

bool HasLog(const std::string& path) { return SizeOf(path + "-wal") != 0; }

}  // namespace

void RecordCleanStop(const std::string& path, int64_t revision) {
  if (HasLog(path)) return;
  std::ofstream mark(MarkOf(path));
  mark << revision << ' ' << SizeOf(path) << '\n';
  mark.close();
  if (!mark) unlink(MarkOf(path).c_str());
}

void ForgetCleanStop(const std::string& path) { unlink(MarkOf(path).c_str()); }

bool WasStoppedCleanly(const std::string& path) {
  int64_t revision = -1;
  int64_t size = -1;
  std::ifstream mark(MarkOf(path));
  if (!(mark >> revision >> size) || size != SizeOf(path) || HasLog(path)) return false;
  const auto reader = SqliteConnection::Open(path, SqliteConnection::Role::kReader, [] {});
  if (!reader.ok()) return false;
  const auto meta = ReadMeta(**reader);
  return meta.ok() && meta->revision == revision;
}

}  // namespace grpc_os::store
