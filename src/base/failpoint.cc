#include "base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace grpc_os {

void Failpoint(const char* name) {
  static const char* const directory = getenv("GRPC_OS_FAILPOINT_DIR");
  if (directory == nullptr) return;
  const std::string armed = std::string(directory) + "/" + name;
  if (rename(armed.c_str(), (armed + ".hit").c_str()) == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
}

}  // namespace grpc_os
