// The reasons of errors, as in grpc_os.v1.ErrorReason, which documents each; a test of services/
// holds the two together.
#ifndef GRPC_OS_CORE_ERROR_REASON_H_
#define GRPC_OS_CORE_ERROR_REASON_H_

namespace grpc_os::core::reason {

inline constexpr char kNotLoggedIn[] = "NOT_LOGGED_IN";
inline constexpr char kTokenInvalid[] = "TOKEN_INVALID";
inline constexpr char kTicketInvalid[] = "TICKET_INVALID";
inline constexpr char kPermissionMissing[] = "PERMISSION_MISSING";
inline constexpr char kLoginFailed[] = "LOGIN_FAILED";
inline constexpr char kLoginThrottled[] = "LOGIN_THROTTLED";
inline constexpr char kFieldInvalid[] = "FIELD_INVALID";
inline constexpr char kPageTokenInvalid[] = "PAGE_TOKEN_INVALID";
inline constexpr char kRequestIdReused[] = "REQUEST_ID_REUSED";
inline constexpr char kProcessNotFound[] = "PROCESS_NOT_FOUND";
inline constexpr char kNameTaken[] = "NAME_TAKEN";
inline constexpr char kIdTaken[] = "ID_TAKEN";
inline constexpr char kExecFailed[] = "EXEC_FAILED";
inline constexpr char kProcessNotRunning[] = "PROCESS_NOT_RUNNING";
inline constexpr char kProcessRunning[] = "PROCESS_RUNNING";
inline constexpr char kProcessUnkillable[] = "PROCESS_UNKILLABLE";
inline constexpr char kAccountRefused[] = "ACCOUNT_REFUSED";
inline constexpr char kEtagMismatch[] = "ETAG_MISMATCH";
inline constexpr char kSuperseded[] = "SUPERSEDED";
inline constexpr char kUserNotFound[] = "USER_NOT_FOUND";
inline constexpr char kUserExists[] = "USER_EXISTS";
inline constexpr char kRoleNotFound[] = "ROLE_NOT_FOUND";
inline constexpr char kSessionNotFound[] = "SESSION_NOT_FOUND";
inline constexpr char kLastAdmin[] = "LAST_ADMIN";
inline constexpr char kLimitReached[] = "LIMIT_REACHED";
inline constexpr char kRevisionUnavailable[] = "REVISION_UNAVAILABLE";
inline constexpr char kCursorInvalid[] = "CURSOR_INVALID";
inline constexpr char kDeadlinePassed[] = "DEADLINE_PASSED";
inline constexpr char kStoreUnavailable[] = "STORE_UNAVAILABLE";
inline constexpr char kDiskFull[] = "DISK_FULL";
inline constexpr char kStoreDamaged[] = "STORE_DAMAGED";
inline constexpr char kRuntimeUnavailable[] = "RUNTIME_UNAVAILABLE";
inline constexpr char kHeld[] = "HELD";
inline constexpr char kShuttingDown[] = "SHUTTING_DOWN";
inline constexpr char kObjectNotFound[] = "OBJECT_NOT_FOUND";
inline constexpr char kPreconditionFailed[] = "PRECONDITION_FAILED";
inline constexpr char kSystemObject[] = "SYSTEM_OBJECT";
inline constexpr char kNotAFolder[] = "NOT_A_FOLDER";
inline constexpr char kIsAFolder[] = "IS_A_FOLDER";
inline constexpr char kFolderNotEmpty[] = "FOLDER_NOT_EMPTY";
inline constexpr char kQuotaExceeded[] = "QUOTA_EXCEEDED";
inline constexpr char kChecksumMismatch[] = "CHECKSUM_MISMATCH";
inline constexpr char kObjectDamaged[] = "OBJECT_DAMAGED";
inline constexpr char kOffsetOutOfRange[] = "OFFSET_OUT_OF_RANGE";
inline constexpr char kUploadNotFound[] = "UPLOAD_NOT_FOUND";
inline constexpr char kUploadBusy[] = "UPLOAD_BUSY";
inline constexpr char kUploadOffset[] = "UPLOAD_OFFSET";
inline constexpr char kUploadIncomplete[] = "UPLOAD_INCOMPLETE";
inline constexpr char kRoleExists[] = "ROLE_EXISTS";
inline constexpr char kRoleInUse[] = "ROLE_IN_USE";
inline constexpr char kRoleBuiltIn[] = "ROLE_BUILT_IN";
inline constexpr char kQuotaNotFound[] = "QUOTA_NOT_FOUND";
inline constexpr char kPortTaken[] = "PORT_TAKEN";
inline constexpr char kNoFreePort[] = "NO_FREE_PORT";
inline constexpr char kDependencyCycle[] = "DEPENDENCY_CYCLE";
inline constexpr char kVolumeNotFound[] = "VOLUME_NOT_FOUND";
inline constexpr char kVolumeExists[] = "VOLUME_EXISTS";
inline constexpr char kVolumeInUse[] = "VOLUME_IN_USE";
inline constexpr char kVolumeAccount[] = "VOLUME_ACCOUNT";
inline constexpr char kVolumeDirectory[] = "VOLUME_DIRECTORY";
inline constexpr char kRevisionNotFound[] = "REVISION_NOT_FOUND";
inline constexpr char kDeployInProgress[] = "DEPLOY_IN_PROGRESS";
inline constexpr char kBundleRefused[] = "BUNDLE_REFUSED";
inline constexpr char kBundleDamaged[] = "BUNDLE_DAMAGED";
inline constexpr char kDomainNotFound[] = "DOMAIN_NOT_FOUND";
inline constexpr char kDomainExists[] = "DOMAIN_EXISTS";
inline constexpr char kDomainManaged[] = "DOMAIN_MANAGED";
inline constexpr char kNoPort[] = "NO_PORT";
inline constexpr char kDomainsFile[] = "DOMAINS_FILE";
inline constexpr char kUploadSuperseded[] = "UPLOAD_SUPERSEDED";
inline constexpr char kTokenOfOtherSystem[] = "TOKEN_OF_OTHER_SYSTEM";
inline constexpr char kSystemProcess[] = "SYSTEM_PROCESS";
inline constexpr char kInternal[] = "INTERNAL";

}  // namespace grpc_os::core::reason

#endif  // GRPC_OS_CORE_ERROR_REASON_H_
