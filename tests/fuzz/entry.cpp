// What libFuzzer calls: the one target that is linked in.

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bitvault::fuzz::Target kTarget = bitvault::fuzz::targets().front();
  kTarget.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
