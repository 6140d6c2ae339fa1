module github.com/scopeflow/scopeflow/go/openai

go 1.24

require (
	github.com/openai/openai-go/v3 v3.30.0
	github.com/scopeflow/scopeflow/go v0.1.0
)

require (
	github.com/tidwall/gjson v1.18.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
)

replace github.com/scopeflow/scopeflow/go => ../
