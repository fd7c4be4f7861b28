// What one event costs that goes to N open streams, beside plain send() calls of the same bytes to
// as many connections of one thread; and what a stream that waits costs in memory.
//
//   stream_fan_out plain N BYTES ROUNDS         prints the median time in us until all have it
//   stream_fan_out served PORT TENANT KEY N PID ROUNDS
//        opens N streams at the server, prints the server's own memory of each in bytes, the median
//        time in us from a publish on until all have it, and p50 and p99 in us of another tenant's
//        requests without and with publishes going on
//   stream_fan_out sender N BYTES              says its port, accepts a connection that gives the
//        word and N others, and sends so many bytes to each of these at each byte of the first
//   stream_fan_out beside PORT TENANT KEY N SENDER ROUNDS
//        what `served` says last, of a server without streams whose publishes a sender's receivers
//        get instead: the same receivers, bytes and requests, in the same number of processes
//   stream_fan_out nchan PORT N ROUNDS         the time of `served`, and p50 and p99 of other
//        requests, of nginx with Nchan
#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(std::string_view why) {
  fmt::print(stderr, "stream_fan_out: {}\n", why);
  std::exit(1);
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double quantile(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

// The pace of the load, or the length of a measurement.
void pace(int milliseconds) { ::poll(nullptr, 0, milliseconds); }

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    die("cannot connect");
  }
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      die("cannot send");
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Many connections, of which each is to receive so many bytes more.
class Receivers {
 public:
  explicit Receivers(std::vector<int> fds) : fds_(std::move(fds)), epoll_(::epoll_create1(0)) {
    for (std::size_t i = 0; i < fds_.size(); ++i) {
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[i], &event);
    }
    ends_.resize(fds_.size());
  }

  // Until each has received something that ends as a block does, since the last time.
  void receive_a_block_each() {
    ends_.assign(fds_.size(), false);
    std::size_t missing = fds_.size();
    std::vector<epoll_event> events(1'024);
    std::vector<char> bytes(64 * 1024);
    while (missing > 0) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 60'000);
      if (count <= 0) {
        die(fmt::format("{} connections received nothing for a minute", missing));
      }
      for (int i = 0; i < count; ++i) {
        const std::size_t at = events[static_cast<std::size_t>(i)].data.u64;
        const ssize_t read = ::recv(fds_[at], bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (read <= 0) {
          die("a connection ended");
        }
        const std::string_view text(bytes.data(), static_cast<std::size_t>(read));
        if (!ends_[at] && text.ends_with("\n\n") && text != ":\n\n") {
          ends_[at] = true;
          --missing;
        }
      }
    }
  }

 private:
  std::vector<int> fds_;
  std::vector<bool> ends_;
  int epoll_;
};

struct Listener {
  Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 1'024) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      die("cannot listen");
    }
    port = ntohs(address.sin_port);
  }

  [[nodiscard]] int accept() const { return ::accept(fd, nullptr, nullptr); }

  const int fd;
  std::uint16_t port = 0;
};

std::string block_of(std::size_t bytes) { return std::string(bytes - 2, 'x') + "\n\n"; }

int plain(std::size_t connections, std::size_t bytes, std::size_t rounds) {
  const Listener listener;
  std::vector<int> senders;
  std::vector<int> receivers;
  for (std::size_t i = 0; i < connections; ++i) {
    receivers.push_back(connect_to(listener.port));
    senders.push_back(listener.accept());
  }
  Receivers all(std::move(receivers));
  const std::string block = block_of(bytes);
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto begun = Clock::now();
    std::thread sending([&] {
      for (const int fd : senders) {
        send_all(fd, block);
      }
    });
    all.receive_a_block_each();
    times.push_back(microseconds(Clock::now() - begun));
    sending.join();
  }
  fmt::print("{:.0f}\n", quantile(times, 0.5));
  return 0;
}

// Ends when the connection that gives the word does.
int send_on_demand(std::size_t connections, std::size_t bytes) {
  const Listener listener;
  fmt::print("{}\n", listener.port);
  std::fflush(stdout);
  const int word = listener.accept();
  std::vector<int> senders(connections);
  std::ranges::generate(senders, [&] { return listener.accept(); });
  const std::string block = block_of(bytes);
  char byte = 0;
  while (::recv(word, &byte, 1, 0) == 1) {
    for (const int fd : senders) {
      send_all(fd, block);
    }
  }
  return 0;
}

// One connection that sends a request and reads its answer, which has a length.
class Caller {
 public:
  explicit Caller(std::uint16_t port) : fd_(connect_to(port)) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { ::close(fd_); }

  void call(std::string_view request) {
    send_all(fd_, request);
    std::string answer;
    std::size_t whole = std::string::npos;
    while (answer.size() < whole) {
      char bytes[16 * 1024];
      const ssize_t read = ::recv(fd_, bytes, sizeof bytes, 0);
      if (read <= 0) {
        die("a request had no answer");
      }
      answer.append(bytes, static_cast<std::size_t>(read));
      const std::size_t head = answer.find("\r\n\r\n");
      const std::size_t length = answer.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos) {
        whole = head + 4 + number<std::size_t>(std::string_view(answer).substr(length + 16));
      }
    }
    if (!answer.starts_with("HTTP/1.1 2")) {
      die(answer);
    }
  }

 private:
  int fd_;
};

std::size_t own_memory(std::string_view pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) {
      return number<std::size_t>(line.substr(line.find_first_of("0123456789"))) * 1'024;
    }
  }
  die("the server has no memory");
}

struct Target {
  std::uint16_t port;
  std::string tenant;
  std::string key;

  [[nodiscard]] std::string get(std::string_view path, std::string_view accept) const {
    return fmt::format(
        "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept: {}\r\n\r\n", path, key,
        accept);
  }
  // What another tenant asks for meanwhile.
  [[nodiscard]] std::string other() const {
    return get("/v1/tenants/other/events?limit=1", "application/json");
  }
  [[nodiscard]] std::string publish(std::string_view body) const {
    return fmt::format(
        "POST /v1/tenants/{}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/cloudevents+json\r\nContent-Length: {}\r\n\r\n{}",
        tenant, key, body.size(), body);
  }
};

// The latencies of a request, made again and again, while something happens.
template <class Happening>
std::vector<double> watch(std::uint16_t port, const std::string& request, Happening happening) {
  std::atomic<bool> going = true;
  std::vector<double> times;
  std::thread watching([&] {
    Caller caller(port);
    while (going) {
      const auto begun = Clock::now();
      caller.call(request);
      times.push_back(microseconds(Clock::now() - begun));
      pace(1);
    }
  });
  happening();
  going = false;
  watching.join();
  return times;
}

std::string in_short(const std::vector<double>& times) {
  return fmt::format("{:.0f} {:.0f}", quantile(times, 0.5), quantile(times, 0.99));
}

// The median time until all have received what `publish` sends.
template <class Publish>
double time_of_a_round(Receivers& all, std::size_t rounds, Publish publish) {
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto begun = Clock::now();
    std::thread publishing(publish);
    all.receive_a_block_each();
    times.push_back(microseconds(Clock::now() - begun));
    publishing.join();
  }
  return quantile(times, 0.5);
}

std::vector<int> connect_all(std::uint16_t port, std::size_t count, std::string_view hello) {
  std::vector<int> fds;
  for (std::size_t i = 0; i < count; ++i) {
    fds.push_back(connect_to(port));
    send_all(fds.back(), hello);
  }
  return fds;
}

std::string event_from_input() { return {std::istreambuf_iterator<char>(std::cin.rdbuf()), {}}; }

int served(const Target& target, std::size_t streams, std::string_view pid, std::size_t rounds) {
  const std::string publish = target.publish(event_from_input());
  const std::size_t before = own_memory(pid);
  Receivers all(connect_all(
      target.port, streams,
      target.get(fmt::format("/v1/tenants/{}/events", target.tenant), "text/event-stream")));
  all.receive_a_block_each();  // `retry`
  pace(3'000);
  const std::size_t each = (own_memory(pid) - before) / streams;
  const auto quiet = watch(target.port, target.other(), [] { pace(2'000); });
  Caller publisher(target.port);
  const double time = time_of_a_round(all, rounds, [&] { publisher.call(publish); });
  const auto busy = watch(target.port, target.other(), [&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      publisher.call(publish);
      all.receive_a_block_each();
    }
  });
  fmt::print("{} {:.0f} {} {}\n", each, time, in_short(quiet), in_short(busy));
  return 0;
}

int beside(const Target& target, std::size_t receivers, std::uint16_t sender, std::size_t rounds) {
  const std::string publish = target.publish(event_from_input());
  const int word = connect_to(sender);
  Receivers all(connect_all(sender, receivers, {}));
  Caller publisher(target.port);
  const auto busy = watch(target.port, target.other(), [&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      publisher.call(publish);
      send_all(word, "x");
      all.receive_a_block_each();
    }
  });
  ::close(word);
  fmt::print("{}\n", in_short(busy));
  return 0;
}

int nchan(std::uint16_t port, std::size_t streams, std::size_t rounds) {
  const std::string event = event_from_input();
  const std::string publish = fmt::format(
      "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", event.size(), event);
  Receivers all(connect_all(
      port, streams, "GET /subscribe HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"));
  all.receive_a_block_each();  // `: hi`
  Caller publisher(port);
  const double time = time_of_a_round(all, rounds, [&] { publisher.call(publish); });
  const auto busy = watch(port, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n", [&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      publisher.call(publish);
      all.receive_a_block_each();
    }
  });
  fmt::print("{:.0f} {}\n", time, in_short(busy));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const auto is = [&](std::string_view mode, std::size_t arguments) {
    return words.size() == arguments + 1 && words[0] == mode;
  };
  const auto count = [&](std::size_t at) { return number<std::size_t>(words[at]); };
  const auto port = [&](std::size_t at) { return number<std::uint16_t>(words[at]); };
  if (is("plain", 3)) {
    return plain(count(1), count(2), count(3));
  }
  if (is("sender", 2)) {
    return send_on_demand(count(1), count(2));
  }
  if (is("nchan", 3)) {
    return nchan(port(1), count(2), count(3));
  }
  if (is("served", 6) || is("beside", 6)) {
    const Target target{port(1), std::string(words[2]), std::string(words[3])};
    return words[0] == "served" ? served(target, count(4), words[5], count(6))
                                : beside(target, count(4), port(5), count(6));
  }
  die("see the first lines of its source");
}
