// process.yml: what a directory runs.
#ifndef GRPC_OS_MANIFEST_PROCESS_MANIFEST_H_
#define GRPC_OS_MANIFEST_PROCESS_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "manifest/problem.h"

namespace grpc_os::manifest {

// How it is found out that a process is ready, or still well.
struct Probe {
  enum class Kind { kNotify, kHttp, kTcp, kDelay };

  Kind kind = Kind::kTcp;
  std::string path = {};   // kHttp: what is asked for, from "/"
  int port = 0;            // kHttp, kTcp; 0: that of the process
  int64_t delay_ms = 0;    // kDelay
  int64_t timeout_ms = 0;  // 0: the default
  int64_t period_ms = 0;   // of liveness; 0: the default
  int failures = 0;        // of liveness; 0: the default

  bool operator==(const Probe&) const = default;
};

struct Dependency {
  enum class Condition { kStarted, kReady, kCompleted };

  std::string process;
  Condition condition = Condition::kReady;

  bool operator==(const Dependency&) const = default;
};

struct VolumeMount {
  std::string name;
  std::string path;  // absolute
  bool shared = false;

  bool operator==(const VolumeMount&) const = default;
};

// One process, as it is written. What is not there is empty, 0 or nullopt.
struct ProcessManifest {
  std::string name;
  std::string version;
  std::string command;
  std::map<std::string, std::string> environment;
  std::vector<std::string> domains;
  std::vector<VolumeMount> volumes;
  std::string working_dir;  // relative ones count from the bundle
  std::string user;
  std::string restart;  // "always", "on-failure" or "never"
  std::string stop_signal;
  std::optional<int64_t> stop_timeout_ms;
  std::string stop_scope;  // "main", "group" or "all"
  int port = 0;
  bool auto_port = false;
  std::optional<Probe> ready;
  std::optional<Probe> liveness;
  std::vector<Dependency> depends_on;
  std::string release;
  int64_t log_max_bytes = 0;
  std::map<std::string, std::string> labels;

  bool operator==(const ProcessManifest&) const = default;
};

// The processes of one file, in its order; at least one. With `processes:`, what is said outside of
// it holds for each that does not say it itself; variables and labels are added one by one.
// nullopt: `problems` has all that is wrong, in the order of the file.
std::optional<std::vector<ProcessManifest>> ParseProcesses(std::string_view text,
                                                           std::vector<Problem>& problems);

// "a → b → a", if they depend on each other so; else "".
std::string DependencyCircle(const std::vector<ProcessManifest>& processes);

// Where the process.yml of this directory is: in it, or beside it if its `name` is the directory's.
// `path` may also be a file: it is about its own directory, or, if there is nothing else than
// directories beside it, about the one of them with its `name`, unless that has one of its own.
// NOT_FOUND and other errors of reading it, with a cure.
struct ManifestFile {
  std::string path;
  std::string directory;  // that it is about
  std::string text;
};
absl::StatusOr<ManifestFile> FindProcessFile(const std::string& path);

// All from the one table of keys: the JSON Schema (draft 7) of the file, a page of Markdown about
// it, and an example that uses each key.
std::string ProcessSchema();
std::string ProcessReference();
std::string ProcessExample();

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_PROCESS_MANIFEST_H_
