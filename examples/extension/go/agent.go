// A Go agent with a guardrail in C++, the same one that agent.py has.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	scopeflow "github.com/scopeflow/scopeflow/go"
	"scopeflow.example/extension/blocklist"
)

func search(_ context.Context, query string) ([]string, error) {
	return []string{"a page about " + query}, nil
}

func shell(context.Context, string) (string, error) {
	return "", errors.New("this never runs")
}

func main() {
	runtime, err := scopeflow.Default()
	if err != nil {
		log.Fatal(err)
	}
	if err := blocklist.Block(runtime, "no shell", "eval", "shell"); err != nil {
		log.Fatal(err)
	}
	ctx, scope, err := scopeflow.PushScope(context.Background(), "agent", scopeflow.ScopeTypeAgent)
	if err != nil {
		log.Fatal(err)
	}
	defer scope.Close()

	pages, err := scopeflow.ExecuteTool(ctx, "search", "otters", search)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pages)
	_, err = scopeflow.ExecuteTool(ctx, "shell", "rm -rf /", shell)
	fmt.Println(err)
}
