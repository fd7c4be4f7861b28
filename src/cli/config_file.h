// A TOML file of settings, read strictly: what nobody asked for is an error, so that a typo is not
// ignored silently. Every error is one line that begins with the file's name and the line's number
// and never quotes a value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace bitvault::cli {

class ConfigFile {
 public:
  // Error: kInvalid, with the place.
  [[nodiscard]] static Result<ConfigFile> parse(std::string_view text, std::string name);
  ~ConfigFile();
  ConfigFile(ConfigFile&& other) noexcept;
  ConfigFile& operator=(ConfigFile&& other) noexcept;

  // Each of these takes the key's value. One of a wrong type counts as absent, and finish() tells.
  [[nodiscard]] std::optional<std::string> string(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key);
  // An array of strings.
  [[nodiscard]] std::optional<std::vector<std::string>> strings(std::string_view key);
  // A table whose values are strings.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> table(std::string_view key);

  // The first value of a wrong type, or the first key that was not asked for.
  [[nodiscard]] Status finish() const;

 private:
  struct Impl;
  explicit ConfigFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The whole file. Error: kInvalid, "cannot read <path>: <why>", also for more than 1 MiB.
[[nodiscard]] Result<std::string> read_file(const std::string& path);
// The same of what is open already; `name` stands for the path.
[[nodiscard]] Result<std::string> read_all(int fd, std::string_view name);

}  // namespace bitvault::cli
