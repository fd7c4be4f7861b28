#include "tidy/files.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace bitvault::tidy {

std::optional<std::string> read_text(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  return text;
}

}  // namespace bitvault::tidy
