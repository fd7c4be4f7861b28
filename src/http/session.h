// One connection: reads requests one after the other, has each handled, writes its answer.
//
// A Session lives on its worker's single thread. Its waits have deadlines, which the worker's
// coarse clock enforces by calling expire(): a wait for bytes then ends, and the session answers
// 408 or closes. Bodies are charged to a budget that all connections share before they are read.
#pragma once

#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "http/server.h"

namespace bitvault::http {

// What the connections of one worker share.
struct SessionContext {
  const ServerOptions& options;
  Handler& handler;
  World& world;
  std::atomic<std::size_t>& body_bytes_in_flight;
  std::string date;  // of the present second
  bool stopping = false;
};

class Session {
 public:
  Session(boost::asio::ip::tcp::socket socket, SessionContext& context);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs until the connection ends. To be spawned with slot() as its cancellation slot.
  [[nodiscard]] Task<> run();

  [[nodiscard]] boost::asio::cancellation_slot slot() { return signal_.slot(); }
  // Ends the present wait for bytes when its deadline has passed.
  void expire(MonotonicTime now);
  // Ends every wait: an idle connection closes, a request in flight is answered soon.
  void wind_up();
  // Closes the socket whatever it is doing.
  void abort();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  // Why reading a request ended without one.
  struct Refusal {
    unsigned status = 0;  // 0: close without an answer
    std::string why;
  };

  [[nodiscard]] Task<std::optional<Refusal>> read_head(Parser& parser);
  [[nodiscard]] Task<std::optional<Refusal>> read_body(Parser& parser);
  [[nodiscard]] Task<std::optional<Refusal>> read_some();
  [[nodiscard]] std::optional<Refusal> admit(Parser& parser);
  void describe(Parser& parser);
  [[nodiscard]] Task<bool> answer(const Response& response, bool keep_alive, bool head_only);
  [[nodiscard]] Task<bool> serve_one();
  [[nodiscard]] Task<> refuse(const Refusal& refusal);
  [[nodiscard]] Task<> close();
  void set_deadline(Duration from_now);
  [[nodiscard]] std::string make_request_id(std::string_view given);
  void release_body();

  boost::asio::ip::tcp::socket socket_;
  SessionContext& context_;
  boost::asio::cancellation_signal signal_;
  boost::beast::flat_buffer buffer_;
  std::string out_;
  std::string names_;  // the lower-case header names that request_ points into
  Request request_;
  std::optional<MonotonicTime> deadline_;
  bool expired_ = false;
  bool loopback_ = false;
  std::size_t body_charge_ = 0;
};

}  // namespace bitvault::http
