#include "core/tagged.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace grpc_os::core {
namespace {

using ::testing::HasSubstr;

enum class Mode { kOpen, kClosed };
const char* ToString(Mode mode) { return mode == Mode::kOpen ? "open" : "closed"; }
std::optional<Mode> ModeFrom(const std::string& word) {
  if (word == "open") return Mode::kOpen;
  if (word == "closed") return Mode::kClosed;
  return std::nullopt;
}

struct Rule {
  std::string permission;
  bool deny = false;
  bool operator==(const Rule&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, Rule& rule) {
  fields.Text(1, rule.permission);
  fields.Int(2, rule.deny);
}

struct Thing {
  std::string name;
  int64_t size = 0;
  int copies = 3;
  Mode mode = Mode::kOpen;
  std::vector<std::string> words;
  std::set<std::string> labels;
  std::map<std::string, std::string> metadata;
  Rule first;
  std::vector<Rule> rules;
  bool operator==(const Thing&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, Thing& thing) {
  fields.Text(1, thing.name);
  fields.Int(2, thing.size);
  fields.Int(4, thing.copies, 3);
  fields.Word(5, thing.mode, Mode::kOpen, ModeFrom);
  fields.Texts(6, thing.words);
  fields.Texts(7, thing.labels);
  fields.Pairs(8, thing.metadata);
  fields.Struct(9, thing.first);
  fields.Structs(200, thing.rules);
}

struct Tree {
  std::vector<Tree> branches;
};
template <typename Fields>
void Describe(Fields& fields, Tree& tree) {
  fields.Structs(1, tree.branches);
}

Thing Full() {
  return {.name = std::string("a\0b", 3),
          .size = -5'000'000'000,
          .copies = 0,
          .mode = Mode::kClosed,
          .words = {"b", "", "a", "a"},
          .labels = {"", "x", "y"},
          .metadata = {{"", "empty"}, {"PORT", "80"}, {"Z", ""}},
          .first = {"process.read", false},
          .rules = {{"object.write", true}, {}, {"object.read", false}}};
}

absl::Status Refusal(const std::string& encoded) {
  const auto thing = DecodeTagged<Thing>(encoded);
  EXPECT_FALSE(thing.ok()) << ::testing::PrintToString(encoded);
  EXPECT_TRUE(thing.ok() || absl::IsDataLoss(thing.status())) << thing.status();
  return thing.status();
}

TEST(TaggedTest, BytesAreThoseOfTheFormat) {
  Thing thing;
  EXPECT_EQ(EncodeTagged(thing), "\x01");
  thing.name = "ab";
  thing.size = -2;
  thing.copies = 300;
  thing.mode = Mode::kClosed;
  thing.metadata = {{"P", "80"}};
  EXPECT_EQ(EncodeTagged(thing),
            "\x01"
            "\x03\x02"
            "ab"
            "\x04\x03"
            "\x08\xd8\x04"
            "\x0b\x06"
            "closed"
            "\x11\x05\x01P\x02"
            "80");
}

TEST(TaggedTest, GivesBackWhatItGot) {
  for (const Thing& thing : {Thing(), Full()}) {
    const auto decoded = DecodeTagged<Thing>(EncodeTagged(thing));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, thing);
  }
  for (const int64_t size : {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{63},
                             int64_t{64}, std::numeric_limits<int64_t>::max()}) {
    Thing thing;
    thing.size = size;
    const auto decoded = DecodeTagged<Thing>(EncodeTagged(thing));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->size, size);
  }
}

// What an encoding decodes to is encoded so: two encodings of one value do not exist.
TEST(TaggedTest, EveryPrefixAndEveryChangedByteDecodesOrIsRefused) {
  const std::string whole = EncodeTagged(Full());
  int decoded_count = 0;
  const auto check = [&decoded_count](const std::string& encoded) {
    // A copy without room to spare, so that a read beyond it is seen by the sanitizers.
    const std::vector<char> exact(encoded.begin(), encoded.end());
    const auto thing = DecodeTagged<Thing>({exact.data(), exact.size()});
    if (thing.ok()) {
      ++decoded_count;
      EXPECT_EQ(EncodeTagged(*thing), encoded);
    } else {
      EXPECT_TRUE(absl::IsDataLoss(thing.status())) << thing.status();
      EXPECT_FALSE(thing.status().message().empty());
    }
  };
  for (size_t size = 0; size < whole.size(); ++size) check(whole.substr(0, size));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      check(changed);
    }
    std::string inserted = whole;
    check(inserted.insert(at, 1, '\x01'));
    check(std::string(whole).erase(at, 1));
  }
  EXPECT_GT(decoded_count, 256);  // changes within texts are no failures
}

TEST(TaggedTest, RefusesAnotherFormat) {
  EXPECT_THAT(Refusal("").message(), HasSubstr("cut off"));
  EXPECT_THAT(Refusal("\x02").message(), HasSubstr("format 2, this program knows 1"));
}

TEST(TaggedTest, RefusesFieldsThatItDoesNotKnow) {
  for (const char* encoded : {"\x01\x06\x02", "\x01\x06\x02\x08\x02", "\x01\x04\x02\x06\x02"}) {
    EXPECT_EQ(Refusal(encoded).message(), "field 3 is none that this program knows");
  }
  EXPECT_EQ(Refusal("\x01\x94\x03\x02").message(), "field 202 is none that this program knows");
  EXPECT_EQ(Refusal("\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02").message(),
            "field 9223372036854775807 is none that this program knows");
  EXPECT_EQ(Refusal("\x01\x13\x02\x08\x02").message(),
            "field 9: field 4 is none that this program knows");
}

TEST(TaggedTest, RefusesAFieldTwiceOrOutOfOrder) {
  EXPECT_EQ(Refusal("\x01\x04\x02\x04\x04").message(), "field 2 comes after field 2");
  EXPECT_EQ(Refusal("\x01\x04\x02\x03\x01z").message(), "field 1 comes after field 2");
  EXPECT_EQ(Refusal(std::string("\x01\x00\x02", 3)).message(), "field 0 comes after field 0");
}

TEST(TaggedTest, RefusesValuesThatCannotBe) {
  EXPECT_EQ(Refusal("\x01\x02\x02").message(), "field 1 is of another type");
  EXPECT_EQ(Refusal("\x01\x05\x01z").message(), "field 2 is of another type");
  EXPECT_EQ(Refusal("\x01\x08\x80\x80\x80\x80\x20").message(), "field 4 is out of range");
  EXPECT_EQ(Refusal("\x01\x13\x02\x04\x04").message(), "field 9: field 2 is out of range");
  EXPECT_THAT(Refusal("\x01\x0b\x04shut").message(), HasSubstr("field 5 has a word"));
  EXPECT_EQ(Refusal("\x01\x03\x05word").message(), "field 1 is cut off");
  EXPECT_EQ(Refusal("\x01\x0d\x02\x02x").message(), "field 6 is cut off");
}

TEST(TaggedTest, RefusesASecondEncodingOfTheSame) {
  for (const std::string& needless :
       {std::string("\x01\x04\x00", 3), std::string("\x01\x08\x06"), std::string("\x01\x03\x00", 3),
        std::string("\x01\x0b\x04open"), std::string("\x01\x13\x00", 3)}) {
    EXPECT_THAT(Refusal(needless).message(), HasSubstr("if it were absent"));
  }
  EXPECT_THAT(Refusal("\x01\x0f\x04\x01y\x01x").message(), HasSubstr("field 7 has items"));
  EXPECT_THAT(Refusal("\x01\x0f\x04\x01x\x01x").message(), HasSubstr("field 7 has items"));
  EXPECT_THAT(Refusal(std::string("\x01\x11\x06\x01P\x00\x01P\x00", 9)).message(),
              HasSubstr("field 8 has items"));
  EXPECT_THAT(Refusal(std::string("\x01\x04\x82\x00", 4)).message(), HasSubstr("no number"));
  EXPECT_THAT(Refusal("\x01\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").message(),
              HasSubstr("no number"));
}

TEST(TaggedTest, BoundsHowDeepStructsLie) {
  Tree tree;
  for (int depth = 1; depth <= kTaggedNesting; ++depth) {
    Tree next;
    next.branches.push_back(std::move(tree));
    tree = std::move(next);
  }
  EXPECT_TRUE(DecodeTagged<Tree>(EncodeTagged(tree)).ok());
  Tree deeper;
  deeper.branches.push_back(std::move(tree));
  EXPECT_THAT(DecodeTagged<Tree>(EncodeTagged(deeper)).status().message(),
              HasSubstr("more structs within structs"));
}

}  // namespace
}  // namespace grpc_os::core
