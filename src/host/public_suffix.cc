#include "host/public_suffix.h"

#include <libpsl.h>

#include <string>

namespace grpc_os::host {

bool IsPublicSuffix(std::string_view name) {
  return psl_is_public_suffix2(psl_builtin(), std::string(name).c_str(),
                               PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 0;
}

}  // namespace grpc_os::host
