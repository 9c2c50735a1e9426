#include "base/defect.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace grpc_os {

bool Defect(const char* name) {
  static const char* const directory = getenv("GRPC_OS_FAILPOINT_DIR");
  if (directory == nullptr) return false;
  return access((std::string(directory) + "/" + name).c_str(), F_OK) == 0;
}

}  // namespace grpc_os
