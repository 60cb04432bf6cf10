#include "bindings/init.hpp"

namespace coterie {

void init_similarity(pybind11::module_&) {}

}  // namespace coterie
