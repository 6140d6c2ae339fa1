//go:build !cgo

package scopeflow

import _ "github.com/scopeflow/scopeflow/go/wasm"

// The tests of package scopeflow, run with this file in its folder, have a core without cgo.
