#include "store/sqlite/sqlite_log_file.h"

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::store {
namespace {

// SQLite's own file system takes less than 128 KiB in one write (os_unix.c).
constexpr size_t kMostGathered = size_t{64} << 10;
// Of a frame's header: the size of the database after a commit, in pages; 0: more of it follows.
constexpr size_t kFrameHeader = 24;
constexpr size_t kSizeAfterCommit = 4;

// What was written and not handed on yet, and the file behind it.
class GatheredLog {
 public:
  GatheredLog() { gathered_.reserve(kMostGathered); }

  // Null: not open.
  sqlite3_file* behind() const { return behind_; }
  void Begin(sqlite3_file* behind) {
    behind_ = behind;
    // Without it a transaction's last frame is written again, and in two pieces.
    gathers_ =
        (behind->pMethods->xDeviceCharacteristics(behind) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
    Forget();
  }
  void End() { behind_ = nullptr; }

  int Write(std::string_view bytes, sqlite3_int64 offset) {
    if (offset != begin_ + static_cast<sqlite3_int64>(gathered_.size()) ||
        gathered_.size() + bytes.size() > kMostGathered) {
      if (const int code = HandOnOrForget(); code != SQLITE_OK) return code;
      begin_ = offset;
    }
    gathered_.append(bytes);
    if (!gathers_) return HandOnOrForget();
    if (bytes.size() == kFrameHeader) {
      last_frame_ = bytes.substr(kSizeAfterCommit, 4) != std::string_view("\0\0\0\0", 4);
      return SQLITE_OK;
    }
    return std::exchange(last_frame_, false) ? HandOnOrForget() : SQLITE_OK;
  }

  // What could not be handed on stays, and is tried again.
  int HandOn() {
    if (gathered_.empty()) return SQLITE_OK;
    const int code = behind_->pMethods->xWrite(behind_, gathered_.data(),
                                               static_cast<int>(gathered_.size()), begin_);
    if (code == SQLITE_OK) Forget();
    return code;
  }

  // For calls whose failure ends the transaction: nothing of it is to come into the log later.
  int HandOnOrForget() {
    const int code = HandOn();
    Forget();
    return code;
  }

  void Forget() {
    begin_ += static_cast<sqlite3_int64>(gathered_.size());
    gathered_.clear();
  }

 private:
  sqlite3_file* behind_ = nullptr;
  bool gathers_ = false;
  std::string gathered_;
  sqlite3_int64 begin_ = 0;  // of what is gathered, in the file
  bool last_frame_ = false;  // the page of a transaction's last one is still to come
};

// As SQLite makes room for it; the file behind it follows.
struct File {
  sqlite3_file base;
  GatheredLog* log;
};

GatheredLog& LogOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->log; }

// `Method` of the file behind, after everything was handed on.
template <auto Method, typename... Arguments>
int After(sqlite3_file* file, Arguments... arguments) {
  GatheredLog& log = LogOf(file);
  if (const int code = log.HandOn(); code != SQLITE_OK) return code;
  return (log.behind()->pMethods->*Method)(log.behind(), arguments...);
}

int Write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  return LogOf(file).Write({static_cast<const char*>(bytes), static_cast<size_t>(count)}, offset);
}

int Sync(sqlite3_file* file, int flags) {
  GatheredLog& log = LogOf(file);
  if (const int code = log.HandOnOrForget(); code != SQLITE_OK) return code;
  return log.behind()->pMethods->xSync(log.behind(), flags);
}

// What is gathered then is of no transaction that was committed.
int Close(sqlite3_file* file) {
  sqlite3_file* const behind = LogOf(file).behind();
  LogOf(file).End();
  return behind->pMethods->xClose(behind);
}

int SectorSize(sqlite3_file* file) {
  return LogOf(file).behind()->pMethods->xSectorSize(LogOf(file).behind());
}
int DeviceCharacteristics(sqlite3_file* file) {
  return LogOf(file).behind()->pMethods->xDeviceCharacteristics(LogOf(file).behind());
}

// Version 1: a log is neither mapped nor shared memory.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = Close,
    .xRead = After<&sqlite3_io_methods::xRead>,
    .xWrite = Write,
    .xTruncate = After<&sqlite3_io_methods::xTruncate>,
    .xSync = Sync,
    .xFileSize = After<&sqlite3_io_methods::xFileSize>,
    .xLock = After<&sqlite3_io_methods::xLock>,
    .xUnlock = After<&sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = After<&sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = After<&sqlite3_io_methods::xFileControl>,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = DeviceCharacteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

}  // namespace

class GatheredLogVfs::Vfs : public sqlite3_vfs {
 public:
  Vfs() : sqlite3_vfs(*sqlite3_vfs_find(nullptr)), behind_(sqlite3_vfs_find(nullptr)) {
    zName = name_.c_str();
    pNext = nullptr;
    szOsFile += static_cast<int>(sizeof(File));
    xOpen = Open;
    sqlite3_vfs_register(this, 0);
  }
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;
  ~Vfs() { sqlite3_vfs_unregister(this); }

  void Forget() { log_.Forget(); }

 private:
  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                  int* out_flags) {
    Vfs& self = *static_cast<Vfs*>(vfs);
    sqlite3_vfs* const behind = self.behind_;
    if ((flags & SQLITE_OPEN_WAL) == 0) return behind->xOpen(behind, path, file, flags, out_flags);
    file->pMethods = nullptr;
    if (self.log_.behind() != nullptr) return SQLITE_CANTOPEN;
    auto* const opened = reinterpret_cast<File*>(file);
    auto* const file_behind = reinterpret_cast<sqlite3_file*>(opened + 1);
    const int code = behind->xOpen(behind, path, file_behind, flags, out_flags);
    // As SQLite would by itself.
    if (code != SQLITE_OK && file_behind->pMethods != nullptr)
      file_behind->pMethods->xClose(file_behind);
    if (code != SQLITE_OK) return code;
    self.log_.Begin(file_behind);
    opened->log = &self.log_;
    file->pMethods = &kMethods;
    return SQLITE_OK;
  }

  // One of its own: there may be several.
  const std::string name_ = absl::StrCat("gathered-log-", reinterpret_cast<uintptr_t>(this));
  sqlite3_vfs* const behind_;
  GatheredLog log_;
};

GatheredLogVfs::GatheredLogVfs() : vfs_(std::make_unique<Vfs>()) {}
GatheredLogVfs::~GatheredLogVfs() = default;
const char* GatheredLogVfs::name() const { return vfs_->zName; }
void GatheredLogVfs::Forget() { vfs_->Forget(); }

}  // namespace grpc_os::store
