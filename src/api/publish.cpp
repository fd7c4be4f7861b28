// POST /v1/tenants/{tenant}/events: parse, validate, encode, commit.

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/metrics.h"
#include "api/rate_limits.h"
#include "api/resources.h"
#include "base/text.h"
#include "event/parse.h"
#include "http/uri.h"

namespace bitvault::api {
namespace {

constexpr std::size_t kViolationsMax = 20;

Result<Drafts> parse_body(const http::Request& request) {
  const std::string_view type = request.header("content-type");
  if (http::is_media_type(type, "application/cloudevents+json")) {
    return parse_event(request.body);
  }
  if (http::is_media_type(type, "application/cloudevents-batch+json")) {
    return parse_batch(request.body);
  }
  if (http::is_media_type(type, "application/x-ndjson")) {
    return parse_ndjson(request.body);
  }
  std::vector<std::pair<std::string_view, std::string_view>> attributes;
  for (const http::Header& header : request.headers) {
    if (header.name.starts_with("ce-")) {
      attributes.emplace_back(header.name, header.value);
    }
  }
  if (!attributes.empty() && http::is_media_type(type, "application/json")) {
    return parse_binary(attributes, request.body);
  }
  return fail(Code::kUnsupportedMediaType,
              "send application/cloudevents+json (one event), application/cloudevents-batch+json, "
              "application/x-ndjson (one event a line), or application/json with ce-* headers");
}

// Turns the drafts of one request into events that wait for their sequences.
class Encoder {
 public:
  Encoder(const Services& services, const Call& call, std::size_t count)
      : services_(services), tenant_(*call.tenant), now_(services.world.clock().wall()) {
    random_.resize(count * kRandomBytes);
    services.world.random().fill(std::as_writable_bytes(std::span(random_)));
    if (const auto trace = call.request.header("traceparent"); is_traceparent(trace)) {
      trace_ = trace;
    }
    single_ = count == 1;
  }

  // Encodes one more event; what is wrong with it is noted for finish().
  Status add(EventDraft draft) {
    const EventType* type = services_.catalog.find(draft.type);
    if (type == nullptr) {
      note(Code::kTypeUnknown,
           {{0, "type", "the catalog has no type " + draft.type + "; GET /v1/catalog lists all"}});
      return {};
    }
    if (type->system_only()) {
      return fail(Code::kTypeReserved, draft.type + " is emitted by the server alone");
    }
    if (draft.dataschema && *draft.dataschema != type->dataschema()) {
      note(Code::kInvalid,
           {{0, "dataschema", fmt::format("must be {} or absent", type->dataschema())}});
      return {};
    }
    Result<ValidData> data = type->validate(draft.data);
    if (!data) {
      note(data.error().code, std::move(data.error().violations));
      return {};
    }
    draft.data = std::move(data->json);
    Result<EncodedEvent> event = encode(draft, defaults(*type, std::move(*data)));
    if (!event) {
      if (single_) {
        return fail(std::move(event.error()));
      }
      note(Code::kInvalid, {{0, "", event.error().detail}});
      return {};
    }
    events_.push_back(std::move(*event));
    ++index_;
    return {};
  }

  Result<std::vector<EncodedEvent>> finish() {
    if (!violations_.empty()) {
      return std::unexpected(
          Error{*code_, "an event cannot be published; see errors", std::move(violations_)});
    }
    return std::move(events_);
  }

 private:
  static constexpr std::size_t kRandomBytes = 10;

  EventDefaults defaults(const EventType& type, ValidData data) const {
    const auto random = as_bytes(random_).subspan(index_ * kRandomBytes).first<kRandomBytes>();
    return {.tenant = tenant_,
            .id = EventId::make(now_, random),
            .time = now_,
            .dataschema = std::string(type.dataschema()),
            .partitionkey = std::move(data.partitionkey),
            .subject = std::move(data.subject),
            .traceparent = trace_};
  }

  // The first wrong event decides the code.
  void note(Code code, std::vector<Violation> violations) {
    code_ = code_.value_or(code);
    for (Violation& violation : violations) {
      if (violations_.size() < kViolationsMax) {
        violation.index = index_;
        violations_.push_back(std::move(violation));
      }
    }
    ++index_;
  }

  const Services& services_;
  const TenantName& tenant_;
  const WallTime now_;
  std::optional<std::string> trace_;
  std::string random_;
  bool single_ = false;
  std::size_t index_ = 0;
  std::optional<Code> code_;
  std::vector<Violation> violations_;
  std::vector<EncodedEvent> events_;
};

http::Response render(const Services& services, const TenantName& tenant,
                      const std::vector<std::string>& ids, const Committed& committed) {
  http::Response response{201, "application/json", {}, {}};
  std::string& body = response.body;
  body.reserve(160 + ids.size() * 96);
  body = "{\"events\":[";
  Sequence last;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Committed::Event& event = committed.events[i];
    fmt::format_to(std::back_inserter(body), R"({}{{"id":"{}","sequence":{},"duplicate":{}}})",
                   i == 0 ? "" : ",", ids[i], event.sequence.value, event.duplicate);
    last = std::max(last, event.sequence);
  }
  fmt::format_to(std::back_inserter(body), "],\"cursor\":\"{}\"}}\n",
                 services.cursors.seal(tenant, {committed.epoch, last}));
  return response;
}

}  // namespace

Answer publish(const Services& services, const Call& call) {
  Result<Drafts> drafts = parse_body(call.request);
  if (!drafts) {
    co_return fail(std::move(drafts.error()));
  }
  Encoder encoder(services, call, drafts->size());
  for (EventDraft& draft : *drafts) {
    if (Status added = encoder.add(std::move(draft)); !added) {
      co_return fail(std::move(added.error()));
    }
  }
  Result<std::vector<EncodedEvent>> events = encoder.finish();
  if (!events) {
    co_return fail(std::move(events.error()));
  }
  if (services.limits != nullptr) {
    std::optional<http::Response> too_many = co_await services.limits->take(
        *call.tenant, RateLimits::Kind::kEvents, events->size(), call.request.request_id);
    if (too_many) {
      co_return *std::move(too_many);
    }
  }
  Transaction transaction(*call.tenant);
  std::vector<std::string> ids;
  ids.reserve(events->size());
  for (EncodedEvent& event : *events) {
    ids.push_back(event.id.str());
    transaction.append(std::move(event));
  }
  Result<Committed> committed = co_await services.store.commit(std::move(transaction));
  if (!committed) {
    co_return fail(std::move(committed.error()));
  }
  const auto duplicates = static_cast<std::size_t>(
      std::ranges::count(committed->events, true, &Committed::Event::duplicate));
  services.metrics.published(ids.size() - duplicates, duplicates);
  co_return render(services, *call.tenant, ids, *committed);
}

}  // namespace bitvault::api
