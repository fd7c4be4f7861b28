// The World outside: the machine's clocks, the operating system's random source, Asio's timers.
#pragma once

#include <memory>

#include "world/world.h"

namespace bitvault {

class RealWorld final : public World {
 public:
  RealWorld();
  ~RealWorld() override;

  [[nodiscard]] const Clock& clock() const override;
  [[nodiscard]] Random& random() override;
  [[nodiscard]] Task<> sleep(Duration delay) override;

 private:
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
};

}  // namespace bitvault
