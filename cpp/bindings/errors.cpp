// The one table from C++ exceptions to Python ones. std::invalid_argument -> ValueError, std::out_of_range ->
// IndexError and std::bad_alloc -> MemoryError are pybind11's own and are what the ops throw.
#include <exception>

#include "bindings/init.hpp"
#include "core/interrupt.hpp"
#include "cuda/device.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

// True when a signal handler raised; the error stays pending in this thread until Interrupted reaches the
// translator.
bool python_signal_pending() {
    py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
}

}  // namespace

void init_errors(py::module_&) {
    set_interrupt_poll(python_signal_pending);
    py::register_local_exception_translator([](std::exception_ptr p) {
        try {
            if (p) std::rethrow_exception(p);
        } catch (const Interrupted&) {
            if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
        } catch (const cuda::DeviceMemoryError& error) {
            PyErr_SetString(PyExc_MemoryError, error.what());
        }
    });
}

}  // namespace coterie
