// Ctrl-C in long native loops. The bindings install a poll function that asks Python for pending signals;
// loops on the calling thread ask interrupted() between chunks. Without bindings the answer is always no.
#pragma once

#include <exception>

namespace coterie {

// Thrown out of an op when the poll function said stop; the bindings turn it into the pending Python error.
struct Interrupted : std::exception {
    const char* what() const noexcept override { return "interrupted"; }
};

using InterruptPoll = bool (*)();
void set_interrupt_poll(InterruptPoll poll) noexcept;

// Rate-limited to one call of the poll function in 50 ms per thread, so it is cheap enough for any chunk
// loop.
bool interrupted() noexcept;

// Throws Interrupted when interrupted(); for sequential loops outside parallel_for.
void check_interrupt();

}  // namespace coterie
