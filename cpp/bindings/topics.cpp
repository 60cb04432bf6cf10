#include "bindings/init.hpp"

namespace coterie {

void init_topics(pybind11::module_&) {}

}  // namespace coterie
