// The handlers that the command table names. Each prints its own result and errors.
#ifndef GRPC_OS_SHELL_COMMANDS_COMMANDS_H_
#define GRPC_OS_SHELL_COMMANDS_COMMANDS_H_

#include "shell/exit_code.h"

namespace grpc_os::shell {

class Arguments;
class Session;

// auth.cc
ExitCode RunLogin(Session& session, const Arguments& arguments);
ExitCode RunWhoAmI(Session& session, const Arguments& arguments);
ExitCode RunLogout(Session& session, const Arguments& arguments);
// list.cc
ExitCode RunPs(Session& session, const Arguments& arguments);
// start.cc
ExitCode RunStart(Session& session, const Arguments& arguments);
ExitCode RunUpdate(Session& session, const Arguments& arguments);
// process.cc
ExitCode RunRestart(Session& session, const Arguments& arguments);
ExitCode RunKill(Session& session, const Arguments& arguments);
ExitCode RunSignal(Session& session, const Arguments& arguments);
ExitCode RunWait(Session& session, const Arguments& arguments);
ExitCode RunDelete(Session& session, const Arguments& arguments);
// logs.cc
ExitCode RunLogs(Session& session, const Arguments& arguments);
// object_list.cc
ExitCode RunList(Session& session, const Arguments& arguments);
ExitCode RunChangeDirectory(Session& session, const Arguments& arguments);
ExitCode RunPrintDirectory(Session& session, const Arguments& arguments);
ExitCode RunStat(Session& session, const Arguments& arguments);
ExitCode RunHistory(Session& session, const Arguments& arguments);
ExitCode RunFind(Session& session, const Arguments& arguments);
ExitCode RunMeasure(Session& session, const Arguments& arguments);
// object_cat.cc, object_touch.cc, object_edit.cc, object_put.cc, object_get.cc, object_watch.cc
ExitCode RunCat(Session& session, const Arguments& arguments);
ExitCode RunTouch(Session& session, const Arguments& arguments);
ExitCode RunEdit(Session& session, const Arguments& arguments);
ExitCode RunPut(Session& session, const Arguments& arguments);
ExitCode RunGet(Session& session, const Arguments& arguments);
ExitCode RunObjectWatch(Session& session, const Arguments& arguments);
// object_change.cc
ExitCode RunMakeFolder(Session& session, const Arguments& arguments);
ExitCode RunRemove(Session& session, const Arguments& arguments);
ExitCode RunMove(Session& session, const Arguments& arguments);
ExitCode RunCopy(Session& session, const Arguments& arguments);
// object_deleted.cc
ExitCode ListDeleted(Session& session, const Arguments& arguments);
ExitCode RunUndelete(Session& session, const Arguments& arguments);
// object_quota.cc, object_check.cc
ExitCode RunQuotaSet(Session& session, const Arguments& arguments);
ExitCode RunQuotaList(Session& session, const Arguments& arguments);
ExitCode RunQuotaDelete(Session& session, const Arguments& arguments);
ExitCode RunCheck(Session& session, const Arguments& arguments);
// user.cc
ExitCode RunUserList(Session& session, const Arguments& arguments);
ExitCode RunUserShow(Session& session, const Arguments& arguments);
ExitCode RunUserAdd(Session& session, const Arguments& arguments);
ExitCode RunUserPassword(Session& session, const Arguments& arguments);
ExitCode RunUserDisable(Session& session, const Arguments& arguments);
ExitCode RunUserEnable(Session& session, const Arguments& arguments);
ExitCode RunUserRemove(Session& session, const Arguments& arguments);
ExitCode RunRoleList(Session& session, const Arguments& arguments);
ExitCode RunRoleShow(Session& session, const Arguments& arguments);
ExitCode RunRoleCreate(Session& session, const Arguments& arguments);
ExitCode RunRoleUpdate(Session& session, const Arguments& arguments);
ExitCode RunRoleRemove(Session& session, const Arguments& arguments);
ExitCode RunRoleGrant(Session& session, const Arguments& arguments);
ExitCode RunRoleRevoke(Session& session, const Arguments& arguments);
// token.cc
ExitCode RunSessions(Session& session, const Arguments& arguments);
ExitCode RunSessionEnd(Session& session, const Arguments& arguments);
ExitCode RunTokenCreate(Session& session, const Arguments& arguments);
ExitCode RunTokenList(Session& session, const Arguments& arguments);
// audit.cc
ExitCode RunAudit(Session& session, const Arguments& arguments);
// events.cc
ExitCode RunEvents(Session& session, const Arguments& arguments);
// system.cc
ExitCode RunStatus(Session& session, const Arguments& arguments);
ExitCode RunResume(Session& session, const Arguments& arguments);
ExitCode RunLogLevel(Session& session, const Arguments& arguments);
ExitCode RunVersion(Session& session, const Arguments& arguments);
ExitCode RunHelp(Session& session, const Arguments& arguments);
ExitCode RunCompletion(Session& session, const Arguments& arguments);
ExitCode RunReference(Session& session, const Arguments& arguments);
ExitCode RunExit(Session& session, const Arguments& arguments);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_COMMANDS_H_
