// For tests: files in memory, on a disk whose power can be cut. What was not synced is dropped,
// torn or reordered then, entries of directories too.
#ifndef GRPC_OS_STORE_BLOB_LOSSY_FILES_HARNESS_H_
#define GRPC_OS_STORE_BLOB_LOSSY_FILES_HARNESS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "store/blob/files.h"
#include "store/sqlite/disk_harness.h"

namespace grpc_os::store {

// Outlives the Files that it gives. Thread-safe.
class LossyDisk {
 public:
  LossyDisk() = default;
  LossyDisk(const LossyDisk&) = delete;

  // Over the same disk as often as wanted: what a killed program left unsynced stays unsynced.
  std::unique_ptr<Files> NewFiles();

  // The power goes off before step `number`, counted from now: everything fails from there on.
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
  // Called before each step, without a lock; true: the power goes off now.
  void SetOnStep(std::function<bool()> on_step) { on_step_ = std::move(on_step); }
  // From now on such syncs do nothing, and say that they did. `content`: of a file.
  using Ignored = std::function<bool(const std::string& path, const std::string& content)>;
  void IgnoreSyncs(Ignored ignored) { ignored_ = std::move(ignored); }
  int syncs_ignored() const {
    const std::lock_guard lock(mutex_);
    return syncs_ignored_;
  }
  // From now on, until nothing is given, writes to such files, and links to them, fail so.
  void FailWrites(std::function<absl::Status(const std::string& path)> failing) {
    const std::lock_guard lock(mutex_);
    failing_ = std::move(failing);
  }
  void FailSyncs(std::function<absl::Status(const std::string& path)> failing) {
    const std::lock_guard lock(mutex_);
    failing_syncs_ = std::move(failing);
  }
  // The same of directories, all of them.
  void FailDirectorySyncs(bool fail) {
    const std::lock_guard lock(mutex_);
    directory_syncs_fail_ = fail;
  }
  // The program is killed before step `number`, counted from now: whatever it does from there on
  // fails, until the next NewFiles. What it had not synced is there, and unsynced.
  void KillAfter(int number) {
    const std::lock_guard lock(mutex_);
    kill_at_ = steps_ + number;
  }
  // The machine starts again: what is there is what survived.
  void Reboot() {
    const std::lock_guard lock(mutex_);
    names_ = durable_ = survivors_;
    pending_.clear();
    cut_ = false;
    cut_at_ = 0;
  }
  // Bytes of a file as they are, to look at or to damage.
  std::string& ContentOf(const std::string& path) { return names_.at(path)->content; }
  bool Has(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return names_.contains(path);
  }
  std::vector<std::string> Paths() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, node] : names_) paths.push_back(path);
    return paths;
  }
  void SetChangeTimeMs(int64_t ms) { change_time_ms_ = ms; }
  // Of all files together; 0: any.
  void SetCapacity(int64_t bytes) { capacity_ = bytes; }

 private:
  struct Node {
    bool directory = false;
    std::string content = {};
    DiskFile disk = {};
    int64_t change_time_ms = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  struct NameChange {
    std::string path;
    std::shared_ptr<Node> node;  // null: the name is gone
  };

  class View;
  class Handle;

  static std::string DirectoryOf(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
  }
  absl::Status Step() {
    const bool off = on_step_ && on_step_();
    const std::lock_guard lock(mutex_);
    ++steps_;
    if (off || (cut_at_ != 0 && steps_ >= cut_at_)) CutLocked();
    if (cut_) return absl::UnavailableError("the power is off");
    const bool killed = kill_at_ != 0 && steps_ >= kill_at_;
    return killed ? absl::UnavailableError("the program is dead") : absl::OkStatus();
  }
  bool IsIgnored(const std::string& path, const std::string& content) {
    const bool ignored = ignored_ && ignored_(path, content);
    if (ignored) ++syncs_ignored_;
    return ignored;
  }
  void Change(const std::string& path, std::shared_ptr<Node> node) {
    if (node != nullptr) {
      names_[path] = node;
    } else {
      names_.erase(path);
    }
    pending_[DirectoryOf(path)].push_back({path, std::move(node)});
  }
  static void Apply(Names& names, const NameChange& change) {
    if (change.node != nullptr) {
      names[change.path] = change.node;
    } else {
      names.erase(change.path);
    }
  }

  // Of the changes of each name the first few arrived, whatever became of other names.
  void CutLocked() {
    if (cut_) return;
    cut_ = true;
    std::mt19937_64 random(seed_);
    Names names = durable_;
    const unsigned likely = std::vector<unsigned>{0, 30, 70, 100}[random() % 4];
    for (const auto& [directory, changes] : pending_) {
      std::set<std::string> stopped;
      for (const NameChange& change : changes) {
        if (stopped.contains(change.path)) continue;
        if (random() % 100 < likely) {
          Apply(names, change);
        } else {
          stopped.insert(change.path);
        }
      }
    }
    survivors_.clear();
    std::map<Node*, std::shared_ptr<Node>> kept;  // two names may be of one file
    for (const auto& [path, node] : names) {
      const std::string parent = DirectoryOf(path);
      if (parent != "." && !survivors_.contains(parent)) continue;
      auto& copy = kept[node.get()];
      if (copy == nullptr) {
        copy = std::make_shared<Node>();
        copy->directory = node->directory;
        copy->change_time_ms = node->change_time_ms;
        if (!node->directory) (void)node->disk.Survive(random, 512, copy->content);
        copy->disk.Begin(copy->content, true);
      }
      survivors_[path] = copy;
    }
  }

  mutable std::mutex mutex_;
  std::function<bool()> on_step_;
  Ignored ignored_;
  std::function<absl::Status(const std::string&)> failing_;
  std::function<absl::Status(const std::string&)> failing_syncs_;
  bool directory_syncs_fail_ = false;
  Names names_;
  Names durable_;
  Names survivors_;
  std::map<std::string, std::vector<NameChange>> pending_;  // by directory
  int64_t change_time_ms_ = 0;
  std::atomic<int64_t> capacity_{0};
  int steps_ = 0;
  int syncs_ignored_ = 0;
  int cut_at_ = 0;
  int kill_at_ = 0;
  uint64_t seed_ = 0;
  bool cut_ = false;
};

class LossyDisk::Handle final : public OpenFile {
 public:
  Handle(LossyDisk& disk, std::string path, std::shared_ptr<Node> node)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)) {}

  absl::StatusOr<int64_t> Size() override {
    const std::lock_guard lock(disk_.mutex_);
    return static_cast<int64_t>(node_->content.size());
  }
  absl::Status WriteAt(int64_t offset, std::string_view bytes) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.failing_) {
      if (auto status = disk_.failing_(path_); !status.ok()) {
        Put(offset, bytes.substr(0, bytes.size() / 2));
        return status;
      }
    }
    Put(offset, bytes);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadAt(int64_t offset, int64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.cut_) return absl::UnavailableError("the power is off");
    if (offset >= static_cast<int64_t>(node_->content.size())) return "";
    return node_->content.substr(static_cast<size_t>(offset), static_cast<size_t>(size));
  }
  absl::Status Truncate(int64_t size) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    node_->content.resize(static_cast<size_t>(size));
    node_->disk.Truncate(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.failing_syncs_) {
      if (auto status = disk_.failing_syncs_(path_); !status.ok()) return status;
    }
    if (!disk_.IsIgnored(path_, node_->content)) node_->disk.Sync();
    return absl::OkStatus();
  }

 private:
  void Put(int64_t offset, std::string_view bytes) {
    const auto at = static_cast<size_t>(offset);
    if (node_->content.size() < at + bytes.size()) node_->content.resize(at + bytes.size());
    node_->content.replace(at, bytes.size(), bytes);
    node_->disk.Write(at, std::string(bytes));
    node_->change_time_ms = disk_.change_time_ms_;
  }

  LossyDisk& disk_;
  const std::string path_;
  const std::shared_ptr<Node> node_;
};

class LossyDisk::View final : public Files {
 public:
  explicit View(LossyDisk& disk) : disk_(disk) {}

  absl::StatusOr<std::unique_ptr<OpenFile>> Open(const std::string& path, Mode mode) override {
    if (mode == Mode::kCreate) {
      if (auto status = disk_.Step(); !status.ok()) return status;
    }
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.cut_) return absl::UnavailableError("the power is off");
    auto found = disk_.names_.find(path);
    if (mode == Mode::kCreate) {
      if (found != disk_.names_.end()) return absl::UnavailableError(path + " is there");
      auto node = std::make_shared<Node>();
      node->disk.Begin("", true);
      node->change_time_ms = disk_.change_time_ms_;
      disk_.Change(path, std::move(node));
      found = disk_.names_.find(path);
    }
    if (found == disk_.names_.end()) return absl::NotFoundError(path);
    return std::make_unique<Handle>(disk_, path, found->second);
  }
  absl::Status MakeDirectory(const std::string& path) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.names_.contains(path)) return absl::OkStatus();
    auto node = std::make_shared<Node>();
    node->directory = true;
    disk_.Change(path, std::move(node));
    return absl::OkStatus();
  }
  absl::Status Link(const std::string& from, const std::string& to) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.failing_) {
      if (auto status = disk_.failing_(to); !status.ok()) return status;
    }
    if (!disk_.names_.contains(from)) return absl::NotFoundError(from);
    if (disk_.names_.contains(to)) return absl::UnavailableError(to + " is there");
    disk_.Change(to, disk_.names_.at(from));
    return absl::OkStatus();
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    const auto found = disk_.names_.find(from);
    if (found == disk_.names_.end()) return absl::NotFoundError(from);
    const auto node = found->second;
    if (const auto there = disk_.names_.find(to);
        there != disk_.names_.end() && there->second == node) {
      return absl::OkStatus();  // as POSIX has it: both names stay
    }
    disk_.Change(to, node);
    disk_.Change(from, nullptr);
    return absl::OkStatus();
  }
  absl::Status Unlink(const std::string& path) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.names_.contains(path)) disk_.Change(path, nullptr);
    return absl::OkStatus();
  }
  absl::Status SyncDirectory(const std::string& path) override {
    if (auto status = disk_.Step(); !status.ok()) return status;
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.directory_syncs_fail_) return absl::UnavailableError("a bad time");
    if (disk_.IsIgnored(path, "")) return absl::OkStatus();
    for (const NameChange& change : std::exchange(disk_.pending_[path], {}))
      Apply(disk_.durable_, change);
    return absl::OkStatus();
  }
  absl::Status CheckSpace(int64_t bytes) override {
    const int64_t capacity = disk_.capacity_;
    if (capacity == 0) return absl::OkStatus();
    const std::lock_guard lock(disk_.mutex_);
    std::set<const Node*> counted;
    for (const auto& [name, node] : disk_.names_) {
      if (counted.insert(node.get()).second) bytes += static_cast<int64_t>(node->content.size());
    }
    return bytes <= capacity ? absl::OkStatus() : absl::ResourceExhaustedError("the disk is full");
  }
  absl::StatusOr<std::vector<Entry>> List(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.cut_) return absl::UnavailableError("the power is off");
    std::vector<Entry> entries;
    for (const auto& [name, node] : disk_.names_) {
      if (DirectoryOf(name) != path) continue;
      entries.push_back(
          {.name = path == "." ? name : name.substr(path.size() + 1),
           .directory = node->directory,
           .size_bytes = static_cast<int64_t>(node->content.size()),
           .change_time_ms = node->change_time_ms,
           .links = std::count_if(disk_.names_.begin(), disk_.names_.end(),
                                  [&](const auto& one) { return one.second == node; })});
    }
    return entries;
  }

 private:
  LossyDisk& disk_;
};

inline std::unique_ptr<Files> LossyDisk::NewFiles() {
  const std::lock_guard lock(mutex_);
  kill_at_ = 0;
  return std::make_unique<View>(*this);
}

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_LOSSY_FILES_HARNESS_H_
