// For tests: a disk under SQLite that can be watched, made to fail, and whose power can be cut. A
// VFS (sqlite.org/vfs.html) over the system's own, SQLite's default for as long as it lives.
#ifndef GRPC_OS_STORE_SQLITE_DISK_HARNESS_H_
#define GRPC_OS_STORE_SQLITE_DISK_HARNESS_H_

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace grpc_os::store {

// A file as it is on the disk, and what was written to it since its last sync.
class DiskFile {
 public:
  void Begin(std::string content, bool exists) {
    synced_ = std::move(content);
    synced_exists_ = exists;
  }
  void Write(size_t offset, std::string bytes) {
    pending_.push_back({.size = -1, .offset = offset, .bytes = std::move(bytes)});
  }
  void Truncate(int64_t size) { pending_.push_back({.size = size, .offset = 0, .bytes = ""}); }
  void Sync() {
    for (const Change& change : pending_) Apply(synced_, change);
    pending_.clear();
    synced_exists_ = true;
  }
  // The name is gone from the directory; `synced`: for good.
  void Delete(bool synced) {
    pending_.clear();
    deleted_ = true;
    if (synced) Begin("", false);
  }
  void Reappear() { deleted_ = false; }
  bool unsynced() const { return !pending_.empty(); }

  // What a power cut leaves, and whether the file is there at all. Each sector that was written
  // since the sync is as some of its writes left it, or torn.
  bool Survive(std::mt19937_64& random, size_t sector, std::string& content) const {
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    content = synced_;
    if (deleted_) return synced_exists_ && chance(50);
    if (!synced_exists_ && chance(30)) return false;
    // Of each sector so many changes arrived; of its length too.
    std::map<size_t, std::vector<Change>> sectors;
    std::vector<size_t> lengths = {synced_.size()};
    for (const Change& change : pending_) {
      if (change.size >= 0) {
        lengths.push_back(static_cast<size_t>(change.size));
        continue;
      }
      lengths.push_back(std::max(lengths.back(), change.offset + change.bytes.size()));
      for (size_t at = change.offset, end = at + change.bytes.size(); at < end;) {
        const size_t next = std::min(end, (at / sector + 1) * sector);
        sectors[at / sector].push_back(
            {.size = -1,
             .offset = at,
             .bytes = change.bytes.substr(at - change.offset, next - at)});
        at = next;
      }
    }
    const unsigned likely = std::vector<unsigned>{0, 30, 70, 95, 100}[random() % 5];
    for (const auto& [number, changes] : sectors) {
      size_t arrived = 0;
      while (arrived < changes.size() && chance(likely)) ++arrived;
      for (size_t i = 0; i < arrived; ++i) Apply(content, changes[i]);
      if (arrived < changes.size() && chance(5)) Tear(random, content, changes[arrived]);
    }
    const size_t length = likely == 100 ? lengths.back() : lengths[random() % lengths.size()];
    content.resize(length);
    return true;
  }

 private:
  struct Change {
    int64_t size;  // -1: a write
    size_t offset;
    std::string bytes;
  };
  static void Apply(std::string& content, const Change& change) {
    if (change.size >= 0) {
      content.resize(static_cast<size_t>(change.size));
      return;
    }
    const size_t end = change.offset + change.bytes.size();
    if (content.size() < end) content.resize(end);
    content.replace(change.offset, change.bytes.size(), change.bytes);
  }
  // The beginning of it, then anything.
  static void Tear(std::mt19937_64& random, std::string& content, Change change) {
    for (size_t i = random() % change.bytes.size(); i < change.bytes.size(); ++i) {
      change.bytes[i] = static_cast<char>(random());
    }
    Apply(content, change);
  }

  std::string synced_;
  bool synced_exists_ = false;
  bool deleted_ = false;
  std::vector<Change> pending_;
};

// Thread-safe. One at a time.
class Disk {
 public:
  struct Step {
    enum class Kind { kWrite, kTruncate, kSync, kDelete };
    Kind kind;
    std::string_view file;  // its full path
    int number;             // counted from 1 over all steps
    bool IsOf(std::string_view suffix) const { return file.ends_with(suffix); }
  };
  // Called before each step; anything but SQLITE_OK is what SQLite is told instead of it.
  using OnStep = std::function<int(const Step&)>;

  Disk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    current_ = this;
    vfs_.zName = "disk-harness";
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = Open;
    vfs_.xDelete = Delete;
    sqlite3_vfs_register(&vfs_, 1);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
    current_ = nullptr;
  }

  void SetOnStep(OnStep on_step) {
    const std::lock_guard lock(mutex_);
    on_step_ = std::move(on_step);
  }
  // From now on syncs of files whose names end so do nothing, and say that they did.
  void IgnoreSyncsOf(std::string suffix) {
    const std::lock_guard lock(mutex_);
    ignored_ = std::move(suffix);
  }
  int steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
  }
  // Whether something was written to such a file after its last sync.
  bool Unsynced(std::string_view suffix) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(files_.begin(), files_.end(), [&](const auto& entry) {
      return entry.first.ends_with(suffix) && entry.second.unsynced();
    });
  }
  int WritesTo(std::string_view suffix) const {
    const std::lock_guard lock(mutex_);
    int writes = 0;
    for (const auto& [name, count] : writes_) writes += name.ends_with(suffix) ? count : 0;
    return writes;
  }

  // The power goes off before step `number` (counted on from now): everything fails from there on,
  // and Survivors tells what was on the disk at that moment.
  void CutAfter(int number, uint64_t seed) {
    const std::lock_guard lock(mutex_);
    cut_at_ = steps_ + number;
    seed_ = seed;
  }
  void CutNow(uint64_t seed) {
    const std::lock_guard lock(mutex_);
    seed_ = seed;
    CutLocked();
  }
  bool cut() const {
    const std::lock_guard lock(mutex_);
    return cut_;
  }
  // Into `directory`, which is empty.
  void WriteSurvivors(const std::filesystem::path& directory) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, content] : survivors_) {
      std::ofstream file(directory / std::filesystem::path(path).filename(), std::ios::binary);
      file.write(content.data(), static_cast<std::streamsize>(content.size()));
    }
  }

 private:
  struct File {
    sqlite3_file base;
    std::string* name;  // null: not one of those that are to last
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    static File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  };

  static int Open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* opened, int flags, int* out) {
    Disk& disk = *current_;
    File& file = File::Of(opened);
    file.base.pMethods = nullptr;
    file.name = nullptr;
    const bool lasts =
        (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    std::string content;
    bool exists = false;
    if (lasts && name != nullptr) {
      std::ifstream before(name, std::ios::binary);
      exists = before.is_open();
      content.assign(std::istreambuf_iterator<char>(before), {});
    }
    const int code = disk.real_->xOpen(disk.real_, name, file.real(), flags, out);
    if (file.real()->pMethods == nullptr) return code;
    file.base.pMethods = Methods();
    if (!lasts || name == nullptr) return code;
    file.name = new std::string(name);
    const std::lock_guard lock(disk.mutex_);
    const auto [known, added] = disk.files_.try_emplace(name);
    if (added) known->second.Begin(std::move(content), exists);
    if (!exists) known->second.Reappear();
    return code;
  }
  static int Delete(sqlite3_vfs*, const char* name, int sync_directory) {
    Disk& disk = *current_;
    if (const int code = disk.TakeStep(Step::Kind::kDelete, name); code != SQLITE_OK) return code;
    {
      const std::lock_guard lock(disk.mutex_);
      if (const auto found = disk.files_.find(name); found != disk.files_.end()) {
        found->second.Delete(sync_directory != 0);
      }
    }
    return disk.real_->xDelete(disk.real_, name, 0);
  }

  static int Close(sqlite3_file* file) {
    delete File::Of(file).name;
    return File::Of(file).real()->pMethods->xClose(File::Of(file).real());
  }
  static int Write(sqlite3_file* opened, const void* bytes, int size, sqlite3_int64 offset) {
    File& file = File::Of(opened);
    if (file.name != nullptr) {
      if (const int code = current_->TakeStep(Step::Kind::kWrite, *file.name); code != SQLITE_OK) {
        return code;
      }
      const std::lock_guard lock(current_->mutex_);
      ++current_->writes_[*file.name];
      current_->files_[*file.name].Write(
          static_cast<size_t>(offset),
          std::string(static_cast<const char*>(bytes), static_cast<size_t>(size)));
    }
    return file.real()->pMethods->xWrite(file.real(), bytes, size, offset);
  }
  static int Truncate(sqlite3_file* opened, sqlite3_int64 size) {
    File& file = File::Of(opened);
    if (file.name != nullptr) {
      if (const int code = current_->TakeStep(Step::Kind::kTruncate, *file.name);
          code != SQLITE_OK) {
        return code;
      }
      const std::lock_guard lock(current_->mutex_);
      current_->files_[*file.name].Truncate(size);
    }
    return file.real()->pMethods->xTruncate(file.real(), size);
  }
  // The real file needs no sync: this disk is the one that counts.
  static int Sync(sqlite3_file* opened, int) {
    File& file = File::Of(opened);
    if (file.name == nullptr) return SQLITE_OK;
    if (const int code = current_->TakeStep(Step::Kind::kSync, *file.name); code != SQLITE_OK) {
      return code;
    }
    const std::lock_guard lock(current_->mutex_);
    if (!current_->ignored_.empty() && file.name->ends_with(current_->ignored_)) return SQLITE_OK;
    current_->files_[*file.name].Sync();
    return SQLITE_OK;
  }

// The rest goes through as it is.
// NOLINTBEGIN(bugprone-macro-parentheses): these are lists
#define THROUGH(method, parameters, arguments)        \
  [] parameters {                                     \
    sqlite3_file* const real = File::Of(file).real(); \
    return real->pMethods->method arguments;          \
  }
  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = {
        .iVersion = 2,  // without memory mapping
        .xClose = Close,
        .xRead = THROUGH(xRead, (sqlite3_file * file, void* out, int size, sqlite3_int64 offset),
                         (real, out, size, offset)),
        .xWrite = Write,
        .xTruncate = Truncate,
        .xSync = Sync,
        .xFileSize = THROUGH(xFileSize, (sqlite3_file * file, sqlite3_int64 * size), (real, size)),
        .xLock = THROUGH(xLock, (sqlite3_file * file, int lock), (real, lock)),
        .xUnlock = THROUGH(xUnlock, (sqlite3_file * file, int lock), (real, lock)),
        .xCheckReservedLock =
            THROUGH(xCheckReservedLock, (sqlite3_file * file, int* out), (real, out)),
        .xFileControl =
            THROUGH(xFileControl, (sqlite3_file * file, int op, void* arg), (real, op, arg)),
        .xSectorSize = THROUGH(xSectorSize, (sqlite3_file * file), (real)),
        .xDeviceCharacteristics = THROUGH(xDeviceCharacteristics, (sqlite3_file * file), (real)),
        .xShmMap = THROUGH(
            xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile** out),
            (real, page, size, extend, out)),
        .xShmLock = THROUGH(xShmLock, (sqlite3_file * file, int offset, int count, int flags),
                            (real, offset, count, flags)),
        .xShmBarrier = THROUGH(xShmBarrier, (sqlite3_file * file), (real)),
        .xShmUnmap = THROUGH(xShmUnmap, (sqlite3_file * file, int remove), (real, remove)),
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return &methods;
  }
#undef THROUGH
  // NOLINTEND(bugprone-macro-parentheses)

  int TakeStep(Step::Kind kind, std::string_view file) {
    OnStep on_step;
    int number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = ++steps_;
      if (cut_at_ != 0 && number >= cut_at_) CutLocked();
      if (cut_) return kind == Step::Kind::kSync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
      on_step = on_step_;
    }
    return on_step ? on_step({.kind = kind, .file = file, .number = number}) : SQLITE_OK;
  }
  void CutLocked() {
    if (cut_) return;
    cut_ = true;
    std::mt19937_64 random(seed_);
    const size_t sector = random() % 2 == 0 ? 512 : 4096;
    for (const auto& [path, file] : files_) {
      std::string content;
      if (!file.Survive(random, sector, content)) continue;
      // Of the blocks that are kept behind a log some may have come into its length.
      if (path.ends_with("-wal") && random() % 3 == 0) content.append(random() % 40'000, '\0');
      survivors_[path] = std::move(content);
    }
  }

  static inline Disk* current_ = nullptr;

  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;
  OnStep on_step_;
  std::string ignored_;
  std::map<std::string, DiskFile> files_;
  std::map<std::string, int> writes_;
  std::map<std::string, std::string> survivors_;
  int steps_ = 0;
  int cut_at_ = 0;
  uint64_t seed_ = 0;
  bool cut_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_DISK_HARNESS_H_
