// The Tree of a real directory.
#pragma once

#include <string>

#include "watch/tree.h"

namespace bitvault::watch {

class DiskTree final : public Tree {
 public:
  explicit DiskTree(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] std::expected<Identity, LookError> root() override;
  // Entries in the order of their names' bytes.
  [[nodiscard]] std::expected<Listing, LookError> list(const std::string& path) override;
  [[nodiscard]] Content read(const std::string& path, std::uint64_t bytes_max) override;

 private:
  std::string directory_;
};

}  // namespace bitvault::watch
