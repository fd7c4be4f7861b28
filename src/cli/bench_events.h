// The events that one run of `bench` publishes: numbered, and known by the run's name. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitvault::cli {

class BenchEvents {
 public:
  // `run`: letters and digits, another for each run.
  explicit BenchEvents(const std::string& run);

  // Events `first` to `first + count - 1`, a line each.
  [[nodiscard]] std::string lines(std::uint64_t first, std::uint64_t count) const;
  // The number of an event of this run, from its encoded bytes.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view event) const;
  // What all their subjects begin with: "/bench/<run>/".
  [[nodiscard]] const std::string& subject_prefix() const { return subject_prefix_; }

 private:
  std::string run_;
  std::string subject_prefix_;
  std::string id_member_;  // "id":"bench-<run>-
};

}  // namespace bitvault::cli
