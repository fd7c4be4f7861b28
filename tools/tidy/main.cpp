// tidy [ROOT]: checks the rules of the house on every file that git tracks, or would track.
//
// Prints one line per finding, as a compiler does. Exit code 0: nothing to mend (warnings may
// stand), 1: findings, 2: it could not run.

#include <sys/wait.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidy/files.h"
#include "tidy/rules.h"

namespace bitvault::tidy {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

// The paths that git knows or would add, relative to `root`.
std::optional<std::vector<std::string>> tracked_files(const std::string& root) {
  const std::string command =
      "git -C " + quoted(root) + " ls-files --cached --others --exclude-standard -z";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> paths;
  std::string path;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    if (c != '\0') {
      path += static_cast<char>(c);
    } else {
      paths.push_back(std::exchange(path, {}));
    }
  }
  if (pclose(pipe) != 0) {
    return std::nullopt;
  }
  return paths;
}

int run(const std::string& root) {
  const auto paths = tracked_files(root);
  if (!paths) {
    std::fputs("tidy: git could not list the files: run it inside the repository\n", stderr);
    return 2;
  }
  std::vector<std::pair<std::string, std::string>> files;
  for (const std::string& path : *paths) {
    if (auto text = read_text(root + "/" + path)) {
      files.emplace_back(path, std::move(*text));
    }
  }
  std::size_t errors = 0;
  for (const Finding& finding : check_all(make_tree(files))) {
    std::puts(render(finding).c_str());
    errors += finding.warning ? 0 : 1;
  }
  std::printf("tidy: %zu files, %zu to mend\n", files.size(), errors);
  return errors == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bitvault::tidy

int main(int argc, char** argv) { return bitvault::tidy::run(argc > 1 ? argv[1] : "."); }
