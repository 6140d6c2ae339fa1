package scopeflow

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
)

// LLMStreamFunc is the producer of a streamed LLM call. It gives the chunks, or an error in the place
// of one, which is the last then. The context carries the call's own span as the current scope.
type LLMStreamFunc func(ctx context.Context, request *LLMRequest) (iter.Seq2[any, error], error)

// LLMStreamHooks are the callbacks of a stream; both may be nil.
type LLMStreamHooks struct {
	// Collector sees each chunk before the consumer; an error ends the stream.
	Collector func(chunk any) error
	// Finalizer runs once, whatever ended the stream but a drop; what it returns is the end event's
	// data.
	Finalizer func() (any, error)
	// HasChunkMarks says that a mark is emitted for each chunk, with its number, never the chunk.
	HasChunkMarks bool
}

// LLMStream gives the chunks of a streamed LLM call (S4.7). It is for one goroutine at a time. A stream
// that is forgotten before its end is ended by the runtime some time later, as abandoned (S1.12).
type LLMStream struct {
	work    *streamWork
	cleanup runtime.Cleanup
}

// streamWork is what a streamed call has beyond others.
type streamWork struct {
	mu        sync.Mutex
	call      *call // Nil once the stream has ended.
	collector func(chunk any) error
	finalizer func() (any, error)
	next      func() (any, error, bool)
	stop      func()
}

// LLMStreamCallExecute runs an LLM call that answers in chunks. The producer is called at once, and each
// chunk is asked for when the consumer wants it.
//
// Options: [WithParent], [WithLLMAttributes], [WithModelName], [WithData], [WithMetadata],
// [WithTimestamp], [WithCodec], [WithResponseCodec].
func (r *Runtime) LLMStreamCallExecute(
	ctx context.Context, name string, request *LLMRequest, producer LLMStreamFunc, hooks LLMStreamHooks,
	options ...LLMStreamOption,
) (*LLMStream, error) {
	if err := r.checkCall(ctx, request, producer == nil); err != nil {
		return nil, err
	}
	c := r.beginCall(ctx)
	isResting := false
	defer func() {
		if !isResting {
			c.release()
		}
	}()
	c.target = producer.target()
	c.stream = &streamWork{call: c, collector: hooks.Collector, finalizer: hooks.Finalizer}
	c.streamed = &callInReach{call: c}
	arguments := streamArguments(name, request, hooks, options)
	c.parent = arguments.parent
	if err := c.run(c.beginLlmStreamExecute(r.handle, arguments)); err != nil {
		return nil, err
	}
	s, err := c.stream.open()
	isResting = err == nil
	return s, err
}

func streamArguments(
	name string, request *LLMRequest, hooks LLMStreamHooks, options []LLMStreamOption,
) *llmStreamExecuteArguments {
	arguments := new(llmStreamExecuteArguments)
	arguments.setDefaults()
	arguments.name, arguments.request = name, request
	for _, option := range options {
		if option != nil {
			option.applyLlmStreamExecute(arguments)
		}
	}
	arguments.flags |= callFlagSync
	if hooks.Finalizer != nil {
		arguments.flags |= callFlagFinalizer
	}
	if hooks.HasChunkMarks {
		arguments.flags |= callFlagChunkMarks
	}
	return arguments
}

func (fn LLMStreamFunc) target() ToolFunc {
	return func(ctx context.Context, request any) (any, error) {
		typed, _ := request.(*LLMRequest)
		return fn(ctx, typed)
	}
}

// chunksOf is what a producer or an intercept gave as a stream.
func chunksOf(given any) (iter.Seq2[any, error], error) {
	chunks, ok := given.(iter.Seq2[any, error])
	if function, isFunction := given.(func(func(any, error) bool)); isFunction {
		chunks, ok = function, true
	}
	if !ok || chunks == nil {
		return nil, invalidArgument(fmt.Sprintf("the producer gave %T, which is no iter.Seq2[any, error]", given))
	}
	return chunks, nil
}

// open takes the chunks from the first `stream` step.
func (w *streamWork) open() (*LLMStream, error) {
	c := w.call
	chunks, err := chunksOf(c.runtime.slots.take(ref(c.block.step.value)))
	if err != nil {
		return nil, c.run(c.resume(c.answerError(err)))
	}
	w.next, w.stop = iter.Pull2(chunks)
	s := &LLMStream{work: w}
	s.cleanup = runtime.AddCleanup(s, (*streamWork).abandon, w)
	return s, nil
}

// abandon is for a stream that nobody can reach any more.
func (w *streamWork) abandon() {
	w.call.taskAbandon()
	w.end()
	// What the producer does on its way out must not hold up the collector's other cleanups.
	go func() { _ = w.stopProducer() }()
}

var (
	errStreamInUse = newError(StatusInvalidState, "the stream is being read already")
	errNilStream   = invalidArgument("the stream must not be nil")
)

// end gives the call back.
func (w *streamWork) end() {
	c := w.call
	w.call = nil
	c.release()
}

// Next gives the next chunk; at the end of the stream ok is false, and err what it ended with.
func (s *LLMStream) Next() (chunk any, ok bool, err error) {
	if s == nil {
		return nil, false, errNilStream
	}
	if !s.work.mu.TryLock() {
		return nil, false, errStreamInUse
	}
	defer s.work.mu.Unlock()
	if s.work.call == nil {
		return nil, false, nil
	}
	chunk, a := s.work.pull()
	ok, err = s.answer(a)
	if !ok {
		chunk = nil
	}
	return chunk, ok, err
}

// Close stops the producer at once, and ends the call as cancelled. On a stream that has ended it does
// nothing.
func (s *LLMStream) Close() error {
	if s == nil {
		return errNilStream
	}
	if !s.work.mu.TryLock() {
		return errStreamInUse
	}
	defer s.work.mu.Unlock()
	if s.work.call == nil {
		return nil
	}
	a := answer{kind: answerKindCancel}
	if err := s.work.stopProducer(); err != nil {
		a = s.work.call.answerError(err)
	}
	_, err := s.answer(a)
	return err
}

// All gives the chunks to a `range`; an error stands in the place of the last one. Leaving the loop
// early closes the stream.
func (s *LLMStream) All() iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		defer func() { _ = s.Close() }()
		for {
			chunk, ok, err := s.Next()
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok || !yield(chunk, nil) {
				return
			}
		}
	}
}

// answer tells the core what came of a chunk, and says whether the stream goes on.
func (s *LLMStream) answer(a answer) (goesOn bool, err error) {
	c := s.work.call
	err = c.run(c.resume(a))
	if err == nil && stepKind(c.block.step.kind) == stepKindStream {
		return true, nil
	}
	s.cleanup.Stop()
	s.work.end()
	if failure := s.work.stopProducer(); err == nil {
		err = failure
	}
	return false, err
}

// pull asks the producer for a chunk and shows it to the collector.
func (w *streamWork) pull() (chunk any, a answer) {
	defer func() {
		if value := recover(); value != nil {
			chunk, a = nil, w.call.answerError(newPanicError(value))
		}
	}()
	chunk, err, ok := w.next()
	switch {
	case !ok:
		return nil, answer{}
	case err != nil:
		return nil, w.call.answerError(err)
	}
	if w.collector != nil {
		if err := w.collector(chunk); err != nil {
			_ = w.stopProducer() // What came first is what the caller is told.
			return nil, w.call.answerError(err)
		}
	}
	return chunk, answer{kind: answerKindChunk}
}

// stopProducer lets the producer end; a panic on its way out is an error.
func (w *streamWork) stopProducer() (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = newPanicError(value)
		}
	}()
	w.stop()
	return nil
}

// LLMStreamCallExecute is [Runtime.LLMStreamCallExecute] on the context's runtime, else on the default
// one.
func LLMStreamCallExecute(
	ctx context.Context, name string, request *LLMRequest, producer LLMStreamFunc, hooks LLMStreamHooks,
	options ...LLMStreamOption,
) (*LLMStream, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	return r.LLMStreamCallExecute(ctx, name, request, producer, hooks, options...)
}
