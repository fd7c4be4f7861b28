#include "feed/event_stream_text.h"

#include <gtest/gtest.h>

#include <array>

namespace bitvault {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEvent =
    R"({"specversion":"1.0","id":"e1","source":"/tenants/acme","type":"bitvault.node.created.v1",)"
    R"("subject":"/a","time":"2026-11-23T04:22:02.000000Z",)"
    R"("recordedtime":"2026-11-23T04:22:02.000000Z","datacontenttype":"application/json",)"
    R"("dataschema":"urn:bitvault:schema:bitvault.node.created.v1:1","tenant":"acme",)"
    R"("epoch":"abcdefghijkl","sequence":"00000000000000000001","partitionkey":"n1",)"
    R"("salt":"AAAAAAAAAAAAAAAAAAAAAA","data":{}})";

TEST(EventStreamText, AnEventIsOneBlockWithItsExactBytes) {
  std::string out = "before\n\n";
  event_stream::append_event(out, "c1", kEvent);
  EXPECT_EQ(out, "before\n\nid: c1\nevent: bitvault.node.created.v1\ndata: " + std::string(kEvent) +
                     "\n\n");
}

TEST(EventStreamText, ErasedPositionsAreListed) {
  std::string out;
  event_stream::append_erased(out, "c9", std::array{Sequence{7}, Sequence{9}});
  EXPECT_EQ(out, "id: c9\nevent: erased\ndata: {\"erased\":[7,9]}\n\n");
}

TEST(EventStreamText, ABookmarkMovesTheIdAndIsNoEvent) {
  EXPECT_EQ(event_stream::bookmark("c2"), ":\nid: c2\n\n");
  EXPECT_EQ(event_stream::advanced("c3"), "id: c3\nevent: advanced\ndata: {\"cursor\":\"c3\"}\n\n");
  EXPECT_EQ(event_stream::retry(1500ms), "retry: 1500\n\n");
}

TEST(EventStreamText, AResetSaysWhyAndWhereToGoOn) {
  EXPECT_EQ(event_stream::reset({CursorReset::Reason::kExpired, "first", "last"}),
            "id: first\nevent: reset\ndata: {\"code\":\"cursor_reset\",\"reason\":\"expired\","
            "\"earliest_cursor\":\"first\",\"latest_cursor\":\"last\"}\n\n");
}

}  // namespace
}  // namespace bitvault
