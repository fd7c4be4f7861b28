#include "api/api_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "http/response_text.h"
#include "store/sqlite/connection.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kRequestId = "req-of-the-test";

SecretKey master() {
  std::array<std::byte, 32> bytes{};
  return SecretKey{std::span<const std::byte, 32>(bytes)};
}

json::value parse(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value() : value;
}

// RFC 9457, and API.md, Conventions.
void check_problem(const Got& got) {
  EXPECT_EQ(got.type, "application/problem+json");
  EXPECT_EQ(got.at("/status"), std::to_string(got.status));
  EXPECT_EQ(got.at("/type"), "urn:bitvault:problem:" + got.at("/code"));
  EXPECT_NE(got.at("/title"), "");
  EXPECT_NE(got.at("/detail"), "");
  EXPECT_EQ(got.at("/request_id"), kRequestId);
  bool known = false;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const CodeInfo& row = info(static_cast<Code>(code));
    known = known || (row.name == got.at("/code") && row.http_status == got.status);
  }
  EXPECT_TRUE(known) << got.at("/code");
  EXPECT_TRUE(got.status != 422 || !got.at("/errors/0/message").empty());
  EXPECT_EQ(got.header("WWW-Authenticate"), got.status == 401 ? "Bearer" : "");
  EXPECT_EQ(!got.header("Allow").empty(), got.status == 405);
  EXPECT_EQ(!got.header("Retry-After").empty(), got.status == 429 || got.status == 503);
  EXPECT_EQ(got.body.find("bvk_acme_"), std::string::npos) << "no key is shown";
}

void check_answer(const http::Response& response, const Got& got) {
  std::string head;
  http::append_head(head, response, {.date = "", .request_id = kRequestId});
  EXPECT_TRUE(is_valid_utf8(head));
  if (got.status >= 400 && got.type != "application/json") {  // readyz has a document of its own
    check_problem(got);
  } else if (got.type.ends_with("json") && !got.type.ends_with("ndjson")) {
    EXPECT_FALSE(got.json.is_null()) << got.body;
  }
}

}  // namespace

std::string Got::header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers, [&](const auto& header) { return equal_ignoring_ascii_case(header.first, name); });
  return found == headers.end() ? "" : found->second;
}

std::string Got::at(std::string_view pointer) const {
  boost::system::error_code error;
  const json::value* value = json.find_pointer(pointer, error);
  return value == nullptr     ? ""
         : value->is_string() ? std::string(value->get_string())
                              : json::serialize(*value);
}

std::string Got::outcome() const {
  const std::string code = type == "application/problem+json" ? at("/code") : "";
  return fmt::format("{}{}{}", status, code.empty() ? "" : " ", code);
}

std::string node_created(const std::string& members, const std::string& name) {
  return fmt::format(
      R"({{"type":"bitvault.node.created.v1",{}"data":{{)"
      R"("actor":{{"kind":"ACTOR_KIND_USER","id":"u_1"}},)"
      R"("node":{{"id":"n_1","kind":"NODE_KIND_FILE","name":"{}","path":"/{}"}}}}}})",
      members, name, name);
}

ApiTest::ApiTest() : cursors_(master()) {}

void ApiTest::SetUp() {
  open();
  operator_ = keys_->make_operator_token();
  ASSERT_TRUE(run(keys_->set_operator_key(operator_)));
  make_tenant("acme");
  make_tenant("other");
}

void ApiTest::open() {
  auto opened = SqliteStore::open(
      {.folder = folder_.path() + "/data",
       .writer = thread_.executor(),
       .readers = thread_.executor()},
      world_, [this](const TenantName& tenant, const JournalHead&) { bus_.announce(tenant); });
  ASSERT_TRUE(opened) << opened.error().detail;
  sqlite_ = std::move(*opened);
  store_.emplace(*sqlite_, world_, [this](test::FaultyStore::Call call, std::uint64_t number) {
    return fault_ ? fault_(call, number) : Fault{};
  });
  keys_.emplace(world_, *store_);
  feed_.emplace(world_, *store_, bus_, cursors_);
  limits_.emplace(world_, *store_, RateDefaults{});
  pages_.emplace();
  live_.emplace(
      world_, *feed_, bus_, cursors_,
      [this](TenantName tenant, std::string token) {
        return keys_->still_open(std::move(token), std::move(tenant), Scope::kEventsRead);
      },
      [this](TenantName tenant, std::size_t looked_at) {
        return limits_->charge(std::move(tenant), RateLimits::Kind::kScanned, looked_at);
      });
  webhooks_.emplace(webhooks::Webhooks::Parts{.world = world_,
                                              .store = *store_,
                                              .catalog = Catalog::builtin(),
                                              .outgoing = outgoing_,
                                              .attempts = attempts_,
                                              .version = "1.2.3"},
                    master(), [](const TenantName&) {});
  api_.emplace(Services{.world = world_,
                        .store = *store_,
                        .feed = *feed_,
                        .live = *live_,
                        .keys = *keys_,
                        .catalog = Catalog::builtin(),
                        .cursors = cursors_,
                        .metrics = metrics_,
                        .version = "1.2.3",
                        .limits = &*limits_,
                        .pages = &*pages_,
                        .tenant_changed = [this] { ++tenant_changes_; },
                        .webhooks = &*webhooks_,
                        .attempts = &attempts_});
}

void ApiTest::close() {
  api_.reset();
  webhooks_.reset();
  pages_.reset();
  live_.reset();
  feed_.reset();
  keys_.reset();
  store_.reset();
  sqlite_.reset();
}

void ApiTest::by_hand(const std::string& sql) {
  close();
  {
    Connection connection(folder_.path() + "/data/journal.db", "", Connection::Mode::kWrite);
    connection.execute(sql);
  }
  open();
}

Got ApiTest::send(const Sent& sent) {
  const std::size_t question = std::min(sent.target.find('?'), sent.target.size());
  const std::string_view target = sent.target;
  http::Request request{.method = sent.method,
                        .path = target.substr(0, question),
                        .query = target.substr(std::min(question + 1, target.size())),
                        .headers = {},
                        .body = sent.body,
                        .request_id = std::string(kRequestId),
                        .from_loopback = sent.from_loopback};
  const std::string bearer = "Bearer " + sent.key;
  if (!sent.key.empty()) {
    request.headers.push_back({"authorization", bearer});
  }
  if (!sent.body.empty() && !sent.type.empty()) {
    request.headers.push_back({"content-type", sent.type});
  }
  for (const auto& [name, value] : sent.headers) {
    request.headers.push_back({name, value});
  }
  http::Response response = sent.body.size() > api_->body_bytes_max(request)
                                ? api_->refuse(413, "the body is too large", request.request_id)
                                : run(api_->handle(request));
  Got got{response.status, response.content_type, response.headers, std::string(response.content()),
          parse(response.content())};
  SCOPED_TRACE(fmt::format("{} {}: {} {}", sent.method, sent.target, got.status, got.body));
  check_answer(response, got);
  return got;
}

std::string ApiTest::key(const std::string& tenant, const std::vector<std::string>& scopes) {
  KeyDescription description{.name = "test", .scopes = {}, .expires = {}, .user = {}};
  for (const std::string& name : scopes) {
    description.scopes.add(parse_scope(name).value());
  }
  return run(keys_->create(TenantName::parse(tenant).value(), std::move(description)))->token;
}

std::vector<std::string> ApiTest::all_scopes() {
  std::vector<std::string> names;
  for (const Scope scope : Scopes::all().list()) {
    if (scope != Scope::kInboxRead) {
      names.emplace_back(scope_name(scope));
    }
  }
  return names;
}

void ApiTest::make_tenant(const std::string& name) {
  ASSERT_TRUE(run(store_->put_tenant(TenantName::parse(name).value(), {})));
}

void ApiTest::make_webhook(const std::string& id, const std::string& event_id, Sequence sequence) {
  const TenantName acme = TenantName::parse("acme").value();
  webhooks::Webhook webhook{.id = id, .settings = {.url = "https://example.com/hook"}};
  webhooks::complete_secrets(webhook, {}, world_.clock().wall(), world_.random());
  Transaction transaction(acme);
  transaction.put(webhooks::kWebhooks, id,
                  webhooks::to_record(webhook, Sealer(master(), acme), world_.random()));
  delivery::begin(transaction, id, {});
  delivery::begin_replay(transaction, id, "rpl_one",
                         {.track = {.position = {}, .matched = {}},
                          .until = sequence,
                          .since = {1},
                          .created = world_.clock().wall()});
  transaction.put(delivery::kDeadLetters, delivery::sequence_key(id, sequence),
                  delivery::to_record(delivery::DeadLetter{.sequence = sequence,
                                                           .previous = {},
                                                           .event_id = event_id,
                                                           .event_type = "bitvault.node.created.v1",
                                                           .reason = "exhausted",
                                                           .attempts = 7,
                                                           .first = world_.clock().wall(),
                                                           .at = world_.clock().wall(),
                                                           .status = 503,
                                                           .failure = "http_503",
                                                           .detail = "the endpoint was busy",
                                                           .answer = "busy"}));
  ASSERT_TRUE(run(store_->commit(std::move(transaction))));
}

void ApiTest::begin_deleting(const std::string& name) {
  ASSERT_TRUE(run(store_->delete_tenant(TenantName::parse(name).value())));
}

void ApiTest::purge() {
  while (run(store_->purge_deleted()).value()) {
  }
}

}  // namespace bitvault::api
