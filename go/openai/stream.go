package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"

	scopeflow "github.com/scopeflow/scopeflow/go"
)

// Event is one server-sent event, as it came. It is what a stream's execution intercepts and collectors
// get as a chunk.
type Event struct {
	// Raw is the event's bytes, with the empty line that ends it.
	Raw []byte
}

// Data gives the text of the event's `data` lines, nil if it has none.
func (e *Event) Data() []byte {
	var data [][]byte
	for rest := e.Raw; len(rest) > 0; {
		line := rest
		if end := bytes.IndexAny(rest, "\r\n"); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if value, isData := bytes.CutPrefix(line, []byte("data:")); isData {
			data = append(data, bytes.TrimPrefix(value, []byte(" ")))
		}
	}
	return bytes.Join(data, []byte("\n"))
}

// MarshalJSON gives the data, a text if it is no JSON.
func (e *Event) MarshalJSON() ([]byte, error) {
	if data := e.Data(); json.Valid(data) {
		return data, nil
	}
	return json.Marshal(string(e.Data()))
}

func (c *call) stream(ctx context.Context, model string) (*http.Response, error) {
	var mu sync.Mutex
	var response *http.Response // The last one, should an intercept try more than once.
	options := []scopeflow.LLMStreamOption{scopeflow.WithModelName(model)}
	var gathered gathering
	if codec := c.settings.codec; codec != nil {
		options = append(options, scopeflow.WithCodec(*codec), scopeflow.WithResponseCodec(*codec))
		gathered.whole, _ = codec.NewStream(ctx) // Without it observers get the events.
	}
	producer := func(ctx context.Context, request *scopeflow.LLMRequest) (iter.Seq2[any, error], error) {
		got, err := c.send(ctx, request)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		response = got
		mu.Unlock()
		return eventsOf(got.Body), nil
	}
	hooks := scopeflow.LLMStreamHooks{Collector: gathered.add, Finalizer: gathered.response}
	stream, err := scopeflow.LLMStreamCallExecute(
		ctx, c.settings.name, c.request(), producer, hooks, options...)
	if err != nil {
		return responseOf(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if response == nil {
		return c.made("text/event-stream", &streamBody{stream: stream, source: http.NoBody}), nil
	}
	given := *response
	given.Body = &streamBody{stream: stream, source: response.Body}
	return &given, nil
}

// gathering is what observers get of a stream in the end.
type gathering struct {
	seen  []*Event
	whole *scopeflow.CodecStream // Nil where there is no codec.
}

// add takes a chunk. What the codec cannot take is no failure of the call.
func (g *gathering) add(chunk any) error {
	event, isEvent := chunk.(*Event)
	if isEvent {
		g.seen = append(g.seen, event)
		data := event.Data()
		if len(data) == 0 {
			return nil // A comment, which keeps the connection alive.
		}
		chunk = json.RawMessage(data)
	}
	if g.whole != nil && g.whole.Feed(chunk) != nil {
		g.whole = nil
	}
	return nil
}

// response is the whole response, or the events where no codec knows them.
func (g *gathering) response() (any, error) {
	if g.whole != nil {
		whole, err := g.whole.Finish()
		if err == nil && string(whole) != "{}" {
			return whole, nil
		}
	}
	return g.seen, nil
}

// eventSizeLimit is how much of an event is kept, in bytes. A longer one goes on in pieces.
const eventSizeLimit = 16 << 20

// eventsOf reads events as they are asked for; what follows the last one is one more. Whatever ends the
// loop closes the body.
func eventsOf(body io.ReadCloser) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		defer func() { _ = body.Close() }()
		events := eventReader{bytes: bufio.NewReader(body), isLineEmpty: true}
		for {
			raw, err := events.next()
			if len(raw) > 0 && !yield(&Event{raw}, nil) {
				return
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// eventReader cuts a body behind each empty line. Lines end in LF, CRLF or CR. What is no event, such as
// a comment that keeps the connection alive, has to go on at once as well, so that this is no
// [scopeflow.SSEDecoder].
type eventReader struct {
	bytes       *bufio.Reader
	isLineEmpty bool
	isAfterCR   bool // An LF that follows belongs to it.
}

func (r *eventReader) next() (raw []byte, err error) {
	for len(raw) < eventSizeLimit {
		one, err := r.bytes.ReadByte()
		if err != nil {
			return raw, err
		}
		raw = append(raw, one)
		if one == '\n' && r.isAfterCR {
			r.isAfterCR = false
			continue
		}
		r.isAfterCR = one == '\r'
		isLineEnd := r.isAfterCR || one == '\n'
		if isLineEnd && r.isLineEmpty {
			return r.withLF(raw), nil
		}
		r.isLineEmpty = isLineEnd
	}
	return raw, nil
}

// withLF takes the LF of a CRLF if it has come: nobody waits for it.
func (r *eventReader) withLF(raw []byte) []byte {
	if !r.isAfterCR || r.bytes.Buffered() == 0 {
		return raw
	}
	if next, err := r.bytes.Peek(1); err == nil && next[0] == '\n' {
		_, _ = r.bytes.Discard(1)
		r.isAfterCR = false
		raw = append(raw, '\n')
	}
	return raw
}

// streamBody gives the bytes of the events that the client asks for.
type streamBody struct {
	mu     sync.Mutex
	stream *scopeflow.LLMStream
	source io.Closer
	rest   []byte
	end    error
}

// Read gives the rest of the current event, or of the next one.
func (b *streamBody) Read(into []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(into) == 0 {
		return 0, nil
	}
	for len(b.rest) == 0 {
		if b.end != nil {
			return 0, b.end
		}
		chunk, ok, err := b.stream.Next()
		switch {
		case err != nil:
			b.end = err
		case !ok:
			b.end = io.EOF
		default:
			b.rest, b.end = bytesOf(chunk)
		}
	}
	count := copy(into, b.rest)
	b.rest = b.rest[count:]
	return count, nil
}

func bytesOf(chunk any) ([]byte, error) {
	if event, ok := chunk.(*Event); ok {
		return event.Raw, nil
	}
	data, err := bodyOf(chunk)
	if err != nil {
		return nil, fmt.Errorf("encoding the chunk that middleware made: %w", err)
	}
	return fmt.Appendf(nil, "data: %s\n\n", data), nil
}

// Close ends the call, as cancelled if the client has not read all of it.
func (b *streamBody) Close() error {
	err := b.stream.Close() // Not under the lock: a Read may wait.
	if errors.Is(err, scopeflow.ErrInvalidState) {
		err = nil // It does, and closing the connection ends it.
	}
	if failure := b.source.Close(); err == nil {
		err = failure
	}
	return err
}
