// Asio keeps two of the coroutine frames that were freed on a thread for the next ones, whatever
// these need. A small frame that lasts would keep a large one's memory.
#pragma once

namespace bitvault::http {

// Gives back what is kept on this thread. To be called where frames begin that will last.
void free_cached_frames();

}  // namespace bitvault::http
