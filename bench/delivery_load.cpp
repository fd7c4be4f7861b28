// What delivery_bench.sh drives: publishes to a running server and receives what it delivers.
//
//   delivery_load throughput URL KEY EVENT_FILE PID EVENTS
//        publishes in batches of 100 to a tenant without and then to one with a webhook, and posts
//        the same bodies to the same receiver with libcurl and HMAC alone. Prints: deliveries/s,
//        bare posts/s, processor microseconds that a delivery adds
//   delivery_load publish URL KEY EVENT_FILE EVENTS
//        publishes as many, and nothing is delivered
//   delivery_load latency URL KEY EVENT_FILE RATE SECONDS
//        prints p50 and p99 from before an event's publish to its receipt, in microseconds
//   delivery_load isolation URL KEY EVENT_FILE RATE SECONDS
//        the same p99 alone, and while a receiver that sleeps 20 s and one that refuses connections
//        are sent as many events of tenants of their own
//   delivery_load tenants URL KEY TENANTS        makes tenants
//   delivery_load webhooks URL KEY TENANTS EACH  gives each some webhooks
#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/crypto.h"
#include "base/text.h"
#include "delivery_receiver.h"

namespace bitvault::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::size_t kBatch = 100;
constexpr std::size_t kConcurrency = 100;
constexpr std::size_t kSampleBodies = 1'000;
constexpr auto kPatience = std::chrono::seconds(120);

[[noreturn]] void die(std::string_view why) {
  fmt::print(stderr, "delivery_load: {}\n", why);
  std::exit(1);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string file_text(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One connection to the server. Not thread-safe.
class Client {
 public:
  Client(std::string url, std::string_view key) : url_(std::move(url)) {
    headers_ = curl_slist_append(headers_, fmt::format("authorization: Bearer {}", key).c_str());
    headers_ = curl_slist_append(headers_, "content-type: application/json");
    batch_ = curl_slist_append(batch_, fmt::format("authorization: Bearer {}", key).c_str());
    batch_ = curl_slist_append(batch_, "content-type: application/cloudevents-batch+json");
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &write);
  }
  ~Client() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(batch_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void put(const std::string& path, const std::string& body) { send("PUT", path, body, headers_); }
  void post(const std::string& path, const std::string& body) {
    send("POST", path, body, headers_);
  }
  void publish(const std::string& tenant, const std::string& events) {
    send("POST", "/v1/tenants/" + tenant + "/events", events, batch_);
  }
  void add_webhook(const std::string& tenant, const std::string& url) {
    post("/v1/tenants/" + tenant + "/webhooks",
         fmt::format(R"({{"url":"{}","concurrency":{},"ordering":"none"}})", url, kConcurrency));
  }

 private:
  static std::size_t write(char* bytes, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(bytes, size * count);
    return size * count;
  }

  void send(const char* method, const std::string& path, const std::string& body,
            curl_slist* headers) {
    std::string answer;
    curl_easy_setopt(easy_, CURLOPT_URL, (url_ + path).c_str());
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &answer);
    long status = 0;
    if (curl_easy_perform(easy_) != CURLE_OK ||
        curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status >= 300) {
      die(fmt::format("{} {}: {} {}", method, path, status, answer));
    }
  }

  const std::string url_;
  CURL* const easy_ = curl_easy_init();
  curl_slist* headers_ = nullptr;
  curl_slist* batch_ = nullptr;
};

struct Server {
  std::string url;
  std::string key;
  std::string event;  // a JSON object
};

// The event with an id of its own: e-<number>.
std::string numbered(const Server& server, std::uint64_t number) {
  return fmt::format(R"({{"id":"e-{}",{})", number, server.event.substr(1));
}

void publish_batches(const Server& server, const std::string& tenant, std::uint64_t events) {
  Client client(server.url, server.key);
  for (std::uint64_t first = 0; first < events; first += kBatch) {
    std::string body;
    for (std::uint64_t i = first; i < std::min(events, first + kBatch); ++i) {
      body += (body.empty() ? "[" : ",") + numbered(server, i);
    }
    client.publish(tenant, body + "]");
  }
}

// Which events have come, and how long each took.
class Arrivals {
 public:
  explicit Arrivals(std::uint64_t events) : sent_(events), took_(events, -1) {}

  void sending(std::uint64_t event) { sent_[event] = Clock::now().time_since_epoch().count(); }
  void came(std::uint64_t event) {
    const std::lock_guard lock(mutex_);
    if (event < took_.size() && took_[event] < 0) {
      took_[event] = Clock::now().time_since_epoch().count() - sent_[event];
      ++count_;
    }
    changed_.notify_all();
  }
  void await_all() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return count_ == took_.size(); })) {
      die(fmt::format("{} of {} events arrived", count_, took_.size()));
    }
  }
  // Microseconds, when all have come.
  [[nodiscard]] std::int64_t percentile(double part) const {
    std::vector<std::int64_t> sorted = took_;
    std::ranges::sort(sorted);
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))] / 1'000;
  }

 private:
  std::vector<std::atomic<std::int64_t>> sent_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int64_t> took_;
  std::uint64_t count_ = 0;
};

// ---- What a delivery costs

double cpu_microseconds(const std::string& pid) {
  const std::string stat = file_text("/proc/" + pid + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  const std::vector<std::string> all{std::istream_iterator<std::string>(fields), {}};
  const double ticks = static_cast<double>(number(all.at(11)) + number(all.at(12)));
  return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Posts bodies with libcurl and HMAC alone: events/s.
class BarePosts {
 public:
  BarePosts(const std::string& url, std::span<const std::string> bodies, std::uint64_t posts)
      : bodies_(bodies), left_(posts) {
    for (std::size_t i = 0; i < kConcurrency; ++i) {
      Post& post = posts_.emplace_back();
      curl_easy_setopt(post.easy, CURLOPT_URL, url.c_str());
      curl_easy_setopt(post.easy, CURLOPT_PRIVATE, &post);
      begin(post);
    }
  }
  ~BarePosts() {
    for (const Post& post : posts_) {
      curl_multi_remove_handle(multi_, post.easy);
      curl_easy_cleanup(post.easy);
      curl_slist_free_all(post.headers);
    }
    curl_multi_cleanup(multi_);
  }
  BarePosts(const BarePosts&) = delete;
  BarePosts& operator=(const BarePosts&) = delete;

  void run() {
    for (int running = 1; running > 0;) {
      curl_multi_perform(multi_, &running);
      int queued = 0;
      while (const CURLMsg* const done = curl_multi_info_read(multi_, &queued)) {
        if (done->data.result != CURLE_OK) {
          die(curl_easy_strerror(done->data.result));
        }
        char* of = nullptr;
        curl_easy_getinfo(done->easy_handle, CURLINFO_PRIVATE, &of);
        curl_multi_remove_handle(multi_, done->easy_handle);
        running += begin(*reinterpret_cast<Post*>(of)) ? 1 : 0;
      }
      if (running > 0) {
        curl_multi_poll(multi_, nullptr, 0, 1'000, nullptr);
      }
    }
  }

 private:
  struct Post {
    CURL* easy = curl_easy_init();
    curl_slist* headers = nullptr;
  };

  // False: all were posted.
  bool begin(Post& post) {
    if (left_ == 0) {
      return false;
    }
    --left_;
    const std::string& body = bodies_[left_ % bodies_.size()];
    const std::string id = fmt::format("e-{}", left_);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    const Digest signature =
        hmac_sha256(std::as_bytes(std::span(secret_)), fmt::format("{}.{}.{}", id, seconds, body));
    curl_slist_free_all(post.headers);
    post.headers = curl_slist_append(nullptr, "content-type: application/cloudevents+json");
    for (const std::string& line :
         {"webhook-id: " + id, fmt::format("webhook-timestamp: {}", seconds),
          "webhook-signature: v1," + hex(signature), std::string("expect:")}) {
      post.headers = curl_slist_append(post.headers, line.c_str());
    }
    curl_easy_setopt(post.easy, CURLOPT_HTTPHEADER, post.headers);
    curl_easy_setopt(post.easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(post.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_multi_add_handle(multi_, post.easy);
    return true;
  }

  const std::span<const std::string> bodies_;
  std::uint64_t left_;
  const std::string secret_ = std::string(32, 's');
  CURLM* const multi_ = curl_multi_init();
  std::deque<Post> posts_;
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int throughput(const Server& server, const std::string& pid, std::uint64_t events) {
  Client client(server.url, server.key);
  client.put("/v1/tenants/quiet", "{}");
  client.put("/v1/tenants/busy", "{}");
  Arrivals arrivals(events);
  std::vector<std::string> bodies;
  DeliveryReceiver receiver([&](std::uint64_t event, std::string_view body) {
    if (bodies.size() < kSampleBodies) {
      bodies.emplace_back(body);
    }
    arrivals.came(event);
  });
  client.add_webhook("busy", receiver.url());

  const double before = cpu_microseconds(pid);
  publish_batches(server, "quiet", events);
  const double published = cpu_microseconds(pid);
  const double ours = seconds_of([&] {
    publish_batches(server, "busy", events);
    arrivals.await_all();
  });
  const double delivered = cpu_microseconds(pid);
  const std::vector<std::string> sample = bodies;  // the receiver goes on with its own
  const double bare = seconds_of([&] { BarePosts(receiver.url(), sample, events).run(); });
  const auto each = static_cast<double>(events);
  fmt::print("{:.0f} {:.0f} {:.1f}\n", each / ours, each / bare,
             ((delivered - published) - (published - before)) / each);
  return 0;
}

int publish(const Server& server, std::uint64_t events) {
  Client client(server.url, server.key);
  for (const char* tenant : {"quiet", "busy"}) {
    client.put(fmt::format("/v1/tenants/{}", tenant), "{}");
    publish_batches(server, tenant, events);
  }
  return 0;
}

// ---- How long a delivery takes

// Publishes single events of numbers from 0 on, so many a second, from a few connections.
void publish_paced(const Server& server, const std::string& tenant, std::uint64_t rate,
                   std::uint64_t events, Arrivals* arrivals) {
  constexpr std::uint64_t kConnections = 4;
  std::vector<std::jthread> threads;
  threads.reserve(kConnections);
  const auto begin = Clock::now();
  for (std::uint64_t lane = 0; lane < kConnections; ++lane) {
    threads.emplace_back([&, lane] {
      Client client(server.url, server.key);
      boost::asio::io_context context;
      boost::asio::steady_timer timer(context);
      for (std::uint64_t i = lane; i < events; i += kConnections) {
        timer.expires_at(begin + std::chrono::nanoseconds(1'000'000'000 * i / rate));
        timer.wait();
        if (arrivals != nullptr) {
          arrivals->sending(i);
        }
        client.publish(tenant, "[" + numbered(server, i) + "]");
      }
    });
  }
}

int latency(const Server& server, std::uint64_t rate, std::uint64_t seconds) {
  Client client(server.url, server.key);
  client.put("/v1/tenants/paced", "{}");
  Arrivals arrivals(rate * seconds);
  DeliveryReceiver receiver([&](std::uint64_t event, std::string_view) { arrivals.came(event); });
  client.add_webhook("paced", receiver.url());
  publish_paced(server, "paced", rate, rate * seconds, &arrivals);
  arrivals.await_all();
  fmt::print("{} {}\n", arrivals.percentile(0.5), arrivals.percentile(0.99));
  return 0;
}

int isolation(const Server& server, std::uint64_t rate, std::uint64_t seconds) {
  Client client(server.url, server.key);
  for (const char* tenant : {"alone", "beside", "sleeps", "refuses"}) {
    client.put(fmt::format("/v1/tenants/{}", tenant), "{}");
  }
  const std::uint64_t events = rate * seconds;
  const auto p99 = [&](const std::string& tenant) {
    Arrivals arrivals(events);
    DeliveryReceiver receiver([&](std::uint64_t event, std::string_view) { arrivals.came(event); });
    client.add_webhook(tenant, receiver.url());
    publish_paced(server, tenant, rate, events, &arrivals);
    arrivals.await_all();
    return arrivals.percentile(0.99);
  };
  const std::int64_t alone = p99("alone");
  DeliveryReceiver sleeper([](std::uint64_t, std::string_view) {}, std::chrono::seconds(20));
  client.add_webhook("sleeps", sleeper.url());
  client.add_webhook("refuses", "http://127.0.0.1:1/hook");
  std::int64_t beside = 0;
  {
    const std::jthread others([&] {
      std::jthread sleeping([&] { publish_paced(server, "sleeps", rate, events, nullptr); });
      publish_paced(server, "refuses", rate, events, nullptr);
    });
    beside = p99("beside");
  }
  fmt::print("{} {}\n", alone, beside);
  return 0;
}

// ---- Many tenants

void for_each_tenant(const Server& server, std::uint64_t tenants,
                     const std::function<void(Client&, const std::string&)>& work) {
  std::atomic<std::uint64_t> next{0};
  constexpr int kConnections = 16;
  std::vector<std::jthread> threads;
  threads.reserve(kConnections);
  for (int i = 0; i < kConnections; ++i) {
    threads.emplace_back([&] {
      Client client(server.url, server.key);
      for (std::uint64_t tenant = next++; tenant < tenants; tenant = next++) {
        work(client, fmt::format("t{}", tenant));
      }
    });
  }
}

int make_tenants(const Server& server, std::uint64_t tenants) {
  for_each_tenant(server, tenants, [](Client& client, const std::string& tenant) {
    client.put("/v1/tenants/" + tenant, "{}");
  });
  return 0;
}

int make_webhooks(const Server& server, std::uint64_t tenants, std::uint64_t each) {
  for_each_tenant(server, tenants, [&](Client& client, const std::string& tenant) {
    for (std::uint64_t i = 0; i < each; ++i) {
      client.add_webhook(tenant, fmt::format("http://127.0.0.1:9/hook-{}", i));
    }
  });
  return 0;
}

int main_of(const std::vector<std::string>& arguments) {
  const std::string what = arguments.empty() ? "" : arguments[0];
  const std::size_t count = arguments.size();
  const auto server = [&](std::size_t event_file) {
    std::string event = event_file == 0 ? "" : file_text(arguments[event_file]);
    return Server{.url = arguments[1],
                  .key = arguments[2],
                  .event = event.substr(0, event.find_last_of('}') + 1)};
  };
  if (what == "throughput" && count == 6) {
    return throughput(server(3), arguments[4], number(arguments[5]));
  }
  if (what == "publish" && count == 5) {
    return publish(server(3), number(arguments[4]));
  }
  if (what == "latency" && count == 6) {
    return latency(server(3), number(arguments[4]), number(arguments[5]));
  }
  if (what == "isolation" && count == 6) {
    return isolation(server(3), number(arguments[4]), number(arguments[5]));
  }
  if (what == "tenants" && count == 4) {
    return make_tenants(server(0), number(arguments[3]));
  }
  if (what == "webhooks" && count == 5) {
    return make_webhooks(server(0), number(arguments[3]), number(arguments[4]));
  }
  die("see the top of delivery_load.cpp for what it does");
}

}  // namespace
}  // namespace bitvault::bench

int main(int argc, char** argv) { return bitvault::bench::main_of({argv + 1, argv + argc}); }
