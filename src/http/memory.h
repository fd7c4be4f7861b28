// Giving memory back. `text = {}` does not: it assigns an empty list and keeps the capacity, and so
// does libstdc++'s move from a short string.
#pragma once

#include <cstddef>

namespace bitvault::http {

// Of a string or a vector.
template <class Container>
void free_memory(Container& container) {
  Container().swap(container);
}

// Empties it; memory beyond `kept_max` elements is given back.
template <class Container>
void clear_keeping(Container& container, std::size_t kept_max) {
  container.clear();
  if (container.capacity() > kept_max) {
    free_memory(container);
  }
}

}  // namespace bitvault::http
