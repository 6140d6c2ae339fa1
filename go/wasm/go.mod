module github.com/scopeflow/scopeflow/go/wasm

go 1.24

require (
	github.com/scopeflow/scopeflow/go v0.1.0
	github.com/tetratelabs/wazero v1.10.1
)

replace github.com/scopeflow/scopeflow/go => ../
