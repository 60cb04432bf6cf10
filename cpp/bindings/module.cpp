// Table of contents of the extension module; each room registers itself.
#include "bindings/init.hpp"

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    m.doc() = "coterie's compiled kernels; the public API and its documentation are in the Python package.";
    coterie::init_errors(m);
    coterie::init_system(m);
    coterie::init_device(m);
    coterie::init_text(m);
    coterie::init_device_words(m);
    coterie::init_device_embeddings(m);
    coterie::init_similarity(m);
    coterie::init_cluster(m);
    coterie::init_streamed_lloyd(m);
    coterie::init_linkage(m);
    coterie::init_device_samples(m);
    coterie::init_device_pass(m);
    coterie::init_topics(m);
    coterie::init_positive_pmi(m);
    coterie::init_truncated_svd(m);
}
