// The guardrail as a Python module, with nanobind.
#include "blocklist.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;

static void block(nb::handle runtime, const std::string &name, std::vector<std::string> tools,
                  int priority) {
    nb::object const capsule = runtime.attr("capsule");
    void *const pointer = PyCapsule_GetPointer(capsule.ptr(), "scopeflow.runtime");
    if (pointer == nullptr) throw nb::python_error();
    blocklist::add(static_cast<scopeflow_runtime *>(pointer), name, std::move(tools), priority);
}

NB_MODULE(blocklist, module) {
    void *const table = PyCapsule_Import("scopeflow._native.functions", 0);
    if (table == nullptr) throw nb::python_error();
    blocklist::use(static_cast<const scopeflow_functions *>(table));
    module.def("block", &block, nb::arg("runtime"), nb::arg("name"), nb::arg("tools"),
               nb::arg("priority") = 0, "Refuses calls of these tools.");
}
