package scopeflow

import (
	"context"
	"fmt"
	"iter"
)

// TypedLLMRequest is an [LLMRequest] whose content has a Go type of its own.
type TypedLLMRequest[Content any] struct {
	// Headers are those of the transport. Observers never see the credentials among them (S3.6).
	Headers map[string]any
	// Content is what the provider gets.
	Content Content
}

func (r *TypedLLMRequest[Content]) untyped() *LLMRequest {
	if r == nil {
		return nil
	}
	return &LLMRequest{Headers: r.Headers, Content: r.Content}
}

func typedRequest[Content any](request *LLMRequest) (*TypedLLMRequest[Content], error) {
	content, err := typedPayload[Content]("the content is", request.Content)
	if err != nil {
		return nil, err
	}
	return &TypedLLMRequest[Content]{Headers: request.Headers, Content: content}, nil
}

// ExecuteLLM is [LLMCallExecute] with types: what middleware made of the content, such as a
// map[string]any, is read into the function's own type as encoding/json would. What cannot be is an
// [ErrInvalidArgument] that names both types.
func ExecuteLLM[Content, Response any](
	ctx context.Context, name string, request *TypedLLMRequest[Content],
	fn func(ctx context.Context, request *TypedLLMRequest[Content]) (Response, error),
	options ...LLMCallOption,
) (Response, error) {
	var zero Response
	var target LLMFunc
	if fn != nil {
		target = func(ctx context.Context, request *LLMRequest) (any, error) {
			typed, err := typedRequest[Content](request)
			if err != nil {
				return nil, err
			}
			return fn(ctx, typed)
		}
	}
	response, err := LLMCallExecute(ctx, name, request.untyped(), target, options...)
	if err != nil {
		return zero, err
	}
	return typedPayload[Response]("the call returned", response)
}

// StreamLLM is [LLMStreamCallExecute] with types, as an iterator: the call begins with the loop, a
// chunk is asked for when the loop wants it, and leaving the loop early stops the producer and ends the
// call as cancelled. An error stands in the place of the last chunk. Each loop is a call of its own.
func StreamLLM[Content, Chunk any](
	ctx context.Context, name string, request *TypedLLMRequest[Content],
	producer func(ctx context.Context, request *TypedLLMRequest[Content]) (iter.Seq2[Chunk, error], error),
	hooks LLMStreamHooks, options ...LLMStreamOption,
) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		var zero Chunk
		stream, err := LLMStreamCallExecute(
			ctx, name, request.untyped(), untypedProducer(producer), hooks, options...)
		if err != nil {
			yield(zero, err)
			return
		}
		defer func() { _ = stream.Close() }()
		for given, err := range stream.All() {
			chunk := zero
			if err == nil {
				chunk, err = typedPayload[Chunk]("a chunk is", given)
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

func untypedProducer[Content, Chunk any](
	producer func(ctx context.Context, request *TypedLLMRequest[Content]) (iter.Seq2[Chunk, error], error),
) LLMStreamFunc {
	if producer == nil {
		return nil
	}
	return func(ctx context.Context, request *LLMRequest) (iter.Seq2[any, error], error) {
		typed, err := typedRequest[Content](request)
		if err != nil {
			return nil, err
		}
		chunks, err := producer(ctx, typed)
		if err != nil {
			return nil, err
		}
		if chunks == nil {
			return nil, invalidArgument(fmt.Sprintf("the producer gave a nil %T", chunks))
		}
		return func(yield func(any, error) bool) {
			for chunk, err := range chunks {
				if !yield(chunk, err) {
					return
				}
			}
		}, nil
	}
}
