// One connection: reads requests one after the other, has each handled, writes its answer. One that
// goes on as a stream is handed over to a session of another worker, which only streams.
//
// A Session lives on its worker's single thread. The worker's coarse clock calls tick(), which ends
// waits whose deadline has passed, takes the buffers of a connection that idles, and looks whether
// the client of a long request is still there.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/budget.h"
#include "http/request_head.h"
#include "http/server.h"
#include "http/transport.h"

namespace bitvault::http {

class StreamOutlet;

// What the connections of one worker share.
struct SessionContext {
  const ServerOptions& options;
  Handler& handler;
  World& world;
  ServerCounters& counters;
  Budget& bodies;
  Budget& answers;
  std::string date;  // of the present second
  bool stopping = false;
  SharedCharges kept{answers};  // what streams keep for their clients
};

class Session {
 public:
  enum class Welcome { kServe, kTurnAway };

  // A connection that goes on as a stream.
  struct Streaming {
    Transport::Loose connection;
    std::unique_ptr<Stream> stream;
  };

  Session(Socket socket, SessionContext& context, Welcome welcome);
  Session(Streaming streaming, boost::asio::io_context& executor, SessionContext& context);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs until the connection ends, or is to go on as a stream. To be spawned with slot() as its
  // cancellation slot.
  [[nodiscard]] Task<> run();
  // What it goes on as, once it has run.
  [[nodiscard]] std::optional<Streaming> hand_over();

  [[nodiscard]] boost::asio::cancellation_slot slot() { return signal_.slot(); }
  void tick(MonotonicTime now);
  // An idle connection ends and so does a handshake, a handler is cancelled; what is read or
  // written goes on to its answer.
  void wind_up();
  // Closes the socket whatever it is doing.
  void close_now();

  [[nodiscard]] Welcome welcome() const { return welcome_; }

 private:
  enum class Phase { kGreeting, kIdle, kReading, kHandling, kStreaming, kWriting, kLingering };
  using Refused = std::optional<Refusal>;

  [[nodiscard]] Task<> serve();
  [[nodiscard]] Task<bool> greet();
  [[nodiscard]] Task<bool> serve_one();
  [[nodiscard]] Task<Refused> read_head();
  [[nodiscard]] Refused begin_request();
  [[nodiscard]] bool body_is_here() const;
  [[nodiscard]] Task<std::optional<Response>> admit();
  [[nodiscard]] Task<Refused> read_body();
  [[nodiscard]] Task<Refused> read_sized_body();
  [[nodiscard]] Task<Refused> read_chunked_body();
  [[nodiscard]] Task<bool> answer(const Response& response, bool keep_alive);
  [[nodiscard]] Task<> begin_stream(Response response);
  [[nodiscard]] Task<> stream();
  [[nodiscard]] Task<> refuse(const Refusal& refusal);
  [[nodiscard]] Task<> linger();

  [[nodiscard]] Task<bool> fill();
  [[nodiscard]] Task<bool> write(std::string_view first, std::string_view second);

  [[nodiscard]] Response render_refusal(unsigned status, std::string_view why) const;
  [[nodiscard]] Refusal ended() const;
  [[nodiscard]] std::string_view unread() const;
  void attend_stream(MonotonicTime now);
  void attend_long_request();
  void enter(Phase phase);
  void enter(Phase phase, Duration timeout);
  void rest();
  void park();

  Transport transport_;
  SessionContext& context_;
  const Welcome welcome_;
  const bool streams_;  // and has served its request elsewhere
  bool loopback_ = false;

  boost::asio::cancellation_signal signal_;  // cancels the handler
  Phase phase_ = Phase::kIdle;
  std::optional<MonotonicTime> deadline_;  // of the phase
  unsigned ticks_ = 0;                     // since the phase began
  bool expired_ = false;
  bool parking_ = false;
  bool client_gone_ = false;
  bool unread_expected_ = false;    // the client may have sent more than was read
  std::unique_ptr<Stream> stream_;  // what the answer goes on with
  StreamOutlet* outlet_ = nullptr;  // while it does

  std::unique_ptr<char[]> buffer_;  // what was read: begin_ to end_ is left
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  HeadReader head_reader_;
  RequestHead head_;
  Request request_;
  std::size_t body_bytes_max_ = 0;
  std::string body_;
  Charge body_charge_;
  std::string out_;
};

}  // namespace bitvault::http
