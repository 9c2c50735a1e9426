#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "client/fake_daemon.h"
#include "grpc_os/v1/filesystem_services.pb.h"

namespace grpc_os::client {
namespace {

using ::testing::HasSubstr;

class ClientObjectsTest : public ::testing::Test {
 protected:
  Client NewClient() {
    return Client(*ParseAddress(daemon_.address()),
                  {.state_directory = directory_.path() + "/state"});
  }
  // What is given of it until the pieces are used up.
  static std::function<bool(v1::WriteUploadRequest&)> Pieces(const std::string& id, int count,
                                                             int* asked) {
    return [=](v1::WriteUploadRequest& piece) {
      if (*asked == count) return false;
      piece.set_upload_id(id);
      piece.set_offset(*asked * 4);
      piece.set_data("abcd");
      ++*asked;
      return true;
    };
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_{directory_.path()};
};

TEST(Crc32cTest, KnownValues) {
  // RFC 3720, B.4, and the check value of the catalogues.
  EXPECT_EQ(Crc32c(""), 0U);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(ExtendCrc32c(Crc32c("1234"), "56789"), Crc32c("123456789"));
}

TEST_F(ClientObjectsTest, PagesComeUntilTheyAreEnough) {
  for (const char* name : {"/a", "/b", "/c", "/d", "/e"}) daemon_.AddObject(name, "");
  Client client = NewClient();
  int pages = 0;
  std::vector<std::string> names;
  const auto take = [&](v1::ListObjectsResponse& page) {
    ++pages;
    for (const v1::Object& object : page.objects()) names.push_back(object.name());
    return pages < 2;
  };
  ASSERT_TRUE(client.ListObjects({}, take).ok());
  EXPECT_THAT(names, ::testing::ElementsAre("/a", "/b", "/c", "/d"));
  pages = -10;
  names.clear();
  ASSERT_TRUE(client.ListObjects({}, take).ok());
  EXPECT_EQ(names.size(), 5U);
}

TEST_F(ClientObjectsTest, APieceThatIsNotWhatItsChecksumSaysIsNotHandedOn) {
  daemon_.AddObject("/a", std::string(100'000, 'x'));
  daemon_.state.damage_pieces = true;
  Client client = NewClient();
  v1::ReadObjectRequest request;
  request.set_name("/a");
  int messages = 0;
  const absl::Status status =
      client.ReadObject(request, [&](const auto&) { return ++messages > 0; });
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/a"));
  EXPECT_EQ(messages, 0);
}

TEST_F(ClientObjectsTest, AReadThatIsCutEndsWithTheErrorAfterWhatCame) {
  daemon_.AddObject("/a", std::string(100'000, 'x'));
  daemon_.state.cut_reads_after = 50'000;
  Client client = NewClient();
  v1::ReadObjectRequest request;
  request.set_name("/a");
  size_t bytes = 0;
  const absl::Status status = client.ReadObject(request, [&](const v1::ReadObjectResponse& piece) {
    bytes += piece.data().size();
    return true;
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_GE(bytes, 50'000U);
  EXPECT_LT(bytes, 100'000U);
}

TEST_F(ClientObjectsTest, AnUploadInPieces) {
  Client client = NewClient();
  v1::StartUploadRequest start;
  start.mutable_object()->set_name("/a");
  const auto upload = client.StartUpload(start);
  ASSERT_TRUE(upload.ok()) << upload.status();
  int asked = 0;
  const auto written = client.WriteUpload(Pieces(upload->upload_id(), 3, &asked));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->persisted_bytes(), 12);
  EXPECT_EQ(written->crc32c(), Crc32c("abcdabcdabcd"));
  v1::FinishUploadRequest finish;
  finish.set_upload_id(upload->upload_id());
  finish.set_size_bytes(12);
  finish.set_crc32c(Crc32c("abcdabcdabcd"));
  EXPECT_TRUE(client.FinishUpload(finish).ok());
  // Asked for again because the answer was lost.
  const auto again = client.FinishUpload(finish);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->name(), "/a");
}

TEST_F(ClientObjectsTest, ATokenThatEndedCostsNoPiece) {
  Client client = NewClient();
  v1::StartUploadRequest start;
  start.mutable_object()->set_name("/a");
  const auto upload = client.StartUpload(start);
  daemon_.ForgetTokens();
  int asked = 0;
  const auto written = client.WriteUpload(Pieces(upload->upload_id(), 1, &asked));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->persisted_bytes(), 4);
  EXPECT_EQ(asked, 1);
}

TEST_F(ClientObjectsTest, AnUploadThatIsNotThereAndOneWithoutPieces) {
  Client client = NewClient();
  int asked = 0;
  EXPECT_EQ(ReasonOf(client.WriteUpload(Pieces("none", 2, &asked)).status()), "UPLOAD_NOT_FOUND");
  EXPECT_TRUE(absl::IsInvalidArgument(
      client.WriteUpload([](v1::WriteUploadRequest&) { return false; }).status()));
  EXPECT_EQ(ReasonOf(client.GetUpload("none").status()), "UPLOAD_NOT_FOUND");
}

}  // namespace
}  // namespace grpc_os::client
