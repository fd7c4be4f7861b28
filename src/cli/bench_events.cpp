#include "cli/bench_events.h"

#include <fmt/format.h>

#include "base/text.h"

namespace bitvault::cli {
namespace {

constexpr std::uint64_t kNodes = 1'000;  // and as many partition keys

// About 800 bytes when it is committed.
constexpr const char* kEvent =
    R"({{"type":"bitvault.node.created.v1","id":"bench-{0}-{1}","subject":"{2}{1}.pdf",)"
    R"("partitionkey":"n_{3}","data":{{"actor":{{"kind":"ACTOR_KIND_SYSTEM","id":"bench",)"
    R"("name":"bitvault-events bench"}},"node":{{"id":"n_{3}","kind":"NODE_KIND_FILE",)"
    R"("name":"{1}.pdf","path":"{2}{1}.pdf","parentId":"n_bench","size":"48213",)"
    R"("mediaType":"application/pdf","checksum":)"
    R"("sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",)"
    R"("version":"1"}}}}}})";

}  // namespace

BenchEvents::BenchEvents(const std::string& run)
    : run_(run),
      subject_prefix_(fmt::format("/bench/{}/", run)),
      id_member_(fmt::format(R"("id":"bench-{}-)", run)) {}

std::string BenchEvents::lines(std::uint64_t first, std::uint64_t count) const {
  std::string text;
  for (std::uint64_t number = first; number < first + count; ++number) {
    fmt::format_to(std::back_inserter(text), kEvent, run_, number, subject_prefix_,
                   number % kNodes);
    text += '\n';
  }
  return text;
}

std::optional<std::uint64_t> BenchEvents::number_of(std::string_view event) const {
  const auto at = event.find(id_member_);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  event.remove_prefix(at + id_member_.size());
  return parse_uint(event.substr(0, event.find('"')));
}

}  // namespace bitvault::cli
