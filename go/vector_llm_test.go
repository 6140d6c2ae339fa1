package scopeflow

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"strconv"
)

// LLM calls, codecs and streams of the vectors.

func (s *vectorStep) llmRequest(name string) *LLMRequest {
	request := s.run.llmRequest(s.Args[name])
	if request != nil {
		s.run.ownValue(request)
	}
	return request
}

// llmRequest reads a request; nil for what is none.
func (r *vectorRun) llmRequest(text json.RawMessage) *LLMRequest {
	members, ok := r.payload(text).(map[string]any)
	if !ok || len(members) != 2 {
		return nil
	}
	headers, hasHeaders := members["headers"].(map[string]any)
	content, hasContent := members["content"]
	if !hasHeaders || !hasContent {
		return nil
	}
	return &LLMRequest{Headers: headers, Content: content}
}

func (r *vectorRun) llmExecute(
	s *vectorStep, name string, request *LLMRequest, options []LLMCallOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	target := r.target(s, call)
	result, err := r.runtime.LLMCallExecute(r.ctx(), name, request,
		func(ctx context.Context, got *LLMRequest) (any, error) { return target(ctx, got) }, options...)
	r.leaveSpan(call)
	if err == nil && !isExpected(result, call.result) {
		r.t.Errorf("%s returned %v instead of %v", name, result, call.result)
	}
	return result, err
}

func (r *vectorRun) llmCall(
	s *vectorStep, name string, request *LLMRequest, options []LLMBeginOption,
) (any, error) {
	call, err := r.runtime.LLMCall(r.ctx(), name, request, options...)
	if err == nil && s.As != "" {
		r.scopes[s.As] = call
	}
	return call, err
}

func (r *vectorRun) llmCallEnd(s *vectorStep, options []LLMEndOption) (any, error) {
	return nil, r.runtime.LLMCallEnd(r.ctx(), r.scope(s.On), options...)
}

func (r *vectorRun) llmRequestIntercepts(
	_ *vectorStep, name string, request *LLMRequest, options []llmRequestInterceptsOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	result, err := r.runtime.rewriteLLMRequest(r.ctx(), name, request, options)
	if err == nil && !isExpected(result, call.request) {
		r.t.Errorf("%s returned %v instead of %v", name, result, call.request)
	}
	return result, err
}

func (r *vectorRun) llmConditionalExecution(
	_ *vectorStep, name string, request *LLMRequest, options []llmConditionalExecutionOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	return nil, r.runtime.permitLLM(r.ctx(), name, request, options)
}

// --- Middleware ---

func (r *vectorRun) sanitizedRequest(
	ctx context.Context, c *vectorCallable, count *int, given *LLMRequest,
) (*LLMRequest, error) {
	r.checkPrivate(given)
	mine, err := r.answered(ctx, c, count)
	if mine.Return != nil {
		return r.llmRequest(mine.Return), err
	}
	request, _ := r.rewritten(mine, given).(*LLMRequest)
	return request, err
}

func (r *vectorRun) interceptedLLM(
	ctx context.Context, c *vectorCallable, count *int, given *LLMRequest, _ any,
) (any, error) {
	r.checkPrivate(given)
	mine, err := r.answered(ctx, c, count)
	if err != nil {
		return nil, err
	}
	result := r.rewritten(mine, given)
	if mine.Return != nil {
		if request := r.llmRequest(mine.Return); request != nil {
			result = request
		}
	}
	if result != nil || mine.Marks != nil {
		r.call().request = result
	}
	request, isRequest := result.(*LLMRequest)
	if mine.Annotated == nil || !isRequest {
		if isRequest && mine.Marks != nil {
			return LLMRequestInterceptOutcome{Request: request, PendingMarks: r.marks(mine)}, nil
		}
		return r.outcome(mine, result), nil
	}
	return LLMRequestInterceptOutcome{
		Request: request, AnnotatedRequest: r.payload(mine.Annotated), PendingMarks: r.marks(mine),
	}, nil
}

func (r *vectorRun) executedLLM(
	ctx context.Context, c *vectorCallable, count *int, request *LLMRequest, next LLMNextFunc,
) (any, error) {
	return r.executed(ctx, c, count, request, func(ctx context.Context, request any) (any, error) {
		return next(ctx, request.(*LLMRequest))
	})
}

func (r *vectorRun) executedStream(
	ctx context.Context, c *vectorCallable, count *int, request *LLMRequest, next LLMStreamNextFunc,
) (any, error) {
	return r.executed(ctx, c, count, request, func(ctx context.Context, request any) (any, error) {
		return next(ctx, request.(*LLMRequest))
	})
}

// --- Codecs ---

type vectorCodec struct {
	Label         string
	DecodeRequest []vectorAnswer `json:"decode_request"`
	EncodeRequest []vectorAnswer `json:"encode_request"`
	DecodeAnswers []vectorAnswer `json:"decode_response"`
	run           *vectorRun
	counts        [3]int
}

func (s *vectorStep) codec(name string) *vectorCodec {
	codec := &vectorCodec{run: s.run}
	s.read(name, codec)
	return codec
}

func (c *vectorCodec) act(
	action string, answers []vectorAnswer, count *int, got any,
) (json.RawMessage, error) {
	if len(answers) == 0 {
		c.run.t.Errorf("%s_%s must not be asked for", c.Label, action)
		return nil, nil
	}
	c.run.note(c.Label + "_" + action)
	mine := nextAnswer(answers, count)
	if mine.Got != nil && textOf(got) != textOf(c.run.payload(mine.Got)) {
		c.run.t.Errorf("%s_%s got %s", c.Label, action, textOf(got))
	}
	if err := c.run.play(mine); err != nil {
		return nil, err
	}
	return mine.Return, nil
}

func (c *vectorCodec) decoded(
	action string, answers []vectorAnswer, count *int, got any,
) (any, error) {
	text, err := c.act(action, answers, count, got)
	if text == nil {
		return nil, err
	}
	return c.run.payload(text), err
}

func (c *vectorCodec) Decode(_ context.Context, request *LLMRequest) (any, error) {
	return c.decoded("decode_request", c.DecodeRequest, &c.counts[0], request)
}

func (c *vectorCodec) Encode(context.Context, any, *LLMRequest) (*LLMRequest, error) {
	text, err := c.act("encode_request", c.EncodeRequest, &c.counts[1], nil)
	if text == nil {
		return nil, err
	}
	request := c.run.llmRequest(text)
	c.run.call().request = request
	return request, err
}

func (c *vectorCodec) DecodeResponse(_ context.Context, response any) (any, error) {
	return c.decoded("decode_response", c.DecodeAnswers, &c.counts[2], response)
}

// --- Streams ---

// llmStreamExecute runs a stream to where its consumer stops.
func (r *vectorRun) llmStreamExecute(
	s *vectorStep, name string, request *LLMRequest, options []LLMStreamOption,
) (any, error) {
	call := r.beginCall(request)
	defer r.endCall(call)
	target := r.target(s, call)
	consumer := r.ctx()
	stream, err := r.runtime.LLMStreamCallExecute(r.ctx(), name, request,
		func(ctx context.Context, got *LLMRequest) (iter.Seq2[any, error], error) {
			given, err := target(ctx, got)
			chunks, _ := given.(iter.Seq2[any, error])
			return chunks, err
		}, r.hooks(s, call), options...)
	if r.isInside(CurrentScope(r.ctx()), call.span) {
		r.contexts[r.running] = consumer // S1.11: the producer had a context of its own.
	}
	if err != nil {
		return []any{}, err
	}
	return r.consume(s, stream, call)
}

// isInside says whether a scope is the span of a call or was opened inside it.
func (r *vectorRun) isInside(scope, span *Scope) bool {
	for scope != nil && scope != span {
		opened, known := r.openedIn[scope]
		if !known {
			return false
		}
		scope = CurrentScope(opened)
	}
	return scope != nil
}

func (r *vectorRun) hooks(s *vectorStep, call *scriptedCall) (hooks LLMStreamHooks) {
	if s.Collector != nil {
		count := 0
		hooks.Collector = func(chunk any) error {
			if !identical(chunk, call.chunks[len(call.chunks)-1]) {
				r.t.Errorf("the collector got %v", chunk)
			}
			r.note(s.Collector.Label)
			return r.play(nextAnswer(s.Collector.Answers, &count))
		}
	}
	if s.Finalizer != nil {
		count := 0
		hooks.Finalizer = func() (any, error) {
			r.note(s.Finalizer.Label)
			mine := nextAnswer(s.Finalizer.Answers, &count)
			if err := r.play(mine); err != nil || mine.Return == nil {
				return nil, err
			}
			return r.payload(mine.Return), nil
		}
	}
	return hooks
}

func (r *vectorRun) consume(s *vectorStep, stream *LLMStream, call *scriptedCall) (any, error) {
	received := []any{}
	err := r.steps(s.Consume.Between["0"])
	for err == nil && (s.Consume.Take == nil || len(received) < *s.Consume.Take) {
		chunk, ok, failure := stream.Next()
		if !ok {
			return received, failure
		}
		if !identical(chunk, call.chunks[len(received)]) {
			r.t.Errorf("the consumer got %v", chunk)
		}
		received = append(received, chunk)
		err = r.steps(s.Consume.Between[strconv.Itoa(len(received))])
	}
	if s.Consume.Then == "drop" {
		stream.cleanup.Stop()
		stream.work.abandon()
		runtime.KeepAlive(stream)
		return received, err
	}
	if failure := stream.Close(); err == nil {
		err = failure
	}
	return received, err
}

// chunks is a stream of the script's chunks. The producer has a context of its own, which is left
// before a chunk is handed over.
func (r *vectorRun) chunks(a *vectorAnswer, call *scriptedCall) iter.Seq2[any, error] {
	own := r.ctx()
	before := func(number int) error {
		steps := a.Before[strconv.Itoa(number)]
		if steps == nil {
			return nil
		}
		in, outer := r.running, r.ctx()
		r.contexts[in] = own
		err := r.steps(steps)
		own, r.contexts[in] = r.contexts[in], outer
		return err
	}
	return func(yield func(any, error) bool) {
		for i, text := range a.Chunks {
			if err := before(i + 1); err != nil {
				yield(nil, err)
				return
			}
			chunk := r.own(text)
			call.chunks = append(call.chunks, chunk)
			if !yield(chunk, nil) {
				return
			}
		}
		err := before(len(a.Chunks) + 1)
		if err == nil {
			err = r.raise(a)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// checkChunks compares what the consumer got.
func (r *vectorRun) checkChunks(s *vectorStep, out any) {
	if s.Expect == nil || s.Expect.Chunks == nil {
		return
	}
	var told bytes.Buffer
	for _, text := range s.Expect.Chunks {
		told.WriteString(textOf(r.payload(text)) + "\n")
	}
	var got bytes.Buffer
	received, _ := out.([]any)
	for _, chunk := range received {
		got.WriteString(textOf(chunk) + "\n")
	}
	if told.String() != got.String() {
		r.t.Errorf("%s gave %q instead of %q", s.Op, got.String(), told.String())
	}
}
