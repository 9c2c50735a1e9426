// What the files of the commands about processes give to process.cc.
#ifndef GRPC_OS_SHELL_COMMANDS_PROCESS_ROWS_H_
#define GRPC_OS_SHELL_COMMANDS_PROCESS_ROWS_H_

#include "shell/command_table.h"

namespace grpc_os::shell {

inline constexpr char kProcessNames[] =
    "NAME is a process's name or id; a pattern with * ? [ ] means every name that it fits.\n";

inline constexpr char kSignals[] =
    "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP ALRM PIPE ABRT WINCH";

extern const WordKind kProcessWord;
inline constexpr WordKind kSignalWord = {.words = kSignals};

Command PsRow();      // ps.cc
Command StartRow();   // start.cc
Command UpdateRow();  // start.cc
Command WaitRow();    // wait.cc
Command LogsRow();    // logs.cc
Command RunRow();     // run.cc

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_PROCESS_ROWS_H_
