#include "http/frame_cache.h"

#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>
#include <cstddef>

namespace bitvault::http {

// Whoever asks for a frame that no kept one is large enough for has one of those freed, and a frame
// of that size is not kept itself.
void free_cached_frames() {
  using boost::asio::detail::thread_info_base;
  using Frames = thread_info_base::awaitable_frame_tag;
  constexpr std::size_t kLargerThanKept = 4'096;  // at most 2,040 bytes are kept
  thread_info_base* const thread = boost::asio::detail::thread_context::top_of_thread_call_stack();
  for (int i = 0; i < Frames::cache_size; ++i) {
    void* const frame = thread_info_base::allocate(Frames(), thread, kLargerThanKept);
    thread_info_base::deallocate(Frames(), thread, frame, kLargerThanKept);
  }
}

}  // namespace bitvault::http
