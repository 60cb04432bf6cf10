// Runs of rows of similar size. A row y can only reach a score with x when its size is within a window around that of
// x (Bayardo, Ma and Srikant, WWW 2007; Xiao et al., "Efficient similarity joins for near duplicate detection", WWW
// 2008), so that where rows are in order of size whole runs need not be looked at.
#pragma once

#include <vector>

#include "core/types.hpp"

namespace coterie {

class SizeSegments {
  public:
    static constexpr index_t kAlignment = 64;  // segments begin at multiples of it, as the kernels like it

    struct Segment {
        index_t begin, end;     // rows
        double least, largest;  // sizes
    };

    SizeSegments() = default;
    // Of rows [0, n); right for any sizes, of use for increasing ones.
    SizeSegments(const double* sizes, index_t n);

    // The rows [begin, end) outside of which every size is below least or above largest; empty when begin == end.
    struct Window {
        index_t begin, end;
    };
    Window window(double least, double largest) const;

    const std::vector<Segment>& segments() const { return segments_; }
    double least() const { return least_; }
    double largest() const { return largest_; }

  private:
    std::vector<Segment> segments_;
    double least_ = 0, largest_ = 0;
};

}  // namespace coterie
