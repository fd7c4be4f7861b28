#include "catalog/suggest.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace bitvault {
namespace {

MessageSchema message_of(std::initializer_list<const char*> names) {
  MessageSchema message;
  for (const char* name : names) {
    message.fields.emplace_back().name = name;
  }
  return message;
}

TEST(Suggest, FindsTheNameThatWasMeant) {
  const MessageSchema node = message_of({"id", "kind", "name", "path", "parentId", "mediaType"});
  for (const char* name :
       {"parent_id", "ParentID", "parent-id", "parentid", "parrentId", "parent", "praentId"}) {
    EXPECT_EQ(nearest_field(node, name), "parentId") << name;
  }
  EXPECT_EQ(nearest_field(node, "ID"), "id");
  EXPECT_EQ(nearest_field(node, "nmae"), "name");
  EXPECT_EQ(nearest_field(node, "media_typ"), "mediaType");
}

TEST(Suggest, FindsNothingWhereNothingIsNear) {
  const MessageSchema node = message_of({"id", "kind", "name", "path", "parentId"});
  for (const auto& name :
       {std::string(), std::string("colour"), std::string("xy"), std::string(100'000, 'p')}) {
    EXPECT_EQ(nearest_field(node, name), "") << name.substr(0, 10);
  }
  EXPECT_EQ(nearest_field(message_of({}), "id"), "");
}

}  // namespace
}  // namespace bitvault
