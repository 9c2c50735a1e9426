#include "store/sqlite/sqlite_log_file.h"

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/sqlite/kept_room.h"

namespace grpc_os::store {
namespace {

// SQLite's own file system takes less than 128 KiB in one write (os_unix.c).
constexpr size_t kMostGathered = size_t{64} << 10;
// Of a frame's header: the size of the database after a commit, in pages; 0: more of it follows.
constexpr size_t kFrameHeader = 24;
constexpr size_t kSizeAfterCommit = 4;

// A number of four bytes of a frame's header.
int64_t NumberAt(std::string_view bytes, size_t at) {
  int64_t number = 0;
  for (const char byte : bytes.substr(at, 4)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// What was written and not handed on yet, and the file behind it.
class GatheredLog {
 public:
  explicit GatheredLog(KeptRoom& room) : room_(room) { gathered_.reserve(kMostGathered); }

  // Null: not open.
  sqlite3_file* behind() const { return behind_; }
  void Begin(sqlite3_file* behind) {
    behind_ = behind;
    // Without it a transaction's last frame is written again, and in two pieces.
    gathers_ =
        (behind->pMethods->xDeviceCharacteristics(behind) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
    BeginTransaction();
  }
  void End() { behind_ = nullptr; }

  void BeginTransaction() {
    Forget();
    pages_after_commit_ = 0;
    commits_ = handed_on_commit_ = false;
  }
  bool handed_on_commit() const { return handed_on_commit_; }

  int Write(std::string_view bytes, sqlite3_int64 offset) {
    if (const int code = MakeRoom(bytes, offset); code != SQLITE_OK) {
      Forget();
      return code;
    }
    if (offset != begin_ + static_cast<sqlite3_int64>(gathered_.size()) ||
        gathered_.size() + bytes.size() > kMostGathered) {
      if (const int code = HandOnOrForget(); code != SQLITE_OK) return code;
      begin_ = offset;
    }
    gathered_.append(bytes);
    const bool header = bytes.size() == kFrameHeader;
    if (header) pages_after_commit_ = NumberAt(bytes, kSizeAfterCommit);
    const bool last_frame = !header && std::exchange(pages_after_commit_, 0) != 0;
    if (last_frame) room_.LogEndsAt(offset + static_cast<sqlite3_int64>(bytes.size()));
    commits_ = commits_ || pages_after_commit_ != 0;
    return last_frame || !gathers_ ? HandOnOrForget() : SQLITE_OK;
  }

  // What could not be handed on stays, and is tried again.
  int HandOn() {
    if (gathered_.empty()) return SQLITE_OK;
    handed_on_commit_ = commits_;
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
  int MakeRoom(std::string_view bytes, sqlite3_int64 offset) {
    const auto count = static_cast<sqlite3_int64>(bytes.size());
    if (const int code = room_.LogGrowsTo(offset + count); code != SQLITE_OK) return code;
    if (pages_after_commit_ == 0 || bytes.size() == kFrameHeader) return SQLITE_OK;
    return room_.DatabaseGrowsTo(pages_after_commit_ * count);
  }

  KeptRoom& room_;
  sqlite3_file* behind_ = nullptr;
  bool gathers_ = false;
  std::string gathered_;
  sqlite3_int64 begin_ = 0;  // of what is gathered, in the file
  // Not 0: the page of a transaction's last frame is still to come.
  int64_t pages_after_commit_ = 0;
  bool commits_ = false;  // the header of a last frame was written
  bool handed_on_commit_ = false;
};

// As SQLite makes room for it; the file behind it follows. It is the log or the database.
struct File {
  sqlite3_file base;
  GatheredLog* log;
  KeptRoom* room;
};

GatheredLog& LogOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->log; }
KeptRoom& RoomOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->room; }
sqlite3_file* Behind(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

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

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = After<&sqlite3_io_methods::xTruncate>(file, size);
  if (code == SQLITE_OK) RoomOf(file).LogWasCut(size);
  return code;
}

// What is gathered then is of no transaction that was committed.
int Close(sqlite3_file* file) {
  LogOf(file).End();
  RoomOf(file).CloseLog();
  return Behind(file)->pMethods->xClose(Behind(file));
}

// `Method` of the file behind.
template <auto Method, typename... Arguments>
int Through(sqlite3_file* file, Arguments... arguments) {
  return (Behind(file)->pMethods->*Method)(Behind(file), arguments...);
}

int CloseDatabase(sqlite3_file* file) {
  RoomOf(file).CloseDatabase();
  return Through<&sqlite3_io_methods::xClose>(file);
}

// A checkpoint cuts the database to the size that it has, which would give up what is kept.
int TruncateDatabase(sqlite3_file* file, sqlite3_int64 size) {
  sqlite3_int64 now = 0;
  if (Through<&sqlite3_io_methods::xFileSize>(file, &now) == SQLITE_OK && now == size)
    return SQLITE_OK;
  const int code = Through<&sqlite3_io_methods::xTruncate>(file, size);
  if (code == SQLITE_OK) RoomOf(file).DatabaseWasCut(size);
  return code;
}

void ShmBarrier(sqlite3_file* file) { Behind(file)->pMethods->xShmBarrier(Behind(file)); }

// Version 2: it is not mapped.
constexpr sqlite3_io_methods kDatabaseMethods = {
    .iVersion = 2,
    .xClose = CloseDatabase,
    .xRead = Through<&sqlite3_io_methods::xRead>,
    .xWrite = Through<&sqlite3_io_methods::xWrite>,
    .xTruncate = TruncateDatabase,
    .xSync = Through<&sqlite3_io_methods::xSync>,
    .xFileSize = Through<&sqlite3_io_methods::xFileSize>,
    .xLock = Through<&sqlite3_io_methods::xLock>,
    .xUnlock = Through<&sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = Through<&sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = Through<&sqlite3_io_methods::xFileControl>,
    .xSectorSize = Through<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = Through<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = Through<&sqlite3_io_methods::xShmMap>,
    .xShmLock = Through<&sqlite3_io_methods::xShmLock>,
    .xShmBarrier = ShmBarrier,
    .xShmUnmap = Through<&sqlite3_io_methods::xShmUnmap>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// Version 1: a log is neither mapped nor shared memory.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = Close,
    .xRead = After<&sqlite3_io_methods::xRead>,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = After<&sqlite3_io_methods::xFileSize>,
    .xLock = After<&sqlite3_io_methods::xLock>,
    .xUnlock = After<&sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = After<&sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = After<&sqlite3_io_methods::xFileControl>,
    .xSectorSize = Through<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = Through<&sqlite3_io_methods::xDeviceCharacteristics>,
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

  GatheredLog& log() { return log_; }
  KeptRoom& room() { return room_; }

 private:
  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                  int* out_flags) {
    Vfs& self = *static_cast<Vfs*>(vfs);
    sqlite3_vfs* const behind = self.behind_;
    const bool log = (flags & SQLITE_OPEN_WAL) != 0;
    if (!log && (flags & SQLITE_OPEN_MAIN_DB) == 0)
      return behind->xOpen(behind, path, file, flags, out_flags);
    file->pMethods = nullptr;
    if (log && self.log_.behind() != nullptr) return SQLITE_CANTOPEN;
    auto* const opened = reinterpret_cast<File*>(file);
    auto* const file_behind = reinterpret_cast<sqlite3_file*>(opened + 1);
    const int code = behind->xOpen(behind, path, file_behind, flags, out_flags);
    // As SQLite would by itself.
    if (code != SQLITE_OK && file_behind->pMethods != nullptr)
      file_behind->pMethods->xClose(file_behind);
    if (code != SQLITE_OK) return code;
    opened->log = &self.log_;
    opened->room = &self.room_;
    if (log) {
      self.log_.Begin(file_behind);
      self.room_.OpenLog(path);
    } else {
      self.room_.OpenDatabase(path, file_behind);
    }
    file->pMethods = log ? &kMethods : &kDatabaseMethods;
    return SQLITE_OK;
  }

  // One of its own: there may be several.
  const std::string name_ = absl::StrCat("gathered-log-", reinterpret_cast<uintptr_t>(this));
  sqlite3_vfs* const behind_;
  KeptRoom room_;
  GatheredLog log_{room_};
};

GatheredLogVfs::GatheredLogVfs() : vfs_(std::make_unique<Vfs>()) {}
GatheredLogVfs::~GatheredLogVfs() = default;
const char* GatheredLogVfs::name() const { return vfs_->zName; }
void GatheredLogVfs::BeginTransaction(bool may_use_reserve) {
  vfs_->log().BeginTransaction();
  vfs_->room().BeginTransaction(may_use_reserve);
}
bool GatheredLogVfs::handed_on_commit() const { return vfs_->log().handed_on_commit(); }
bool GatheredLogVfs::KeepRoom() { return vfs_->room().Keep(); }
void GatheredLogVfs::LogBeginsAnew() { vfs_->room().LogEndsAt(0); }
bool GatheredLogVfs::DiskIsShort() const { return vfs_->room().DiskIsShort(); }
Reserve GatheredLogVfs::reserve() const { return vfs_->room().reserve(); }

}  // namespace grpc_os::store
