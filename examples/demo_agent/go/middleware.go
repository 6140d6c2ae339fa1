package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	scopeflow "github.com/scopeflow/scopeflow/go"
	managed "github.com/scopeflow/scopeflow/go/openai"
)

var personal = regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b\d{4}(?:[ -]?\d{4}){3}\b`)

const (
	tryLimit  = 4
	firstWait = 50 * time.Millisecond
	waitLimit = 2 * time.Second
)

// install registers what is done to the calls of agents without their knowing.
func install(r *scopeflow.Runtime) error {
	return errors.Join(
		r.RegisterToolConditionalExecutionGuardrail("read-only SQL", 10, refuseWrites),
		r.RegisterLLMSanitizeRequestGuardrail("privacy", 10, redactRequest),
		r.RegisterScopeSanitizeStartGuardrail("privacy", 10, redactEvent),
		r.RegisterScopeSanitizeEndGuardrail("privacy", 10, redactEvent),
		r.RegisterMarkSanitizeGuardrail("privacy", 10, redactEvent),
		r.RegisterLLMRequestIntercept("agent's name", 10, false, nameAgent),
		r.RegisterLLMExecutionIntercept("retry", 10, retryCall),
		r.RegisterLLMStreamExecutionIntercept("retry", 10, retryStream),
	)
}

var firstWord = regexp.MustCompile(`^[\s(]*(\w*)`)

// refuseWrites is a guardrail: SQL may read, and nothing else.
func refuseWrites(_ context.Context, name string, arguments any) (*string, error) {
	if name != "sql" {
		return nil, nil
	}
	statement, _ := arguments.(map[string]any)["statement"].(string)
	verb := strings.ToUpper(firstWord.FindStringSubmatch(statement)[1])
	switch verb {
	case "SELECT", "WITH", "EXPLAIN":
		return nil, nil
	case "":
		verb = "no word"
	}
	reason := "only statements that read are allowed, and this one begins with " + verb
	return &reason, nil
}

// redactRequest is a sanitizer: observers see no personal data in what a model is asked. The model does.
func redactRequest(_ context.Context, request *scopeflow.LLMRequest) (*scopeflow.LLMRequest, error) {
	if text, ok := request.Content.(json.RawMessage); ok {
		request.Content = json.RawMessage(personal.ReplaceAll(text, []byte("(hidden)")))
	}
	return request, nil
}

// redactEvent does the same for whatever else events tell, of agents and of tools.
func redactEvent(
	_ context.Context, event *scopeflow.Event, fields *scopeflow.EventFields,
) (*scopeflow.EventFields, error) {
	fields.Data, fields.Metadata = redact(fields.Data), redact(fields.Metadata)
	fields.CategoryProfile = redact(fields.CategoryProfile)
	return fields, nil
}

// redact puts `(hidden)` in the place of each e-mail address and card number of a JSON value.
func redact(value any) any {
	switch v := value.(type) {
	case string:
		return personal.ReplaceAllString(v, "(hidden)")
	case map[string]any:
		for key, member := range v {
			v[key] = redact(member)
		}
	case []any:
		for i, element := range v {
			v[i] = redact(element)
		}
	}
	return value
}

// nameAgent is a request intercept: the model's server is told which agent asks.
func nameAgent(ctx context.Context, _ string, request *scopeflow.LLMRequest, _ any) (any, error) {
	request.Headers["X-Agent"] = scopeflow.CurrentScope(ctx).Name()
	return request, nil
}

func retryCall(
	ctx context.Context, _ string, request *scopeflow.LLMRequest, next scopeflow.LLMNextFunc,
) (any, error) {
	return retry(ctx, func() (any, error) { return next(ctx, request) })
}

func retryStream(
	ctx context.Context, _ string, request *scopeflow.LLMRequest, next scopeflow.LLMStreamNextFunc,
) (any, error) {
	return retry(ctx, func() (iter.Seq2[any, error], error) { return next(ctx, request) })
}

// retry asks again, after a while, who was turned away by a busy server (503). It waits as long as
// `Retry-After` says, and longer each time, but neither for ever nor often.
func retry[Answer any](ctx context.Context, ask func() (Answer, error)) (Answer, error) {
	for attempt := range tryLimit - 1 {
		answer, err := ask()
		var failed *managed.StatusError
		if !errors.As(err, &failed) || failed.Response.StatusCode != http.StatusServiceUnavailable {
			return answer, err
		}
		wait := max(retryAfter(failed.Response), firstWait<<attempt)
		if wait > waitLimit {
			return answer, err
		}
		waited := map[string]any{"status": failed.Response.StatusCode, "wait_s": wait.Seconds()}
		if err := scopeflow.EmitEvent(ctx, "backoff", scopeflow.WithData(waited)); err != nil {
			return answer, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return answer, fmt.Errorf("waiting for another attempt: %w", ctx.Err())
		}
	}
	return ask()
}

func retryAfter(response *http.Response) time.Duration {
	seconds, _ := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16) // A date is no wait.
	return time.Duration(seconds) * time.Second
}
