// /proc: each process as a folder of read-only objects: status, env, log, exit.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_FOLDER_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_FOLDER_H_

#include <string>
#include <vector>

#include "core/object/system_objects.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"

namespace grpc_os::core {

// `status`, `env` and `exit` are lines of "name: value" ("NAME=value" in env). A value is always
// one line: control characters and backslashes in it are escaped as in C; that of a secret variable
// is
// "(secret)". `log` is the end of what the process wrote, at most 1000 lines and
// limits::kObjectInlineBytes; if that is not all, the object's metadata says so ("truncated":
// "true"). Lists do not know their sizes: 0. Thread-safe.
class ProcessFolder final : public SystemFolder {
 public:
  ProcessFolder(const Processes& processes, const UsageSource& usage, LogSource& logs,
                Scheduler& scheduler)
      : processes_(processes), usage_(usage), logs_(logs), scheduler_(scheduler) {}

  void Find(const std::string& path, std::function<void(Found)> done) override;
  void List(const Range& range, std::function<void(Listed)> done) override;
  const char* permission() const override { return "process.read"; }
  std::string ThingAt(const std::string& path) const override {
    return path.substr(0, path.find('/'));
  }

 private:
  std::vector<Object> ListOnThread(const Range& range) const;
  void FindOnThread(const std::string& path, const std::function<void(Found)>& done) const;
  void ReadLog(const std::string& name, const std::string& process_id,
               std::function<void(Found)> done) const;

  const Processes& processes_;
  const UsageSource& usage_;
  LogSource& logs_;
  Scheduler& scheduler_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_FOLDER_H_
