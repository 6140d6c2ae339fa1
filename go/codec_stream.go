package scopeflow

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
)

// CodecStream puts the chunks of a streamed response together to what the response would have been without
// streaming, which a codec then decodes as any other. It is for one stream, and for any goroutine.
type CodecStream struct {
	mu      sync.Mutex
	runtime *Runtime
	handle  codecStreamHandle // Nil once the response was given.
	cleanup runtime.Cleanup
}

// NewStream makes a [CodecStream] at the beginning of a stream; that of [AutoCodec] tells by the first
// chunk that it knows whose stream it is.
//
//	chunks, err := scopeflow.AutoCodec.NewStream(ctx)
//	...
//	stream, err := scopeflow.LLMStreamCallExecute(ctx, "openai", request, produce, chunks.Hooks(),
//		scopeflow.WithCodec(scopeflow.AutoCodec), scopeflow.WithResponseCodec(scopeflow.AutoCodec))
//
// Options: [WithMemoryLimit].
func (p ProviderCodec) NewStream(ctx context.Context, options ...CodecStreamOption) (*CodecStream, error) {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return nil, err
	}
	var arguments codecStreamNewArguments
	arguments.setDefaults()
	arguments.runtimeValue, arguments.codec = r, p
	for _, option := range options {
		if option != nil {
			option.applyCodecStreamNew(&arguments)
		}
	}
	handle, err := coreCodecStreamNew(&arguments)
	if err != nil {
		return nil, err
	}
	s := &CodecStream{runtime: r, handle: handle}
	s.cleanup = runtime.AddCleanup(s, coreCodecStreamFree, handle)
	return s, nil
}

var (
	errNilCodecStream = invalidArgument("the stream must not be nil")
	errStreamGiven    = newError(StatusInvalidState, "the stream's response was given already")
)

// Feed takes the next chunk: the JSON of one event of the transport, or the SDK's object of it. What is no
// object, such as `[DONE]`, is passed over. A chunk beyond the limit is [ErrLimitExceeded], one behind
// the end [ErrInvalidState].
func (s *CodecStream) Feed(chunk any) error {
	if s == nil {
		return errNilCodecStream
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == nil {
		return errStreamGiven
	}
	lent := s.runtime.slots.put(0, chunk)
	defer s.runtime.slots.take(lent)
	return coreCodecStreamFeed(s.handle, lent)
}

// Finish gives the response as far as it has come, an empty object where no chunk was known. It does so
// once; the second time it is [ErrInvalidState].
func (s *CodecStream) Finish() (json.RawMessage, error) {
	if s == nil {
		return nil, errNilCodecStream
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == nil {
		return nil, errStreamGiven
	}
	s.cleanup.Stop()
	defer coreCodecStreamFree(s.handle)
	tokens, err := takeOutput(coreCodecStreamFinish(s.handle))
	s.handle = nil
	if err != nil {
		return nil, err
	}
	return tokens.json(), nil
}

// Hooks are those of a streamed call whose chunks these are: the end event tells of the whole response.
func (s *CodecStream) Hooks() LLMStreamHooks {
	return LLMStreamHooks{Collector: s.Feed, Finalizer: func() (any, error) { return s.Finish() }}
}
