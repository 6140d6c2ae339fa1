package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// progress shows a line for each event, and the answer as it comes.
type progress struct {
	mu           sync.Mutex // Agents work at once.
	out          io.Writer
	isWithinLine bool
}

// say shows a piece of the answer, on a line that goes on until the next event.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text != "" {
		fmt.Fprint(p.out, text)
		p.isWithinLine = true
	}
}

// show is a subscriber.
func (p *progress) show(_ context.Context, event *scopeflow.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isWithinLine {
		fmt.Fprintln(p.out)
		p.isWithinLine = false
	}
	fmt.Fprintln(p.out, lineOf(event))
}

func lineOf(event *scopeflow.Event) string {
	switch event.ScopeCategory() {
	case scopeflow.ScopeCategoryStart:
		return fmt.Sprintf("> %s %s", event.Category(), event.Name())
	case scopeflow.ScopeCategoryEnd:
		var metadata struct {
			Status string `json:"otel.status_code"`
		}
		_ = json.Unmarshal(event.Metadata(), &metadata) // Without metadata there is no status.
		line := fmt.Sprintf("< %s %s %s", event.Category(), event.Name(), metadata.Status)
		return strings.TrimSpace(line) + tokensOf(event)
	}
	return "! " + event.Name()
}

// tokensOf tells what a call of a model took, and what it cost where that is known.
func tokensOf(event *scopeflow.Event) string {
	var response scopeflow.AnnotatedLLMResponse
	_ = json.Unmarshal(event.AnnotatedResponse(), &response) // Without one there are no tokens.
	usage := response.Usage
	if usage == nil || usage.PromptTokens == nil || usage.CompletionTokens == nil {
		return ""
	}
	text := fmt.Sprintf("  %d + %d tokens", *usage.PromptTokens, *usage.CompletionTokens)
	if cost := usage.Cost; cost != nil && cost.Total != nil {
		text += fmt.Sprintf(", %g %s", *cost.Total, cost.Currency)
	}
	return text
}
