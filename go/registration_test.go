package scopeflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var everyMiddleware = map[Registry]Middleware{
	RegistryToolConditionalExecutionGuardrail: ToolConditionalExecutionGuardrailFunc(
		func(context.Context, string, any) (*string, error) { return nil, nil }),
	RegistrySubscriber: SubscriberFunc(func(context.Context, *Event) {}),
	RegistryToolSanitizeRequestGuardrail: ToolSanitizeRequestGuardrailFunc(
		func(_ context.Context, _ string, request any) (any, error) { return request, nil }),
	RegistryToolSanitizeResponseGuardrail: ToolSanitizeResponseGuardrailFunc(
		func(_ context.Context, _ string, response any) (any, error) { return response, nil }),
	RegistryToolRequestIntercept: ToolRequestInterceptFunc(
		func(_ context.Context, _ string, request any) (any, error) { return request, nil }),
	RegistryToolExecutionIntercept: ToolExecutionInterceptFunc(
		func(ctx context.Context, _ string, request any, next NextFunc) (any, error) {
			return next(ctx, request)
		}),
	RegistryLLMSanitizeRequestGuardrail: LLMSanitizeRequestGuardrailFunc(
		func(_ context.Context, request *LLMRequest) (*LLMRequest, error) { return request, nil }),
	RegistryLLMSanitizeResponseGuardrail: LLMSanitizeResponseGuardrailFunc(
		func(_ context.Context, response any) (any, error) { return response, nil }),
	RegistryLLMConditionalExecutionGuardrail: LLMConditionalExecutionGuardrailFunc(
		func(context.Context, *LLMRequest) (*string, error) { return nil, nil }),
	RegistryLLMRequestIntercept: LLMRequestInterceptFunc(
		func(_ context.Context, _ string, request *LLMRequest, _ any) (any, error) { return request, nil }),
	RegistryLLMExecutionIntercept: LLMExecutionInterceptFunc(
		func(ctx context.Context, _ string, request *LLMRequest, next LLMNextFunc) (any, error) {
			return next(ctx, request)
		}),
	RegistryLLMStreamExecutionIntercept: LLMStreamExecutionInterceptFunc(
		func(ctx context.Context, _ string, request *LLMRequest, next LLMStreamNextFunc) (any, error) {
			return next(ctx, request)
		}),
	RegistryMarkSanitizeGuardrail: MarkSanitizeGuardrailFunc(
		func(_ context.Context, _ *Event, fields *EventFields) (*EventFields, error) { return fields, nil }),
	RegistryScopeSanitizeStartGuardrail: ScopeSanitizeStartGuardrailFunc(
		func(_ context.Context, _ *Event, fields *EventFields) (*EventFields, error) { return fields, nil }),
	RegistryScopeSanitizeEndGuardrail: ScopeSanitizeEndGuardrailFunc(
		func(_ context.Context, _ *Event, fields *EventFields) (*EventFields, error) { return fields, nil }),
	RegistryEventMetadataInjector: EventMetadataInjectorFunc(
		func(context.Context, *Event) (map[string]any, error) { return nil, nil }),
	RegistryConditionalMiddlewareGuardrail: ConditionalMiddlewareGuardrailFunc(
		func(context.Context, uint32, string) (*string, error) { return nil, nil }),
}

// S3.1: a scoped form exists for each registry, on a runtime and on a scope.
func TestARegistrationIsInForceUntilItIsClosed(t *testing.T) {
	r := testRuntime(t)
	_, scope, err := r.PushScope(context.Background(), "a", ScopeTypeAgent)
	if err != nil {
		t.Fatal(err)
	}
	type owner interface {
		Register(string, Middleware, ...RegistrationOption) (*Registration, error)
		Registrations() ([]RegistrationInfo, error)
	}
	if beyond := Registry(len(everyMiddleware) + 1).String(); beyond != "unknown" {
		t.Errorf("there is no middleware for %s", beyond)
	}
	for kind, fn := range everyMiddleware {
		for _, o := range []owner{r, scope} {
			want := RegistrationInfo{Registry: kind, Name: "x"}
			var options []RegistrationOption
			if fn.options()&optionPriority != 0 {
				options, want.Priority = append(options, WithPriority(-7)), -7
			}
			if fn.options()&optionBreakChain != 0 {
				options, want.BreaksChain = append(options, WithBreakChain()), true
			}
			if fn.options()&optionTarget != 0 {
				options = append(options, WithTarget("y", RegistryMarkSanitizeGuardrail))
				want.Target, want.Kinds = "y", RegistryBits(RegistryMarkSanitizeGuardrail)
			}
			registration, err := o.Register("x", fn, options...)
			if err != nil || registration.Name() != "x" {
				t.Fatalf("%v on %T: %v", kind, o, err)
			}
			if listed := must(o.Registrations()); len(listed) != 1 || listed[0] != want {
				t.Errorf("%v on %T is %+v", kind, o, listed)
			}
			if _, err := o.Register("x", fn, options...); !errors.Is(err, ErrAlreadyExists) {
				t.Errorf("%v on %T twice: %v", kind, o, err)
			}
			if err := registration.Close(); err != nil {
				t.Errorf("%v on %T does not close: %v", kind, o, err)
			}
			if listed := must(o.Registrations()); len(listed) != 0 {
				t.Errorf("%v on %T stays: %+v", kind, o, listed)
			}
		}
	}
}

func TestASecondCloseLeavesWhatHasTheNameNow(t *testing.T) {
	r := testRuntime(t)
	count := 0
	count1 := SubscriberFunc(func(context.Context, *Event) { count++ })
	first := must(r.Register("s", count1))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := must(r.Register("s", count1))
	if err := first.Close(); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second Close says %v", err)
	}
	if err := r.EmitEvent(context.Background(), "m"); err != nil || count != 1 {
		t.Errorf("%v, and %d events", err, count)
	}
	if r.DeregisterSubscriber("s"); !errors.Is(second.Close(), ErrNotFound) {
		t.Error("what is gone was closed")
	}
}

func TestWhatCannotBeRegisteredIsRefused(t *testing.T) {
	r := testRuntime(t)
	subscriber := SubscriberFunc(func(context.Context, *Event) {})
	cases := []struct {
		fn      Middleware
		options []RegistrationOption
		says    string
	}{
		{nil, nil, "must not be nil"},
		{SubscriberFunc(nil), nil, "subscriber must not be nil"},
		{subscriber, []RegistrationOption{nil}, "option must not be nil"},
		{subscriber, []RegistrationOption{WithPriority(0)}, "SubscriberFunc has no such option"},
		{everyMiddleware[RegistryToolExecutionIntercept], []RegistrationOption{WithBreakChain()}, "no such option"},
		{everyMiddleware[RegistryEventMetadataInjector], []RegistrationOption{WithTarget("x")}, "no such option"},
	}
	for i, each := range cases {
		got, err := r.Register("x", each.fn, each.options...)
		if got != nil || !errors.Is(err, ErrInvalidArgument) || !strings.Contains(fmt.Sprint(err), each.says) {
			t.Errorf("case %d: %v", i, err)
		}
	}
	for _, owner := range []func() (*Registration, error){
		func() (*Registration, error) { return (*Runtime)(nil).Register("x", subscriber) },
		func() (*Registration, error) { return (*Scope)(nil).Register("x", subscriber) },
	} {
		if got, err := owner(); got != nil || !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("on nil: %v", err)
		}
	}
	if err := (*Registration)(nil).Close(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("nil closed: %v", err)
	}
}
