#pragma once

#include <pybind11/pybind11.h>

namespace coterie {

void init_errors(pybind11::module_& m);
void init_system(pybind11::module_& m);
void init_device(pybind11::module_& m);
void init_device_samples(pybind11::module_& m);
void init_device_pass(pybind11::module_& m);
void init_device_words(pybind11::module_& m);
void init_device_embeddings(pybind11::module_& m);
void init_text(pybind11::module_& m);
void init_similarity(pybind11::module_& m);
void init_cluster(pybind11::module_& m);
void init_streamed_lloyd(pybind11::module_& m);
void init_linkage(pybind11::module_& m);
void init_topics(pybind11::module_& m);
void init_positive_pmi(pybind11::module_& m);
void init_truncated_svd(pybind11::module_& m);

}  // namespace coterie
