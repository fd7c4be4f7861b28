#include "watch/render.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "watch/media_type.h"

namespace bitvault::watch {
namespace {

constexpr std::string_view kActor =
    R"({"kind":"ACTOR_KIND_SYSTEM","id":"directory-watcher","name":"Directory watcher"})";

std::string_view type_of(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kCreated:
      return "bitvault.node.created.v1";
    case Change::Kind::kUpdated:
      return "bitvault.node.updated.v1";
    case Change::Kind::kMoved:
      return "bitvault.node.moved.v1";
    case Change::Kind::kDeleted:
      return "bitvault.node.deleted.v1";
  }
  return {};
}

// Writes the members of one object.
class Object {
 public:
  void text(std::string_view name, std::string_view value) { json(name, json_string(value)); }
  void number(std::string_view name, std::uint64_t value) {
    json(name, fmt::format("\"{}\"", value));
  }
  void json(std::string_view name, std::string_view value) {
    json_ += json_.empty() ? "{\"" : ",\"";
    json_ += name;
    json_ += "\":";
    json_ += value;
  }
  std::string finish() { return json_.empty() ? "{}" : std::move(json_) + "}"; }

 private:
  std::string json_;
};

void checksum(Object& object, const NodeView& node) {
  if (node.file.checksum) {
    object.text("checksum", "sha256:" + hex(*node.file.checksum));
  }
}

// A file may bear any time, the catalog's timestamp only those of the years 1 to 9999.
void modified_at(Object& object, const NodeView& node) {
  constexpr std::int64_t kFirst = -62'135'596'800;  // 0001-01-01
  constexpr std::int64_t kEnd = 253'402'300'800;    // 10000-01-01
  const WallTime time{
      std::chrono::floor<Duration>(std::chrono::nanoseconds(node.file.modified_ns))};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  if (node.kind == Kind::kFile && seconds >= kFirst && seconds < kEnd) {
    object.text("modifiedAt", format_time(time));
  }
}

std::string node_json(const NodeView& node) {
  Object object;
  object.text("id", node.id);
  object.text("kind", node.kind == Kind::kFolder ? "NODE_KIND_FOLDER" : "NODE_KIND_FILE");
  object.text("name", node.name);
  object.text("path", node.path);
  if (node.parent_id) {
    object.text("parentId", *node.parent_id);
  }
  if (node.kind == Kind::kFile) {
    object.number("size", node.file.size);
    object.text("mediaType", media_type(node.name));
    checksum(object, node);
  }
  object.number("version", node.version);
  modified_at(object, node);
  return object.finish();
}

std::string content_json(const NodeView& node, const NodeView& other) {
  Object object;
  if (node.file.size != other.file.size) {
    object.number("size", node.file.size);
  }
  if (node.file.checksum != other.file.checksum) {
    checksum(object, node);
  }
  object.number("version", node.version);
  if (node.file.modified_ns != other.file.modified_ns) {
    modified_at(object, node);
  }
  return object.finish();
}

std::string place_json(const NodeView& node, const NodeView& other) {
  Object object;
  object.text("path", node.path);
  if (node.name != other.name) {
    object.text("name", node.name);
  }
  if (node.parent_id != other.parent_id && node.parent_id) {
    object.text("parentId", *node.parent_id);
  }
  if (node.kind == Kind::kFile && media_type(node.name) != media_type(other.name)) {
    object.text("mediaType", media_type(node.name));
  }
  object.number("version", node.version);
  return object.finish();
}

}  // namespace

std::string data_json(const Change& change) {
  Object data;
  data.json("actor", kActor);
  const bool deleted = change.kind == Change::Kind::kDeleted;
  data.json("node", node_json(deleted ? change.before : change.after));
  if (change.kind == Change::Kind::kUpdated) {
    data.json("before", content_json(change.before, change.after));
    data.json("after", content_json(change.after, change.before));
  } else if (change.kind == Change::Kind::kMoved) {
    data.json("before", place_json(change.before, change.after));
    data.json("after", place_json(change.after, change.before));
  }
  return data.finish();
}

Result<EncodedEvent> render(const Change& change, const Catalog& catalog, const TenantName& tenant,
                            EventId id, WallTime now) {
  if (change.before.path.size() > kPathBytesMax || change.after.path.size() > kPathBytesMax) {
    return fail(Code::kTooLarge, fmt::format("a path is longer than {} bytes", kPathBytesMax));
  }
  const EventType* const type = catalog.find(type_of(change.kind));
  check(type != nullptr, "the catalog has the events of nodes");
  auto valid = type->validate(data_json(change));
  if (!valid) {
    return fail(std::move(valid.error()));
  }
  EventDraft draft;
  draft.type = type->name();
  draft.data = std::move(valid->json);
  draft.source = fmt::format("/tenants/{}/watch", tenant.str());
  return encode(draft, {.tenant = tenant,
                        .id = std::move(id),
                        .time = now,
                        .dataschema = std::string(type->dataschema()),
                        .partitionkey = std::move(valid->partitionkey),
                        .subject = std::move(valid->subject),
                        .traceparent = std::nullopt});
}

}  // namespace bitvault::watch
