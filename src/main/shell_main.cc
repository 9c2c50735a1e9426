// The program `grpc-os`: shell and command line.
#include <google/protobuf/stubs/logging.h>
#include <malloc.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "shell/program.h"

int main(int argc, char** argv) {
  // gRPC's and protobuf's own complaints would stand between our lines; $GRPC_VERBOSITY still shows
  // those of gRPC.
  ::setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  google::protobuf::SetLogHandler(nullptr);
  // readline needs the locale's character set.
  std::setlocale(LC_CTYPE, "");
  std::ios::sync_with_stdio(false);
  // The pieces of a transfer are not given back to the kernel one by one, to be faulted in again.
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  const auto code = grpc_os::shell::RunProgram(std::vector<std::string>(argv + 1, argv + argc));
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "The output could not be written.\n";
    return static_cast<int>(grpc_os::shell::ExitCode::kFailure);
  }
  return static_cast<int>(code);
}
