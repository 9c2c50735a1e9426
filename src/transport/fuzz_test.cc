// What fuzzing has found so far, and where it begins: tests/fuzz/transport_corpus.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "transport/client_harness.h"
#include "transport/fuzz_harness.h"

namespace grpc_os::transport {
namespace {

// From wherever in the repository the test is run.
std::filesystem::path Corpus() {
  for (auto directory = std::filesystem::current_path();; directory = directory.parent_path()) {
    const auto corpus = directory / "tests/fuzz/transport_corpus";
    if (std::filesystem::exists(corpus) || directory == directory.parent_path()) return corpus;
  }
}

TEST(Fuzz, TheCorpusDoesNoHarm) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Corpus())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    SCOPED_TRACE(entry.path().filename());
    FuzzConnection(bytes);
    ++files;
  }
  EXPECT_GE(files, 8);
}

}  // namespace
}  // namespace grpc_os::transport
