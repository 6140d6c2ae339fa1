// Package benchmarks times package scopeflow beside otel-go and beside an empty call of C. It is a module
// of its own, so that scopeflow needs none of what it is compared with.
package benchmarks

// static void nothing(void) {}
import "C"

// CallC is what a call of C costs that does nothing: the unit of the limits.
func CallC() { C.nothing() }
