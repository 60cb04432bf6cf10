#include "cluster/split_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 1024;
// In nanoseconds, roughly: of a term, of a product and, spread over a dozen passes, of a nonzero.
constexpr index_t kPackingCost = 50, kKinCost = 8, kCopyCost = 1;

bool is_frequent(index_t count) {
    return count > SplitRows::kMostRows;
}

}  // namespace

// Which rows have each rare term.
class SplitRows::Holders {
  public:
    struct Holder {
        std::int32_t row;
        float value;
    };

    explicit Holders(const TermUse& use) : place_(use.count.size()), start_{0} {
        for (std::size_t j = 0; j < place_.size(); ++j) {
            if (is_frequent(use.count[j])) {
                place_[j] = static_cast<std::int32_t>(frequent_.size());
                frequent_.push_back(static_cast<std::int32_t>(j));
            } else {
                place_[j] = -static_cast<std::int32_t>(start_.size());
                start_.push_back(start_.back() + use.count[j]);
            }
        }
        holders_.resize(static_cast<std::size_t>(start_.back()));
        n_held_.resize(start_.size() - 1, 0);
    }

    // Of a frequent term among them, of a rare one below 0.
    std::int32_t place(std::int32_t j) const { return place_[static_cast<std::size_t>(j)]; }
    std::vector<std::int32_t> frequent() && { return std::move(frequent_); }
    index_t count(std::int32_t place) const { return start_[term(place) + 1] - start_[term(place)]; }
    const Holder* begin(std::int32_t place) const { return holders_.data() + start_[term(place)]; }
    const Holder* end(std::int32_t place) const { return holders_.data() + start_[term(place) + 1]; }

    // From any thread, count(place) times.
    void add(std::int32_t place, Holder holder) {
        const auto n_before = __atomic_fetch_add(&n_held_[term(place)], 1, __ATOMIC_RELAXED);
        holders_[static_cast<std::size_t>(start_[term(place)] + n_before)] = holder;
    }
    // Whichever thread came first.
    void sort(int n_threads) {
        const auto by_row = [](const Holder& a, const Holder& b) { return a.row < b.row; };
        parallel_for_rows(
            static_cast<index_t>(n_held_.size()), kRowsPerTask, n_threads,
            [&](index_t begin, index_t end, int) {
                for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r)
                    std::sort(holders_.begin() + start_[r], holders_.begin() + start_[r + 1], by_row);
            });
    }

  private:
    static std::size_t term(std::int32_t place) { return static_cast<std::size_t>(-1 - place); }

    std::vector<std::int32_t> place_, frequent_;
    std::vector<index_t> start_;
    std::vector<Holder> holders_;
    std::vector<std::uint8_t> n_held_;
};

bool SplitRows::pay(const Samples<Sparse>& samples) {
    const TermUse& use = samples.term_use();
    if (samples.x.rows >= std::numeric_limits<std::int32_t>::max() || samples.weight != nullptr ||
        use.any_negative || !(samples.largest_squared_norm < kernels::kFilterLimit))
        return false;
    index_t n_rare = 0, n_kin = samples.x.rows;  // with each row itself
    for (const index_t count : use.count) {
        if (is_frequent(count)) continue;
        ++n_rare;
        n_kin += count * (count - 1);
    }
    return n_rare * kPackingCost >= n_kin * kKinCost + samples.x.nnz() * kCopyCost;
}

SplitRows::SplitRows(const Samples<Sparse>& samples)
    : largest_(samples.metric == Metric::cosine ? 1 : std::sqrt(samples.largest_squared_norm)),
      start_(static_cast<std::size_t>(samples.x.rows + 1), 0),
      kin_start_(start_) {
    const Sparse& x = samples.x;
    Holders holders(samples.term_use());
    const auto for_each_row = [&](const auto& use) {
        parallel_for_rows(x.rows, kRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int) {
            for (index_t i = begin; i < end; ++i) use(i);
        });
    };
    for_each_row([&](index_t i) {
        index_t n_kin = 0, n_rare = 0;
        for (index_t p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
            const std::int32_t place = holders.place(x.indices[p]);
            if (place >= 0) continue;
            holders.add(place, {static_cast<std::int32_t>(i), x.data[p]});
            n_kin += holders.count(place) - 1;
            ++n_rare;
        }
        start_[static_cast<std::size_t>(i + 1)] = x.indptr[i + 1] - x.indptr[i] - n_rare;
        kin_start_[static_cast<std::size_t>(i + 1)] = n_kin + (n_rare > 0);
    });
    holders.sort(samples.n_threads);
    std::partial_sum(start_.begin(), start_.end(), start_.begin());
    std::partial_sum(kin_start_.begin(), kin_start_.end(), kin_start_.begin());
    data_.resize(static_cast<std::size_t>(start_.back()));
    indices_.resize(static_cast<std::size_t>(start_.back()));
    kin_.resize(static_cast<std::size_t>(kin_start_.back()));
    for_each_row([&](index_t i) { fill_row(samples, i, holders); });
    frequent_ = std::move(holders).frequent();
}

// Of the row's products with itself one number is made, the first.
void SplitRows::fill_row(const Samples<Sparse>& samples, index_t i, const Holders& holders) {
    const Sparse& x = samples.x;
    const auto s = static_cast<std::size_t>(i);
    const auto row = static_cast<std::int32_t>(i);
    auto next = static_cast<std::size_t>(start_[s]), next_kin = static_cast<std::size_t>(kin_start_[s]);
    Kin* const own = kin_start_[s] < kin_start_[s + 1] ? &kin_[next_kin++] : nullptr;
    double own_product = 0;
    for (index_t p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
        const std::int32_t place = holders.place(x.indices[p]);
        if (place >= 0) {
            indices_[next] = place;
            data_[next++] = x.data[p];
            continue;
        }
        for (const Holders::Holder* h = holders.begin(place); h != holders.end(place); ++h) {
            const double product = double{x.data[p]} * double{h->value} / samples.length(h->row);
            if (h->row == row) {
                own_product += product;
            } else {
                kin_[next_kin++] = {row, h->row, static_cast<float>(product)};
            }
        }
    }
    if (own != nullptr) *own = {row, row, static_cast<float>(own_product)};
}

void SplitRows::add_rare(const index_t* rows, index_t m, const Members& members, float* scores,
                         index_t ld) const {
    // Rows that follow one another are one loop: most have one or two numbers to add, and their ends cannot be predicted.
    for (index_t r = 0; r < m;) {
        const index_t first = r;
        while (++r < m && rows[r] == rows[r - 1] + 1) continue;
        const index_t end = kin_start_[static_cast<std::size_t>(rows[r - 1] + 1)];
        float* const first_scores = scores + first * ld;
        for (index_t q = kin_start_[static_cast<std::size_t>(rows[first])]; q < end; ++q) {
            const Kin& kin = kin_[static_cast<std::size_t>(q)];
            const std::int32_t c = members.cluster[kin.other];
            first_scores[(kin.row - rows[first]) * ld + c] +=
                static_cast<float>(kin.product * members.share[static_cast<std::size_t>(c)]);
        }
    }
}

// Means are float32 and made of integers: of what rows have of a term, each is off by half of 2^-29 of its largest number and
// less, since there are fewer than 2^31 rows. Products are float32, too.
double SplitRows::error_of_rare(double norm, index_t n, double own) const {
    return 0x1p-20 * own + static_cast<double>(n) * norm * (0x1p-26 * largest_ + 0x1p-149);
}

}  // namespace coterie::cluster
