// bench-pack DIRECTORY: prints the digest of its bundle.
#include <cstdio>
#include <string>

#include "bundle/pack.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto packed = grpc_os::bundle::Pack(arguments[1]);
  if (!packed.ok()) {
    fprintf(stderr, "bench-pack: %s\n", std::string(packed.status().message()).c_str());
    return 1;
  }
  printf("%s %lld\n", packed->digest.c_str(), static_cast<long long>(packed->entries));
  return 0;
}
