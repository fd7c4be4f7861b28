// What a person at a terminal sees, and what programs must not see.

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <ctime>

#include "cli/console.h"
#include "cli/stop_signal.h"
#include "cli/test_cli.h"
#include "cli/test_terminal.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

// A file that is no terminal.
class Plain {
 public:
  Plain() : file_(std::tmpfile()) {}
  ~Plain() { std::fclose(file_); }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  [[nodiscard]] std::FILE* file() const { return file_; }
  [[nodiscard]] std::string text() const {
    std::rewind(file_);
    std::array<char, 4096> chunk;
    return {chunk.data(), std::fread(chunk.data(), 1, chunk.size(), file_)};
  }

 private:
  std::FILE* file_;
};

TEST(Terminal, ColoursAreForTerminalsThatWantThem) {
  const TestTerminal terminal;
  const Plain plain;
  const auto colours = [](std::FILE* out, std::FILE* err, bool allowed) {
    const Console console(out, err, allowed);
    return std::pair(console.out_colours(), console.err_colours());
  };
  EXPECT_EQ(colours(terminal.file(), terminal.file(), true), std::pair(true, true));
  EXPECT_EQ(colours(terminal.file(), terminal.file(), false), std::pair(false, false));
  EXPECT_EQ(colours(plain.file(), terminal.file(), true), std::pair(false, true));
  EXPECT_EQ(colours(terminal.file(), plain.file(), true), std::pair(true, false));
  EXPECT_EQ(colours(plain.file(), plain.file(), true), std::pair(false, false));
}

TEST(Terminal, ProgressOverwritesItselfAndLeavesNothing) {
  const TestTerminal terminal;
  const Plain out;
  Console console(out.file(), terminal.file(), true);
  console.progress("1 with bvk_a_b_c");
  EXPECT_EQ(terminal.shown(), "1 with bvk_***");
  console.progress("2");
  EXPECT_EQ(terminal.shown(), "\r\x1b[K2");
  console.note("a note");
  EXPECT_EQ(terminal.shown(), "\r\x1b[Ka note\n");
  console.note("another");
  EXPECT_EQ(terminal.shown(), "another\n");
  console.progress("3");
  static_cast<void>(terminal.shown());
  console.print_line("a result");
  EXPECT_EQ(terminal.shown(), "\r\x1b[K");
}

TEST(Terminal, ProgressIsForTerminalsAlone) {
  const Plain out;
  const Plain err;
  Console console(out.file(), err.file(), true);
  console.progress("1");
  console.note("note");
  EXPECT_EQ(err.text(), "note\n");
}

TEST(Terminal, AReaderThatLeftIsNoFailure) {
  const StopSignal stop;  // so that SIGPIPE does not end the test
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  close(ends[0]);
  std::FILE* const out = fdopen(ends[1], "w");
  Console console(out, stderr, false);
  console.print_line("text");
  EXPECT_EQ(console.flush(), Console::Outcome::kReaderGone);
  std::fclose(out);
}

class TerminalCli : public testing::Test {
 protected:
  // The output of a tail of one event.
  std::string tail(const CliInput& given, std::vector<std::string> more = {}) {
    TestServer server([](const TestServer::Request&) {
      return Reply{.body = R"({"events":[{"type":"bitvault.node.created.v1","subject":"/s",)"
                           R"("sequence":"1","data":{}}],"next_cursor":"c","has_more":false})"};
    });
    CliInput input = given;
    input.environment.insert({{"BITVAULT_URL", server.url()}, {"BITVAULT_TENANT", "acme"}});
    std::vector<std::string> arguments = {"tail", "--from", "cursor_at_the_start_", "--once"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CliResult result = run_cli_for_test(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return input.out != nullptr ? terminal_.shown() : result.out;
  }

  CliResult remove(std::string_view typed) {
    terminal_.type(typed);
    return run_cli_for_test(
        {"tenants", "rm", "acme"},
        {.environment = {{"BITVAULT_URL", server_.url()}}, .in_fd = terminal_.fd()});
  }

  TestTerminal terminal_;
  TestServer server_{[](const TestServer::Request&) { return Reply{.status = 202, .body = "{}"}; }};
};

TEST_F(TerminalCli, EventsAreColouredOnATerminalAlone) {
  const std::string plain = tail({});
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  const std::string coloured = tail({.out = terminal_.file()});
  EXPECT_NE(coloured.find("\x1b[32mbitvault.node.created.v1\x1b[0m"), std::string::npos)
      << coloured;
  EXPECT_EQ(tail({.environment = {{"NO_COLOR", "1"}}, .out = terminal_.file()}), plain);
  EXPECT_EQ(tail({.environment = {{"NO_COLOR", ""}}, .out = terminal_.file()}), coloured);
  EXPECT_EQ(tail({.out = terminal_.file()}, {"--json"}).find('\x1b'), std::string::npos);
}

TEST_F(TerminalCli, ATenantIsRemovedWhenItsNameIsTyped) {
  const CliResult result = remove("acme\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("every event it has"), std::string::npos);
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].method, "DELETE");
}

TEST_F(TerminalCli, AnythingElseThatIsTypedRemovesNothing) {
  for (const char* typed : {"\n", "y\n", "yes\n", "acm\n", "acme2\n", " acme\n", "ACME\n"}) {
    const CliResult result = remove(typed);
    EXPECT_EQ(result.exit_code, 2) << typed;
    EXPECT_NE(result.err.find("--yes"), std::string::npos) << result.err;
    tcflush(terminal_.fd(), TCIFLUSH);
  }
  EXPECT_TRUE(server_.requests().empty());
}

// Sends this process a signal again and again. It is ignored until somebody listens.
class SoonSignal {
 public:
  explicit SoonSignal(int signal) : signal_(signal), before_(std::signal(signal, SIG_IGN)) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer_), 0);
    itimerspec often{};
    often.it_value.tv_nsec = 2'000'000;
    often.it_interval = often.it_value;
    EXPECT_EQ(timer_settime(timer_, 0, &often, nullptr), 0);
  }
  ~SoonSignal() {
    timer_delete(timer_);
    std::signal(signal_, before_);
  }
  SoonSignal(const SoonSignal&) = delete;
  SoonSignal& operator=(const SoonSignal&) = delete;

 private:
  const int signal_;
  void (*const before_)(int);
  timer_t timer_{};
};

TEST_F(TerminalCli, ASignalInsteadOfAnAnswerRemovesNothing) {
  const SoonSignal soon(SIGINT);  // the question waits for ever
  EXPECT_EQ(remove("").exit_code, 2);
  EXPECT_TRUE(server_.requests().empty());
}

TEST(StopSignal, IsSeenForGood) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const StopSignal stop;
    EXPECT_FALSE(stop.stopped());
    EXPECT_FALSE(stop.stopped_within(std::chrono::microseconds(1)));
    std::raise(signal);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(stop.stopped());
      EXPECT_TRUE(stop.stopped_within(std::chrono::hours(1)));
    }
  }
}

TEST(StopSignal, EndsAWait) {
  const SoonSignal soon(SIGTERM);
  const StopSignal stop;
  EXPECT_EQ(stop.wait_for_input(-1, nullptr), StopSignal::Ready::kStopped);
}

TEST(StopSignal, WaitsForInputOrItsEnd) {
  const StopSignal stop;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const Duration none{0};
  EXPECT_EQ(stop.wait_for_input(ends[0], &none), StopSignal::Ready::kTimeout);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_EQ(stop.wait_for_input(ends[0], nullptr), StopSignal::Ready::kInput);
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);
  close(ends[1]);
  EXPECT_EQ(stop.wait_for_input(ends[0], nullptr), StopSignal::Ready::kInput);
  std::raise(SIGINT);
  EXPECT_EQ(stop.wait_for_input(ends[0], nullptr), StopSignal::Ready::kStopped)
      << "a signal comes before input";
  close(ends[0]);
}

volatile std::sig_atomic_t signals_seen = 0;

TEST(StopSignal, GivesTheSignalsBack) {
  signals_seen = 0;
  const auto before = std::signal(SIGINT, [](int) { signals_seen = signals_seen + 1; });
  {
    const StopSignal stop;
    std::raise(SIGINT);
    EXPECT_TRUE(stop.stopped());
    EXPECT_EQ(signals_seen, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(signals_seen, 1);
  std::signal(SIGINT, before);
}

}  // namespace
}  // namespace bitvault::cli
