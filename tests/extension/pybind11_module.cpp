// The guardrail of examples/extension through another binding library: nothing of it changes.
#include "blocklist.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

static void block(py::handle runtime, const std::string &name, std::vector<std::string> tools,
                  int priority) {
    py::object const capsule = runtime.attr("capsule");
    void *const pointer = PyCapsule_GetPointer(capsule.ptr(), "scopeflow.runtime");
    if (pointer == nullptr) throw py::error_already_set();
    blocklist::add(static_cast<scopeflow_runtime *>(pointer), name, std::move(tools), priority);
}

PYBIND11_MODULE(blocklist, module) {
    void *const table = PyCapsule_Import("scopeflow._native.functions", 0);
    if (table == nullptr) throw py::error_already_set();
    blocklist::use(static_cast<const scopeflow_functions *>(table));
    module.def("block", &block, py::arg("runtime"), py::arg("name"), py::arg("tools"),
               py::arg("priority") = 0);
}
