#include "main/library_logs.h"

#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "base/limits.h"
#include "store/sqlite/sqlite_messages.h"

namespace grpc_os {
namespace {

// The libraries take functions without a context.
Guarded<core::Logger*>& Target() {
  static auto& target = *new Guarded<core::Logger*>(nullptr);
  return target;
}

void Pass(const char* library, core::LogLevel level, const std::string& place,
          const std::string& text, bool aborts) {
  auto target = Target().Lock();
  if (aborts || *target == nullptr)
    fprintf(stderr, "%s %s: %s\n", library, place.c_str(), text.c_str());
  if (*target != nullptr) {
    (*target)->Write(level, absl::StrCat(library, ": ", place), {{"text", text}});
  }
}

std::string Place(const char* file, int line) {
  const char* name = strrchr(file, '/');
  return absl::StrCat(name == nullptr ? file : name + 1, ":", line);
}

void OnProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                const std::string& text) {
  core::LogLevel level = core::LogLevel::kInfo;
  if (severity >= google::protobuf::LOGLEVEL_WARNING) level = core::LogLevel::kWarning;
  Pass("protobuf", level, Place(file, line), text, severity == google::protobuf::LOGLEVEL_FATAL);
}

void OnSqlite(int code, bool notice, const char* text) {
  Pass("sqlite", notice ? core::LogLevel::kInfo : core::LogLevel::kWarning, absl::StrCat(code),
       text, false);
}

}  // namespace

LibraryLogs::LibraryLogs(core::Logger& logger) {
  *Target().Lock() = &logger;
  google::protobuf::SetLogHandler(&OnProtobuf);
  store::PassSqliteMessages(&OnSqlite);
}

LibraryLogs::~LibraryLogs() { *Target().Lock() = nullptr; }

void BoundStandardError() {
  struct stat status {};
  if (fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return;
  // init opened it for appending: what comes next begins at the start again.
  if (status.st_size > limits::kSystemLogBytes && ftruncate(STDERR_FILENO, 0) == 0)
    fputs("grpc-osd: this file had grown beyond its bound; it was emptied\n", stderr);
}

}  // namespace grpc_os
