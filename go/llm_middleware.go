package scopeflow

import (
	"context"
	"iter"
)

// LLMRequest is a request to a language model.
type LLMRequest struct {
	// Headers are those of the transport. Observers never see the credentials among them (S3.6).
	Headers map[string]any `json:"headers"`
	// Content is what the provider gets.
	Content any `json:"content"`
}

// LLMNextFunc is [NextFunc] for LLM calls.
type LLMNextFunc func(ctx context.Context, request *LLMRequest) (any, error)

// LLMStreamNextFunc is [NextFunc] for streams: it gives the chunks of the rest of the chain. It works
// until the stream has ended, so that the iterator which an intercept returns may call it.
type LLMStreamNextFunc func(ctx context.Context, request *LLMRequest) (iter.Seq2[any, error], error)

// LLMRequestInterceptOutcome is what an LLM request intercept may return in place of the request.
type LLMRequestInterceptOutcome struct {
	// Request is the one that goes on.
	Request *LLMRequest
	// AnnotatedRequest is its annotated form, if the call has a codec: that which the intercept was given,
	// edited. The codec brings its edits into Request; where this is nil, none are brought.
	AnnotatedRequest any
	// PendingMarks are emitted right after the call's end event, as its children.
	PendingMarks []PendingMark
}

// RequestCodec knows the form of a provider's requests (S4.11): a [ProviderCodec], or one of your own.
// Its context acts on the call's runtime.
type RequestCodec interface {
	// Decode gives the annotated form of a request, nil for none.
	Decode(ctx context.Context, request *LLMRequest) (any, error)
	// Encode gives the request with the edits of its annotated form.
	Encode(ctx context.Context, annotated any, request *LLMRequest) (*LLMRequest, error)
}

// ResponseCodec knows the form of a provider's responses (S2.8): a [ProviderCodec], or one of your own.
// Its context acts on the call's runtime.
type ResponseCodec interface {
	// DecodeResponse gives the annotated form of a response, nil for none.
	DecodeResponse(ctx context.Context, response any) (any, error)
}

// stepRequest is stepInput for an LLM request.
func (c *call) stepRequest() *LLMRequest {
	request, _ := c.stepInput().(*LLMRequest)
	return request
}

func (c *call) stepAnnotated() any { return c.runtime.slots.get(ref(c.block.step.annotated)) }

// dropCredentials takes what observers never see out of their copy (S3.6).
func (r *Runtime) dropCredentials(request *LLMRequest) {
	for name := range request.Headers {
		if isCredential, err := coreRuntimeIsCredentialHeader(r.handle, name); err == nil && isCredential {
			delete(request.Headers, name)
		}
	}
}

// askCodec runs the action that a step asks a codec for.
func (c *call) askCodec(ctx context.Context) answer {
	if node, _ := ctx.Value(nodeKey{}).(*contextNode); node == nil || node.runtime != c.runtime {
		ctx = WithRuntime(ctx, c.runtime)
	}
	step := &c.block.step
	codec := c.runtime.slots.get(ref(step.callable))
	switch codecAction(step.codec_action) {
	case codecActionDecodeRequest:
		return c.answerPayload(codec.(RequestCodec).Decode(ctx, c.stepRequest()))
	case codecActionEncodeRequest:
		decoded, wasChanged := c.runtime.slots.get(ref(step.value)).(*LLMRequest)
		if own, isOwn := codec.(ProviderCodec); isOwn && wasChanged {
			return c.answerLLMRequest(own.encodeChanged(c.runtime, c.stepAnnotated(), c.stepRequest(), decoded))
		}
		return c.answerLLMRequest(codec.(RequestCodec).Encode(ctx, c.stepAnnotated(), c.stepRequest()))
	}
	return c.answerPayload(codec.(ResponseCodec).DecodeResponse(ctx, c.stepInput()))
}

func (c *call) answerLLMRequest(request *LLMRequest, err error) answer {
	if request == nil {
		return c.answerPayload(nil, err)
	}
	return c.answerPayload(request, err)
}

// answerIntercepted answers for an LLM request intercept: a request, or an outcome. Anything else the
// core refuses (S3.11).
func (c *call) answerIntercepted(value any, err error) answer {
	if err != nil {
		return c.answerError(err)
	}
	outcome, ok := value.(LLMRequestInterceptOutcome)
	if pointer, isPointer := value.(*LLMRequestInterceptOutcome); isPointer && pointer != nil {
		outcome, ok = *pointer, true
	}
	if !ok {
		if request, isRequest := value.(*LLMRequest); isRequest {
			return c.answerLLMRequest(request, nil)
		}
		return c.answerRequest(value, nil)
	}
	for i := range outcome.PendingMarks {
		if err := c.leaveMark(&outcome.PendingMarks[i]); err != nil {
			return c.answerError(err)
		}
	}
	a := c.answerLLMRequest(outcome.Request, nil)
	a.annotated = c.give(outcome.AnnotatedRequest)
	return a
}

func (c *call) nextLLM() LLMNextFunc {
	next := c.next()
	return func(ctx context.Context, request *LLMRequest) (any, error) { return next(ctx, request) }
}

func (c *call) nextStream() LLMStreamNextFunc {
	next := c.next()
	return func(ctx context.Context, request *LLMRequest) (iter.Seq2[any, error], error) {
		given, err := next(ctx, request)
		if err != nil {
			return nil, err
		}
		return chunksOf(given)
	}
}
