#include "cli/test_cli.h"

#include <array>

#include "base/check.h"

namespace bitvault::cli {
namespace {

std::optional<ServeOptions> last_served;

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 4096> chunk;
  for (std::size_t bytes = 0; (bytes = std::fread(chunk.data(), 1, chunk.size(), file)) > 0;) {
    text.append(chunk.data(), bytes);
  }
  return text;
}

}  // namespace

CliResult run_cli_for_test(std::vector<std::string> arguments, const CliInput& input) {
  arguments.insert(arguments.begin(), "bitvault-events");
  std::vector<const char*> argv;
  argv.reserve(arguments.size());
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  std::FILE* const out = std::tmpfile();
  std::FILE* const err = std::tmpfile();
  std::FILE* const in = std::tmpfile();
  check(out != nullptr && err != nullptr && in != nullptr, "temporary files");
  std::fwrite(input.in.data(), 1, input.in.size(), in);
  std::rewind(in);
  TestWorld world;
  last_served.reset();
  const auto environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = input.environment.find(name);
    return found == input.environment.end() ? std::nullopt : std::optional(found->second);
  };
  CliResult result;
  result.exit_code = run_cli(static_cast<int>(argv.size()), argv.data(),
                             {.world = world,
                              .environment = environment,
                              .out = input.out != nullptr ? input.out : out,
                              .err = input.err != nullptr ? input.err : err,
                              .in_fd = input.in_fd >= 0 ? input.in_fd : fileno(in)},
                             [](const ServeOptions& options) {
                               last_served = options;
                               return 0;
                             });
  result.out = contents(out);
  result.err = contents(err);
  for (std::FILE* file : {out, err, in}) {
    std::fclose(file);
  }
  return result;
}

const std::optional<ServeOptions>& served() { return last_served; }

}  // namespace bitvault::cli
