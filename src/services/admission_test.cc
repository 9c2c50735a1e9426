#include "services/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"

namespace grpc_os::services {
namespace {

using ::testing::HasSubstr;
using Kind = Admission::Kind;

class AdmissionTest : public ::testing::Test {
 protected:
  absl::Status Enter(Admission::Who who, bool admin = false, Kind kind = Kind::kCall) {
    Admission::Place place;
    who.admin = admin;
    absl::Status status = admission_.Enter(kind, who, place);
    if (status.ok()) held_.push_back(place);
    return status;
  }
  // How many get in.
  int Fill(const Admission::Who& who, int tries = 100) {
    int in = 0;
    for (int i = 0; i < tries; ++i) in += Enter(who).ok() ? 1 : 0;
    return in;
  }
  void LeaveAll() {
    for (const Admission::Place& place : held_) admission_.Leave(place);
    held_.clear();
  }
  static std::string LimitOf(const absl::Status& status) {
    return DetailOf(status)->metadata.at("limit");
  }

  Admission admission_{{.common = 16,
                        .per_user = 4,
                        .per_source = 12,
                        .strangers_per_source = 3,
                        .kept_lane = 4,
                        .kept_lane_each = 2,
                        .admin_lane = 2},
                       {.common = 8, .per_user = 2, .per_source = 6, .admin_lane = 1}};
  std::vector<Admission::Place> held_;
};

TEST_F(AdmissionTest, OneUserHasAPartOfThePlacesAndIsToldWhoseLimitItIs) {
  EXPECT_EQ(Fill({.user = "eva", .source = "unix"}), 4);
  const absl::Status refused = Enter({.user = "eva", .source = "10.0.0.1"});
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  const auto detail = DetailOf(refused);
  EXPECT_EQ(detail->reason, "LIMIT_REACHED");
  EXPECT_EQ(detail->metadata.at("limit"), "calls_per_user");
  EXPECT_EQ(detail->metadata.at("user"), "eva");
  EXPECT_EQ(detail->metadata.at("value"), "4");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("'eva' has 4 calls in flight"));
  EXPECT_TRUE(Enter({.user = "ada", .source = "unix"}).ok());
}

TEST_F(AdmissionTest, OneSourceHasAPartOfThePlacesWhoeverItsUsersAre) {
  for (const char* user : {"a", "b", "c"})
    EXPECT_EQ(Fill({.user = user, .source = "127.0.0.1"}), 4) << user;
  const absl::Status refused = Enter({.user = "d", .source = "127.0.0.1"});
  EXPECT_EQ(LimitOf(refused), "calls_per_source");
  EXPECT_EQ(DetailOf(refused)->metadata.at("source"), "127.0.0.1");
  EXPECT_TRUE(Enter({.user = "d", .source = "unix"}).ok());
}

TEST_F(AdmissionTest, WhoeverIsNotLoggedInIsCountedByTheirSource) {
  EXPECT_EQ(Fill({.source = "127.0.0.1"}), 3);
  const absl::Status refused = Enter({.source = "127.0.0.1"});
  EXPECT_EQ(LimitOf(refused), "calls_per_source");
  EXPECT_EQ(DetailOf(refused)->metadata.at("value"), "3");
  EXPECT_TRUE(Enter({.source = "unix"}).ok());
  EXPECT_TRUE(Enter({.user = "eva", .source = "127.0.0.1"}).ok());
}

TEST_F(AdmissionTest, WithEveryPlaceTakenLogInAndStopHaveALaneOfWhichNobodyHasAll) {
  for (const char* user : {"a", "b", "c", "d"})
    Fill({.user = user, .source = absl::StrCat("of ", user)});
  EXPECT_EQ(LimitOf(Enter({.user = "e", .source = "unix"})), "calls in flight");
  EXPECT_EQ(Fill({.user = "a", .source = "unix", .kept = true}), 2) << "a part of the lane";
  EXPECT_TRUE(Enter({.source = "unix", .kept = true}).ok()) << "a log-in";
  EXPECT_TRUE(Enter({.user = "e", .source = "unix", .kept = true}).ok()) << "a stop";
  EXPECT_FALSE(Enter({.user = "f", .source = "unix", .kept = true}).ok()) << "the lane is full";
}

TEST_F(AdmissionTest, AUserWithAllTheirPlacesTakenStillLogsOut) {
  Fill({.user = "eva", .source = "unix"});
  EXPECT_TRUE(Enter({.user = "eva", .source = "unix", .kept = true}).ok());
}

TEST_F(AdmissionTest, AdminsAreBoundedNeitherByUserNorBySource) {
  for (int i = 0; i < 16; ++i) {
    EXPECT_TRUE(Enter({.user = "root", .source = "unix"}, /*admin=*/true).ok()) << i;
  }
}

TEST_F(AdmissionTest, AdminsTakeNothingOfWhatTheirSourceMayHave) {
  const Admission::Who root = {.user = "root", .source = "127.0.0.1"};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(Enter(root, /*admin=*/true).ok());
    EXPECT_EQ(Fill({.source = "127.0.0.1"}), 3) << round;
    LeaveAll();
    for (const char* user : {"a", "b", "c"}) EXPECT_EQ(Fill({.user = user, .source = "::1"}), 4);
    EXPECT_EQ(LimitOf(Enter({.user = "d", .source = "::1"})), "calls_per_source") << round;
    LeaveAll();
  }
}

TEST_F(AdmissionTest, AdminsHaveALane) {
  const Admission::Who root = {.user = "root", .source = "unix"};
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(Enter(root, /*admin=*/true).ok());
  Fill({.user = "eva", .source = "127.0.0.1"});
  EXPECT_TRUE(Enter(root, true).ok());
  EXPECT_TRUE(Enter(root, true).ok());
  EXPECT_FALSE(Enter(root, true).ok());
  EXPECT_FALSE(Enter({.user = "ada", .source = "10.0.0.1"}).ok()) << "is no admin";
}

TEST_F(AdmissionTest, StreamsAreCountedApart) {
  const Admission::Who eva = {.user = "eva", .source = "unix"};
  Fill(eva);
  EXPECT_TRUE(Enter(eva, false, Kind::kStream).ok());
  EXPECT_TRUE(Enter(eva, false, Kind::kStream).ok());
  EXPECT_EQ(LimitOf(Enter(eva, false, Kind::kStream)), "streams_per_user");
  EXPECT_EQ(admission_.calls(), 4);
  EXPECT_EQ(admission_.streams(), 2);
}

TEST_F(AdmissionTest, WhatIsLeftIsThereAgainInEachLane) {
  for (int round = 0; round < 3; ++round) {
    for (const char* user : {"a", "b", "c", "d"})
      EXPECT_EQ(Fill({.user = user, .source = absl::StrCat("of ", user)}), 4);
    EXPECT_EQ(Fill({.user = "a", .source = "unix", .kept = true}), 2);
    EXPECT_EQ(Fill({.source = "unix", .kept = true}), 2);
    EXPECT_TRUE(Enter({.user = "root", .source = "unix"}, true).ok());
    EXPECT_TRUE(Enter({.user = "root", .source = "unix"}, true, Kind::kStream).ok());
    EXPECT_EQ(admission_.calls(), 21);
    LeaveAll();
    EXPECT_EQ(admission_.calls(), 0);
    EXPECT_EQ(admission_.streams(), 0);
  }
}

TEST_F(AdmissionTest, UsersAndSourcesWithoutACallAreForgotten) {
  ASSERT_TRUE(Enter({.user = "stays", .source = "unix"}).ok());
  const std::vector<Admission::Place> stays = held_;
  held_.clear();
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(Enter({.user = absl::StrCat("u", i), .source = absl::StrCat("s", i)}).ok());
    LeaveAll();
  }
  EXPECT_LE(admission_.entries(), 10'000u);
  EXPECT_EQ(Fill({.user = "stays", .source = "unix"}), 3) << "its place was not forgotten";
}

}  // namespace
}  // namespace grpc_os::services
