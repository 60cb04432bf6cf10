// RowMoves of what comes on standard input: counts, then indptr, rows, labels, members and ranges. Prints the moves and the tasks.
#include <cstdint>
#include <iostream>
#include <vector>

#include "cluster/row_moves.hpp"

int main() {
    using coterie::index_t;
    index_t n, n_moved, k, n_borders;
    std::cin >> n >> n_moved >> k >> n_borders;
    const auto read = [](index_t count, auto value) {
        std::vector<decltype(value)> values(static_cast<std::size_t>(count));
        for (auto& v : values) std::cin >> v;
        return values;
    };
    const auto indptr = read(n + 1, std::int64_t{});
    const auto rows = read(n_moved, index_t{});
    const auto labels = read(n, std::int32_t{}), members = read(n, std::int32_t{});
    const auto range = read(n_borders, index_t{});
    const coterie::CsrView x = {nullptr, nullptr, indptr.data(), n, range.back()};
    const coterie::cluster::RowMoves moves(x, rows, labels.data(), members.data(), k, range);
    for (const auto& m : moves.moves())
        std::cout << "move " << m.row << ' ' << m.cluster << ' ' << m.gives << '\n';
    for (const auto& t : moves.tasks())
        std::cout << "task " << t.begin << ' ' << t.end << ' ' << t.first << ' ' << t.last << '\n';
}
