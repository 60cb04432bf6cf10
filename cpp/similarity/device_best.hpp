// What a block of a device program keeps of the neighbours of one row: the best few in shared memory (neighbours.hpp's Best),
// or all that reach the threshold, in a list of pairs.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "cuda/atomics.hpp"

namespace coterie::device {

inline constexpr int kMostNeighbours = 1024;

struct Scored {
    double score;
    std::int64_t index;
};

// What a search looks for, on the device.
struct Wanted {
    index_t k;                     // 1 .. kMostNeighbours; not asked of pairs
    float threshold;               // least similarity after its rounding to float32
    const std::int32_t* excluded;  // [n] or null; see NeighbourQuery
    bool below_only;               // row i wants columns j < i
};

// Where the answers go; row r of a search has n_found[r] of them, best first.
struct Answers {
    double* scores;         // [n][k]
    std::int32_t* indices;  // [n][k]
    std::int32_t* n_found;  // [n]
};

// Offers go to a waiting list from all threads at once; between two barriers one thread takes them in. The order in which they
// arrive does not matter: candidates are totally ordered.
struct BlockBest {
    using Answers = device::Answers;
    static constexpr bool kIsBounded = true;
    static constexpr std::size_t bytes(int most_waiting) {
        return (kMostNeighbours + static_cast<std::size_t>(most_waiting)) * sizeof(Scored) + 16;
    }

    Scored *best, *waiting;
    std::int32_t* counts;  // kept, waiting
    Wanted wanted;
    Answers answers;
    index_t row;  // of the answers

    template <typename Block>
    COTERIE_HOST_DEVICE static BlockBest at(Block& block, std::size_t byte, const Wanted& wanted,
                                            const Answers& answers, index_t row, index_t) {
        Scored* const best = block.template shared<Scored>(byte + 16);
        return {best, best + kMostNeighbours, block.template shared<std::int32_t>(byte), wanted, answers,
                row};
    }

    // By one thread.
    COTERIE_HOST_DEVICE void clear() const { counts[0] = counts[1] = 0; }

    COTERIE_HOST_DEVICE static bool better(double score, index_t index, const Scored& other) {
        return score > other.score || (score == other.score && index < other.index);
    }
    COTERIE_HOST_DEVICE void offer(double score, index_t index) const {
        if (!(static_cast<float>(score) >= wanted.threshold)) return;
        if (counts[0] == wanted.k && !better(score, index, best[wanted.k - 1])) return;
        waiting[cuda::atomic_add(counts + 1, 1)] = {score, index};
    }
    // By one thread, with barriers before and after.
    COTERIE_HOST_DEVICE void take_waiting() const {
        std::int32_t n = counts[0];
        for (std::int32_t w = 0; w < counts[1]; ++w) {
            const Scored candidate = waiting[w];
            if (n == wanted.k && !better(candidate.score, candidate.index, best[n - 1])) continue;
            std::int32_t place = n < wanted.k ? n++ : n - 1;
            for (; place > 0 && better(candidate.score, candidate.index, best[place - 1]); --place)
                best[place] = best[place - 1];
            best[place] = candidate;
        }
        counts[0] = n;
        counts[1] = 0;
    }
    // By thread t of n_threads, after a barrier.
    COTERIE_HOST_DEVICE void write(int t, int n_threads) const {
        if (t == 0) answers.n_found[row] = counts[0];
        for (index_t q = t; q < counts[0]; q += n_threads) {
            answers.scores[row * wanted.k + q] = best[q].score;
            answers.indices[row * wanted.k + q] = static_cast<std::int32_t>(best[q].index);
        }
    }
};

struct Pair {
    double score;
    std::int32_t row, column;
};

// Where pairs go, in no order; those beyond the capacity are counted and not written.
struct Pairs {
    Pair* pairs;  // [capacity]
    index_t capacity;
    std::int64_t* n_found;
};

struct BlockPairs {
    using Answers = Pairs;
    static constexpr bool kIsBounded = false;
    static constexpr std::size_t bytes(int) { return 0; }

    float threshold;
    Pairs out;
    std::int32_t row;

    template <typename Block>
    COTERIE_HOST_DEVICE static BlockPairs at(Block&, std::size_t, const Wanted& wanted, const Pairs& out,
                                             index_t, index_t i) {
        return {wanted.threshold, out, static_cast<std::int32_t>(i)};
    }

    COTERIE_HOST_DEVICE void clear() const {}
    COTERIE_HOST_DEVICE void offer(double score, index_t index) const {
        if (!(static_cast<float>(score) >= threshold)) return;
        const std::int64_t place = cuda::atomic_add(out.n_found, std::int64_t{1});
        if (place < out.capacity) out.pairs[place] = {score, row, static_cast<std::int32_t>(index)};
    }
    COTERIE_HOST_DEVICE void take_waiting() const {}
    COTERIE_HOST_DEVICE void write(int, int) const {}
};

}  // namespace coterie::device
