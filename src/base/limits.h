// Every limit of the system, once, with its unit.
#ifndef GRPC_OS_BASE_LIMITS_H_
#define GRPC_OS_BASE_LIMITS_H_

#include <cstdint>

namespace grpc_os::limits {

inline constexpr int64_t kMessageBytes = int64_t{4} << 20;  // one gRPC message
inline constexpr int64_t kStreamChunkBytes = int64_t{256}
                                             << 10;  // text in one message of a log stream
inline constexpr int kPageSizeDefault = 100;
inline constexpr int kPageSizeMax = 1000;
inline constexpr int kProcesses = 10'000;
inline constexpr int kCallsInFlight = 512;  // but those in the lanes below
inline constexpr int kCallsPerUser = 128;   // of users but admins
inline constexpr int kCallsPerSource = 384;
inline constexpr int kStrangerCallsPerSource = 32;  // without a log-in
inline constexpr int kCallsKept = 32;      // places for log-in, log-out, stop and the like alone,
inline constexpr int kCallsKeptEach = 8;   // of which one user or source has so many at most
inline constexpr int kCallsOfAdmins = 32;  // places for admins alone
inline constexpr int kWaitersPerProcess = 1000;  // WaitProcess calls for one; and changes, too
inline constexpr int kStreamsOpen = 1024;
inline constexpr int kStreamsPerUser = 256;
inline constexpr int kStreamsPerSource = 768;
inline constexpr int kStreamsOfAdmins = 64;
inline constexpr int kUnaryDeadlineDefaultMs = 120'000;  // for calls that set none
inline constexpr int kUnaryDeadlineMaxMs = 3'700'000;    // the longest stop, and a little
inline constexpr int kHeartbeatMs = 15'000;
inline constexpr int kWatchPauseMs = 10;         // what is committed meanwhile is told together
inline constexpr int kWatchMemoryEvents = 4096;  // the newest ones, shared by all watchers
inline constexpr int64_t kWatchMemoryBytes = int64_t{1} << 20;
inline constexpr int kWriterQueue = 10'000;  // operations waiting for the store's writer
inline constexpr int kReaderQueue = 10'000;  // reads waiting for the store's reader
// Operations in one transaction, so that it is not endless, nor what was answered last waits for
// all of the queue.
inline constexpr int kCommitGroup = 512;
// What the store keeps of its disk for the changes that must be possible when that is full: a part
// of the file system, between these.
inline constexpr int64_t kStoreReserveFraction = 32;  // one of so many parts
inline constexpr int64_t kStoreReserveBytesMin = int64_t{512} << 10;
inline constexpr int64_t kStoreReserveBytesMax = int64_t{4} << 20;
inline constexpr int kForgottenAtOnce = 1'000;                  // rows that one transaction forgets
inline constexpr int64_t kObjectCacheBytes = int64_t{4} << 20;  // of objects that were read of late

inline constexpr int64_t kCommandBytes = int64_t{256} << 10;
inline constexpr int64_t kArgumentBytes = 131'071;  // the kernel's MAX_ARG_STRLEN without its NUL
inline constexpr int64_t kEnvironmentBytes = int64_t{1} << 20;
inline constexpr int64_t kPathBytes = 1024;
inline constexpr int64_t kNameBytes = 63;
inline constexpr int64_t kStopTimeoutMaxMs = 3'600'000;
inline constexpr int64_t kStopTimeoutDefaultMs = 10'000;

inline constexpr int64_t kLogMaxBytesDefault = int64_t{50} << 20;
inline constexpr int64_t kLogMaxBytesMin = int64_t{64} << 10;
inline constexpr int64_t kLogMaxBytesMax = int64_t{64} << 30;
inline constexpr int kLogFiles = 5;  // log_max_bytes / kLogFiles is one file
inline constexpr int64_t kLogLineBytes = int64_t{16}
                                         << 10;  // longer ones are split, marked partial
inline constexpr int kLogPartialFlushMs = 100;  // a line without its newline is shown after so long

inline constexpr int kTasks = 64;        // at a time
inline constexpr int kTasksPerUser = 8;  // of them
inline constexpr int64_t kTaskMaxMs = int64_t{24} * 3'600'000;

inline constexpr int64_t kPacketBytes = int64_t{64} << 10;  // one message between our programs
inline constexpr int kSocketPathBytes = 107;                // sun_path, without its NUL

inline constexpr int kHttpConnections = 64;
inline constexpr int kHttpIdleMs = 10'000;                       // then a connection is closed
inline constexpr int64_t kHttpRequestBytes = int64_t{16} << 10;  // request line and headers

inline constexpr int kTokenBytes = 4096;
inline constexpr int64_t kAccessTokenMs = int64_t{15} * 60'000;
inline constexpr int64_t kRefreshIdleMs =
    int64_t{14} * 86'400'000;                                    // a refresh token unused so long
inline constexpr int64_t kSessionMs = int64_t{30} * 86'400'000;  // a session by password in all
inline constexpr int64_t kTokenTtlDefaultMs = int64_t{90} * 86'400'000;
inline constexpr int64_t kTokenTtlMinMs = 60'000;
inline constexpr int64_t kTokenTtlMaxMs = int64_t{365} * 86'400'000;
inline constexpr int kUsers = 10'000;
inline constexpr int kSessionsPerUser = 1'000;  // the oldest log-in goes; a token is refused
// Log-ins, renewals and tokens of a user without user.write: so many at once, then one each so
// long.
inline constexpr int kSessionsAtOnce = 120;
inline constexpr int64_t kSessionEachMs = 1000;
inline constexpr int kPasswordBytesMin = 12;
inline constexpr int kPasswordBytesMax = 1024;
inline constexpr int kPasswordQueue = 32;  // passwords waiting to be hashed
inline constexpr int kLabelBytes = 63;
inline constexpr int kEndsUnwritten = 1024;      // of sessions, that the store has yet to take
inline constexpr int kTokensVerified = 4096;     // whose signature is not checked again
inline constexpr int kThrottleEntries = 10'000;  // users, sources and pairs of them, each

inline constexpr int kRequestIdBytes = 128;
inline constexpr int64_t kRequestKeptMs = 86'400'000;
inline constexpr int kAuditNoted = 1'000;  // kinds of records that wait for the store
inline constexpr int64_t kAuditKeptMs = int64_t{90} * 86'400'000;
inline constexpr int64_t kAuditKept = 1'000'000;        // records of changes
inline constexpr int64_t kAuditRefusalsKept = 100'000;  // records of refusals
inline constexpr int kAuditRefusalsApart = 20;  // of one user, or source, and method in a window;
inline constexpr int64_t kAuditRefusalsMs = 60'000;  // the others in it are one record
inline constexpr int64_t kRevisionsKept = 100'000;   // of which Watch can tell; see EVENTS_KEPT
inline constexpr int64_t kRevisionsKeptMin = 1'000;
inline constexpr int64_t kRevisionsKeptMax = 100'000'000;

inline constexpr int64_t kObjectBytes = int64_t{5} << 30;
inline constexpr int64_t kObjectInlineBytes = int64_t{64} << 10;  // larger contents are files
inline constexpr int kPathSegmentBytes = 255;
inline constexpr int kMetadataKeyBytes = 1024;
inline constexpr int kMetadataValueBytes = 4096;
inline constexpr int kMetadataBytes = 8192;  // all keys and values of an object
inline constexpr int kContentTypeBytes = 255;
inline constexpr int kObjectsPerCall = 10'000;      // that one call renames or deletes
inline constexpr int kTransactionOperations = 128;  // comparisons and changes together
inline constexpr int kVersionsPerObject = 100;      // the oldest goes
inline constexpr int64_t kVersionKeptMs = int64_t{7} * 86'400'000;  // after it was retired
inline constexpr int kUploadsOpen = 1'000;
inline constexpr int kUploadStreams = 64;                // that write at a time
inline constexpr int64_t kUploadStreamIdleMs = 120'000;  // without a piece; then it is ended
inline constexpr int64_t kUploadChunkBytes = int64_t{2} << 20;
inline constexpr int64_t kUploadIdleMs = 86'400'000;         // then its bytes are forgotten
inline constexpr int64_t kBlobGraceMs = 86'400'000;          // what a crash left, and nothing names
inline constexpr int64_t kDiskFullBytes = int64_t{1} << 20;  // with less, the disk is called full
inline constexpr int64_t kDiskRefusedMs = 10'000;  // and so long after a refusal for want of room
inline constexpr int kCustomRoles = 1'000;
inline constexpr int kRoleRules = 100;  // of one role
inline constexpr int kRoleDescriptionBytes = 255;
inline constexpr int kQuotas = 1'000;
inline constexpr int kVolumes = 1'000;
inline constexpr int kVolumesPerProcess = 32;
inline constexpr int kDomains = 1'000;
inline constexpr int kRoutesPerDomain = 32;
inline constexpr int kTargetsPerRoute = 16;
inline constexpr int64_t kRoutePathBytes = 255;
inline constexpr int64_t kCertificateBytes = 64 << 10;
inline constexpr int64_t kPrivateKeyBytes = 16 << 10;
inline constexpr int kCertificatesOfChain = 10;
inline constexpr int64_t kDomainHoldMaxMs = 300'000;
inline constexpr int64_t kDomainDrainMaxMs = 60'000;
inline constexpr int64_t kDomainBodyBytesMax = int64_t{5} << 30;
inline constexpr int64_t kDomainReadTimeoutMinMs = 1000;
inline constexpr int64_t kDomainReadTimeoutMaxMs = int64_t{24} * 3'600'000;
inline constexpr int kDependencies = 32;  // of one process; as well as the following
inline constexpr int kProcessLabels = 64;
inline constexpr int64_t kProcessLabelBytes = 255;  // of its name, and of its value
inline constexpr int64_t kVersionBytes = 128;
inline constexpr int kDomainsPerProcess = 64;
inline constexpr int64_t kDomainBytes = 253;  // as in RFC 1035

inline constexpr int kProcessRevisions = 10;                       // of one process
inline constexpr int64_t kRevisionSpecBytes = int64_t{100} << 10;  // as it is stored
inline constexpr int64_t kDeployMessageBytes = int64_t{8} << 10;   // why one failed
inline constexpr int64_t kReleaseMs = int64_t{30} * 60 * 1000;     // of a release command
inline constexpr int kDeployLogLines = 20;                         // of it

// What strangers and neighbours can use up.
// Of init.sock, and of each ctl.sock: one more takes the place of the oldest that has no name.
inline constexpr int kControlConnections = 32;
inline constexpr int kAcceptsPerTurn = 64;  // connections that one turn of a loop accepts
inline constexpr int kPacketsPerTurn = 64;  // packets that it takes from one connection
inline constexpr int kAcceptPauseMs = 100;  // when not even a spare descriptor is left

// Of our own logs: each kind of line is written so often in a second, and then counted.
inline constexpr int kLogLinesPerSecond = 20;
inline constexpr int kLogKinds = 64;                           // counted apart
inline constexpr int64_t kLogQueueBytes = int64_t{1} << 20;    // that wait for a slow disk
inline constexpr int64_t kSystemLogBytes = int64_t{10} << 20;  // a file; there are two of each

// Contents leave so much of the disk to the database and the files of the daemon.
inline constexpr int64_t kDiskReservedBytes = int64_t{256} << 20;
inline constexpr int64_t kDiskReservedPercent = 5;  // of a small disk
// The disk is nearly full when so much, or less, is free beyond that. Then no file that nothing
// names is kept for kBlobGraceMs.
inline constexpr int64_t kDiskPressureBytes = int64_t{64} << 20;
inline constexpr int64_t kPressureCollectEveryMs = 60'000;  // looks for such files
inline constexpr int64_t kCollectEveryMs = 3'600'000;       // and where there is room

// A jump of the clock forward counts for what is kept for a time once it has lasted so long, and at
// most twice as long (core::RetentionClock).
inline constexpr int64_t kClockJumpLastsMs = int64_t{2} * 3'600'000;
inline constexpr int64_t kExpiryJumpLastsMs = 60'000;  // for objects that expire

// Kept beyond the end of each supervisor's journal for the reports of a stop: of 10,000 processes,
// 160 MiB.
inline constexpr int64_t kJournalReserveBytes = int64_t{16} << 10;

}  // namespace grpc_os::limits

#endif  // GRPC_OS_BASE_LIMITS_H_
