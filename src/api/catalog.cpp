#include <boost/json.hpp>

#include "api/resources.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;

json::object summary(const EventType& type) {
  return {{"type", type.name()},         {"description", type.description()},
          {"revision", type.revision()}, {"dataschema", type.dataschema()},
          {"lifecycle", "experimental"}, {"producer", type.system_only() ? "system" : "any"}};
}

std::unexpected<Error> unknown(const std::string& name) {
  return fail(Code::kNotFound, "the catalog has no type " + name + "; GET /v1/catalog lists all");
}

}  // namespace

Answer list_catalog(const Services& services, const Call&) {
  json::array items;
  for (const EventType* type : services.catalog.types()) {
    items.push_back(summary(*type));
  }
  co_return json_response(
      200, json::object{{"revision", services.catalog.revision()}, {"items", std::move(items)}});
}

Answer get_catalog_type(const Services& services, const Call& call) {
  const EventType* type = services.catalog.find(call.id);
  if (type == nullptr) {
    co_return unknown(call.id);
  }
  json::object body = summary(*type);
  json::array versions;
  versions.push_back(json::object{
      {"type", type->name()}, {"revision", type->revision()}, {"lifecycle", "experimental"}});
  body["versions"] = std::move(versions);
  body["schema"] = json::parse(json::string_view(type->json_schema()));
  body["example"] = json::parse(json::string_view(type->example()));
  co_return json_response(200, body);
}

Answer get_catalog_schema(const Services& services, const Call& call) {
  const EventType* type = services.catalog.find(call.id);
  if (type == nullptr) {
    co_return unknown(call.id);
  }
  co_return http::Response{200, "application/schema+json", {}, std::string(type->json_schema())};
}

}  // namespace bitvault::api
