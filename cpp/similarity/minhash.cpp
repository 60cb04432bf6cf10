#include "similarity/minhash.hpp"

#include <algorithm>
#include <limits>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"
#include "similarity/checks.hpp"
#include "similarity/disjoint_sets.hpp"
#include "similarity/jaccard_top_k.hpp"
#include "similarity/measures.hpp"

namespace coterie {
namespace {

// The finaliser of SplitMix64, a bijection of 64-bit words: with a random offset, a random order of the columns.
std::uint64_t scramble(std::uint64_t v) {
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
    return v ^ (v >> 31);
}

struct Keyed {
    std::uint64_t key;  // hash of the band's minima
    std::int32_t row;
};

// Rows without elements have no minima and are left out.
std::vector<Keyed> band_keys(const CsrView& x, const MinHash& minhash, index_t band, int n_threads) {
    const Philox random(minhash.seed, static_cast<std::uint64_t>(band));
    std::vector<Keyed> keys(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            const SparseRow row = sparse_row(x, i);
            std::uint64_t key = 0;
            for (index_t h = 0; h < minhash.rows_per_band; ++h) {
                const std::uint64_t offset = random.at(static_cast<std::uint64_t>(h));
                std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
                for (index_t p = 0; p < row.nnz; ++p)
                    least = std::min(least, scramble(offset + static_cast<std::uint64_t>(row.indices[p])));
                key = scramble(key + least);
            }
            keys[i] = {key, static_cast<std::int32_t>(i)};
        }
    });
    std::erase_if(keys, [&](const Keyed& k) { return sparse_row(x, k.row).nnz == 0; });
    std::sort(keys.begin(), keys.end(), [](const Keyed& a, const Keyed& b) {
        return a.key < b.key || (a.key == b.key && a.row < b.row);
    });
    return keys;
}

template <typename Measure>
std::vector<std::int32_t> components(const CsrView& x, float threshold, const MinHash& minhash,
                                     int n_threads) {
    require(threshold > 0 && threshold <= 1, "near_duplicates", "threshold must be in (0, 1]; got ",
            threshold);
    require(minhash.n_bands >= 1 && minhash.rows_per_band >= 1, "near_duplicates",
            "n_bands=", minhash.n_bands, " and rows_per_band=", minhash.rows_per_band, " must be >= 1");
    check_pair(x, x, NeighbourQuery{}, "near_duplicates", n_threads);
    std::vector<double> sizes(static_cast<std::size_t>(x.rows));
    for (index_t i = 0; i < x.rows; ++i) sizes[i] = Measure::size(sparse_row(x, i));
    DisjointSets sets(x.rows);
    for (index_t band = 0; band < minhash.n_bands; ++band) {
        const std::vector<Keyed> keys = band_keys(x, minhash, band, n_threads);
        parallel_for_rows(
            static_cast<index_t>(keys.size()), 256, n_threads, [&](index_t begin, index_t end, int) {
                for (index_t a = begin; a < end; ++a) {
                    const std::int32_t i = keys[a].row;
                    for (index_t b = a; b-- > 0 && keys[b].key == keys[a].key;) {
                        const std::int32_t j = keys[b].row;
                        if (sets.together(i, j)) continue;
                        const double s =
                            pair_score<Measure>(sparse_row(x, i), sparse_row(x, j), sizes[i], sizes[j]);
                        if (static_cast<float>(s) >= threshold) sets.unite(i, j);
                    }
                }
            });
        check_interrupt();
    }
    std::vector<std::int32_t> first(static_cast<std::size_t>(x.rows));
    for (index_t i = 0; i < x.rows; ++i) first[i] = sets.root(static_cast<std::int32_t>(i));
    return first;
}

}  // namespace

std::vector<std::int32_t> cosine_minhash_components(const CsrView& x, float threshold, const MinHash& minhash,
                                                    int n_threads) {
    return components<CosineMeasure>(x, threshold, minhash, n_threads);
}

std::vector<std::int32_t> jaccard_minhash_components(const CsrView& x, float threshold,
                                                     const MinHash& minhash, int n_threads) {
    check_not_negative(x, "near_duplicates", n_threads);
    return components<JaccardMeasure>(x, threshold, minhash, n_threads);
}

}  // namespace coterie
