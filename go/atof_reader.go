package scopeflow

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
)

// AtofLineError says that a line of an event file is no event. Reading goes on behind it.
type AtofLineError struct {
	// LineNumber counts from 1.
	LineNumber uint64
	// OffsetBytes is where in the input the mistake is.
	OffsetBytes uint64
	// Line is the line; empty if it is too long or no UTF-8.
	Line string

	cause error
}

// Error says where and what.
func (e *AtofLineError) Error() string {
	return fmt.Sprintf("line %d, byte %d: %v", e.LineNumber, e.OffsetBytes, e.cause)
}

// Unwrap gives an [*Error]: [ErrInvalidJSON], [ErrInvalidUtf8], [ErrLimitExceeded], or
// [ErrInvalidArgument] for JSON that is no event.
func (e *AtofLineError) Unwrap() error { return e.cause }

// readerChunkBytes is how much is read of an event file at a time.
const readerChunkBytes = 64 << 10

// ReadAtof reads the events of a file, of scopeflow or of its peers (S2.9), as they are asked for. A
// line that is no event is an [*AtofLineError] in its place, and reading goes on behind it; any other
// error, such as one of the input, is the last. Unknown keys and categories are accepted, and so are
// blank lines, CRLF and a byte order mark. Leaving the loop early reads no further.
//
//	for event, err := range scopeflow.ReadAtof(file) {
//		if err != nil {
//			log.Print(err)
//			continue
//		}
//		fmt.Println(event.Timestamp(), event.Name())
//	}
//
// Options: [WithLineLimit], [WithDepthLimit].
func ReadAtof(input io.Reader, options ...AtofReaderOption) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		reader, err := newAtofReader(input, options)
		if err != nil {
			yield(nil, err)
			return
		}
		defer coreAtofReaderFree(reader.handle)
		for {
			event, err := reader.next()
			if err == io.EOF || !yield(event, err) || reader.hasFailed {
				return
			}
		}
	}
}

type atofReader struct {
	handle    atofReaderHandle
	input     io.Reader
	chunk     []byte
	hasFailed bool
}

func newAtofReader(input io.Reader, options []AtofReaderOption) (*atofReader, error) {
	if input == nil {
		return nil, invalidArgument("the input must not be nil")
	}
	r, err := Default()
	if err != nil {
		return nil, err
	}
	var arguments atofReaderNewArguments
	arguments.setDefaults()
	arguments.runtimeValue = r
	for _, option := range options {
		if option != nil {
			option.applyAtofReaderNew(&arguments)
		}
	}
	handle, err := coreAtofReaderNew(&arguments)
	if err != nil {
		return nil, err
	}
	return &atofReader{handle: handle, input: input, chunk: make([]byte, readerChunkBytes)}, nil
}

// next gives the next event, io.EOF behind the last one.
func (r *atofReader) next() (*Event, error) {
	for {
		item, err := coreAtofReaderNext(r.handle)
		if err != nil {
			return nil, r.failed(err)
		}
		switch item.Item {
		case atofItemKindEvent:
			return eventOfItem(&item), nil
		case atofItemKindBadLine:
			return nil, &AtofLineError{
				LineNumber: item.LineNumber, OffsetBytes: item.OffsetBytes, Line: item.Line,
				cause: &Error{Status: item.Problem, Message: item.Message},
			}
		case atofItemKindEnd:
			return nil, io.EOF
		}
		if err := r.feed(); err != nil {
			return nil, r.failed(err)
		}
	}
}

func (r *atofReader) failed(err error) error {
	r.hasFailed = true
	return err
}

func (r *atofReader) feed() error {
	count, err := r.input.Read(r.chunk)
	if count > 0 {
		if err := coreAtofReaderFeed(r.handle, r.chunk[:count]); err != nil {
			return err
		}
	}
	if err != io.EOF {
		return err
	}
	return coreAtofReaderFinish(r.handle)
}

func eventOfItem(item *atofItem) *Event {
	event := &Event{
		info: eventInfo{
			UUID: item.UUID, ParentUUID: item.ParentUUID, TimestampNs: item.TimestampNs,
			Name: item.Name, Category: item.Category, Kind: item.Kind, ScopeCategory: item.ScopeCategory,
		},
		line: item.Line, data: partOfItem(item.Data), metadata: partOfItem(item.Metadata),
		profile: partOfItem(item.CategoryProfile),
	}
	event.info.Attributes = attributeBits(item.Category, item.Attributes)
	return event
}

// partOfItem is `null` for a missing part, as it is for an event that was emitted here.
func partOfItem(text string) string {
	if text == "" {
		return "null"
	}
	return text
}

// attributeBits gives the bits of the names that a category's flags have; others are passed over.
func attributeBits(category, namesJSON string) (bits uint32) {
	var names []string
	_ = json.Unmarshal([]byte(namesJSON), &names) // No array has no names.
	name := func(bit uint32) string {
		switch category {
		case ScopeTypeTool.String():
			return ToolAttribute(bit).String()
		case ScopeTypeLLM.String():
			return LLMAttribute(bit).String()
		}
		return ScopeAttribute(bit).String()
	}
	for bit := uint32(1); bit != 0; bit <<= 1 {
		for _, each := range names {
			if strings.EqualFold(each, name(bit)) {
				bits |= bit
			}
		}
	}
	return bits
}
