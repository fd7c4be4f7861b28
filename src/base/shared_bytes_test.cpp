#include "base/shared_bytes.h"

#include <gtest/gtest.h>

#include <vector>

namespace bitvault {
namespace {

TEST(SharedBytes, OutliveWhatTheyWereCutFrom) {
  SharedBytes kept;
  {
    SharedBytes own(std::string(1'000, 'a'));
    kept = own;
  }
  EXPECT_EQ(kept, std::string(1'000, 'a'));
  const SharedBytes copy = kept;
  kept = SharedBytes();
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(copy.size(), 1'000u);
}

TEST(SharedBytesMaker, CopiesRunsOfAnySizeIntoFewChunks) {
  std::vector<SharedBytes> parts;
  std::vector<std::string> expected;
  std::size_t chunks = 0;
  {
    SharedBytesMaker maker;
    const char* end = nullptr;
    for (std::size_t i = 0; i < 3'000; ++i) {
      const std::size_t size = i % 500 == 499 ? 3 * SharedBytesMaker::kChunkBytes : i % 200;
      expected.emplace_back(size, static_cast<char>('a' + i % 26));
      parts.push_back(maker.copy(expected.back()));
      if (size > 0) {
        chunks += parts.back().data() == end ? 0 : 1;
        end = parts.back().data() + size;
      }
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i], expected[i]) << i;
  }
  EXPECT_LE(chunks, 20u) << "300 kB of small ones, and six large ones";
}

}  // namespace
}  // namespace bitvault
