module scopeflow.example/extension

go 1.24

require github.com/scopeflow/scopeflow/go v0.0.0

replace github.com/scopeflow/scopeflow/go => ../../../go
