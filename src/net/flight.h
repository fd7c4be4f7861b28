// One outgoing request in flight: its libcurl handle, what it sends and what has come. Internal to
// net. Not thread-safe.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/address_guard.h"
#include "world/outgoing.h"

namespace bitvault::net {

class Flight {
 public:
  // The policy and the file's name outlive it. The system's authorities are in `ca_file`.
  Flight(const AddressPolicy& policy, const std::string& ca_file, const std::string& user_agent);
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  void prepare(OutgoingRequest request);
  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  // What came of it, when libcurl has told its end. Then it may be prepared again.
  [[nodiscard]] OutgoingResult finish(CURLcode outcome);

 private:
  struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static curl_socket_t on_socket(void* user, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user);
  void set_headers();
  void set_identity();
  [[nodiscard]] OutgoingFailure failure_of(CURLcode outcome) const;
  [[nodiscard]] std::string detail_of(OutgoingFailure failure) const;

  const AddressPolicy& policy_;
  const std::string& ca_file_;
  OutgoingRequest request_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  OutgoingAnswer answer_;
  std::size_t header_bytes_ = 0;
  bool headers_too_large_ = false;
  std::string_view forbidden_;  // what the last address was that the guard refused
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::unique_ptr<CURL, FreeEasy> easy_;  // goes before what it points to
};

}  // namespace bitvault::net
