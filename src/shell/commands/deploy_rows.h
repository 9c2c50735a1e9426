// What the files of the commands about deploys give to deploy.cc.
#ifndef GRPC_OS_SHELL_COMMANDS_DEPLOY_ROWS_H_
#define GRPC_OS_SHELL_COMMANDS_DEPLOY_ROWS_H_

#include "shell/command_table.h"

namespace grpc_os::shell {

Command RevisionsRow();  // revisions.cc
Command DiffRow();       // revisions.cc
Command RollbackRow();   // revisions.cc

inline Option NoRollbackOption() {
  return {"no-rollback", 0, "", "leave it as it is if it does not become ready"};
}

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_DEPLOY_ROWS_H_
