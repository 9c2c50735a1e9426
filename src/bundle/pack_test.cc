#include "bundle/pack.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <utime.h>

#include <algorithm>
#include <cstdlib>

#include "bundle/bundle_harness.h"
#include "bundle/format.h"
#include "bundle/limits.h"
#include "gmock/gmock.h"

namespace grpc_os::bundle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PackTest : public BundleTest {
 protected:
  std::string Refusal(const LeftOut& left_out = nullptr) const {
    const auto packed = Pack(source_, left_out);
    EXPECT_EQ(packed.status().code(), absl::StatusCode::kFailedPrecondition) << packed.status();
    return std::string(packed.status().message());
  }
  void WriteTree() {
    Write("app.py", "print(1)\n");
    Write("bin/run", "#!/bin/sh\n", 0755);
    Write("empty", "");
    Write("lib/a-b/x", "x");
    Write("lib/a/y", std::string(700'000, 'y'));
    Write("lib/a.txt", "text");
    Write("zażółć/" + std::string(120, 'n'), "long");
    std::filesystem::create_directory(At("nothing"));
    Link("bin/start", "run");
    Link("lib/a/up", "../a-b/x");
    Link("long", std::string(110, 't'));
  }
};

TEST_F(PackTest, TheSameFilesMakeTheSameBytesWhateverTheirTimesModesAndOrder) {
  WriteTree();
  const std::string first = Archive();
  const std::string kept = source_;
  source_ = home_ + "/other";
  ASSERT_EQ(system(("cp -r " + kept + " " + source_).c_str()), 0);
  const utimbuf old{1, 1};
  utime(At("app.py").c_str(), &old);
  chmod(At("app.py").c_str(), 0600);
  chmod(At("bin/run").c_str(), 04700);
  // Written in another order.
  std::filesystem::rename(At("empty"), At("moved"));
  std::filesystem::rename(At("moved"), At("empty"));
  EXPECT_EQ(Archive(), first);
}

TEST_F(PackTest, WhatDiffersMakesAnotherDigest) {
  Write("a", "1");
  std::set<std::string> digests{Pack(source_)->digest};
  Write("a", "2");
  EXPECT_TRUE(digests.insert(Pack(source_)->digest).second);
  Write("a", "2", 0755);
  EXPECT_TRUE(digests.insert(Pack(source_)->digest).second);
  std::filesystem::rename(At("a"), At("b"));
  EXPECT_TRUE(digests.insert(Pack(source_)->digest).second);
  std::filesystem::create_directory(At("c"));
  EXPECT_TRUE(digests.insert(Pack(source_)->digest).second);
}

// Another program that has the format from its standard agrees to the byte.
TEST_F(PackTest, PythonsTarfileMakesTheSameArchive) {
  WriteTree();
  const std::string script = R"(
import os, sys, tarfile
root, out = sys.argv[1:]
archive = tarfile.open(out, "w", format=tarfile.PAX_FORMAT)
def clean(info):
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    if info.issym(): info.mode = 0o777
    return info
def walk(path):
    for name in sorted(os.listdir(os.path.join(root, path)), key=os.fsencode):
        below = os.path.join(path, name)
        archive.add(os.path.join(root, below), below, recursive=False, filter=clean)
        full = os.path.join(root, below)
        if os.path.isdir(full) and not os.path.islink(full): walk(below)
walk("")
archive.close()
)";
  std::ofstream(home_ + "/make.py") << script;
  ASSERT_EQ(system(("LC_ALL=C.UTF-8 python3 " + home_ + "/make.py " + source_ + " " + home_ +
                    "/python.tar")
                       .c_str()),
            0);
  EXPECT_TRUE(Archive() == Content(home_ + "/python.tar"));
}

TEST_F(PackTest, TellsDigestSizeAndNumberOfEntriesAndSendsTheSame) {
  WriteTree();
  const auto packed = Pack(source_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const std::string archive = Archive();
  EXPECT_EQ(packed->digest, DigestOf(archive));
  EXPECT_EQ(packed->bytes, static_cast<int64_t>(archive.size()));
  EXPECT_EQ(packed->bytes % static_cast<int64_t>(kRecordBytes), 0);
  EXPECT_EQ(packed->entries, 16);
}

TEST_F(PackTest, ComesInPiecesAndStopsWhenTheyAreNotWanted) {
  Write("large", std::string(3 * limits::kBundlePieceBytes, 'x'));
  std::vector<size_t> pieces;
  ASSERT_TRUE(Pack(source_, nullptr, [&](std::string_view piece) {
                pieces.push_back(piece.size());
                return absl::OkStatus();
              }).ok());
  ASSERT_EQ(pieces.size(), 4U);
  EXPECT_EQ(*std::max_element(pieces.begin(), pieces.end()),
            static_cast<size_t>(limits::kBundlePieceBytes));
  int asked = 0;
  const auto refused = Pack(source_, nullptr, [&](std::string_view) {
    ++asked;
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(refused.status(), absl::CancelledError("enough"));
  EXPECT_EQ(asked, 1);
}

TEST_F(PackTest, LeavesOutWhatItIsToldToAndGit) {
  Write("app.py", "1");
  const std::string without = Pack(source_)->digest;
  Write(".git/config", "secret");
  Write("node_modules/x/y", "1");
  Write("a.log", "1");
  std::vector<std::string> asked;
  const auto packed = Pack(source_, [&](const std::string& path, bool is_directory) {
    asked.push_back(path + (is_directory ? "/" : ""));
    return path == "node_modules" || path == "a.log";
  });
  EXPECT_EQ(packed->digest, without);
  EXPECT_EQ(asked, (std::vector<std::string>{"a.log", "app.py", "node_modules/"}));
}

TEST_F(PackTest, RefusesByNameAllThatIsNoFileDirectoryOrLinkInside) {
  if (geteuid() != 0) GTEST_SKIP() << "makes a device: run it as root";
  Write("fine", "1");
  ASSERT_EQ(mkfifo(At("pipe").c_str(), 0600), 0);
  ASSERT_EQ(mknod(At("null").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  At("sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  Link("absolute", "/etc/passwd");
  std::filesystem::create_directories(At("d/e"));
  Link("d/inside", "../fine");
  Link("d/outside", "../../fine");
  Link("d/e/tricky", "../../d/e/../../../x");
  Write("bad\xff", "1");
  const std::string refusal = Refusal();
  EXPECT_THAT(refusal,
              HasSubstr("'pipe' is a named pipe; remove it, or name it in .grpc-osignore"));
  EXPECT_THAT(refusal, HasSubstr("'null' is a device; remove it"));
  EXPECT_THAT(refusal, HasSubstr("'sock' is a socket; remove it"));
  EXPECT_THAT(
      refusal,
      HasSubstr(
          "'absolute' is a link to '/etc/passwd', outside the directory; put a copy in its place"));
  EXPECT_THAT(refusal, HasSubstr("'d/outside' is a link to '../../fine', outside the directory"));
  EXPECT_THAT(
      refusal,
      HasSubstr("'d/e/tricky' is a link to '../../d/e/../../../x', which has '..' after a name"));
  EXPECT_THAT(refusal, HasSubstr("'bad\\xff' has a name that is not UTF-8; give it another"));
  EXPECT_THAT(refusal, Not(HasSubstr("inside")));
  EXPECT_THAT(refusal, Not(HasSubstr("'fine'")));
  // What is left out is no problem.
  EXPECT_TRUE(Pack(source_, [](const std::string& path, bool) { return path != "fine"; }).ok());
}

TEST_F(PackTest, NamesTheFirstTwentyProblemsAndCountsTheOthers) {
  for (int i = 10; i < 33; ++i) Link(absl::StrCat("l", i), "/x");
  const std::string refusal = Refusal();
  EXPECT_THAT(refusal, HasSubstr("'l29' is"));
  EXPECT_THAT(refusal, Not(HasSubstr("'l30'")));
  EXPECT_THAT(refusal, HasSubstr("… and 3 more"));
}

TEST_F(PackTest, NamesAFileThatChangesMeanwhile) {
  Write("log", std::string(2 * limits::kBundlePieceBytes, 'x'));
  for (const std::string how : {"grows", "shrinks", "is written"}) {
    bool done = false;
    const auto packed = Pack(source_, nullptr, [&](std::string_view) {
      if (std::exchange(done, true)) return absl::OkStatus();
      if (how == "grows") std::ofstream(At("log"), std::ios::app) << "more";
      if (how == "shrinks") std::filesystem::resize_file(At("log"), 10);
      const utimbuf other{1, 1};
      if (how == "is written") utime(At("log").c_str(), &other);
      return absl::OkStatus();
    });
    EXPECT_EQ(packed.status().code(), absl::StatusCode::kFailedPrecondition) << how;
    EXPECT_THAT(std::string(packed.status().message()),
                HasSubstr("'log' changed while it was read; try again"))
        << how;
    Write("log", std::string(2 * limits::kBundlePieceBytes, 'x'));
  }
}

TEST_F(PackTest, NamesWhatItMayNotRead) {
  Write("secret", "1", 0);
  Write("closed/x", "1");
  chmod(At("closed").c_str(), 0);
  chmod(home_.c_str(), 0755);
  const pid_t child = fork();
  if (child == 0) {  // root reads everything
    if (geteuid() == 0 && setuid(54'321) != 0) _exit(1);
    const auto packed = Pack(source_);
    const std::string text(packed.status().message());
    _exit(text.find("'secret' cannot be read: Permission denied; make it readable") == text.npos ||
          text.find("'closed' cannot be read: Permission denied") == text.npos);
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  chmod(At("closed").c_str(), 0755);
}

TEST_F(PackTest, HasLimits) {
  std::ofstream(At("large")) << "1";
  ASSERT_EQ(truncate(At("large").c_str(), limits::kBundleBytes - kBlockBytes), 0);
  EXPECT_THAT(Refusal(), HasSubstr("the directory is larger than 1024 MiB; name what"));
  std::filesystem::remove(At("large"));
  std::string deep = "d";
  for (int i = 1; i < limits::kBundleDepth; ++i) deep += "/d";
  std::filesystem::create_directories(At(deep));
  EXPECT_TRUE(Pack(source_).ok());
  Write(deep + "/f", "1");
  EXPECT_THAT(Refusal(), HasSubstr("lies deeper than 64 directories"));
}

TEST_F(PackTest, RefusesOneEntryTooMany) {
  for (int i = 0; i < limits::kBundleEntries; ++i) {
    const std::string directory = At(absl::StrCat(i / 1000 * 1000));
    if (i % 1000 == 0) {
      mkdir(directory.c_str(), 0755);
    } else {
      ASSERT_EQ(symlink("x", absl::StrCat(directory, "/", i).c_str()), 0);
    }
  }
  EXPECT_EQ(Pack(source_)->entries, limits::kBundleEntries);
  Write("one", "");
  EXPECT_THAT(Refusal(), HasSubstr("has more than 100000 files, directories and links; name what"));
}

TEST_F(PackTest, TheDirectoryItselfIsNamedIfItIsNone) {
  EXPECT_THAT(std::string(Pack(home_ + "/none").status().message()),
              HasSubstr("/none': No such file or directory"));
  Write("file", "");
  EXPECT_THAT(std::string(Pack(At("file")).status().message()), HasSubstr("Not a directory"));
}

TEST(BundleOrder, ADirectoryIsFollowedByWhatLiesInIt) {
  EXPECT_TRUE(IsBefore("a", "a/b"));
  EXPECT_TRUE(IsBefore("a/b", "a-b"));
  EXPECT_TRUE(IsBefore("a/b", "a.txt"));
  EXPECT_FALSE(IsBefore("a-b", "a/b"));
  EXPECT_FALSE(IsBefore("a", "a"));
  EXPECT_TRUE(IsBefore("z", "\xc3\xb3"));
}

TEST(BundleLinks, StayInsideHoweverTheyAreFollowed) {
  EXPECT_EQ(WhyNotTarget("a/b/l", "../../x"), "");
  EXPECT_EQ(WhyNotTarget("a/b/l", "./.././../x/"), "");
  EXPECT_EQ(WhyNotTarget("l", "."), "");
  EXPECT_NE(WhyNotTarget("a/b/l", "../../../x"), "");
  EXPECT_NE(WhyNotTarget("l", ".."), "");
  EXPECT_NE(WhyNotTarget("l", "/"), "");
  EXPECT_NE(WhyNotTarget("l", ""), "");
  // If p/q/r is a link to "../..", this is the directory above the root.
  EXPECT_NE(WhyNotTarget("l", "p/q/r/../.."), "");
  EXPECT_NE(WhyNotTarget("l", std::string("a\0b", 3)), "");
}

}  // namespace
}  // namespace grpc_os::bundle
