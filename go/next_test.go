package scopeflow

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
)

// An iterator does its work after it has been returned: its `next` works until the stream has ended.
func TestStreamInterceptGoesOnAsAnIterator(t *testing.T) {
	r := testRuntime(t)
	var kept LLMStreamNextFunc
	wrap := func(letter string) LLMStreamExecutionInterceptFunc {
		return func(ctx context.Context, _ string, request *LLMRequest, next LLMStreamNextFunc) (any, error) {
			kept = next
			return iter.Seq2[any, error](func(yield func(any, error) bool) {
				chunks, err := next(ctx, request)
				if err != nil {
					yield(nil, err)
					return
				}
				for chunk := range chunks {
					if !yield(letter+chunk.(string), nil) {
						return
					}
				}
			}), nil
		}
	}
	for priority, letter := range []string{"o", "i"} {
		if err := r.RegisterLLMStreamExecutionIntercept(letter, int32(priority), wrap(letter)); err != nil {
			t.Fatal(err)
		}
	}
	var got []any
	for chunk, err := range stream(t, r, twoChunks, LLMStreamHooks{}).All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, chunk)
	}
	if !slices.Equal(got, []any{"oia", "oib"}) {
		t.Errorf("got %v", got)
	}
	if _, err := kept(t.Context(), &LLMRequest{}); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("after the end of the stream, got %v", err)
	}
}

func twoChunks(yield func(any, error) bool) {
	if yield("a", nil) {
		yield("b", nil)
	}
}
