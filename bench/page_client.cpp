// The client of page_bench.sh: one thread, many connections.
//
//   page_client fill PORT TENANT KEY BODY_FILE TIMES CONNECTIONS
//        publishes the body that many times
//   page_client walk PORT KEY TARGET CURSOR FOLDER
//        reads the feed from a cursor ("": its oldest event) to its end: each page becomes a file
//        of the folder, its target a line of FOLDER.ours and the file's a line of FOLDER.files;
//        prints the last cursor
//   page_client fetch PORT KEY LIST REPEATS CONNECTIONS
//        gets each target of the list so many times; prints the answers' bytes and the microseconds
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 256 * 1024;

[[noreturn]] void die(std::string_view why) {
  fmt::print(stderr, "page_client: {}\n", why);
  std::exit(1);
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string file_text(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    die("cannot read " + name);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

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

// One connection with one request under way.
class Exchange {
 public:
  explicit Exchange(std::uint16_t port) : fd_(connect_to(port)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { ::close(fd_); }

  [[nodiscard]] int fd() const { return fd_; }

  void send(std::string_view request) {
    head_.clear();
    left_.reset();
    while (!request.empty()) {
      const ssize_t sent = ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        die("cannot send");
      }
      request.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // Reads what has come; true when the answer is whole. Of its body, what came goes to `body`.
  [[nodiscard]] bool receive(std::vector<char>& buffer, std::string* body) {
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) {
      die("a connection ended");
    }
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    if (!left_) {
      bytes = take_head(bytes);
    }
    if (!left_) {
      return false;
    }
    if (body != nullptr) {
      *body += bytes;
    }
    if (bytes.size() > *left_) {
      die("an answer is longer than it says");
    }
    *left_ -= bytes.size();
    return *left_ == 0;
  }

  // Of the answer's body.
  [[nodiscard]] std::size_t length() const { return length_; }

 private:
  // Returns what is behind the head.
  std::string_view take_head(std::string_view bytes) {
    const std::size_t before = head_.size();
    head_ += bytes;
    const std::size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) {
      return {};
    }
    const std::size_t at = head_.find("Content-Length: ");
    if (!head_.starts_with("HTTP/1.1 2") || at > end) {
      die(head_.substr(0, 2'000));
    }
    length_ = number<std::size_t>(std::string_view(head_).substr(at + 16));
    left_ = length_;
    return bytes.substr(end + 4 - before);
  }

  int fd_;
  std::string head_;
  std::size_t length_ = 0;
  std::optional<std::size_t> left_;
};

struct Load {
  std::size_t requests = 0;
  std::size_t bytes = 0;
  double microseconds = 0;
};

// Sends what next() gives over all connections, one request each at a time, until it gives nothing.
Load run(std::uint16_t port, std::size_t connections,
         const std::function<std::string_view()>& next) {
  std::vector<std::unique_ptr<Exchange>> exchanges;
  const int epoll = ::epoll_create1(0);
  for (std::size_t i = 0; i < connections; ++i) {
    exchanges.push_back(std::make_unique<Exchange>(port));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, exchanges.back()->fd(), &event);
  }
  Load load;
  std::size_t open = 0;
  std::vector<char> buffer(kReadBytes);
  const auto begun = Clock::now();
  const auto send = [&](Exchange& exchange) {
    if (const std::string_view request = next(); !request.empty()) {
      exchange.send(request);
      ++open;
    }
  };
  for (const auto& exchange : exchanges) {
    send(*exchange);
  }
  std::vector<epoll_event> events(connections);
  while (open > 0) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 60'000);
    if (count <= 0) {
      die("no answer for a minute");
    }
    for (int i = 0; i < count; ++i) {
      Exchange& exchange = *exchanges[events[static_cast<std::size_t>(i)].data.u64];
      if (exchange.receive(buffer, nullptr)) {
        --open;
        ++load.requests;
        load.bytes += exchange.length();
        send(exchange);
      }
    }
  }
  load.microseconds = std::chrono::duration<double, std::micro>(Clock::now() - begun).count();
  ::close(epoll);
  return load;
}

std::string get(std::string_view target, std::string_view key) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", target, key);
}

int fill(std::uint16_t port, std::string_view tenant, std::string_view key, const std::string& body,
         std::size_t times, std::size_t connections) {
  const std::string request = fmt::format(
      "POST /v1/tenants/{}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/cloudevents-batch+json\r\nContent-Length: {}\r\n\r\n{}",
      tenant, key, body.size(), body);
  std::size_t sent = 0;
  run(port, connections, [&]() -> std::string_view {
    return sent++ < times ? std::string_view(request) : std::string_view();
  });
  return 0;
}

// A page's body, and the rest of it from its next_cursor on.
struct Page {
  std::string body;
  std::string cursor;
  bool more;
};

Page read_page(Exchange& exchange, const std::string& target, std::string_view key) {
  exchange.send(get(target, key));
  std::vector<char> buffer(kReadBytes);
  Page page;
  while (!exchange.receive(buffer, &page.body)) {
  }
  constexpr std::string_view kMember = "],\"next_cursor\":\"";
  const std::string rest = page.body.substr(page.body.rfind(kMember) + kMember.size());
  page.cursor = rest.substr(0, rest.find('"'));
  page.more = rest.ends_with("\"has_more\":true}\n");
  return page;
}

int walk(std::uint16_t port, std::string_view key, std::string_view target, std::string cursor,
         const std::string& folder) {
  std::ofstream ours(folder + ".ours");
  std::ofstream files(folder + ".files");
  const std::string name = folder.substr(folder.rfind('/') + 1);
  Exchange exchange(port);
  bool more = true;
  for (std::size_t number = 0; more; ++number) {
    const std::string next = fmt::format("{}{}", target, cursor.empty() ? "" : "&cursor=" + cursor);
    Page page = read_page(exchange, next, key);
    std::ofstream(fmt::format("{}/{}", folder, number), std::ios::binary) << page.body;
    ours << next << '\n';
    files << fmt::format("/{}/{}\n", name, number);
    cursor = std::move(page.cursor);
    more = page.more;
  }
  fmt::print("{}\n", cursor);
  return 0;
}

int fetch(std::uint16_t port, std::string_view key, const std::string& list, std::size_t repeats,
          std::size_t connections) {
  std::vector<std::string> requests;
  std::ifstream targets(list);
  for (std::string target; std::getline(targets, target);) {
    requests.push_back(get(target, key));
  }
  std::size_t sent = 0;
  const Load load = run(port, connections, [&]() -> std::string_view {
    return sent < repeats * requests.size() ? std::string_view(requests[sent++ % requests.size()])
                                            : std::string_view();
  });
  fmt::print("{} {} {:.0f}\n", load.requests, load.bytes, load.microseconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 7 && words[0] == "fill") {
    return fill(number<std::uint16_t>(words[1]), words[2], words[3],
                file_text(std::string(words[4])), number<std::size_t>(words[5]),
                number<std::size_t>(words[6]));
  }
  if (words.size() == 6 && words[0] == "walk") {
    return walk(number<std::uint16_t>(words[1]), words[2], words[3], std::string(words[4]),
                std::string(words[5]));
  }
  if (words.size() == 6 && words[0] == "fetch") {
    return fetch(number<std::uint16_t>(words[1]), words[2], std::string(words[3]),
                 number<std::size_t>(words[4]), number<std::size_t>(words[5]));
  }
  die("see the first lines of its source");
}
