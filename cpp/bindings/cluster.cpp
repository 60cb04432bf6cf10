#include "bindings/init.hpp"

namespace coterie {

void init_cluster(pybind11::module_&) {}

}  // namespace coterie
