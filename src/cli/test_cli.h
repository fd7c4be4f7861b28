// Runs the command line inside a test: arguments in, exit code and both outputs back.
#pragma once

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/test_world.h"

namespace bitvault::cli {

struct CliResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

struct CliInput {
  std::map<std::string, std::string> environment{};
  std::string in{};          // standard input, whole
  std::FILE* out = nullptr;  // instead of collecting standard output
  std::FILE* err = nullptr;  // instead of collecting standard error
  int in_fd = -1;            // instead of `in`
};

[[nodiscard]] CliResult run_cli_for_test(std::vector<std::string> arguments,
                                         const CliInput& input = {});

// What `serve` was last given by run_cli_for_test().
[[nodiscard]] const std::optional<ServeOptions>& served();

}  // namespace bitvault::cli
