// Package openai makes the requests of the official client openai-go, or of any [net/http] client that
// speaks OpenAI's protocol, managed LLM calls of package scopeflow.
//
//	client := openai.NewClient(option.WithMiddleware(scopeflowopenai.Middleware()))
//
// or, for any client,
//
//	http.Client{Transport: scopeflowopenai.NewTransport(nil)}
//
// A call's request is the HTTP request: its headers, and its body as a [json.RawMessage]. What middleware
// leaves alone is sent byte for byte, and the client reads the bytes that came. A body of server-sent
// events is a managed stream: an event is read when the client wants it, and closing the body stops it.
// The scope that a call stands under is the current one of the request's context.
//
// With [WithCodec] request intercepts and observers see requests and responses in the common form, too:
// the tokens that a call took, by kind, and what it cost where prices are known
// ([scopeflow.Runtime.UsePrices]). Of a stream, the end event then has the whole response. An intercept's
// edits of that form reach the provider, and all else of the body keeps its bytes.
//
// A response that is no success ends the call as failed with a [*StatusError]; the client gets the
// response. A guardrail that refuses, and what else fails, is the request's error; openai-go tries again
// after one, as after a broken connection, so that a guardrail is asked once for each attempt
// (option.WithMaxRetries).
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3/option"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// Option changes what [NewTransport] and [Middleware] do.
type Option func(*settings)

type settings struct {
	name        string
	runtime     *scopeflow.Runtime
	paths       []string
	traceparent bool
	codec       *scopeflow.ProviderCodec
}

// defaultPaths end the addresses of requests that are LLM calls.
var defaultPaths = []string{"/chat/completions", "/completions", "/responses", "/embeddings"}

// WithName sets the name of the calls, `openai` by default.
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithRuntime sets the runtime of the calls; by default it is that of the request's context, else the
// default one.
func WithRuntime(r *scopeflow.Runtime) Option { return func(s *settings) { s.runtime = r } }

// WithPaths sets how the paths end whose POST requests are LLM calls; by default those of chat
// completions, completions, responses and embeddings. All other requests pass untouched.
func WithPaths(suffixes ...string) Option { return func(s *settings) { s.paths = suffixes } }

// WithTraceparent sends the W3C header `traceparent` with each call, unless the request has one.
func WithTraceparent() Option { return func(s *settings) { s.traceparent = true } }

// WithCodec shows requests and responses in the common form. [scopeflow.AutoCodec] tells by each of them
// whose it is, of any provider that has a codec; one that none knows goes without, as does all of it by
// default. For a provider other than OpenAI, [WithPaths] names its paths: with "/messages" the transport
// serves Anthropic's client as well.
func WithCodec(codec scopeflow.ProviderCodec) Option {
	return func(s *settings) { s.codec = &codec }
}

func newSettings(options []Option) *settings {
	s := &settings{name: "openai", paths: defaultPaths}
	for _, each := range options {
		if each != nil {
			each(s)
		}
	}
	return s
}

// StatusError says that the provider answered a call with a status that is no success.
type StatusError struct {
	// Response is what the client gets.
	Response *http.Response
	body     []byte
}

// Error gives the status and the beginning of the body.
func (e *StatusError) Error() string {
	const shownBytes = 500
	return fmt.Sprintf("the provider answered %s: %.*s", e.Response.Status, shownBytes, e.body)
}

// Middleware makes the requests of an openai-go client managed calls: an option of
// option.WithMiddleware.
func Middleware(options ...Option) option.Middleware {
	s := newSettings(options)
	return func(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		return s.do(request, next)
	}
}

// NewTransport makes the requests that go through it managed calls, and sends them by next, or by
// [http.DefaultTransport] if that is nil.
func NewTransport(next http.RoundTripper, options ...Option) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{next, newSettings(options)}
}

type transport struct {
	next     http.RoundTripper
	settings *settings
}

// RoundTrip sends a request.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.settings.do(request, t.next.RoundTrip)
}

// roundTrip sends a request, whatever stands behind it.
type roundTrip = func(*http.Request) (*http.Response, error)

func (s *settings) isCall(request *http.Request) bool {
	if request == nil || request.Method != http.MethodPost || request.Body == nil || request.URL == nil {
		return false
	}
	for _, suffix := range s.paths {
		if strings.HasSuffix(request.URL.Path, suffix) {
			return true
		}
	}
	return false
}

func (s *settings) do(request *http.Request, next roundTrip) (*http.Response, error) {
	if !s.isCall(request) {
		return next(request)
	}
	body, err := io.ReadAll(request.Body)
	if failure := request.Body.Close(); err == nil {
		err = failure
	}
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	ctx := request.Context()
	if s.runtime != nil {
		ctx = scopeflow.WithRuntime(ctx, s.runtime)
	}
	var facts struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	_ = json.Unmarshal(body, &facts) // What is no JSON has no model, and the provider says so.
	c := &call{settings: s, original: request, body: body, next: next}
	if facts.Stream {
		return c.stream(ctx, facts.Model)
	}
	return c.whole(ctx, facts.Model)
}

// call is a request on its way.
type call struct {
	settings *settings
	original *http.Request
	body     []byte
	next     roundTrip
}

func (c *call) request() *scopeflow.LLMRequest {
	headers := make(map[string]any, len(c.original.Header))
	for name, values := range c.original.Header {
		if len(values) == 1 {
			headers[name] = values[0]
		} else {
			headers[name] = values
		}
	}
	return &scopeflow.LLMRequest{Headers: headers, Content: json.RawMessage(c.body)}
}

// send sends what middleware has left of the request. A response that is no success is an error.
func (c *call) send(ctx context.Context, request *scopeflow.LLMRequest) (*http.Response, error) {
	made := c.original.Clone(ctx)
	made.Header = headersOf(request.Headers)
	if c.settings.traceparent && made.Header.Get("traceparent") == "" {
		if header, err := scopeflow.CaptureTraceparent(ctx); err == nil {
			made.Header.Set("traceparent", header)
		}
	}
	body, err := bodyOf(request.Content)
	if err != nil {
		return nil, fmt.Errorf("encoding the request that middleware made: %w", err)
	}
	made.ContentLength = int64(len(body))
	made.Body = io.NopCloser(bytes.NewReader(body))
	made.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	response, err := c.next(made)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	text, err := takeBody(response)
	if err != nil {
		return nil, err
	}
	return nil, &StatusError{response, text}
}

func headersOf(given map[string]any) http.Header {
	made := make(http.Header, len(given))
	for name, value := range given {
		switch v := value.(type) {
		case string:
			made[name] = []string{v}
		case []string:
			made[name] = v
		case []any:
			for _, each := range v {
				made[name] = append(made[name], fmt.Sprint(each))
			}
		case nil:
		default:
			made[name] = []string{fmt.Sprint(v)}
		}
	}
	return made
}

func bodyOf(content any) ([]byte, error) {
	if text, ok := content.(json.RawMessage); ok {
		return text, nil
	}
	return json.Marshal(content)
}

// takeBody reads all of a response's body, and leaves the same bytes in it.
func takeBody(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(response.Body)
	if failure := response.Body.Close(); err == nil {
		err = failure
	}
	if err != nil {
		return nil, fmt.Errorf("reading the response's body: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// answer is a whole response; to observers it is the body.
type answer struct {
	response *http.Response
	body     []byte
}

// MarshalJSON gives the body, a text if it is no JSON.
func (a *answer) MarshalJSON() ([]byte, error) {
	if json.Valid(a.body) {
		return a.body, nil
	}
	return json.Marshal(string(a.body))
}

func (c *call) whole(ctx context.Context, model string) (*http.Response, error) {
	options := []scopeflow.LLMCallOption{scopeflow.WithModelName(model)}
	if codec := c.settings.codec; codec != nil {
		options = append(options, scopeflow.WithCodec(*codec), scopeflow.WithResponseCodec(*codec))
	}
	result, err := scopeflow.LLMCallExecute(ctx, c.settings.name, c.request(),
		func(ctx context.Context, request *scopeflow.LLMRequest) (any, error) {
			response, err := c.send(ctx, request)
			if err != nil {
				return nil, err
			}
			body, err := takeBody(response)
			return &answer{response, body}, err
		}, options...)
	if err != nil {
		return responseOf(err)
	}
	if given, ok := result.(*answer); ok {
		return given.response, nil
	}
	body, err := bodyOf(result)
	if err != nil {
		return nil, fmt.Errorf("encoding the response that middleware made: %w", err)
	}
	return c.made("application/json", io.NopCloser(bytes.NewReader(body))), nil
}

// responseOf is what the client gets of a call that failed.
func responseOf(err error) (*http.Response, error) {
	var failed *StatusError
	if errors.As(err, &failed) {
		failed.Response.Body = io.NopCloser(bytes.NewReader(failed.body))
		return failed.Response, nil
	}
	return nil, err
}

// made is the response to a call that middleware answered itself.
func (c *call) made(contentType string, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: body, ContentLength: -1,
		Request: c.original,
	}
}
