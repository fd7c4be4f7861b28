#include "cli/completion.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/test_cli.h"

namespace bitvault::cli {
namespace {

class Completion : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "completionXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string script(const std::string& shell) {
    const std::string path = folder_ / shell;
    const CliResult result = run_cli_for_test({"completion", shell});
    EXPECT_EQ(result.exit_code, 0);
    std::ofstream(path) << result.out;
    return path;
  }

  static std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* const pipe = popen(command.c_str(), "r");
    std::array<char, 4096> chunk;
    for (std::size_t bytes = 0; (bytes = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) {
      text.append(chunk.data(), bytes);
    }
    pclose(pipe);
    return text;
  }

  // What bash offers after these words, of which the last is being typed.
  std::string bash_offers(const std::string& words) {
    const std::string path = script("bash");
    const std::string program = folder_ / "ask";
    std::ofstream(program) << "source '" << path << "'\n"
                           << "COMP_WORDS=(bitvault-events " << words << ")\n"
                           << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                           << "_bitvault_events\n"
                           << "echo \"${COMPREPLY[*]}\"\n";
    return output_of("bash --norc '" + program + "' 2>&1");
  }

  std::filesystem::path folder_;
};

TEST_F(Completion, BashReadsItsScript) {
  EXPECT_EQ(std::system(("bash -n '" + script("bash") + "'").c_str()), 0);
}

TEST_F(Completion, BashCompletesCommandsOptionsAndChoices) {
  EXPECT_EQ(bash_offers("t"), "tail tenants\n");
  EXPECT_EQ(bash_offers("tenants ''"), "list show put rm\n");
  EXPECT_EQ(bash_offers("--url http://h tenants p"), "put\n");
  EXPECT_EQ(bash_offers("tenants put --ret"), "--retention-age --retention-events\n");
  EXPECT_EQ(bash_offers("tail --on-reset ''"), "earliest latest fail\n");
  EXPECT_EQ(bash_offers("tail --on-reset = l"), "latest\n");
  EXPECT_EQ(bash_offers("tail --from e"), "earliest\n");
  EXPECT_EQ(bash_offers("bench --mode ''"), "publish feed latency\n");
  EXPECT_EQ(bash_offers("tail --once --su"), "--subject-prefix\n");
  EXPECT_EQ(bash_offers("keys --tenant list c"), "create\n");  // a value is no command
  EXPECT_EQ(bash_offers("tail --tenant ''"), "\n");
  EXPECT_EQ(bash_offers("pattern ''"), "test\n");
}

TEST_F(Completion, BashCompletesFiles) {
  std::ofstream(folder_ / "cursor.state");
  EXPECT_EQ(bash_offers("tail --state '" + (folder_ / "cur").string() + "'"),
            (folder_ / "cursor.state").string() + "\n");
  EXPECT_EQ(bash_offers("pattern test --json '" + (folder_ / "cur").string() + "'"),
            (folder_ / "cursor.state").string() + "\n");
  EXPECT_EQ(bash_offers("pattern test --j"), "--json\n");
}

TEST_F(Completion, OtherShellsReadTheirs) {  // where they are installed
  for (const std::string shell : {"zsh", "fish"}) {
    const std::string path = script(shell);
    EXPECT_GT(std::filesystem::file_size(path), 1000u);
    const std::string command =
        "command -v " + shell + " >/dev/null || exit 0; " + shell + " -n '" + path + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << shell;
  }
}

}  // namespace
}  // namespace bitvault::cli
