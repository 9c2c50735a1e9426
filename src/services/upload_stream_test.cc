#include "services/upload_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/call_harness.h"

namespace grpc_os::services {
namespace {

using ::testing::ElementsAre;

// Remembers the offsets in the order in which they came; its writes end when the test says so.
class FileUnderTest final : public core::UploadFile {
 public:
  core::UploadState State() const override { return {}; }
  void Write(Piece piece, std::function<void(absl::Status)> done) override {
    if (auto meanwhile = std::exchange(on_write, nullptr)) meanwhile();
    offsets.push_back(piece.offset);
    ends.push_back(std::move(done));
  }
  void Persist(std::function<void(absl::StatusOr<core::UploadState>)> done) override {
    done(core::UploadState());
  }
  void Measure(std::function<void(absl::StatusOr<core::ObjectContent>)>) override {}
  void Seal(std::function<void(absl::StatusOr<Sealed>)>) override {}
  void Remove(std::function<void(absl::Status)> done) override { done(absl::OkStatus()); }
  void Supersede(std::function<void(absl::Status)>) override {}

  std::function<void()> on_write;  // once, before the next piece is taken
  std::vector<int64_t> offsets;
  std::vector<std::function<void(absl::Status)>> ends;
};

class OneFile final : public core::UploadFiles {
 public:
  void Create(
      const core::UploadTarget&,
      std::function<void(absl::StatusOr<std::shared_ptr<core::UploadFile>>)> done) override {
    done(file);
  }
  absl::StatusOr<Loaded> LoadUploads() override { return Loaded(); }
  void ForgetSuperseded(const std::string&) override {}

  const std::shared_ptr<FileUnderTest> file = std::make_shared<FileUnderTest>();
};

class UploadStreamTest : public ::testing::Test {
 protected:
  UploadStreamTest() {
    core::UploadTarget target;
    target.object.name = "/a";
    uploads_.Start(target, By(), {}, [this](const absl::StatusOr<core::Upload>& upload) {
      ASSERT_TRUE(upload.ok()) << upload.status();
      id_ = upload->id;
    });
    EXPECT_TRUE(world_.identity.Load().ok() && world_.identity.MakeAdmin("").ok());
    world_.identity.LoginPeer(0, {}, [this](const absl::StatusOr<core::Identity::Login>& login) {
      authorization_ = absl::StrCat("Bearer ", login.value().access_token);
    });
    const Arrival arrival = {.authorization = authorization_};
    call_ = std::make_shared<UploadStream::WriteCall>(
        world_.environment, *world_.environment.methods.Find(v1::WriteUploadRequest::descriptor()),
        arrival, client_);
    EXPECT_TRUE(call_->Admit(arrival).ok());
    client_.Open(call_);
    UploadStream::Start(call_, uploads_);
  }
  ~UploadStreamTest() override {
    client_.Cancel();
    client_.Leave();
  }
  static core::Uploads::By By() {
    return {.user = core::kAdminUser,
            .access = [](core::ObjectVerb, std::string_view) { return true; }};
  }
  void Send(int64_t offset) {
    ASSERT_TRUE(client_.asked());
    v1::WriteUploadRequest piece;
    piece.set_upload_id(id_);
    piece.set_offset(offset);
    piece.set_data("x");
    client_.Send(piece);
  }

  CallWorld world_;
  OneFile files_;
  core::Uploads uploads_{{files_, world_.requests, world_.request_store, world_.clock, {}, {}}};
  std::string authorization_;
  std::string id_;
  Client<v1::Upload> client_;
  std::shared_ptr<UploadStream::WriteCall> call_;
};

TEST_F(UploadStreamTest, TheEndOfAWriteLetsNoPieceOvertakeTheOneThatIsBeingHandedOn) {
  FileUnderTest& file = *files_.file;
  Send(0);
  // On the thread of the disk, while the second piece is on its way to the file.
  file.on_write = [&] {
    file.ends[0](absl::OkStatus());
    if (client_.asked()) Send(2);
  };
  Send(1);
  if (client_.asked()) Send(2);
  EXPECT_THAT(file.offsets, ElementsAre(0, 1, 2));
}

TEST_F(UploadStreamTest, NoMorePiecesAreAskedForThanMayBeInFlight) {
  Send(0);
  Send(1);
  EXPECT_FALSE(client_.asked());
  files_.file->ends[0](absl::OkStatus());
  EXPECT_TRUE(client_.asked());
}

TEST_F(UploadStreamTest, OneThatIsCancelledEndsWithoutWaitingForItsClient) {
  Send(0);
  files_.file->ends[0](absl::OkStatus());
  ASSERT_TRUE(client_.asked()) << "the client sends nothing more";
  std::optional<absl::Status> cancelled;
  uploads_.Cancel(id_, By(), [&](absl::Status status) { cancelled = std::move(status); });
  EXPECT_FALSE(cancelled.has_value()) << "before what is written has ended";
  call_->Tick(world_.clock.NowMs());
  EXPECT_EQ(client_.ended, absl::StatusCode::kNotFound);
  EXPECT_EQ(cancelled, absl::OkStatus());
  EXPECT_EQ(uploads_.usage().uploads, 0);
}

}  // namespace
}  // namespace grpc_os::services
