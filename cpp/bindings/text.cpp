#include "bindings/init.hpp"

namespace coterie {

void init_text(pybind11::module_&) {}

}  // namespace coterie
