#include "cluster/term_use.hpp"

#include <algorithm>
#include <cmath>

#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 4096;

}  // namespace

TermUse::TermUse(const CsrView& x, int n_threads)
    : largest(static_cast<std::size_t>(x.cols), 0.0f), count(static_cast<std::size_t>(x.cols), 0) {
    // Every thread keeps numbers of its own for all terms: no more threads than the rows have nonzeros to a term.
    const index_t n_slots =
        std::clamp<index_t>(x.nnz() / std::max<index_t>(x.cols, 1), 1, resolve_thread_count(n_threads));
    std::vector<TermUse> slots(static_cast<std::size_t>(n_slots));
    parallel_for_rows(x.rows, kRowsPerTask, static_cast<int>(n_slots),
                      [&](index_t begin, index_t end, int slot) {
                          TermUse& use = slots[static_cast<std::size_t>(slot)];
                          use.largest.resize(largest.size(), 0.0f);
                          use.count.resize(count.size(), 0);
                          bool any_is_negative = false;
                          for (index_t p = x.indptr[begin]; p < x.indptr[end]; ++p) {
                              const auto j = static_cast<std::size_t>(x.indices[p]);
                              use.largest[j] = std::max(use.largest[j], std::fabs(x.data[p]));
                              ++use.count[j];
                              any_is_negative |= !(x.data[p] >= 0);
                          }
                          use.any_negative |= any_is_negative;
                      });
    for (const TermUse& use : slots) {
        for (std::size_t j = 0; j < use.count.size(); ++j) {
            largest[j] = std::max(largest[j], use.largest[j]);
            count[j] += use.count[j];
        }
        any_negative |= use.any_negative;
    }
}

}  // namespace coterie::cluster
