// Ctrl-C: the first one asks the running call to stop at its next step, a second one ends the process at once.
#pragma once

namespace omni::cli {

void catch_interrupts();  // of main() only
bool interrupted();
// Throws Error (kInterrupted) if the user asked to stop.
void check_interrupted();

}  // namespace omni::cli
