package scopeflow

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
)

// PropagationContext is the portable form of a context (S1.10): plain data that crosses to another
// process. Its JSON is read in every language.
type PropagationContext struct {
	// Version is 1, the only one that is known; 0 stands for it.
	Version int `json:"version"`
	// RootUUID is the trace; without one it begins with the parent.
	RootUUID *UUID `json:"root_uuid,omitempty"`
	// ParentUUID is the scope that work there stands under.
	ParentUUID UUID `json:"parent_uuid"`
}

// MarshalJSON gives `{"version":1,"root_uuid":…,"parent_uuid":…}`.
func (p PropagationContext) MarshalJSON() ([]byte, error) {
	type plain PropagationContext // Without this method.
	if p.Version == 0 {
		p.Version = 1
	}
	return json.Marshal(plain(p))
}

// String gives the JSON form.
func (p PropagationContext) String() string {
	text, err := json.Marshal(p)
	if err != nil { // Nothing in it can fail.
		return ""
	}
	return string(text)
}

// Traceparent gives the W3C header: `00-<trace id>-<span id>-01`.
//
// Errors: invalid_argument for ids of zeros, also where only the last 8 bytes of the parent are, the
// span id; invalid_argument for another version.
func (p PropagationContext) Traceparent() (string, error) {
	r, err := Default()
	if err != nil {
		return "", err
	}
	root, err := r.adoptRoot(context.Background(), p.String())
	if err != nil {
		return "", err
	}
	captured, err := r.capture(root)
	if err != nil {
		return "", err
	}
	if captured.Traceparent == "" {
		return "", invalidArgument("parent_uuid ends in 8 zero bytes, so that there is no span id")
	}
	return captured.Traceparent, nil
}

// ParsePropagation reads the JSON form, of any language, or a W3C `traceparent`.
//
// Errors: invalid_json, invalid_argument, limit_exceeded.
func ParsePropagation(text string) (PropagationContext, error) {
	r, err := Default()
	if err != nil {
		return PropagationContext{}, err
	}
	root, err := r.adoptRoot(context.Background(), text)
	if err != nil {
		return PropagationContext{}, err
	}
	captured, err := r.capture(root)
	if err != nil {
		return PropagationContext{}, err
	}
	p := PropagationContext{Version: 1, RootUUID: &captured.RootUUID, ParentUUID: captured.ParentUUID}
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return p, nil
	}
	var given struct {
		Root *string `json:"root_uuid"`
	}
	if json.Unmarshal([]byte(text), &given) == nil && given.Root == nil {
		p.RootUUID = nil
	}
	return p, nil
}

// CapturePropagation gives the portable form of a context: the current scope, and the trace that it
// belongs to.
//
// Errors: invalid_state where no scope is open and nothing was propagated to here.
func (r *Runtime) CapturePropagation(ctx context.Context) (PropagationContext, error) {
	captured, err := r.captureContext(ctx)
	if err != nil {
		return PropagationContext{}, err
	}
	return PropagationContext{
		Version: 1, RootUUID: &captured.RootUUID, ParentUUID: captured.ParentUUID,
	}, nil
}

// CaptureTraceparent gives a context as the W3C header `traceparent`: `00-<trace id>-<span id>-01`.
//
// Errors: invalid_state where no scope is open and nothing was propagated to here.
func (r *Runtime) CaptureTraceparent(ctx context.Context) (string, error) {
	captured, err := r.captureContext(ctx)
	return captured.Traceparent, err
}

// WithPropagation returns a context to go on with under another process's scope: what is opened first
// in it has that as its parent, and the trace goes on.
//
// Errors: invalid_argument, limit_exceeded, no_memory; invalid_state for a closed runtime. On an error
// the context is the one that was given.
func (r *Runtime) WithPropagation(ctx context.Context, p PropagationContext) (context.Context, error) {
	return r.withAdopted(ctx, p.String())
}

// WithTraceparent is [Runtime.WithPropagation] for a W3C `traceparent`.
func (r *Runtime) WithTraceparent(ctx context.Context, traceparent string) (context.Context, error) {
	return r.withAdopted(ctx, traceparent)
}

// WithNewRoot returns a context with a root of its own (S1.3): a new id, and no middleware but the
// runtime's until some is registered on it. It emits nothing and never ends.
//
// Errors: invalid_state for a closed runtime, no_memory. On an error the context is the one given.
func (r *Runtime) WithNewRoot(ctx context.Context) (context.Context, error) {
	if err := r.check(ctx); err != nil {
		return ctx, err
	}
	handle, err := coreScopeNewRoot(r.handle)
	if err != nil {
		return ctx, err
	}
	return &r.newScope(ctx, nil, handle).context, nil
}

func (r *Runtime) withAdopted(ctx context.Context, text string) (context.Context, error) {
	root, err := r.adoptRoot(ctx, text)
	if err != nil {
		return ctx, err
	}
	return &root.context, nil
}

func (r *Runtime) adoptRoot(ctx context.Context, text string) (*Scope, error) {
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	handle, err := corePropagationAdopt(r.handle, text)
	if err != nil {
		return nil, err
	}
	return r.newScope(ctx, nil, handle), nil
}

func (r *Runtime) captureContext(ctx context.Context) (propagation, error) {
	if err := r.check(ctx); err != nil {
		return propagation{}, err
	}
	var current *Scope
	if node := r.node(ctx); node != nil {
		current = node.scope
	}
	return r.capture(current)
}

func (r *Runtime) capture(current *Scope) (propagation, error) {
	captured, err := corePropagationCapture(r.handle, current.handleOrNil())
	runtime.KeepAlive(current)
	runtime.KeepAlive(r)
	return captured, err
}

// CapturePropagation is [Runtime.CapturePropagation] on the context's runtime, else on the default one.
func CapturePropagation(ctx context.Context) (PropagationContext, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return PropagationContext{}, err
	}
	return r.CapturePropagation(ctx)
}

// CaptureTraceparent is [Runtime.CaptureTraceparent] on the context's runtime, else on the default one.
func CaptureTraceparent(ctx context.Context) (string, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return "", err
	}
	return r.CaptureTraceparent(ctx)
}

// WithPropagation is [Runtime.WithPropagation] on the context's runtime, else on the default one.
func WithPropagation(ctx context.Context, p PropagationContext) (context.Context, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return ctx, err
	}
	return r.WithPropagation(ctx, p)
}

// WithTraceparent is [Runtime.WithTraceparent] on the context's runtime, else on the default one.
func WithTraceparent(ctx context.Context, traceparent string) (context.Context, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return ctx, err
	}
	return r.WithTraceparent(ctx, traceparent)
}

// WithNewRoot is [Runtime.WithNewRoot] on the context's runtime, else on the default one.
func WithNewRoot(ctx context.Context) (context.Context, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return ctx, err
	}
	return r.WithNewRoot(ctx)
}
