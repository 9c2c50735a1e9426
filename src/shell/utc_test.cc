// The tests of this room show times in UTC, wherever they run.
#include <cstdlib>

namespace grpc_os::shell {
namespace {

[[maybe_unused]] const bool in_utc = ::setenv("TZ", "UTC0", /*overwrite=*/1) == 0;

}  // namespace
}  // namespace grpc_os::shell
