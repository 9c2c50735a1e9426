#include "services/convert/object_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "services/convert/time_convert.h"
#include "testing/fake_crypto.h"

namespace grpc_os::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// How many bytes, and the first of them.
class CountingChecksum final : public core::Checksum {
 public:
  uint32_t Extend(uint32_t crc, std::string_view data) const override {
    return crc + static_cast<uint32_t>(data.size()) * 256 +
           (data.empty() ? 0 : static_cast<unsigned char>(data[0]));
  }
};

constexpr int64_t kNow = 1'700'000'000'000;

class ObjectConvertTest : public ::testing::Test {
 protected:
  ObjectReader Reader() { return ObjectReader({digest_, checksum_, kNow}); }

  static std::vector<std::string> Fields(const absl::Status& status) {
    std::vector<std::string> fields;
    if (const auto detail = DetailOf(status); detail.has_value()) {
      for (const FieldViolation& violation : detail->violations) fields.push_back(violation.field);
    }
    return fields;
  }
  std::vector<std::string> FieldsOfCreation(
      const std::function<void(v1::CreateObjectRequest&)>& change) {
    v1::CreateObjectRequest request;
    request.mutable_object()->set_name("/a");
    change(request);
    ObjectReader reader = Reader();
    reader.Create(request, "");
    return Fields(reader.status());
  }

  testing::FakeDigest digest_;
  CountingChecksum checksum_;
};

TEST_F(ObjectConvertTest, ACreationIsReadWithAllItsFields) {
  v1::CreateObjectRequest request;
  request.mutable_object()->set_name("config/app.json");
  request.mutable_object()->set_content_type("application/json");
  (*request.mutable_object()->mutable_metadata())["type"] = "config";
  SetTimeMs(kNow + 1500, request.mutable_object()->mutable_expire_time());
  request.set_data("{}");
  request.set_crc32c(checksum_.Of("{}"));
  request.set_object_id("obj_123");
  ObjectReader reader = Reader();
  const core::CreateObject change = reader.Create(request, "");
  ASSERT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_EQ(change.name, "/config/app.json");
  EXPECT_EQ(change.id, "obj_123");
  EXPECT_EQ(change.content.data, "{}");
  EXPECT_EQ(change.content.size_bytes, 2);
  EXPECT_EQ(change.content.sha256, "digest of {}");
  EXPECT_EQ(change.content.crc32c, checksum_.Of("{}"));
  EXPECT_FALSE(change.content.blob);
  EXPECT_EQ(change.content_type, "application/json");
  EXPECT_EQ(change.metadata.at("type"), "config");
  EXPECT_EQ(change.expire_time_ms, kNow + 1500);
}

TEST_F(ObjectConvertTest, AllWrongFieldsAreNamedAtOnce) {
  v1::CreateObjectRequest request;
  request.mutable_object()->set_name("/a//b");
  request.mutable_object()->set_content_type("nonsense");
  (*request.mutable_object()->mutable_metadata())[""] = "x";
  SetTimeMs(kNow, request.mutable_object()->mutable_expire_time());
  request.set_data(std::string(limits::kObjectInlineBytes + 1, 'x'));
  request.set_crc32c(7);
  request.set_object_id("obj_A");
  ObjectReader reader = Reader();
  reader.Create(request, "");
  EXPECT_THAT(Fields(reader.status()),
              UnorderedElementsAre("object.name", "object.content_type", "object.metadata",
                                   "object.expire_time", "data", "object_id"));
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("StartUpload"));
}

TEST_F(ObjectConvertTest, AWrongChecksumIsAnErrorOfItsOwnBehindWrongFields) {
  v1::PutObjectRequest request;
  request.mutable_object()->set_name("/a");
  request.set_data("abc");
  request.set_crc32c(7);
  ObjectReader reader = Reader();
  reader.Put(request, "");
  EXPECT_EQ(DetailOf(reader.status())->reason, core::reason::kChecksumMismatch);
  request.mutable_object()->set_name("..");
  ObjectReader other = Reader();
  other.Put(request, "");
  EXPECT_THAT(Fields(other.status()), ElementsAre("object.name"));
}

TEST_F(ObjectConvertTest, TheLargestContentAndMetadataFit) {
  const std::string key(limits::kMetadataKeyBytes, 'k');
  EXPECT_THAT(FieldsOfCreation([&](auto& request) {
                request.set_data(std::string(limits::kObjectInlineBytes, 'x'));
                auto& metadata = *request.mutable_object()->mutable_metadata();
                metadata[key] = std::string(limits::kMetadataValueBytes, 'v');
                metadata["k"] = std::string(limits::kMetadataBytes - limits::kMetadataKeyBytes -
                                                limits::kMetadataValueBytes - 1,
                                            'v');
              }),
              IsEmpty());
}

TEST_F(ObjectConvertTest, MetadataOverALimitIsRefused) {
  const auto with = [this](const std::map<std::string, std::string>& pairs) {
    return FieldsOfCreation([&](auto& request) {
      request.mutable_object()->mutable_metadata()->insert(pairs.begin(), pairs.end());
    });
  };
  EXPECT_THAT(with({{std::string(limits::kMetadataKeyBytes + 1, 'k'), ""}}),
              ElementsAre("object.metadata"));
  EXPECT_THAT(with({{"k", std::string(limits::kMetadataValueBytes + 1, 'v')}}),
              ElementsAre("object.metadata"));
  EXPECT_THAT(with({{"a", std::string(limits::kMetadataValueBytes, 'v')},
                    {"b", std::string(limits::kMetadataValueBytes, 'v')}}),
              ElementsAre("object.metadata"));
}

TEST_F(ObjectConvertTest, ExpiresFromNowToTheYear9999) {
  const auto at = [this](int64_t seconds, int nanos) {
    return FieldsOfCreation([&](auto& request) {
      request.mutable_object()->mutable_expire_time()->set_seconds(seconds);
      request.mutable_object()->mutable_expire_time()->set_nanos(nanos);
    });
  };
  EXPECT_THAT(at(kNow / 1000, 1'000'000), IsEmpty());
  EXPECT_THAT(at(253'402'300'799, 999'999'999), IsEmpty());
  for (const auto& [seconds, nanos] :
       std::vector<std::pair<int64_t, int>>{{kNow / 1000, 0},
                                            {kNow / 1000, 999'999},
                                            {-1, 0},
                                            {253'402'300'800, 0},
                                            {INT64_MAX, 0},
                                            {INT64_MIN, 0},
                                            {kNow / 1000 + 1, -1},
                                            {kNow / 1000 + 1, 1'000'000'000}}) {
    EXPECT_THAT(at(seconds, nanos), ElementsAre("object.expire_time")) << seconds << " " << nanos;
  }
}

TEST_F(ObjectConvertTest, ATimeToLiveIsFromAMillisecondToAHundredYearsAndNoTimeBesideIt) {
  const auto lives = [this](int64_t seconds, int nanos, bool time_too = false) {
    return FieldsOfCreation([&](auto& request) {
      request.mutable_object()->mutable_ttl()->set_seconds(seconds);
      request.mutable_object()->mutable_ttl()->set_nanos(nanos);
      if (time_too) request.mutable_object()->mutable_expire_time()->set_seconds(4'000'000'000);
    });
  };
  constexpr int64_t kCentury = int64_t{100} * 365 * 86'400;
  EXPECT_THAT(lives(0, 1'000'000), IsEmpty());
  EXPECT_THAT(lives(kCentury, 0), IsEmpty());
  for (const auto& [seconds, nanos] : std::vector<std::pair<int64_t, int>>{{0, 0},
                                                                           {0, 999'999},
                                                                           {-1, 0},
                                                                           {1, -1},
                                                                           {1, 1'000'000'000},
                                                                           {kCentury + 1, 0},
                                                                           {INT64_MAX, 0},
                                                                           {INT64_MIN, 0}})
    EXPECT_THAT(lives(seconds, nanos), ElementsAre("object.ttl")) << seconds << " " << nanos;
  EXPECT_THAT(lives(5, 0, /*time_too=*/true), ElementsAre("object.ttl"));
}

TEST_F(ObjectConvertTest, AnUpdateTakesATimeToLiveUnderEitherName) {
  for (const char* path : {"ttl", "expire_time", "*"}) {
    v1::UpdateObjectRequest request;
    request.mutable_object()->set_name("/a");
    request.mutable_object()->mutable_ttl()->set_seconds(5);
    request.mutable_update_mask()->add_paths(path);
    ObjectReader reader = Reader();
    EXPECT_EQ(reader.Update(request, "").ttl_ms, 5000) << path;
    EXPECT_TRUE(reader.status().ok());
  }
}

TEST_F(ObjectConvertTest, PartsAndVersionsWhereTheyMakeSense) {
  const auto fields = [this](bool recursive, bool purge, bool parts, bool versions,
                             const std::string& prefix = "") {
    v1::DeleteObjectRequest request;
    request.set_name("/a");
    request.set_recursive(recursive);
    request.set_purge(purge);
    request.set_in_parts(parts);
    request.set_versions_only(versions);
    ObjectReader reader = Reader();
    reader.Delete(request, prefix);
    return Fields(reader.status());
  };
  EXPECT_THAT(fields(true, true, true, false), IsEmpty());
  EXPECT_THAT(fields(true, false, true, true), IsEmpty());
  EXPECT_THAT(fields(false, false, false, true), IsEmpty());
  EXPECT_THAT(fields(false, false, true, false), ElementsAre("in_parts"));
  EXPECT_THAT(fields(false, true, false, true), ElementsAre("versions_only"));
  EXPECT_THAT(fields(true, false, true, false, "success[0].delete."),
              ElementsAre("success[0].delete.in_parts"));
  EXPECT_THAT(fields(false, false, false, true, "success[0].delete."),
              ElementsAre("success[0].delete.versions_only"));
}

TEST_F(ObjectConvertTest, WhatAPutDoesNotGiveStays) {
  v1::PutObjectRequest request;
  request.mutable_object()->set_name("obj_1");
  ObjectReader reader = Reader();
  const core::PutObject change = reader.Put(request, "");
  ASSERT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_EQ(change.name, "obj_1");
  EXPECT_FALSE(change.content_type.has_value());
  EXPECT_FALSE(change.metadata.has_value());
  EXPECT_FALSE(change.expire_time_ms.has_value());
  EXPECT_EQ(change.preconditions, core::Preconditions());
}

TEST_F(ObjectConvertTest, AnUpdateChangesWhatItsMaskNames) {
  v1::UpdateObjectRequest request;
  request.mutable_object()->set_name("/a");
  request.mutable_object()->set_content_type("nonsense, but not named");
  request.mutable_update_mask()->add_paths("metadata");
  request.mutable_update_mask()->add_paths("expire_time");
  ObjectReader reader = Reader();
  const core::UpdateObject change = reader.Update(request, "");
  ASSERT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_FALSE(change.content_type.has_value());
  EXPECT_THAT(*change.metadata, IsEmpty());
  EXPECT_EQ(change.expire_time_ms, 0);

  request.mutable_object()->clear_content_type();
  request.mutable_update_mask()->clear_paths();
  request.mutable_update_mask()->add_paths("*");
  ObjectReader all = Reader();
  EXPECT_EQ(all.Update(request, "").content_type, "application/octet-stream");

  request.mutable_update_mask()->add_paths("data");
  ObjectReader wrong = Reader();
  wrong.Update(request, "");
  EXPECT_THAT(Fields(wrong.status()), ElementsAre("update_mask"));
}

TEST_F(ObjectConvertTest, NegativePreconditionsAreRefusedEach) {
  v1::DeleteObjectRequest request;
  request.set_name("/a");
  request.mutable_preconditions()->set_if_generation_match(-1);
  request.mutable_preconditions()->set_if_generation_not_match(0);
  request.mutable_preconditions()->set_if_metageneration_not_match(-5);
  ObjectReader reader = Reader();
  const core::DeleteObject change = reader.Delete(request, "");
  EXPECT_THAT(Fields(reader.status()), ElementsAre("preconditions.if_generation_match",
                                                   "preconditions.if_metageneration_not_match"));
  EXPECT_EQ(change.preconditions.not_generation, 0);
  EXPECT_FALSE(change.preconditions.metageneration.has_value());
}

TEST_F(ObjectConvertTest, ATransactionNamesItsWrongFieldsByTheirPlaces) {
  v1::TransactObjectsRequest request;
  request.add_compare()->set_sha256("abc");
  request.mutable_compare(0)->set_name("/a");
  request.add_success()->mutable_put()->mutable_object()->set_name("/a");
  request.mutable_success(0)->mutable_put()->set_request_id("x");
  request.add_success();
  request.add_failure()->mutable_get()->set_generation(3);
  request.mutable_failure(0)->mutable_get()->set_name("a/../b");
  ObjectReader reader = Reader();
  reader.Transaction(request);
  EXPECT_THAT(
      Fields(reader.status()),
      UnorderedElementsAre("compare[0].sha256", "success[0].put.request_id", "success[1].change",
                           "failure[0].get.generation", "failure[0].get.name"));
}

TEST_F(ObjectConvertTest, ATransactionHasOneTo128Operations) {
  const auto fields = [this](int changes, bool include_data) {
    v1::TransactObjectsRequest request;
    for (int i = 0; i < changes; ++i) {
      request.add_success()->mutable_get()->set_name("/a");
      request.mutable_success(i)->mutable_get()->set_include_data(include_data);
    }
    ObjectReader reader = Reader();
    const core::ObjectTransaction transaction = reader.Transaction(request);
    if (reader.status().ok()) {
      EXPECT_EQ(static_cast<int>(transaction.success.size()), changes);
    }
    return Fields(reader.status());
  };
  EXPECT_THAT(fields(0, false), ElementsAre("success"));
  EXPECT_THAT(fields(128, false), IsEmpty());
  EXPECT_THAT(fields(129, false), ElementsAre("success"));
  // 32 contents of 64 KiB are half a message.
  EXPECT_THAT(fields(32, true), IsEmpty());
  EXPECT_THAT(fields(33, true), ElementsAre("success"));
}

TEST_F(ObjectConvertTest, PrefixesOfLists) {
  const auto of = [](const std::string& given, bool recursive) {
    core::Violations violations;
    const std::string prefix = PrefixFromProto(given, recursive, "prefix", violations);
    return violations.empty() ? prefix : "refused";
  };
  EXPECT_EQ(of("", false), "/");
  EXPECT_EQ(of("/", false), "/");
  EXPECT_EQ(of("config", false), "/config/");
  EXPECT_EQ(of("/config/", false), "/config/");
  EXPECT_EQ(of("obj_1", false), "/obj_1/");
  EXPECT_EQ(of("/..", false), "refused");
  EXPECT_EQ(of("", true), "/");
  EXPECT_EQ(of("conf", true), "/conf");
  EXPECT_EQ(of("/config/", true), "/config/");
  EXPECT_EQ(of("/config/.", true), "/config/.");
  EXPECT_EQ(of("..", true), "/..");
  EXPECT_EQ(of("/../a", true), "refused");
  EXPECT_EQ(of("/a//b", true), "refused");
  EXPECT_EQ(of(std::string(2000, 'x'), true), "refused");
}

TEST_F(ObjectConvertTest, AnObjectIsToldWithAllThatIsKnownOfIt) {
  core::Object object;
  object.id = "obj_1";
  object.name = "/a";
  object.generation = 7;
  object.metageneration = 2;
  object.create_revision = 3;
  object.revision = 8;
  object.size_bytes = 3;
  object.sha256 = std::string("\xab\x01", 2);
  object.crc32c = 5;
  object.metadata = {{"k", "v"}};
  object.owner = "ada";
  object.create_time_ms = 1000;
  object.retire_time_ms = 2000;
  object.deleted = true;
  object.data = "abc";
  const v1::Object out = ToProto(object);
  EXPECT_EQ(out.sha256(), "ab01");
  EXPECT_EQ(out.generation(), 7);
  EXPECT_EQ(out.metageneration(), 2);
  EXPECT_EQ(out.create_revision(), 3);
  EXPECT_EQ(out.revision(), 8);
  EXPECT_EQ(out.metadata().at("k"), "v");
  EXPECT_EQ(out.owner(), "ada");
  EXPECT_EQ(out.create_time().seconds(), 1);
  EXPECT_EQ(out.retire_time().seconds(), 2);
  EXPECT_FALSE(out.has_expire_time());
  EXPECT_TRUE(out.deleted());
  EXPECT_EQ(out.data(), "abc");
}

}  // namespace
}  // namespace grpc_os::services
