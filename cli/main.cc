#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "interrupt.h"
#include "run_command.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  omni::cli::catch_interrupts();
  omni::cli::Terminal terminal{.out = std::cout, .err = std::cerr};
  terminal.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  const char* kind = std::getenv("TERM");
  terminal.err_is_terminal = isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string(kind) != "dumb";
  terminal.colour = terminal.err_is_terminal && std::getenv("NO_COLOR") == nullptr;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width = size.ws_col;
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return omni::cli::run_command(words, terminal);
}
