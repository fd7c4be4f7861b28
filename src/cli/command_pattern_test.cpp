#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.h"
#include "cli/test_cli.h"

namespace bitvault::cli {
namespace {

class PatternTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "patternXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view text) {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(PatternTest, SaysMatch) {
  const auto result = run_cli_for_test(
      {"pattern", "test", file("p", R"({"a":[{"prefix":"x"}]})"), file("e", R"({"a":"xy"})")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "match\n");
}

TEST_F(PatternTest, SaysWhyNot) {
  const std::string pattern =
      file("p", R"({"a":["\u001b[1m"],"$or":[{"b":[1]},{"c":[{"numeric":[">",5]}]}]})");
  const std::string event = file("e", R"({"a":"y","c":"7"})");
  const auto result = run_cli_for_test({"pattern", "test", pattern, event});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            "no match\n"
            "  a: no value meets it\n"
            "    wanted [\"\\u001b[1m\"]\n"
            "    had    \"y\"\n"
            "  and none of 2 alternatives:\n"
            "  1)\n"
            "    $or[0].b: the event has no such field, or only an empty array\n"
            "      wanted [1]\n"
            "      had    nothing\n"
            "  2)\n"
            "    $or[1].c: the event has a string, the pattern wants a number\n"
            "      wanted [{\"numeric\":[\">\",5]}]\n"
            "      had    \"7\"\n");
  const auto as_json = run_cli_for_test({"pattern", "test", "--json", pattern, event});
  EXPECT_EQ(as_json.exit_code, 1);
  const auto json = Json::parse(as_json.out);
  ASSERT_TRUE(json) << as_json.out;
  EXPECT_EQ(json->text_of("matched"), "false");
  EXPECT_EQ(json->member("unmet")->elements().at(0).text_of("path"), "a");
  EXPECT_EQ(json->member("alternatives")->elements().size(), 2U);
}

TEST_F(PatternTest, ReadsStandardInput) {
  const std::string pattern = file("p", R"({"a":[1]})");
  const std::string event = file("e", R"({"a":1})");
  EXPECT_EQ(run_cli_for_test({"pattern", "test", pattern, "-"}, {.in = R"({"a":1})"}).exit_code, 0);
  EXPECT_EQ(run_cli_for_test({"pattern", "test", "-", event}, {.in = R"({"a":[2]})"}).exit_code, 1);
  const auto both = run_cli_for_test({"pattern", "test", "-", "-"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_EQ(both.err, "error: only one of pattern and event can be read from stdin\n");
}

TEST_F(PatternTest, NeedsNoSettings) {
  const auto result =
      run_cli_for_test({"pattern", "test", file("p", R"({"a":[1]})"), file("e", R"({"a":1})")},
                       {.environment = {{"BITVAULT_URL", "no url"}, {"BITVAULT_TENANT", "NOT"}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(PatternTest, DoesNotSayNoMatchWhenItCannotBeWritten) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  const auto result = run_cli_for_test(
      {"pattern", "test", file("p", R"({"a":[1]})"), file("e", R"({"a":1})")}, {.out = full});
  std::fclose(full);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
}

TEST_F(PatternTest, TextOfTheEventCannotDriveTheTerminal) {
  const auto result = run_cli_for_test(
      {"pattern", "test", file("p", R"({"a":["x"]})"), file("e", "{\"a\":\"\xe2\x80\xae\"}")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out.find("\xe2\x80\xae"), std::string::npos) << result.out;
}

TEST_F(PatternTest, NamesWhatIsInvalid) {
  const std::string event = file("e", R"({"a":1})");
  const std::string invalid = file("p", R"({"a":{"b":"x"}})");
  const auto result = run_cli_for_test({"pattern", "test", invalid, event});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: " + invalid +
                            ": a.b: wanted values stand in an array: [\"x\"] instead of \"x\"\n");
  EXPECT_EQ(result.out, "");
  const std::string pattern = file("q", R"({"a":[1]})");
  for (const std::string& bad :
       {file("bad", "{"), file("list", "[]"), file("large", std::string(100'000, ' '))}) {
    const auto refused = run_cli_for_test({"pattern", "test", pattern, bad});
    EXPECT_EQ(refused.exit_code, 2) << bad;
    EXPECT_TRUE(refused.err.starts_with("error: " + bad + ": ")) << refused.err;
  }
  for (const std::string& unreadable :
       {(folder_ / "none").string(), folder_.string(), file("huge", std::string(3'000'000, ' '))}) {
    const auto refused = run_cli_for_test({"pattern", "test", unreadable, event});
    EXPECT_EQ(refused.exit_code, 2) << unreadable;
    EXPECT_TRUE(refused.err.starts_with("error: cannot read " + unreadable + ": ")) << refused.err;
  }
  const auto as_json = run_cli_for_test({"pattern", "test", invalid, event, "--json"});
  EXPECT_EQ(as_json.exit_code, 2);
  EXPECT_TRUE(Json::parse(as_json.err)->text_of("error").starts_with(invalid + ": a.b: "));
  EXPECT_EQ(run_cli_for_test({"pattern", "test", pattern}).exit_code, 2);
}

}  // namespace
}  // namespace bitvault::cli
