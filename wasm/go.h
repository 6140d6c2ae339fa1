/* The WebAssembly build for Go programs without cgo: the functions that Go calls by cgo elsewhere,
 * as exports, and what those call in Go, as imports (go/module_nocgo.go, go/host_nocgo.go).
 *
 * go/shims.gen.h has a function for each operation, go.c what else there is. Go runs one function
 * at a time, but while one of them waits for Go's answer to an import, another may run: nothing
 * here is static but the allocator. */
#ifndef SCOPEFLOW_GO_MODULE_H
#define SCOPEFLOW_GO_MODULE_H

#define SCOPEFLOW_GO_IMPORT(name) __attribute__((import_module("scopeflow"), import_name(name)))
#define SCOPEFLOW_GO_SHIM(name) EXPORT(#name)
#define SCOPEFLOW_GO_SYSTEM(host) scopeflow_go_lend_system(&(host))

#include "scopeflow.h"

/* Clock, entropy and memory, of which the module has none of its own. */
void scopeflow_go_lend_system(scopeflow_host *host);

#include "glue.h"

#endif
