#include "net/courier.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/flight.h"
#include "net/transfer.h"

namespace bitvault::net {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kIdleFlightsMax = 256;
constexpr int kPollMilliseconds = 1'000;
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

std::string authorities(const std::string& wanted) {
  if (!wanted.empty()) {
    return wanted;
  }
  const curl_version_info_data* const version = curl_version_info(CURLVERSION_NOW);
  return version->cainfo != nullptr ? version->cainfo : kSystemAuthorities;
}

OutgoingResult cancelled() {
  OutgoingResult result;
  result.answer = std::unexpected(OutgoingFailure::kCancelled);
  result.detail = "the request was cancelled";
  return result;
}

}  // namespace

// The thread: takes requests in, lets libcurl work, gives results back.
class Courier::Loop {
 public:
  using Done = std::move_only_function<void(OutgoingResult)>;

  Loop(CourierOptions options, const AddressPolicy& policy)
      : policy_(policy),
        ca_file_(authorities(options.ca_file)),
        user_agent_(std::move(options.user_agent)),
        multi_(make_multi()) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, options.connections_max);
    thread_ = std::thread([this] { run(); });
  }

  ~Loop() {
    {
      const std::scoped_lock lock(mutex_);
      inbox_.stop = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // `done` is called on the thread, once.
  std::uint64_t send(OutgoingRequest request, Done done) {
    std::uint64_t id = 0;
    bool wake = false;
    {
      const std::scoped_lock lock(mutex_);
      id = ++ids_;
      wake = inbox_.requests.empty();
      inbox_.requests.push_back({id, std::move(request), std::move(done)});
    }
    if (wake) {
      curl_multi_wakeup(multi_.get());
    }
    return id;
  }

  // Of one that has ended already: nothing.
  void cancel(std::uint64_t id) {
    {
      const std::scoped_lock lock(mutex_);
      inbox_.cancelled.push_back(id);
    }
    curl_multi_wakeup(multi_.get());
  }

 private:
  struct Waiting {
    std::uint64_t id;
    OutgoingRequest request;
    Done done;
  };
  struct Inbox {
    std::vector<Waiting> requests;
    std::vector<std::uint64_t> cancelled;
    bool stop = false;
  };
  struct Flying {
    std::unique_ptr<Flight> flight;
    Done done;
  };

  void run() {
    bool stop = false;
    while (!stop) {
      stop = take_inbox();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      land();
      if (!stop) {
        curl_multi_poll(multi_.get(), nullptr, 0, kPollMilliseconds, nullptr);
      }
    }
    for (auto& [id, flying] : flying_) {
      curl_multi_remove_handle(multi_.get(), flying.flight->handle());
      flying.done(cancelled());
    }
    flying_.clear();
    idle_.clear();
  }

  // True: stop.
  bool take_inbox() {
    Inbox inbox;
    {
      const std::scoped_lock lock(mutex_);
      inbox = std::exchange(inbox_, {});
    }
    for (Waiting& waiting : inbox.requests) {
      begin(std::move(waiting));
    }
    for (const std::uint64_t id : inbox.cancelled) {
      if (const auto flying = flying_.find(id); flying != flying_.end()) {
        end(flying, cancelled());
      }
    }
    return inbox.stop;
  }

  void begin(Waiting waiting) {
    std::unique_ptr<Flight> flight;
    if (idle_.empty()) {
      flight = std::make_unique<Flight>(policy_, ca_file_, user_agent_);
    } else {
      flight = std::move(idle_.back());
      idle_.pop_back();
    }
    flight->prepare(std::move(waiting.request));
    by_handle_.emplace(flight->handle(), waiting.id);
    curl_multi_add_handle(multi_.get(), flight->handle());
    flying_.emplace(waiting.id, Flying{std::move(flight), std::move(waiting.done)});
  }

  void land() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) {
        continue;
      }
      const CURLcode outcome = message->data.result;
      const auto flying = flying_.find(by_handle_.at(message->easy_handle));
      OutgoingResult result = flying->second.flight->finish(outcome);
      end(flying, std::move(result));
    }
  }

  void end(std::unordered_map<std::uint64_t, Flying>::iterator flying, OutgoingResult result) {
    CURL* const handle = flying->second.flight->handle();
    curl_multi_remove_handle(multi_.get(), handle);
    by_handle_.erase(handle);
    if (idle_.size() < kIdleFlightsMax) {
      idle_.push_back(std::move(flying->second.flight));
    }
    Done done = std::move(flying->second.done);
    flying_.erase(flying);
    done(std::move(result));
  }

  const AddressPolicy& policy_;
  const std::string ca_file_;
  const std::string user_agent_;
  const MultiHandle multi_;

  // Of the thread.
  std::unordered_map<std::uint64_t, Flying> flying_;
  std::unordered_map<CURL*, std::uint64_t> by_handle_;
  std::vector<std::unique_ptr<Flight>> idle_;

  std::mutex mutex_;
  Inbox inbox_;            // guarded by mutex_
  std::uint64_t ids_ = 0;  // likewise
  std::thread thread_;
};

Courier::Courier(CourierOptions options, AddressPolicy policy)
    : policy_(std::move(policy)), loop_(std::make_unique<Loop>(std::move(options), policy_)) {}

Courier::~Courier() = default;

Task<OutgoingResult> Courier::send(OutgoingRequest request) {
  if (const auto judged = judge_url(request.url, policy_); !judged) {
    OutgoingResult result;
    result.answer = std::unexpected(OutgoingFailure::kForbidden);
    result.detail = "the URL " + judged.error();
    co_return result;
  }
  const auto begin = [this](auto handler, OutgoingRequest what) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    const auto executor = asio::get_associated_executor(handler);
    Loop* const loop = loop_.get();
    const std::uint64_t id = loop->send(std::move(what), [handler = std::move(handler),
                                                          executor](OutgoingResult result) mutable {
      asio::post(executor, [handler = std::move(handler), result = std::move(result)]() mutable {
        asio::get_associated_cancellation_slot(handler).clear();
        std::move(handler)(std::move(result));
      });
    });
    if (slot.is_connected()) {
      slot.assign([loop, id](asio::cancellation_type) { loop->cancel(id); });
    }
  };
  OutgoingResult result =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(OutgoingResult)>(
          begin, asio::use_awaitable, std::move(request));
  co_return result;
}

Task<std::expected<void, std::string>> Courier::judge(std::string url) {
  using Judged = std::expected<void, std::string>;
  const auto target = judge_url(url, policy_);
  if (!target) {
    co_return Judged(std::unexpect, target.error());
  }
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto [error, addresses] = co_await resolver.async_resolve(
      target->host, target->port, asio::as_tuple(asio::use_awaitable));
  if (error) {
    co_return Judged();
  }
  for (const auto& entry : addresses) {
    const asio::ip::tcp::endpoint endpoint = entry.endpoint();
    const auto address = IpAddress::of(*endpoint.data());
    const auto what = address ? forbidden(*address, policy_) : std::nullopt;
    if (what) {
      co_return Judged(std::unexpect, fmt::format("is refused: its host resolves to {}", *what));
    }
  }
  co_return Judged();
}

}  // namespace bitvault::net
