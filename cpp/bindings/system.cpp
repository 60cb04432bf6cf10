// What `coterie doctor` reports, and the switch the bit-equality tests use.
#include <pybind11/stl.h>

#include "bindings/init.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"

namespace py = pybind11;

namespace coterie {

void init_system(py::module_& m) {
    m.def("default_thread_count", &default_thread_count);
    m.def("active_isa", [] { return kernels::active().name; });
    m.def("available_isas", &kernels::available_isas);
    m.def("set_isa", &kernels::set_active, py::arg("name"));
    m.def("compiler", [] { return COTERIE_COMPILER; });
}

}  // namespace coterie
