// A file of one line that others read.
#ifndef GRPC_OS_BASE_SMALL_FILE_H_
#define GRPC_OS_BASE_SMALL_FILE_H_

#include <string>
#include <string_view>

namespace grpc_os {

// Makes `text` the content of `name` in `directory`: by another file that takes its place, so that
// readers see the old or the new one; where that has no room, in the place of the old one, which
// takes none. What is there already is left alone. 0, or the errno: then the old one is as it
// was. No more than a page (4 KiB), with these rights.
int ReplaceSmallFile(int directory, const std::string& name, std::string_view text,
                     unsigned int mode);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_SMALL_FILE_H_
