// From Python arrays to the counts and priors of topic models.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "bindings/arrays.hpp"
#include "topics/topic_priors.hpp"
#include "topics/topic_tokens.hpp"

namespace coterie {

template <typename T>
std::vector<T> vector_of(const py::array& a, const char* name) {
    const T* data = vector_data<T>(a, a.size(), name);
    return {data, data + a.size()};
}

// The tuple (indptr i64, topic i32, count i32); proved to describe rows, its topics are checked by the ops.
inline TermTopics term_topics_argument(const py::object& x, const char* name) {
    const auto parts = x.cast<std::tuple<py::array, py::array, py::array>>();
    TermTopics counts{vector_of<std::int64_t>(std::get<0>(parts), name),
                      vector_of<std::int32_t>(std::get<1>(parts), name),
                      vector_of<std::int32_t>(std::get<2>(parts), name)};
    require(!counts.indptr.empty() && counts.indptr.front() == 0, name, "indptr must start at 0");
    for (std::size_t w = 1; w < counts.indptr.size(); ++w)
        require(counts.indptr[w] >= counts.indptr[w - 1], name, "indptr must not decrease; it does at ", w);
    require(counts.indptr.back() == static_cast<index_t>(counts.topic.size()) &&
                counts.topic.size() == counts.count.size(),
            name, "indptr ends at ", counts.indptr.back(), " for ", counts.topic.size(), " topics and ",
            counts.count.size(), " counts");
    return counts;
}

inline py::tuple to_python(TermTopics&& counts) {
    return py::make_tuple(to_numpy(std::move(counts.indptr)), to_numpy(std::move(counts.topic)),
                          to_numpy(std::move(counts.count)));
}

}  // namespace coterie
