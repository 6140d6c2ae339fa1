package scopeflow

import (
	"io"
	"iter"
	"runtime"
	"sync"
	"time"
)

// SSEEvent is an event that a server has sent.
type SSEEvent struct {
	// Event is the type; `message` where none is given.
	Event string
	// Data is the data, its lines joined by LF; ill-formed UTF-8 is U+FFFD.
	Data string
	// LastEventID is the last `id` of the stream, which stays until another one.
	LastEventID string
	// Retry is the time to reconnect that the stream has set last, nil before it has.
	Retry *time.Duration
	// OffsetBytes is where in the stream the first line of the event begins.
	OffsetBytes uint64
	// SizeBytes is how many bytes it is, the blank line included. An event is there with the CR that ends
	// it: an LF which only the next bytes bring is the next event's.
	SizeBytes uint64
	// IsBad says that a line, or the data, was beyond the limit: then nothing of it was kept.
	IsBad bool
}

// SSEDecoder decodes server-sent events by the rules of WHATWG's HTML, from bytes that are cut anywhere.
// It is a second look at bytes that are passed on as they are. It holds no more than the event that is
// being read, and may be used by any goroutine.
type SSEDecoder struct {
	mu      sync.Mutex
	runtime *Runtime // It lends the memory.
	handle  sseDecoderHandle
}

// NewSSEDecoder makes a decoder at the beginning of a stream.
//
// Options: [WithLineLimit]. One out of its range is an [ErrInvalidArgument].
func NewSSEDecoder(options ...SSEDecoderOption) (*SSEDecoder, error) {
	r, err := Default()
	if err != nil {
		return nil, err
	}
	var arguments sseDecoderNewArguments
	arguments.setDefaults()
	arguments.runtimeValue = r
	for _, option := range options {
		if option != nil {
			option.applySseDecoderNew(&arguments)
		}
	}
	handle, err := coreSseDecoderNew(&arguments)
	if err != nil {
		return nil, err
	}
	d := &SSEDecoder{runtime: r, handle: handle}
	runtime.AddCleanup(d, coreSseDecoderFree, handle)
	return d, nil
}

var errNilSSEDecoder = invalidArgument("the decoder must not be nil")

// Feed takes the next bytes of the stream, and returns the events that they complete, in order. After
// [SSEDecoder.Finish] it is [ErrInvalidState].
func (d *SSEDecoder) Feed(chunk []byte) ([]SSEEvent, error) {
	if d == nil {
		return nil, errNilSSEDecoder
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := coreSseDecoderFeed(d.handle, chunk); err != nil {
		return nil, err
	}
	return d.whole()
}

// Finish says that no more bytes follow, and returns what its last bytes have completed; an event that no
// blank line has ended is dropped. A second time does nothing.
func (d *SSEDecoder) Finish() ([]SSEEvent, error) {
	if d == nil {
		return nil, errNilSSEDecoder
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := coreSseDecoderFinish(d.handle); err != nil {
		return nil, err
	}
	return d.whole()
}

func (d *SSEDecoder) whole() ([]SSEEvent, error) {
	defer runtime.KeepAlive(d)
	var events []SSEEvent
	for {
		item, err := coreSseDecoderNext(d.handle)
		if err != nil || item.Item == sseItemKindMore || item.Item == sseItemKindEnd {
			return events, err
		}
		events = append(events, item.event())
	}
}

func (i *sseItem) event() SSEEvent {
	event := SSEEvent{
		Event: i.Event, Data: i.Data, LastEventID: i.LastID, OffsetBytes: i.OffsetBytes,
		SizeBytes: i.SizeBytes, IsBad: i.Item == sseItemKindBadEvent,
	}
	if i.HasRetry {
		retry := time.Duration(min(i.RetryMs, maxRetryMs)) * time.Millisecond
		event.Retry = &retry
	}
	return event
}

// maxRetryMs is what a time.Duration has room for.
const maxRetryMs = uint64(1<<63-1) / uint64(time.Millisecond)

// ReadSSE reads the server-sent events of a stream of bytes, as they are asked for, to its end; an error,
// such as one of the input, is the last. Leaving the loop early reads no further.
//
//	for event, err := range scopeflow.ReadSSE(response.Body) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(event.Event, event.Data)
//	}
//
// Options: [WithLineLimit].
func ReadSSE(input io.Reader, options ...SSEDecoderOption) iter.Seq2[SSEEvent, error] {
	return func(yield func(SSEEvent, error) bool) {
		if input == nil {
			yield(SSEEvent{}, invalidArgument("the input must not be nil"))
			return
		}
		decoder, err := NewSSEDecoder(options...)
		if err != nil {
			yield(SSEEvent{}, err)
			return
		}
		chunk := make([]byte, readerChunkBytes)
		for isOpen := true; isOpen; {
			count, failure := input.Read(chunk)
			events, err := decoder.Feed(chunk[:count])
			if err == nil && failure == io.EOF {
				isOpen, failure = false, nil
				var last []SSEEvent
				last, err = decoder.Finish()
				events = append(events, last...)
			}
			for _, event := range events {
				if !yield(event, nil) {
					return
				}
			}
			if err == nil {
				err = failure
			}
			if err != nil {
				yield(SSEEvent{}, err)
				return
			}
		}
	}
}
