// For the tests of the server: a handler that can be watched, and a client of raw bytes.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "http/server.h"
#include "http/tls_fixture.h"
#include "net/real_world.h"

namespace bitvault::http {

// Echoes what it was given, except:
//   /small    takes at most ten bytes
//   /wait     waits until it is cancelled
//   /commit   waits for finish_commits(), whatever happens
//   /big      answers 64 MiB
//   /no       refuses a body that is still to come, with 401
//   /stream   streams what stream() is given, until "end" or "cut"; at "block" its thread does
//             nothing until unblock()
//   /flood    streams 1 MiB after the other
// The payer of a body, and of what a stream keeps, is in the header x-payer.
class EchoHandler final : public Handler {
 public:
  static constexpr std::size_t kBodyBytesMax = 1024 * 1024;
  static constexpr std::size_t kBigBytes = 64 * 1024 * 1024;

  explicit EchoHandler(World& world) : world_(world) {}

  std::size_t body_bytes_max(const Request& head) const override;
  Task<Admission> admit(const Request& head) override;
  Task<Response> handle(const Request& request) override;
  Response refuse(unsigned status, std::string_view why, std::string_view id) const override;

  // From another thread, as a store does it.
  void finish_commits();
  // Sends it, as the same bytes, on every open stream, from the thread of each; not on one whose
  // client has not taken what came before.
  void stream(const std::string& text);

  void unblock() { blocked_.release(); }

  std::atomic<int> waiting = 0;    // of /wait and /commit, ever
  std::atomic<int> cancelled = 0;  // that were cancelled when they answered
  std::atomic<int> streaming = 0;  // streams that are open
  std::atomic<int> ticked = 0;     // ticks that streams had

 private:
  class EchoStream;
  class FloodStream;

  [[nodiscard]] Task<> commit();

  World& world_;
  std::binary_semaphore blocked_{0};
  std::mutex mutex_;
  std::vector<EchoStream*> streams_;                      // guarded by mutex_
  std::vector<std::move_only_function<void()>> commits_;  // guarded by mutex_
};

enum class Wire { kPlain, kTls };

// Every case runs over both.
class ServerTest : public testing::TestWithParam<Wire> {
 protected:
  ServerTest();

  // On a free port, with a short tick, and one thread unless the options say otherwise.
  void start(ServerOptions options = {.threads = 1});

  // Has shaken hands.
  [[nodiscard]] Client connect();
  // Has not.
  [[nodiscard]] Client connect_raw();
  static void send(Client& client, std::string_view bytes);
  // Everything until the server closes.
  [[nodiscard]] static std::string read_all(Client& client);
  // One answer with its body.
  [[nodiscard]] static std::string read_answer(Client& client);
  [[nodiscard]] std::string talk(std::string_view bytes);

  // Returns when it holds; a test that waits in vain runs into its time-out.
  static void await(const std::function<bool()>& condition);

  // A connection whose request is being handled.
  [[nodiscard]] Client connect_waiting(const std::string& path = "/wait");

  RealWorld world_;
  EchoHandler handler_{world_};
  boost::asio::io_context context_;
  TlsFolder folder_;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Server> server_;
};

inline const auto kWires = testing::Values(Wire::kPlain, Wire::kTls);
[[nodiscard]] std::string wire_name(const testing::TestParamInfo<Wire>& info);

// A request that closes its connection.
[[nodiscard]] std::string get(const std::string& target, const std::string& headers = "");
[[nodiscard]] std::string post(const std::string& target, const std::string& headers,
                               const std::string& body);

}  // namespace bitvault::http
