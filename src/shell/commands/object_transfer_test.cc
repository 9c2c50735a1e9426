// put, get and edit against a daemon of records: what happens when something goes wrong in between.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/unique_fd.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/progress.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

// More than a call takes, and no two parts of it alike.
std::string Large(size_t size = 300'000) {
  std::string data(size, '\0');
  uint32_t state = 1;
  for (char& c : data) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return data;
}

class ObjectTransferTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  ObjectTransferTest() { fs::create_directories(Path("")); }

  std::string Path(const std::string& name) const { return directory_.path() + "/files/" + name; }
  void WriteFile(const std::string& name, const std::string& data) {
    std::ofstream(Path(name), std::ios::binary) << data;
  }
  std::string FileContent(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "(none)";
  }
  std::string Data(const std::string& name) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    const auto found = daemon_.state.objects.find(name);
    return found == daemon_.state.objects.end() ? "(none)" : found->second.data();
  }
  size_t CallsOf(const std::string& method) {
    const auto calls = daemon_.calls();
    return static_cast<size_t>(std::count_if(
        calls.begin(), calls.end(), [&](const auto& call) { return call.starts_with(method); }));
  }
  // Runs a transfer that the daemon leaves in the middle, and does not come back from in time.
  void EndUnder(const std::string& line) {
    NewSession(daemon_.address(), {.timeout = std::chrono::milliseconds(3000)});
    daemon_.state.stays_away = true;
    daemon_.state.cut_uploads_after = daemon_.state.cut_reads_after = 100'000;
    EXPECT_EQ(Run(line), ExitCode::kUnavailable) << err();
    EXPECT_THAT(err(), HasSubstr("run the same command again to resume"));
    daemon_.state.stays_away = daemon_.state.away = false;
    daemon_.state.cut_uploads_after = daemon_.state.cut_reads_after = 0;
    NewSession(daemon_.address());
  }
  std::vector<std::string> Parts() const {
    std::vector<std::string> parts;
    for (const auto& entry : fs::directory_iterator(Path(""))) {
      if (entry.path().extension() == ".part") parts.push_back(entry.path().string());
    }
    return parts;
  }
};

// ---- put
// -------------------------------------------------------------------------------------------

TEST_F(ObjectTransferTest, SmallFilesAreOneCall) {
  WriteFile("a.json", "{}");
  WriteFile("empty", "");
  EXPECT_EQ(Run("put " + Path("a.json") + " /config/app.json --type application/json --meta k=v"),
            ExitCode::kOk)
      << err();
  EXPECT_THAT(out(), HasSubstr("wrote /config/app.json (obj_f"));
  EXPECT_EQ(Data("/config/app.json"), "{}");
  EXPECT_EQ(Run("put " + Path("empty") + " /empty"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/empty"), "");
  EXPECT_EQ(CallsOf("StartUpload"), 0U);
}

TEST_F(ObjectTransferTest, IntoAFolderUnderItsOwnName) {
  WriteFile("a", "A");
  WriteFile("b", "B");
  daemon_.AddObject("/d/", "");
  EXPECT_EQ(Run("put " + Path("a") + " " + Path("b") + " /d"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/d/a"), "A");
  EXPECT_EQ(Data("/d/b"), "B");
  EXPECT_EQ(Run("put " + Path("a") + " " + Path("b") + " /nofolder"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("`mkdir` makes a folder"));
}

TEST_F(ObjectTransferTest, FilesThatCannotBeRead) {
  WriteFile("b", "B");
  daemon_.AddObject("/d/", "");
  EXPECT_EQ(Run("put " + Path("none") + " " + Path("b") + " /d"), ExitCode::kNotFound);
  EXPECT_THAT(err(), AllOf(HasSubstr("Cannot read"), HasSubstr("No such file")));
  EXPECT_EQ(Data("/d/b"), "B") << "the others are stored";
  EXPECT_EQ(Run("put " + Path("") + " /d/x"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("is a directory; name the files in it"));
}

TEST_F(ObjectTransferTest, LargeFilesAreUploaded) {
  const std::string data = Large(3'000'000);
  WriteFile("big", data);
  EXPECT_EQ(Run("put " + Path("big") + " /big --meta k=v"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/big"), data);
  EXPECT_EQ(daemon_.state.objects["/big"].metadata().at("k"), "v");
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/state/uploads")) << "no note is left";
}

TEST_F(ObjectTransferTest, ADaemonThatGoesAwayInMidUploadIsWaitedFor) {
  const std::string data = Large(3'000'000);
  WriteFile("big", data);
  daemon_.state.cut_uploads_after = 1'234'567;
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/big"), data);
  EXPECT_EQ(CallsOf("WriteUpload"), 2U);
  EXPECT_EQ(CallsOf("StartUpload"), 1U);
}

TEST_F(ObjectTransferTest, AnotherRunGoesOnWhereTheFirstEnded) {
  const std::string data = Large(3'000'000);
  WriteFile("big", data);
  EndUnder("put " + Path("big") + " /big");
  ASSERT_EQ(daemon_.state.uploads.size(), 1U);
  EXPECT_EQ(Data("/big"), "(none)");
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  EXPECT_THAT(err(), HasSubstr("resuming after 97.7KiB"));
  EXPECT_EQ(Data("/big"), data);
  EXPECT_EQ(CallsOf("StartUpload"), 1U);
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/state/uploads"));
}

TEST_F(ObjectTransferTest, AnotherRunBeginsAnewIfTheFileOrWhatIsSaidOfItIsAnother) {
  WriteFile("big", Large());
  EndUnder("put " + Path("big") + " /big");
  EXPECT_EQ(Run("put " + Path("big") + " /big --meta k=v"), ExitCode::kOk) << err();
  EXPECT_EQ(err(), "");
  EXPECT_EQ(CallsOf("StartUpload"), 2U);

  EndUnder("put " + Path("big") + " /other");
  const std::string changed = "x" + Large();
  WriteFile("big", changed);
  EXPECT_EQ(Run("put " + Path("big") + " /other"), ExitCode::kOk) << err();
  EXPECT_EQ(CallsOf("StartUpload"), 4U);
  EXPECT_EQ(Data("/other"), changed);
  EXPECT_EQ(CallsOf("CancelUpload"), 2U) << "nobody will resume those of before";

  EndUnder("put " + Path("big") + " /busy");
  for (auto& [id, upload] : daemon_.state.uploads) upload.busy = true;
  EXPECT_EQ(Run("put " + Path("big") + " /busy --meta k=v"), ExitCode::kOk) << err();
  EXPECT_EQ(CallsOf("CancelUpload"), 2U) << "another run is at it";
}

TEST_F(ObjectTransferTest, AnUploadThatTheDaemonHasForgottenBeginsAnew) {
  WriteFile("big", Large());
  EndUnder("put " + Path("big") + " /big");
  daemon_.state.uploads.clear();
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/big"), Large());
}

TEST_F(ObjectTransferTest, BytesThatWereDamagedOnTheWayAreNotGoneOnWith) {
  WriteFile("big", Large());
  EndUnder("put " + Path("big") + " /big");
  daemon_.state.uploads.begin()->second.data[5] ^= 1;
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/big"), Large());
  EXPECT_EQ(CallsOf("CancelUpload"), 1U);
}

TEST_F(ObjectTransferTest, AnUploadOfAnotherContentIsNotGoneOnWith) {
  const std::string data = Large();
  WriteFile("big", data);
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  std::string other = data;
  other[7] ^= 1;
  WriteFile("big", other);
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/big"), other);
}

TEST_F(ObjectTransferTest, APreconditionThatDoesNotHoldLeavesNothingBehind) {
  daemon_.AddObject("/big", "theirs");
  WriteFile("big", Large());
  EXPECT_EQ(Run("put " + Path("big") + " /big --if-generation 0"), ExitCode::kConflict);
  EXPECT_EQ(Data("/big"), "theirs");
  EXPECT_THAT(daemon_.state.uploads, IsEmpty()) << "the upload is cancelled";
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/state/uploads"));
}

TEST_F(ObjectTransferTest, ADaemonWithoutUploadsSaysHowMuchItTakes) {
  daemon_.state.has_uploads = false;
  WriteFile("big", Large());
  EXPECT_EQ(Run("put " + Path("big") + " /big"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("at most 65536 bytes"));
}

TEST_F(ObjectTransferTest, PipesAreUploadedToo) {
  const std::string data = Large();
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  std::thread writer([&] { WriteFile("pipe", data); });
  EXPECT_EQ(Run("put " + Path("pipe") + " /piped"), ExitCode::kOk) << err();
  writer.join();
  EXPECT_EQ(Data("/piped"), data);
}

TEST_F(ObjectTransferTest, WhatClaimsNoSizeIsReadToItsEnd) {
  // A file of /proc has 0 bytes, one of /sys a page, whatever is in them.
  EXPECT_EQ(Run("put /proc/version /version"), ExitCode::kOk) << err();
  EXPECT_THAT(Data("/version"), AllOf(HasSubstr("Linux version"), testing::EndsWith("\n")));
  EXPECT_EQ(Run("put /sys/devices/system/cpu/online /cpus"), ExitCode::kOk) << err();
  EXPECT_THAT(Data("/cpus"), AllOf(testing::StartsWith("0"), testing::EndsWith("\n")));
  // Larger than one call takes.
  EXPECT_EQ(Run("put /proc/kallsyms /symbols"), ExitCode::kOk) << err();
  EXPECT_GT(Data("/symbols").size(), 65'536U);
  // No block on a disk either, and yet its size is right.
  WriteFile("hole", "");
  fs::resize_file(Path("hole"), 100'000);
  EXPECT_EQ(Run("put " + Path("hole") + " /hole"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/hole"), std::string(100'000, '\0'));
}

TEST_F(ObjectTransferTest, AFileThatIsAllHolesIsGoneOnWithToo) {
  WriteFile("hole", "");
  fs::resize_file(Path("hole"), 3'000'000);
  EndUnder("put " + Path("hole") + " /hole");
  EXPECT_EQ(Run("put " + Path("hole") + " /hole"), ExitCode::kOk) << err();
  EXPECT_THAT(err(), HasSubstr("resuming after 97.7KiB"));
  EXPECT_EQ(Data("/hole"), std::string(3'000'000, '\0'));
}

TEST_F(ObjectTransferTest, TheLinesOfAScriptAreNoInputOfItsCommands) {
  input_is_script_ = true;
  can_type_secrets_ = false;
  const std::pair<const char*, const char*> kReading[] = {
      {"put - /notes", "`grpc-os put - /notes < FILE`"},
      {"put /dev/stdin /notes", "`grpc-os put - /notes < FILE`"},
      {"put /proc/self/fd/0 /notes", "`grpc-os put - /notes < FILE`"},
      {"login eva --password-stdin", "`grpc-os login eva --password-stdin < FILE`"},
      {"login eva", "`grpc-os login eva --password-stdin < FILE`"},
      {"user add eva --password-stdin", "`grpc-os user add eva --password-stdin < FILE`"},
      {"user passwd eva --password-stdin", "`grpc-os user passwd eva --password-stdin < FILE`"},
  };
  for (const auto& [line, cure] : kReading) {
    input_ = {"rm /keep"};
    NewSession(daemon_.address());
    EXPECT_EQ(Run(line), ExitCode::kUsage) << line;
    EXPECT_THAT(err(), AllOf(HasSubstr("holds the commands of this script"), HasSubstr(cure)));
    EXPECT_TRUE(session_->wants_to_leave()) << "what follows may be meant as input";
    EXPECT_EQ(input_.size(), 1U) << line;
  }
  EXPECT_EQ(Data("/notes"), "(none)");
  NewSession(daemon_.address());
  EXPECT_EQ(Run("start web ./web --secret GRPC_OS_TEST_NONE"), ExitCode::kUsage);
  EXPECT_TRUE(session_->wants_to_leave());
  // A file is read, also in a script.
  WriteFile("a", "A");
  NewSession(daemon_.address());
  EXPECT_EQ(Run("put " + Path("a") + " /a"), ExitCode::kOk) << err();
  EXPECT_FALSE(session_->wants_to_leave());
}

TEST_F(ObjectTransferTest, StandardInputIsReadOnce) {
  input_ = {"what is not a terminal"};
  NewSession(daemon_.address());
  EXPECT_TRUE(session_->TakeInput("x").ok());
  EXPECT_EQ(Run("put - /second"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("An earlier command has read standard input to its end"));
  EXPECT_EQ(Data("/second"), "(none)");
}

// ---- get
// -------------------------------------------------------------------------------------------

TEST_F(ObjectTransferTest, GetWritesFilesAndReplacesThem) {
  const std::string data = Large();
  daemon_.AddObject("/d/big", data);
  EXPECT_EQ(Run("get /d/big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), data);
  daemon_.AddObject("/d/big", "newer");
  EXPECT_EQ(Run("get /d/big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), "newer");
  EXPECT_EQ(Run("get /d/big@101 " + Path("")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("big"), data);
  EXPECT_THAT(Parts(), IsEmpty());
}

TEST_F(ObjectTransferTest, ADaemonThatGoesAwayInMidReadIsReadOn) {
  const std::string data = Large();
  daemon_.AddObject("/big", data);
  daemon_.state.cut_reads_after = 100'000;
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), data);
  const auto reads = daemon_.state.reads;
  ASSERT_GT(reads.size(), 2U);
  for (size_t i = 1; i < reads.size(); ++i) {
    EXPECT_GT(reads[i].offset(), reads[i - 1].offset());
    EXPECT_EQ(reads[i].generation(), 101) << "of the content that it began with";
  }
  EXPECT_EQ(Run("cat /big"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), data);
}

TEST_F(ObjectTransferTest, ADaemonThatGoesAwayBeforeTheFirstPieceIsWaitedFor) {
  daemon_.AddObject("/a", "A");
  daemon_.state.lose_reads = 2;
  EXPECT_EQ(Run("get /a " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), "A");
  // One that was not there when the command began is not.
  daemon_.state.lose_reads = 2;
  EXPECT_EQ(Run("cat /a"), ExitCode::kUnavailable);
}

TEST_F(ObjectTransferTest, WhatAnEarlierRunHasGotIsNotGotAgain) {
  daemon_.AddObject("/big", Large());
  WriteFile("copy", "as before");
  EndUnder("get /big " + Path("copy"));
  EXPECT_EQ(FileContent("copy"), "as before");
  ASSERT_EQ(Parts().size(), 1U);
  const auto came = static_cast<int64_t>(fs::file_size(Parts()[0]));
  EXPECT_GT(came, 0);
  daemon_.state.reads.clear();
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_THAT(err(), HasSubstr("resuming after"));
  ASSERT_EQ(daemon_.state.reads.size(), 1U);
  EXPECT_EQ(daemon_.state.reads[0].offset(), came);
  EXPECT_EQ(FileContent("copy"), Large());
  EXPECT_THAT(Parts(), IsEmpty());
}

TEST_F(ObjectTransferTest, ANewerContentIsNotMixedWithTheOneThatWasBegun) {
  daemon_.AddObject("/big", Large());
  EndUnder("get /big " + Path("copy"));
  const std::string newer = "x" + Large();
  daemon_.AddObject("/big", newer);
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), newer);
}

TEST_F(ObjectTransferTest, ADamagedPartOfAnEarlierRunIsGotOnceMoreFromTheStart) {
  daemon_.AddObject("/big", Large());
  EndUnder("get /big " + Path("copy"));
  ASSERT_EQ(Parts().size(), 1U);
  std::fstream(Parts()[0], std::ios::in | std::ios::out | std::ios::binary) << "damage";
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("copy"), Large());
}

TEST_F(ObjectTransferTest, APieceThatIsNotWhatItsChecksumSaysIsNeverKept) {
  daemon_.AddObject("/big", Large());
  WriteFile("copy", "as before");
  daemon_.state.damage_pieces = true;
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("checksum"));
  EXPECT_EQ(FileContent("copy"), "as before");
  EXPECT_THAT(Parts(), IsEmpty());
}

TEST_F(ObjectTransferTest, AContentThatIsNotWhatItsChecksumSaysIsNeverKept) {
  daemon_.AddObject("/big", Large());
  WriteFile("copy", "as before");
  daemon_.state.damage_reads = true;
  EXPECT_EQ(Run("get /big " + Path("copy")), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("another checksum than was stored"));
  EXPECT_EQ(FileContent("copy"), "as before");
  EXPECT_THAT(Parts(), IsEmpty());
  EXPECT_EQ(Run("cat /big"), ExitCode::kFailure) << "it has shown something that is not right";
}

TEST_F(ObjectTransferTest, ATargetThatIsNoDirectoryTakesOneObject) {
  daemon_.AddObject("/a", "A");
  daemon_.AddObject("/b", "B");
  EXPECT_EQ(Run("get /a /b " + Path("none")), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("is no directory of this machine"));
  EXPECT_EQ(Run("get /a " + Path("none/")), ExitCode::kNotFound);
  EXPECT_EQ(Run("get /a " + Path("none/x")), ExitCode::kNotFound);
  EXPECT_EQ(Run("get /a /nope /b " + Path("")), ExitCode::kNotFound);
  EXPECT_EQ(FileContent("a") + FileContent("b"), "AB") << "the others are written";
  daemon_.AddObject("/d/x", "");
  EXPECT_EQ(Run("get /d " + Path("")), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("'/d/*'"));
}

TEST_F(ObjectTransferTest, NoNameLeadsOutOfTheDirectory) {
  fs::create_directory(Path("in"));
  for (const char* name : {"/x/..", "/x/.", "/x//"}) {
    v1::Object& object = daemon_.AddObject(name, "evil");
    object.set_id("obj_evil");
    object.set_folder(false);
    EXPECT_EQ(Run("get obj_evil " + Path("in")), ExitCode::kUsage) << name;
    EXPECT_THAT(err(), HasSubstr("cannot be the name of a file")) << name;
    daemon_.state.objects.clear();
  }
  EXPECT_TRUE(fs::is_empty(Path("in")));
  // A name that looks like an option, a hidden file or another directory's is only a name.
  daemon_.AddObject("/-rf", "A");
  EXPECT_EQ(Run("get /-rf " + Path("in")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("in/-rf"), "A");
}

TEST_F(ObjectTransferTest, DevicesAndPipesAreWrittenToAndNotReplaced) {
  const std::string data = Large();
  daemon_.AddObject("/a", data);
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(Run("get /a " + Path("pipe")), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("Nobody reads"));
  std::string came;
  std::thread reader([&] { came = FileContent("pipe"); });
  ExitCode code = ExitCode::kConflict;
  while (code == ExitCode::kConflict) code = Run("get /a " + Path("pipe"));
  reader.join();
  EXPECT_EQ(code, ExitCode::kOk) << err();
  EXPECT_EQ(came, data);
  EXPECT_TRUE(fs::is_fifo(Path("pipe")));
  // The disk that is always full, by a link so that a mistake costs only that.
  fs::create_symlink("/dev/full", Path("full"));
  EXPECT_EQ(Run("get /a " + Path("full")), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("No space left on device"));
  EXPECT_TRUE(fs::is_symlink(Path("full")));
}

TEST_F(ObjectTransferTest, APatternWritesNoHiddenFile) {
  fs::create_directory(Path("in"));
  for (const char* name : {"/h/.bashrc", "/h/notes", "/.h/notes"}) daemon_.AddObject(name, "x");
  EXPECT_EQ(Run("get '/h/*' " + Path("in")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("in/notes"), "x");
  EXPECT_EQ(FileContent("in/.bashrc"), "(none)");
  EXPECT_EQ(Run("get '/h/?bashrc' " + Path("in")), ExitCode::kNotFound);
  EXPECT_EQ(Run("get '/*/bashrc' " + Path("in")), ExitCode::kNotFound);
  EXPECT_EQ(Run("get '/h/.*' " + Path("in")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("in/.bashrc"), "x") << "the pattern has the dot";
}

TEST_F(ObjectTransferTest, ADirectoryThatThereIsNotIsSaid) {
  daemon_.AddObject("/a", "A");
  for (const char* target : {"none/", "none/x"}) {
    EXPECT_EQ(Run("get /a " + Path(target)), ExitCode::kNotFound);
    EXPECT_THAT(err(), AllOf(HasSubstr("There is no directory " + Path("none")),
                             Not(HasSubstr("one object only")), Not(HasSubstr(".part"))));
  }
}

TEST_F(ObjectTransferTest, AFileThatIsThereIsReplacedOnlyIfTheUserSaysSo) {
  daemon_.AddObject("/a", "new");
  WriteFile("a", "precious");
  answer_ = false;
  EXPECT_EQ(Run("get /a " + Path("a")), ExitCode::kFailure);
  EXPECT_THAT(asked_, HasSubstr("a is there already. Replace it?"));
  EXPECT_EQ(FileContent("a"), "precious");
  EXPECT_THAT(Parts(), IsEmpty());
  // Nobody is there to answer.
  input_is_script_ = true;
  no_answers_ = true;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("get /a " + Path("")), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("`grpc-os get --force /a " + Path("a") + "`"));
  EXPECT_EQ(FileContent("a"), "precious");
  // What it says works as it stands.
  daemon_.AddObject("/the plan's", "new");
  WriteFile("my plan", "precious");
  EXPECT_EQ(Run("get \"/the plan's\" \"" + Path("my plan") + "\""), ExitCode::kConflict) << err();
  const std::string told = err();
  const size_t begin = told.find("`grpc-os ") + std::strlen("`grpc-os ");
  EXPECT_EQ(Run(told.substr(begin, told.rfind('`') - begin)), ExitCode::kOk) << told << err();
  EXPECT_EQ(FileContent("my plan"), "new");
  // A link to it, and one to nothing, are there too.
  fs::create_symlink(Path("nowhere"), Path("dangling"));
  EXPECT_EQ(Run("get /a " + Path("dangling")), ExitCode::kConflict);
  // Two of one name: the second would take the place of the first.
  daemon_.AddObject("/d/b", "1");
  daemon_.AddObject("/e/b", "2");
  EXPECT_EQ(Run("get /d/b /e/b " + Path("")), ExitCode::kConflict);
  EXPECT_EQ(FileContent("b"), "1");
  EXPECT_EQ(Run("get -f /a " + Path("")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("a"), "new");
}

TEST_F(ObjectTransferTest, AFileThatIsMadeMeanwhileIsKept) {
  daemon_.AddObject("/a", "new");
  daemon_.state.before_read = [this] { WriteFile("a", "precious"); };
  EXPECT_EQ(Run("get /a " + Path("a")), ExitCode::kConflict);
  EXPECT_EQ(FileContent("a"), "precious");
  EXPECT_EQ(asked_, "");
}

TEST_F(ObjectTransferTest, TheAnswerDoesNotChooseTheNameOfTheFile) {
  fs::create_directory(Path("in"));
  daemon_.AddObject("/notes", "x").set_name("/.bashrc");
  EXPECT_EQ(Run("get /notes " + Path("in")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("in/notes"), "x");
  EXPECT_EQ(FileContent("in/.bashrc"), "(none)");
  daemon_.AddObject("/.profile", "x").set_id("obj_evil");
  EXPECT_EQ(Run("get obj_evil " + Path("in")), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("cannot be the name of a file"));
  EXPECT_EQ(FileContent("in/.profile"), "(none)");
}

TEST_F(ObjectTransferTest, AlinkToAFileMakesRoom) {
  daemon_.AddObject("/a", "A");
  WriteFile("victim", "precious");
  fs::create_symlink(Path("victim"), Path("link"));
  EXPECT_EQ(Run("get /a " + Path("link")), ExitCode::kOk) << err();
  EXPECT_EQ(FileContent("victim"), "precious");
  EXPECT_EQ(FileContent("link"), "A");
}

// ---- edit
// ------------------------------------------------------------------------------------------

class EditTest : public ObjectTransferTest {
 protected:
  EditTest() {
    ::setenv("VISUAL", "", 1);
    ::setenv("TMPDIR", Path("").c_str(), 1);
  }
  ~EditTest() override {
    ::unsetenv("VISUAL");
    ::unsetenv("EDITOR");
    ::unsetenv("TMPDIR");
  }
  // The file that is edited is the last argument.
  void EditorIs(const std::string& script) {
    WriteFile("editor", "#!/bin/sh\n" + script + "\n");
    ::chmod(Path("editor").c_str(), 0700);
    ::setenv("EDITOR", Path("editor").c_str(), 1);
  }
  std::vector<std::string> Kept() const {
    std::vector<std::string> kept;
    for (const auto& entry : fs::recursive_directory_iterator(Path(""))) {
      if (entry.path().string().find("grpc-os-edit-") != std::string::npos &&
          entry.is_regular_file()) {
        kept.push_back(entry.path().string());
      }
    }
    return kept;
  }
};

TEST_F(EditTest, WhatWasWrittenBecomesTheContent) {
  daemon_.AddObject("/config/app", "old");
  EditorIs("printf ' and new' >> \"$1\"");
  EXPECT_EQ(Run("edit config/app"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/config/app"), "old and new");
  EXPECT_THAT(Kept(), IsEmpty());
  EditorIs("case $1 in */grpc-os-edit-*/app) ;; *) exit 9;; esac; test $(stat -c %a \"$1\") = 600");
  EXPECT_EQ(Run("edit config/app"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("is as it was"));
}

TEST_F(EditTest, WhatDoesNotExistIsMade) {
  EditorIs("printf new > \"$1\"");
  EXPECT_EQ(Run("edit config/app"), ExitCode::kOk) << err();
  EXPECT_EQ(Data("/config/app"), "new");
  EditorIs("true");
  EXPECT_EQ(Run("edit other"), ExitCode::kOk);
  EXPECT_EQ(Data("/other"), "(none)");
}

TEST_F(EditTest, WhatSomebodyElseChangedMeanwhileIsNotOverwritten) {
  daemon_.AddObject("/app", "old");
  EditorIs("printf mine > \"$1\"");
  daemon_.state.before_put = [this] { client::FakeObjects::Put(daemon_.state, "/app", "theirs"); };
  EXPECT_EQ(Run("edit app"), ExitCode::kConflict);
  EXPECT_EQ(Data("/app"), "theirs");
  EXPECT_THAT(err(), HasSubstr("Somebody else changed /app while you edited it"));
  ASSERT_EQ(Kept().size(), 1U);
  EXPECT_THAT(err(), AllOf(HasSubstr("Your text is kept in "), HasSubstr("/app.\n")));
  std::ifstream kept(Kept()[0]);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "mine");
}

TEST_F(EditTest, AnEditorThatFailsStoresNothing) {
  daemon_.AddObject("/app", "old");
  EditorIs("printf half > \"$1\"; exit 3");
  EXPECT_EQ(Run("edit app"), ExitCode::kConflict);
  EXPECT_THAT(err(), AllOf(HasSubstr("ended with 3; nothing was stored"), HasSubstr("is kept in")));
  EXPECT_EQ(Data("/app"), "old");
  ::unsetenv("EDITOR");
  EXPECT_NE(Run("edit /notes"), ExitCode::kOk);
  EXPECT_THAT(err(), HasSubstr("There is no terminal to edit on"));
  ::setenv("EDITOR", "/no/such/editor", 1);
  EXPECT_EQ(Run("edit app"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("$EDITOR names another"));
}

TEST_F(EditTest, AnEditorReadsNoLineOfAScript) {
  input_is_script_ = true;
  NewSession(daemon_.address());
  daemon_.AddObject("/app", "old");
  EditorIs("cat > \"$1\"");
  WriteFile("script", "rm /keep\n");
  const UniqueFd before(::dup(STDIN_FILENO));
  const UniqueFd script(::open(Path("script").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(script.get(), STDIN_FILENO), STDIN_FILENO);
  const ExitCode code = Run("edit app");
  ::dup2(before.get(), STDIN_FILENO);
  EXPECT_EQ(code, ExitCode::kOk) << err();
  EXPECT_EQ(Data("/app"), "");
}

TEST_F(EditTest, FoldersAreNotEdited) {
  daemon_.AddObject("/d/x", "");
  EXPECT_EQ(Run("edit d"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("is a folder"));
}

// ---- How far it is
// -----------------------------------------------------------------------------------

TEST(ProgressTest, OneLineThatFits) {
  EXPECT_EQ(ProgressLine("put a", 1000, 500, 0, 0),
            "put a   50%  [############            ]  "
            "500B of 1000B");
  EXPECT_THAT(ProgressLine("put a", 10'000, 5000, 1000, 0), HasSubstr("1000B/s  5s left"));
  EXPECT_EQ(ProgressLine("put -", std::nullopt, 2048, 0, 0), "put -  2KiB");
  EXPECT_THAT(ProgressLine("a", 100, 1000, 0, 0), HasSubstr("100%"));
  EXPECT_THAT(ProgressLine("a", 100, 90, 100, 0), Not(HasSubstr("left")));
  EXPECT_LT(ProgressLine(std::string(200, 'x'), 100, 50, 10, 80).size(), 85U);
}

}  // namespace
}  // namespace grpc_os::shell
