#include "main/parts/published_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/small_file.h"

namespace grpc_os {

void PublishedFiles::Write(const std::string& name, const std::string& text) {
  (*files_.Lock())[name] = text;
  const int error = ReplaceSmallFile(directory_.fd(), name, text, 0644);
  if (error == 0) return;
  unlinkat(directory_.fd(), name.c_str(), 0);  // what an old one says is wrong
  log_.Warn(absl::StrCat("cannot write ", name, " yet, and serves without it: ",
                         IsDiskFull(error) ? DescribeDiskFull(directory_.path(), error)
                                           : std::string(strerror(error))));
}

void PublishedFiles::Tick(int64_t /*now_ms*/) {
  auto files = files_.Lock();
  for (const auto& [name, text] : *files) {
    if (faccessat(directory_.fd(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
      ReplaceSmallFile(directory_.fd(), name, text, 0644);
  }
}

}  // namespace grpc_os
