module github.com/scopeflow/scopeflow/examples/demo_agent/go

go 1.24.0

require (
	github.com/ncruces/go-sqlite3 v0.30.4
	github.com/openai/openai-go/v3 v3.30.0
	github.com/scopeflow/scopeflow/go v0.1.0
	github.com/scopeflow/scopeflow/go/openai v0.1.0
)

require (
	github.com/ncruces/julianday v1.0.0 // indirect
	github.com/tetratelabs/wazero v1.11.0 // indirect
	github.com/tidwall/gjson v1.18.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	golang.org/x/sys v0.39.0 // indirect
)

replace (
	github.com/scopeflow/scopeflow/go => ../../../go
	github.com/scopeflow/scopeflow/go/openai => ../../../go/openai
)
