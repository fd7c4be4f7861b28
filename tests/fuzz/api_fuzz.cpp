// Conversations with the HTTP API, over a store in memory. A request is a line "METHOD target",
// lines "name: value", an empty line and the body; a line "===" stands between two. $operator,
// $acme, $reader, $other and $new are keys ($new the one made last), $cursor is a cursor of acme.

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/api.h"
#include "api/metrics.h"
#include "base/text.h"
#include "feed/feed.h"
#include "fuzz.h"
#include "http/request_head.h"
#include "http/response_text.h"
#include "http/uri.h"
#include "memory_store.h"
#include "producer.h"
#include "tests/store/single_thread.h"
#include "tests/store/test_world.h"

namespace bitvault::fuzz {
namespace {

constexpr std::size_t kRequestsMax = 8;
constexpr http::HeadLimits kLimits{.bytes_max = 8'192, .headers_max = 32};

TenantName name(std::string_view text) { return TenantName::parse(text).value(); }

SecretKey master() {
  std::array<std::byte, 32> bytes{};
  bytes.fill(std::byte{'m'});
  return SecretKey(bytes);
}

// What every conversation begins with: two tenants with their keys, and three events of acme.
struct Beginning {
  test::TestWorld world;
  MemoryStore store{world.clock()};
  CursorCodec cursors{master()};
  std::map<std::string, std::string, std::greater<>> words;  // longer ones first

  Beginning() {
    test::SingleThread thread;
    Keys keys(world, store);
    for (const char* tenant : {"acme", "other"}) {
      check(thread.run(store.put_tenant(name(tenant), {})).has_value(), "a tenant is made");
      KeyDescription all{.name = tenant, .scopes = Scopes::all(), .expires = {}, .user = "u"};
      words[fmt::format("${}", tenant)] = thread.run(keys.create(name(tenant), all)).value().token;
    }
    KeyDescription reader{.name = "r", .scopes = {}, .expires = {}, .user = {}};
    reader.scopes.add(Scope::kEventsRead);
    words["$reader"] = thread.run(keys.create(name("acme"), reader)).value().token;
    words["$operator"] = keys.make_operator_token();
    check(thread.run(keys.set_operator_key(words["$operator"])).has_value(),
          "there is an operator");
    append(thread);
    const JournalHead head = thread.run(store.head(name("acme"))).value();
    words["$cursor"] = cursors.seal(name("acme"), {head.epoch, Sequence{1}});
  }

  void append(test::SingleThread& thread) {
    Transaction transaction(name("acme"));
    for (const char* id : {"one", "two", "three"}) {
      EventDraft draft;
      draft.type = "bitvault.node.created.v1";
      draft.data = "{}";
      draft.id = EventId::parse(id).value();
      transaction.append(encode(draft, defaults(false)).value());
    }
    check(thread.run(store.commit(std::move(transaction))).has_value(), "events are committed");
  }
};

// One request as the session hands it on, or nothing when it would not.
class Message {
 public:
  explicit Message(std::string_view text) {
    std::string head(take_until(text, "\n"));
    head += " HTTP/1.1\r\nhost: a\r\n";
    while (!text.empty()) {
      const std::string_view line = take_until(text, "\n");
      if (line.empty()) {
        break;
      }
      head += fmt::format("{}\r\n", line);
    }
    head += "\r\n";
    body_ = text;
    if (reader_.take(head, kLimits) != head.size() || !reader_.done() ||
        reader_.parse(parsed_, kLimits)) {
      return;
    }
    request_ = http::Request{.method = parsed_.method,
                             .path = parsed_.path,
                             .query = parsed_.query,
                             .headers = parsed_.headers,
                             .body = body_,
                             .request_id = "req_1"};
  }

  [[nodiscard]] const std::optional<http::Request>& request() const { return request_; }

 private:
  http::HeadReader reader_;
  http::RequestHead parsed_;
  std::string_view body_;
  std::optional<http::Request> request_;
};

simdjson::dom::object read_object(simdjson::dom::parser& parser, std::string_view text) {
  simdjson::dom::object object;
  check(parser.parse(text.data(), text.size()).get(object) == simdjson::SUCCESS,
        "an answer's body is a JSON object");
  return object;
}

std::string_view text_of(const simdjson::dom::object& object, std::string_view member) {
  std::string_view text;
  check(object.at_key(member).get(text) == simdjson::SUCCESS, "an answer has its members");
  return text;
}

// RFC 9457, and API.md, Conventions.
void check_problem(const http::Response& answer) {
  check(answer.content_type == "application/problem+json", "a failure is a problem document");
  simdjson::dom::parser parser;
  const auto problem = read_object(parser, answer.body);
  std::uint64_t status = 0;
  check(problem.at_key("status").get(status) == simdjson::SUCCESS && status == answer.status,
        "a problem says its status");
  const std::string_view code = text_of(problem, "code");
  bool known = false;
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const CodeInfo& row = info(static_cast<Code>(i));
    known = known || (row.name == code && row.http_status == answer.status);
  }
  check(known, "a problem's code is of the table");
  check(!text_of(problem, "title").empty() && !text_of(problem, "detail").empty(),
        "a problem says what is wrong");
  simdjson::dom::array errors;
  const bool listed =
      problem.at_key("errors").get(errors) == simdjson::SUCCESS && errors.size() > 0;
  check(answer.status != 422 || listed, "a 422 lists what is wrong");
}

void check_body(const http::Response& answer) {
  simdjson::dom::parser parser;
  if (answer.content_type == "application/json" || answer.content_type.ends_with("+json")) {
    check(parser.parse(answer.body).error() == simdjson::SUCCESS, "an answer's JSON is valid");
  } else if (answer.content_type == "application/x-ndjson") {
    std::string_view rest = answer.body;
    while (!rest.empty()) {
      static_cast<void>(read_object(parser, take_until(rest, "\n")));
    }
  }
}

bool is_open(const http::Request& request) {
  const std::vector<std::string> path = http::split_path(request.path).value();
  return path.front() == "healthz" || path.front() == "readyz" ||
         (path.size() > 1 && path[0] == "v1" && path[1] == "catalog");
}

class Conversation {
 public:
  explicit Conversation(const Beginning& beginning)
      : words_(beginning.words),
        cursors_(beginning.cursors),
        store_(beginning.store, world_.clock()) {}

  void say(std::string_view text) {
    std::string spoken(text);
    for (const auto& [word, meaning] : words_) {
      for (auto at = spoken.find(word); at != std::string::npos;
           at = spoken.find(word, at + meaning.size())) {
        spoken.replace(at, word.size(), meaning);
      }
    }
    const Message message(spoken);
    if (!message.request()) {
      return;
    }
    const http::Request& request = *message.request();
    if (request.body.size() > api_.body_bytes_max(request)) {
      return;
    }
    const http::Response answer = ask(request);
    check_answer(answer);
    check_caller(request, answer);
    if (answer.status == 201 && request.method == "POST") {
      request.path.ends_with("/events") ? repeat(request, answer) : remember_key(answer);
    }
  }

  // What all of it has left: journals that read the same in any way.
  void end() {
    for (const auto& [tenant, journal] : store_.journals()) {
      check(journal.events.size() == journal.tenant.journal.head.value, "a journal has no gaps");
      if (journal.tenant.state == TenantState::kActive) {
        walk(tenant, journal);
      }
    }
  }

 private:
  http::Response ask(const http::Request& request) {
    store_.forget();
    return thread_.run(api_.handle(request));
  }

  void check_answer(const http::Response& answer) {
    check(answer.status >= 200 && answer.status < 500,
          "nothing that a client sends breaks a server");
    answer.status >= 400 ? check_problem(answer) : check_body(answer);
    std::string head;
    http::append_head(head, answer, {.date = "", .request_id = "req_1"});
    check(head.ends_with("\r\n\r\n") && is_valid_utf8(head), "an answer has a head");
  }

  // Whose key was given, as far as a conversation knows keys. Empty: nobody's.
  std::string caller(const http::Request& request) const {
    const std::string token = api::bearer_token(request);
    for (const auto& [word, meaning] : words_) {
      if (word != "$cursor" && token == meaning) {
        return word;
      }
    }
    return "";
  }

  // Nobody reaches what is not theirs, whatever the answer says.
  void check_caller(const http::Request& request, const http::Response& answer) const {
    const std::string who = caller(request);
    const MemoryStore::Touched& touched = store_.touched();
    if (who == "$operator") {
      return;
    }
    check(!touched.listed, "only the operator lists tenants");
    if (who.empty()) {
      check(touched.read.empty() && touched.written.empty(), "without a key nothing is reached");
      check(answer.status >= 400 || is_open(request),
            "without a key only what is open is answered");
      return;
    }
    std::string_view token = std::string_view(words_.at(who)).substr(4);  // behind "bvk_"
    const TenantName own = name(take_until(token, "_"));
    const auto others = [&](const TenantName& tenant) { return tenant != own; };
    check(
        std::ranges::none_of(touched.read, others) && std::ranges::none_of(touched.written, others),
        "a key reaches its tenant only");
    check(who != "$reader" || touched.written.empty(), "a reader writes nothing");
  }

  // A publish that is sent again is the same publish, as far as it named its events.
  void repeat(const http::Request& request, const http::Response& first) {
    const http::Response second = ask(request);
    check(second.status == 201, "what was published once is published again");
    simdjson::dom::parser parser;
    simdjson::dom::parser second_parser;
    const simdjson::dom::array before = read_object(parser, first.body).at_key("events");
    const simdjson::dom::array after = read_object(second_parser, second.body).at_key("events");
    check(before.size() == after.size(), "each event is answered");
    for (std::size_t i = 0; i < before.size(); ++i) {
      const simdjson::dom::object one = before.at(i);
      const simdjson::dom::object other = after.at(i);
      if (text_of(one, "id") != text_of(other, "id")) {
        continue;  // the server named it
      }
      const bool duplicate = other.at_key("duplicate");
      const std::uint64_t was = one.at_key("sequence");
      const std::uint64_t is = other.at_key("sequence");
      check(duplicate && was == is, "a repeat is a duplicate");
    }
  }

  void remember_key(const http::Response& answer) {
    simdjson::dom::parser parser;
    words_["$new"] = text_of(read_object(parser, answer.body), "key");
  }

  // From page to page, every event once and as it is.
  void walk(const TenantName& tenant, const MemoryStore::Journal& journal) {
    std::optional<std::string> cursor;
    std::size_t read = 0;
    bool more = true;
    while (more) {
      const auto page = thread_.run(feed_.read(
          {.tenant = tenant, .cursor = cursor, .limit = 2, .wait = Duration{0}, .filter = {}}));
      const FeedPage& found = std::get<FeedPage>(page.value());
      for (const StoredEvent& event : found.events) {
        check(event.bytes == journal.events.at(read++).bytes, "a feed gives the journal's bytes");
        check_event(event);
      }
      cursor = found.next_cursor;
      more = found.has_more;
    }
    check(read == journal.events.size(), "a feed gives all there is");
  }

  static void check_event(const StoredEvent& event) {
    simdjson::dom::parser parser;
    const auto object = read_object(parser, event.bytes);
    check(text_of(object, "sequence") == sequence_text(event.sequence), "an event has its place");
    check(
        event.bytes.size() <= kEventBytesMax && event.bytes.view().find('\n') == std::string::npos,
        "an event is a line");
  }

  std::map<std::string, std::string, std::greater<>> words_;
  const CursorCodec& cursors_;
  test::TestWorld world_{2};
  test::SingleThread thread_;
  MemoryStore store_;
  HeadBus bus_;
  Keys keys_{world_, store_};
  Feed feed_{world_, store_, bus_, cursors_};
  LiveFeed live_{world_, feed_, bus_, cursors_, [this](TenantName tenant, std::string token) {
                   return keys_.still_open(std::move(token), std::move(tenant), Scope::kEventsRead);
                 }};
  api::Metrics metrics_;
  api::Api api_{api::Services{world_, store_, feed_, live_, keys_, Catalog::builtin(), cursors_,
                              metrics_, "0"}};
};

void run(std::string_view input) {
  static const Beginning kBeginning;
  Conversation conversation(kBeginning);
  for (std::size_t i = 0; i < kRequestsMax && !input.empty(); ++i) {
    conversation.say(take_until(input, "\n===\n"));
  }
  conversation.end();
}

const Registered kApi({"api", run});

}  // namespace
}  // namespace bitvault::fuzz
