// grpc-os-init: starts and keeps everything else. See docs/ARCHITECTURE.md, "Init".
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/version.h"
#include "init/environment.h"
#include "init/init.h"
#include "init/options.h"

int main(int argc, char** argv) {
  using grpc_os::init::Options;
  const absl::StatusOr<Options> options =
      grpc_os::init::ParseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    fprintf(stderr, "grpc-os-init: %s\n", std::string(options.status().message()).c_str());
    return 2;
  }
  if (options->action == Options::Action::kHelp) {
    fputs(grpc_os::init::kUsage, stdout);
    return 0;
  }
  if (options->action == Options::Action::kVersion) {
    printf("grpc-os-init %s\n", grpc_os::kVersion);
    return 0;
  }
  return grpc_os::init::RunInit(*options, grpc_os::init::TakeEnvironment(environ));
}
