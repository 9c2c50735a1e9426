#include "services/error_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "grpc_os/internal/v1/rpc_status.pb.h"
#include "grpc_os/v1/errors.pb.h"

namespace grpc_os::services {
namespace {

using ::testing::HasSubstr;

internal::v1::RpcStatus Details(const WireStatus& status) {
  internal::v1::RpcStatus details;
  EXPECT_TRUE(details.ParseFromString(status.details));
  return details;
}

template <typename Message>
Message Detail(const WireStatus& status, const std::string& type) {
  Message message;
  const auto details = Details(status);
  for (const auto& detail : details.details()) {
    if (detail.type_url() == "type.googleapis.com/google.rpc." + type) {
      EXPECT_TRUE(message.ParseFromString(detail.value()));
      return message;
    }
  }
  ADD_FAILURE() << "no " << type;
  return message;
}

TEST(ErrorMap, CarriesReasonMetadataViolationsRetryAndRequestId) {
  const auto status =
      ToWire(MakeError(absl::StatusCode::kInvalidArgument, "wrong",
                       {.reason = core::reason::kFieldInvalid,
                        .metadata = {{"field", "name"}},
                        .violations = {{"name", "is empty"}, {"spec.command", "is empty"}},
                        .retry_after_ms = 1500}),
             "request-7");
  EXPECT_EQ(status.code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message, "wrong");
  const auto info = Detail<internal::v1::ErrorInfo>(status, "ErrorInfo");
  EXPECT_EQ(info.reason(), "FIELD_INVALID");
  EXPECT_EQ(info.domain(), "grpc-os");
  EXPECT_EQ(info.metadata().at("field"), "name");
  const auto bad = Detail<internal::v1::BadRequest>(status, "BadRequest");
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "spec.command");
  const auto retry = Detail<internal::v1::RetryInfo>(status, "RetryInfo");
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(Detail<internal::v1::RequestInfo>(status, "RequestInfo").request_id(), "request-7");
}

TEST(ErrorMap, HidesWhatNobodyMeantToShow) {
  const auto status = ToWire(absl::UnknownError("secret internals"), "request-8");
  EXPECT_EQ(status.code, absl::StatusCode::kInternal);
  EXPECT_THAT(status.message, ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(status.message, HasSubstr("request-8"));
  EXPECT_EQ(Detail<internal::v1::ErrorInfo>(status, "ErrorInfo").reason(), "INTERNAL");
}

TEST(ErrorMap, StaysBelowTheLimitOfTrailers) {
  ErrorDetail detail{.reason = core::reason::kExecFailed,
                     .metadata = {{"cause", std::string(100'000, 'x')}}};
  const auto status = ToWire(
      MakeError(absl::StatusCode::kFailedPrecondition, std::string(100'000, 'y'), detail), "r");
  EXPECT_LT(status.details.size() + status.message.size(), 6000u);
}

// core/ may not include protobuf, so its reasons are written down twice; this holds the two
// together.
TEST(ErrorMap, ReasonsOfTheCoreAreThoseOfTheProto) {
  std::set<std::string> of_proto;
  const auto* values = v1::ErrorReason_descriptor();
  for (int i = 1; i < values->value_count(); ++i) {
    of_proto.insert(values->value(i)->name().substr(sizeof("ERROR_REASON_") - 1));
  }
  const std::set<std::string> of_core = {core::reason::kNotLoggedIn,
                                         core::reason::kTokenInvalid,
                                         core::reason::kTicketInvalid,
                                         core::reason::kPermissionMissing,
                                         core::reason::kLoginFailed,
                                         core::reason::kLoginThrottled,
                                         core::reason::kFieldInvalid,
                                         core::reason::kPageTokenInvalid,
                                         core::reason::kRequestIdReused,
                                         core::reason::kProcessNotFound,
                                         core::reason::kNameTaken,
                                         core::reason::kIdTaken,
                                         core::reason::kExecFailed,
                                         core::reason::kProcessNotRunning,
                                         core::reason::kProcessRunning,
                                         core::reason::kProcessUnkillable,
                                         core::reason::kAccountRefused,
                                         core::reason::kEtagMismatch,
                                         core::reason::kSuperseded,
                                         core::reason::kUserNotFound,
                                         core::reason::kUserExists,
                                         core::reason::kRoleNotFound,
                                         core::reason::kSessionNotFound,
                                         core::reason::kLastAdmin,
                                         core::reason::kLimitReached,
                                         core::reason::kRevisionUnavailable,
                                         core::reason::kCursorInvalid,
                                         core::reason::kDeadlinePassed,
                                         core::reason::kStoreUnavailable,
                                         core::reason::kDiskFull,
                                         core::reason::kHeld,
                                         core::reason::kStoreDamaged,
                                         core::reason::kRuntimeUnavailable,
                                         core::reason::kShuttingDown,
                                         core::reason::kObjectNotFound,
                                         core::reason::kPreconditionFailed,
                                         core::reason::kSystemObject,
                                         core::reason::kNotAFolder,
                                         core::reason::kIsAFolder,
                                         core::reason::kFolderNotEmpty,
                                         core::reason::kQuotaExceeded,
                                         core::reason::kChecksumMismatch,
                                         core::reason::kObjectDamaged,
                                         core::reason::kOffsetOutOfRange,
                                         core::reason::kUploadNotFound,
                                         core::reason::kUploadBusy,
                                         core::reason::kUploadOffset,
                                         core::reason::kUploadIncomplete,
                                         core::reason::kUploadSuperseded,
                                         core::reason::kTokenOfOtherSystem,
                                         core::reason::kRoleExists,
                                         core::reason::kRoleInUse,
                                         core::reason::kRoleBuiltIn,
                                         core::reason::kQuotaNotFound,
                                         core::reason::kVolumeNotFound,
                                         core::reason::kVolumeExists,
                                         core::reason::kVolumeInUse,
                                         core::reason::kVolumeAccount,
                                         core::reason::kVolumeDirectory,
                                         core::reason::kDependencyCycle,
                                         core::reason::kRevisionNotFound,
                                         core::reason::kDeployInProgress,
                                         core::reason::kBundleRefused,
                                         core::reason::kBundleDamaged,
                                         core::reason::kSystemProcess,
                                         core::reason::kPortTaken,
                                         core::reason::kNoFreePort,
                                         core::reason::kDomainNotFound,
                                         core::reason::kDomainExists,
                                         core::reason::kDomainManaged,
                                         core::reason::kNoPort,
                                         core::reason::kDomainsFile,
                                         core::reason::kInternal};
  EXPECT_EQ(of_core, of_proto);
}

}  // namespace
}  // namespace grpc_os::services
