// A machine with the GPUs that a test wants.
#pragma once

#include <cstddef>

struct FakeMachine {
    int driver = 13000, n_devices = 1, count_error = 0;
    int old_device = -1, busy_device = -1, full_device = -1;
    std::size_t free_memory = std::size_t{1} << 30;
    int n_pinned_left = 1000;
    int n_handles = 0;          // streams, events and graphs that are not destroyed
    int n_destroyed_early = 0;  // graphs that were under way
};
extern FakeMachine fake;

extern "C" {
int fake_current_device();
// Handles and memory that are not given back.
int fake_n_owned();
}
