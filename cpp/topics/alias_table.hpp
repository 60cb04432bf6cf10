// Draws from a fixed distribution over topics in O(1).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace coterie {

// Draws an index with probability alpha[k] / sum (Walker's alias method, as Vose fills it).
class AliasTable {
  public:
    explicit AliasTable(const std::vector<double>& alpha) : keep_(alpha.size()), other_(alpha.size()) {
        const double mean =
            std::accumulate(alpha.begin(), alpha.end(), 0.0) / static_cast<double>(alpha.size());
        std::vector<double> share(alpha.size());
        std::vector<std::size_t> small, large;
        for (std::size_t k = 0; k < alpha.size(); ++k) {
            share[k] = alpha[k] / mean;
            (share[k] < 1 ? small : large).push_back(k);
        }
        while (!small.empty() && !large.empty()) {
            const std::size_t s = small.back(), l = large.back();
            small.pop_back();
            keep_[s] = static_cast<float>(share[s]);
            other_[s] = static_cast<std::uint16_t>(l);
            share[l] -= 1 - share[s];
            if (share[l] >= 1) continue;
            large.pop_back();
            small.push_back(l);
        }
        for (const auto& rest : {small, large})
            for (const std::size_t k : rest) {
                keep_[k] = 1;
                other_[k] = static_cast<std::uint16_t>(k);
            }
    }
    // position in [0, 1)
    std::uint16_t draw(double position) const {
        const double scaled = position * static_cast<double>(keep_.size());
        const std::size_t k = std::min(static_cast<std::size_t>(scaled), keep_.size() - 1);
        return scaled - static_cast<double>(k) < static_cast<double>(keep_[k]) ? static_cast<std::uint16_t>(k)
                                                                               : other_[k];
    }

  private:
    std::vector<float> keep_;
    std::vector<std::uint16_t> other_;
};

}  // namespace coterie
