// The Outlet of one connection: sends without waiting, keeps what the client does not take, and
// gives up on a client that does not take that in time.
//
// What it keeps is charged to the answers' budget, as its stream's payer's, and once for all
// outlets of a thread that keep the same; there being no room ends the connection, as a slow client
// does: it resumes from the last event it has. On the connection's thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "http/session.h"

namespace bitvault::http {

class StreamOutlet final : public Outlet {
 public:
  StreamOutlet(Transport& transport, SessionContext& context, const Stream& stream);

  [[nodiscard]] bool send(std::span<const std::string_view> pieces,
                          std::shared_ptr<const std::string> owner) override;
  [[nodiscard]] Task<bool> flushed() override;
  [[nodiscard]] Task<bool> rest() override;
  void rouse() override;
  void cut() override;

  // Ends a wait whose time is over.
  void tick(MonotonicTime now);

  [[nodiscard]] bool resting() const { return wait_ == Wait::kRest; }
  // Whether it waits for the client, and so sees by itself when that goes.
  [[nodiscard]] bool waiting() const { return wait_ != Wait::kNone; }

 private:
  enum class Wait : std::uint8_t { kNone, kRest, kFlush };

  // What the client has not taken yet.
  struct Rest {
    std::vector<std::string_view> pieces;
    SharedCharges::Part charge;                // for the owner
    std::shared_ptr<const std::string> owner;  // of the pieces
    MonotonicTime progress_until;
    MonotonicTime all_until;
  };

  [[nodiscard]] Task<bool> wait_for_rouse();
  void send_some();
  void keep(std::span<const std::string_view> pieces, std::size_t sent,
            std::shared_ptr<const std::string> owner);

  Transport& transport_;
  SessionContext& context_;
  const Stream& stream_;
  Wait wait_ = Wait::kNone;
  bool roused_ = false;
  bool broken_ = false;  // the connection is to end

  std::unique_ptr<Rest> rest_;
};

}  // namespace bitvault::http
