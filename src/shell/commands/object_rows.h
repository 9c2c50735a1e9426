// What the files of the commands about objects give to object.cc.
#ifndef GRPC_OS_SHELL_COMMANDS_OBJECT_ROWS_H_
#define GRPC_OS_SHELL_COMMANDS_OBJECT_ROWS_H_

#include "shell/command_table.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {

inline constexpr char kObjectNames[] =
    "NAME is an absolute name, one that counts from the current folder (`pwd`; \"/\" on the "
    "command\n"
    "line), or an id (obj_…). A pattern with * ? [ ] means every name that it fits, but no .hidden "
    "one\nunless it begins with a dot itself; a backslash before such a character means the "
    "character.\n";
inline constexpr char kObjectVersions[] =
    "NAME@GENERATION is an older content, as `history` lists them; NAME@0 is the live one, where "
    "a\n"
    "name itself ends so.\n";
inline constexpr char kTransfer[] =
    "A transfer resumes by itself after a lost connection or a restart of the daemon.\n";

extern const WordKind kObjectWord;
extern const WordKind kDeletedObjectWord;

// object_list.cc
Command LsRow();
Command CdRow();
Command PwdRow();
Command StatRow();
Command HistoryRow();
Command FindRow();
Command DuRow();
// object_deleted.cc; `ls --deleted` is a way of `ls`.
ExitCode ListDeleted(Session& session, const Arguments& arguments);
Command UndeleteRow();
// object_change.cc
Command MkdirRow();
Command RmRow();
Command MvRow();
Command CpRow();
// object_cat.cc and so on
Command CatRow();
Command WatchRow();
Command TouchRow();
Command PutRow();
Command GetRow();
Command EditRow();
Command CheckRow();

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_OBJECT_ROWS_H_
