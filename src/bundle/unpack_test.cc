#include "bundle/unpack.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "bundle/bundle_harness.h"
#include "bundle/format.h"
#include "bundle/limits.h"
#include "core/disk.h"
#include "gmock/gmock.h"

namespace grpc_os::bundle {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What follows the last entry.
std::string Ended(std::string archive) {
  archive.append(2 * kBlockBytes, '\0');
  archive.append((kRecordBytes - archive.size() % kRecordBytes) % kRecordBytes, '\0');
  return archive;
}

class UnpackTest : public BundleTest {
 protected:
  void SetUp() override {
    BundleTest::SetUp();
    Write("app.py", "print(1)\n");
    Write("bin/run", "#!/bin/sh\n", 0755);
    Write("lib/deep/er/x", std::string(600'000, 'x'));
    Write("zażółć/" + std::string(120, 'n'), "long");
    std::filesystem::create_directory(At("nothing"));
    Link("bin/start", "run");
    Link("lib/deep/up", "../../app.py");
  }
  std::string InBundle(const std::string& digest, const std::string& path) const {
    return store_ + "/" + digest + "/" + path;
  }
};

TEST_F(UnpackTest, WhatWasPackedIsThereReadOnlyAndPacksToTheSame) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  ASSERT_EQ(UnpackBytes(archive), absl::OkStatus());
  EXPECT_EQ(Stored(), std::set<std::string>{digest});
  EXPECT_EQ(Content(InBundle(digest, "app.py")), "print(1)\n");
  EXPECT_EQ(Content(InBundle(digest, "lib/deep/er/x")), std::string(600'000, 'x'));
  EXPECT_EQ(Content(InBundle(digest, "lib/deep/up")), "print(1)\n");
  EXPECT_EQ(std::filesystem::read_symlink(InBundle(digest, "bin/start")), "run");
  EXPECT_EQ(Mode(InBundle(digest, "")), 0500U);
  EXPECT_EQ(Mode(InBundle(digest, "lib/deep")), 0555U);
  EXPECT_EQ(Mode(InBundle(digest, "nothing")), 0555U);
  EXPECT_EQ(Mode(InBundle(digest, "app.py")), 0444U);
  EXPECT_EQ(Mode(InBundle(digest, "bin/run")), 0555U);
  EXPECT_EQ(Pack(store_ + "/" + digest)->digest, digest);
  EXPECT_EQ(Verify(store_, digest), absl::OkStatus());
  EXPECT_EQ(UnpackBytes(archive), absl::OkStatus()) << "what is there is left alone";
  EXPECT_EQ(RemoveBundle(store_, digest), absl::OkStatus());
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_EQ(RemoveBundle(store_, digest), absl::OkStatus());
  EXPECT_EQ(Verify(store_, digest).code(), absl::StatusCode::kNotFound);
}

TEST_F(UnpackTest, AnEmptyDirectoryIsABundleToo) {
  std::filesystem::remove_all(source_);
  std::filesystem::create_directory(source_);
  const std::string archive = Archive();
  ASSERT_EQ(UnpackBytes(archive), absl::OkStatus());
  EXPECT_EQ(Verify(store_, DigestOf(archive)), absl::OkStatus());
}

TEST_F(UnpackTest, DamageOnTheDiskIsDataLoss) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  const auto damage = [&](const std::function<void()>& how) {
    ASSERT_EQ(UnpackBytes(archive), absl::OkStatus());
    ASSERT_EQ(Verify(store_, digest), absl::OkStatus());
    chmod(InBundle(digest, "").c_str(), 0700);
    chmod(InBundle(digest, "app.py").c_str(), 0644);
    how();
    const absl::Status status = Verify(store_, digest);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("the bundle " + digest + " is damaged"));
    ASSERT_EQ(RemoveBundle(store_, digest), absl::OkStatus());
  };
  const std::string file = InBundle(digest, "app.py");
  damage([&] { std::ofstream(file, std::ios::in | std::ios::out) << "q"; });
  damage([&] { std::filesystem::remove(file); });
  damage([&] { std::ofstream(InBundle(digest, "added")) << "q"; });
  damage([&] { chmod(file.c_str(), 0555); });
  damage([&] {
    std::filesystem::remove(file);
    ASSERT_EQ(symlink("/etc/passwd", file.c_str()), 0);
  });
}

TEST_F(UnpackTest, AnArchiveOfAnotherDigestIsDamagedAndLeavesNothing) {
  std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  for (const size_t place : {size_t{3}, size_t{200}, archive.size() / 2, archive.size() - 1}) {
    std::string other = archive;
    other[place] ^= 1;
    const absl::Status status = UnpackAs(other, digest);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("its SHA-256 is " + DigestOf(other)));
  }
  for (const size_t size : {size_t{0}, size_t{100}, size_t{512}, archive.size() - 512}) {
    const absl::Status status = UnpackAs(archive.substr(0, size), digest);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_EQ(UnpackAs(archive, "../" + digest).code(), absl::StatusCode::kInvalidArgument);
}

struct Hostile {
  const char* what;
  const char* python;  // `add(name, …)` adds an entry, `archive` is the tarfile
  const char* refusal;
};

// Of an author who chose the digest, too.
TEST_F(UnpackTest, RefusesByNameWhatIsNoBundle) {
  const std::vector<Hostile> archives = {
      {"a name that leaves", "add('../evil', b'x')", "'../evil' has '..' in its path"},
      {"one that leaves later", "add('a', type=DIR, mode=0o755); add('a/../../evil', b'x')",
       "'a/../../evil' has '..' in its path"},
      {"an absolute name", "add('/tmp/evil', b'x')", "'/tmp/evil' has an absolute name"},
      {"no name", "add('', b'x')", "'' has no name"},
      {"a dot", "add('./a', b'x')", "'./a' has '.' in its path"},
      {"an empty name", "add('a//b', b'x')", "'a//b' has an empty name in its path"},
      {"a NUL", "add('a', b'x', pax={'path': 'a\\0b'})", "'a\\000b' has a NUL in its name"},
      {"a long name", "add('a/' * 600 + 'b', b'x')", "has a name of more than 1024 bytes"},
      {"a long part", "add('a' * 256, b'x')", "has a name of more than 255 bytes in its path"},
      {"a deep one", "add('a/' * 64 + 'b', b'x')", "lies deeper than 64 directories"},
      {"no UTF-8", "add('a', b'x', pax={'path': 'a\\udcff'})", "the attribute 'hdrcharset'"},
      {"Git's", "add('.git/hooks/x', b'x')", "'.git/hooks/x' is Git's"},
      {"a link that leaves", "add('l', type=SYM, mode=0o777, link='../x')",
       "'l' is a link to '../x', outside the directory"},
      {"an absolute link", "add('l', type=SYM, mode=0o777, link='/etc')",
       "'l' is a link to '/etc', outside the directory"},
      {"links that leave together",
       "add('a', type=DIR, mode=0o755); add('a/l', type=SYM, mode=0o777, link='..');"
       "add('b', type=SYM, mode=0o777, link='a/l/../x')",
       "'b' is a link to 'a/l/../x', which has '..' after a name"},
      {"a file through a link", "add('l', type=SYM, mode=0o777, link='m'); add('l/evil', b'x')",
       "'l/evil' lies in 'l', which is no directory of the bundle"},
      {"a file in the place of a link", "add('l', type=SYM, mode=0o777, link='m'); add('l', b'x')",
       "'l' is in it twice"},
      {"a file in no directory", "add('d/x', b'x')", "'d/x' lies in 'd', which is no directory"},
      {"a file in a file", "add('d', b'x'); add('d/x', b'x')",
       "'d/x' lies in 'd', which is no directory"},
      {"the same twice", "add('a', b'x'); add('a', b'x')", "'a' is in it twice"},
      {"another order", "add('b', b'x'); add('a', b'x')",
       "'a' is not in its place in the order of names"},
      {"a directory in two parts",
       "add('d', type=DIR, mode=0o755); add('d-', b'x'); add('d/x', b'x')",
       "'d/x' is not in its place"},
      {"a hard link", "add('a', b'x'); add('b', type=tarfile.LNKTYPE, link='a')",
       "'b' is a hard link"},
      {"a device", "add('null', type=tarfile.CHRTYPE)", "'null' is a device"},
      {"a disk", "add('sda', type=tarfile.BLKTYPE)", "'sda' is a device"},
      {"a pipe", "add('p', type=tarfile.FIFOTYPE)", "'p' is a named pipe"},
      {"a sparse file", "add('s', type=tarfile.GNUTYPE_SPARSE)", "'s' is a sparse file"},
      {"a contiguous file", "add('c', type=tarfile.CONTTYPE)", "'c' is of the kind '7'"},
      {"GNU's long name", "add('n', b'x\\0', type=tarfile.GNUTYPE_LONGNAME)",
       "'n' is of the kind 'L'"},
      {"set-user-id", "add('su', b'x', mode=0o4755)", "'su' has a set-user-id"},
      {"set-group-id", "add('d', type=DIR, mode=0o2755)", "'d/' has a set-user-id, set-group-id"},
      {"sticky", "add('d', type=DIR, mode=0o1755)",
       "'d/' has a set-user-id, set-group-id or sticky"},
      {"an ACL", "add('a', b'x', pax={'SCHILY.acl.access': 'user::rwx'})",
       "'a' has the attribute 'SCHILY.acl.access'"},
      {"an extended attribute", "add('a', b'x', pax={'SCHILY.xattr.security.capability': 'x'})",
       "'a' has the attribute 'SCHILY.xattr.security.capability'"},
      {"a sparse map", "add('a', b'x', pax={'GNU.sparse.realsize': '1000000000000'})",
       "'a' has the attribute 'GNU.sparse.realsize'"},
      {"a size in an attribute", "add('a', b'x', pax={'size': '99999999999'})",
       "'a' has the attribute 'size'"},
      {"a global header",
       "archive.pax_headers = {'path': 'x'}; archive.fileobj.write("
       "tarfile.TarInfo.create_pax_global_header({'path': 'evil'}))",
       "is of the kind 'g'"},
      {"an owner", "add('a', b'x', uid=1000)", "'a' is not in the form of a bundle"},
      {"a time", "add('a', b'x', mtime=7)", "'a' is not in the form of a bundle"},
      {"another mode", "add('a', b'x', mode=0o666)", "'a' is not in the form of a bundle"},
      {"a needless attribute", "add('a', b'x', pax={'path': 'a'})",
       "'a' is not in the form of a bundle"},
      {"bytes after a file",
       "add('a', b'x'); archive.fileobj.seek(-1, 1); archive.fileobj.write(b'y')",
       "'a' has bytes after its end"},
      {"a file that claims more", "add('a', b'x', claim=500000)", "'a' ends in the middle"},
      {"a bomb", "add('a', b'', claim=8 * 2**30 - 1)", "it is larger than 1024 MiB"},
  };
  const std::string prelude = R"(
import io, sys, tarfile
DIR, SYM = tarfile.DIRTYPE, tarfile.SYMTYPE
def add(name, data=b"", type=tarfile.REGTYPE, mode=0o644, link="", pax=None, uid=0, mtime=0, claim=None):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.uid, info.mtime = type, mode, link, uid, mtime
    info.size = len(data) if claim is None else claim
    if pax: info.pax_headers = pax
    archive.fileobj.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    archive.fileobj.write(data + b"\0" * (-len(data) % 512))
    archive.offset = archive.fileobj.tell()
)";
  const std::string script = home_ + "/hostile.py";
  std::ofstream python(script);
  python << prelude;
  for (size_t i = 0; i < archives.size(); ++i) {
    python << "archive = tarfile.open(sys.argv[1] + '/" << i
           << ".tar', 'w', format=tarfile.PAX_FORMAT)\n"
           << archives[i].python << "\narchive.close()\n";
  }
  python.close();
  ASSERT_EQ(system(("python3 " + script + " " + home_).c_str()), 0);
  for (size_t i = 0; i < archives.size(); ++i) {
    const Hostile& hostile = archives[i];
    const absl::Status status = UnpackBytes(Content(absl::StrCat(home_, "/", i, ".tar")));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << hostile.what << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.refusal)) << hostile.what;
    EXPECT_THAT(Stored(), IsEmpty()) << hostile.what;
    EXPECT_FALSE(std::filesystem::exists(home_ + "/evil")) << hostile.what;
    EXPECT_FALSE(std::filesystem::exists("/tmp/evil")) << hostile.what;
  }
}

TEST_F(UnpackTest, RefusesWhatIsCompressedOrNoArchiveOrGoesOnAfterItsEnd) {
  EXPECT_EQ(UnpackBytes("").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(UnpackBytes(std::string(4096, 'x')).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(UnpackBytes("\x1f\x8b\x08" + std::string(600, '\1')).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(UnpackBytes(Archive() + "x").message()),
              HasSubstr("bytes follow the end"));
  EXPECT_THAT(std::string(UnpackBytes(Archive() + std::string(kRecordBytes, '\0')).message()),
              HasSubstr("bytes follow the end"));
  const std::string archive = Archive();
  EXPECT_THAT(std::string(UnpackBytes(archive.substr(0, archive.size() - 512)).message()),
              HasSubstr("its archive ends in the middle"));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(UnpackTest, RefusesOneEntryTooMany) {
  std::string archive;
  for (int i = 0; i <= limits::kBundleEntries; ++i)
    archive += EncodeHeader({.path = std::to_string(1'000'000 + i)});
  const absl::Status status = UnpackBytes(Ended(archive));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it has more than 100000 files"));
  EXPECT_THAT(Stored(), IsEmpty());
}

// Whatever is taken is exactly what Pack makes: there is no second form of any bundle.
TEST_F(UnpackTest, AChangedArchiveIsRefusedOrIsTheArchiveOfWhatItMade) {
  std::filesystem::remove_all(At("lib/deep/er"));
  const std::string archive = Archive();
  std::mt19937 random(7);
  const auto below = [&random](size_t end) { return static_cast<size_t>(random() % end); };
  int taken = 0, refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string other = archive;
    const size_t blocks = archive.size() / kBlockBytes;
    switch (below(4)) {
      case 0:  // a byte of what counts
        other[below(archive.size() - kRecordBytes / 2)] = static_cast<char>(random());
        break;
      case 1:  // a digit
        other[below(blocks) * kBlockBytes + 100 + below(57)] = static_cast<char>('0' + below(10));
        break;
      case 2:  // a block less, or twice
        other.erase(below(blocks) * kBlockBytes, kBlockBytes);
        break;
      default: {
        const size_t from = below(blocks) * kBlockBytes;
        other.insert(below(blocks) * kBlockBytes, archive.substr(from, kBlockBytes));
      }
    }
    const std::string digest = DigestOf(other);
    const absl::Status status = UnpackAs(other, digest);
    if (status.ok()) {
      ++taken;
      EXPECT_EQ(Verify(store_, digest), absl::OkStatus()) << "round " << round;
      ASSERT_EQ(RemoveBundle(store_, digest), absl::OkStatus());
    } else {
      ++refused;
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    }
  }
  EXPECT_GT(taken, 10);  // changed contents
  EXPECT_GT(refused, 500);
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(home_), {}), 3)
      << "something else than source, store and archive.tar";
}

TEST_F(UnpackTest, AFullDiskSaysSoAndKeepsNothing) {
  const std::string archive = Archive();
  ASSERT_EQ(mount("tmpfs", store_.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, "size=256k"), 0)
      << "cannot mount a tmpfs: " << strerror(errno) << "; run this test as root";
  const absl::Status status = UnpackBytes(archive);
  EXPECT_TRUE(core::IsDiskFullError(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("the bundle was not unpacked"));
  EXPECT_THAT(Stored(), IsEmpty());
  ASSERT_EQ(mount("tmpfs", store_.c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  EXPECT_EQ(UnpackBytes(archive), absl::OkStatus());
  EXPECT_EQ(umount2(store_.c_str(), MNT_DETACH), 0);
}

TEST_F(UnpackTest, WithoutAnInodeLeftItSaysSoToo) {
  ASSERT_EQ(mount("tmpfs", store_.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, "nr_inodes=6"), 0)
      << "cannot mount a tmpfs: " << strerror(errno) << "; run this test as root";
  const absl::Status status = UnpackBytes(Archive());
  EXPECT_TRUE(core::IsDiskFullError(status)) << status;
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_EQ(umount2(store_.c_str(), MNT_DETACH), 0);
}

TEST_F(UnpackTest, WhatAKilledOneLeftIsRemovedAtTheNextStartAndNothingElse) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  ASSERT_EQ(UnpackBytes(archive), absl::OkStatus());
  const std::string partial = store_ + "/" + digest + ".partial-0123456789abcdef";
  ASSERT_EQ(system(("cp -a " + store_ + "/" + digest + " " + partial).c_str()), 0);
  std::ofstream(store_ + "/other.partial-1") << "not ours";
  EXPECT_EQ(RemovePartials(store_), absl::OkStatus());
  EXPECT_EQ(Stored(), (std::set<std::string>{digest, "other.partial-1"}));
  EXPECT_EQ(Verify(store_, digest), absl::OkStatus());
}

// The archive comes through a pipe, and its end no sooner than the test has looked.
TEST_F(UnpackTest, TheNameIsThereOnlyOnceAllIs) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  absl::Status status;
  std::thread unpacking([&] { status = Unpack(ends[0], store_, digest); });
  const size_t part = archive.size() - kRecordBytes;
  for (size_t at = 0; at < part;)
    at += static_cast<size_t>(write(ends[1], archive.data() + at, part - at));
  const auto stored = Stored();
  EXPECT_EQ(stored.size(), 1U);
  EXPECT_THAT(*stored.begin(), HasSubstr(".partial-"));
  EXPECT_EQ(write(ends[1], archive.data() + part, kRecordBytes),
            static_cast<ssize_t>(kRecordBytes));
  close(ends[1]);
  unpacking.join();
  close(ends[0]);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(Stored(), std::set<std::string>{digest});
}

TEST_F(UnpackTest, TwoAtOnceMakeOne) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  struct Half {
    std::array<int, 2> ends{};
    absl::Status status = absl::UnknownError("not yet");
    std::thread thread;
  };
  std::array<Half, 2> halves;
  const size_t part = archive.size() - kRecordBytes;
  for (Half& half : halves) {
    ASSERT_EQ(pipe2(half.ends.data(), O_CLOEXEC), 0);
    half.thread = std::thread([&] { half.status = Unpack(half.ends[0], store_, digest); });
    for (size_t at = 0; at < part;)
      at += static_cast<size_t>(write(half.ends[1], archive.data() + at, part - at));
  }
  EXPECT_EQ(Stored().size(), 2U);  // both have begun, and neither ends
  for (Half& half : halves) {
    EXPECT_EQ(write(half.ends[1], archive.data() + part, kRecordBytes),
              static_cast<ssize_t>(kRecordBytes));
    close(half.ends[1]);
    half.thread.join();
    close(half.ends[0]);
    EXPECT_EQ(half.status, absl::OkStatus());
  }
  EXPECT_EQ(Stored(), std::set<std::string>{digest});
  EXPECT_EQ(Verify(store_, digest), absl::OkStatus());
}

// Root may write anywhere; others must not fail at their own read-only directories.
TEST_F(UnpackTest, AnAccountWithoutPrivilegesUnpacksVerifiesAndRemoves) {
  const std::string archive = Archive();
  const std::string digest = DigestOf(archive);
  std::ofstream(home_ + "/archive.tar", std::ios::binary) << archive;
  chmod(home_.c_str(), 0755);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(store_.c_str(), 54'321, 54'321), 0);
  }
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(54'321) != 0) _exit(1);
    const UniqueFd file(open((home_ + "/archive.tar").c_str(), O_RDONLY | O_CLOEXEC));
    if (!Unpack(file.get(), store_, digest).ok()) _exit(2);
    if (open(InBundle(digest, "app.py").c_str(), O_WRONLY) >= 0) _exit(3);
    if (!Verify(store_, digest).ok()) _exit(4);
    _exit(RemoveBundle(store_, digest).ok() ? 0 : 5);
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(WEXITSTATUS(result), 0);
  EXPECT_THAT(Stored(), IsEmpty());
}

}  // namespace
}  // namespace grpc_os::bundle
