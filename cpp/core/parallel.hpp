// One process-wide pool of threads, and loops over fixed tasks.
//
// Reproducibility rule: what a task covers depends on the data alone, never on the number of threads; results
// that are not associative are written per task and folded in task order by the caller.
#pragma once

#include <functional>

#include "core/types.hpp"

namespace coterie {

// Cores this process may run on (affinity mask, cgroup quota), or COTERIE_NUM_THREADS when that is set.
int default_thread_count();

// n_threads <= 0 means default_thread_count(). More than twice the processors, and more than 8, are not used.
int resolve_thread_count(int n_threads);

// Calls body(task, slot) once for each task in [0, n_tasks), on up to n_threads threads including the caller.
// slot is in [0, n_threads) and is not shared by two threads at a time: an index into per-thread scratch.
// The first exception thrown by a body stops the loop and is rethrown here. Throws Interrupted on Ctrl-C.
// Safe from several threads at once, from inside a body, and in a forked child. Every body runs with the
// default floating-point environment (round to nearest, denormals kept), whatever the caller's was.
void parallel_for(index_t n_tasks, int n_threads, const std::function<void(index_t task, int slot)>& body);

// The same over rows in fixed chunks: body(begin, end, slot) with [begin, end) of chunk_size rows, the last
// shorter.
void parallel_for_rows(index_t n_rows, index_t chunk_size, int n_threads,
                       const std::function<void(index_t begin, index_t end, int slot)>& body);

}  // namespace coterie
