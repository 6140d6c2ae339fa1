module github.com/scopeflow/scopeflow/go

go 1.24
