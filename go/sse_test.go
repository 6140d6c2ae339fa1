package scopeflow

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// Server-sent events, by the rules of WHATWG's HTML, from bytes cut anywhere.

const sseText = "\uFEFF: a comment\r\nid: 7\rretry: 1500\nevent: ž\ndata: Zoë 🚀\ndata:  two\n\n" +
	"data\r\r\ndata: third\r\n\r\nid\nfield: nobody knows\ndata:x\n\ndata: never ended\n"

// sseEvents are all events of a text that is fed in pieces.
func sseEvents(t *testing.T, text string, size int, options ...SSEDecoderOption) []SSEEvent {
	t.Helper()
	decoder := must(NewSSEDecoder(options...))
	var events []SSEEvent
	for chunk := range slices.Chunk([]byte(text), size) {
		events = append(events, must(decoder.Feed(chunk))...)
	}
	return append(events, must(decoder.Finish())...)
}

func showSSE(events []SSEEvent) string {
	var lines []string
	for _, e := range events {
		retry := "none"
		if e.Retry != nil {
			retry = e.Retry.String()
		}
		lines = append(lines, fmt.Sprintf("%s %q %q %s %v", e.Event, e.Data, e.LastEventID, retry, e.IsBad))
	}
	return strings.Join(lines, "\n")
}

func TestServerSentEventsAreTheSameWhereverTheBytesAreCut(t *testing.T) {
	want := strings.Join([]string{
		`ž "Zoë 🚀\n two" "7" 1.5s false`, `message "" "7" 1.5s false`,
		`message "third" "7" 1.5s false`, `message "x" "" 1.5s false`,
	}, "\n")
	for size := 1; size < len(sseText)+1; size++ {
		events := sseEvents(t, sseText, size)
		if got := showSSE(events); got != want {
			t.Errorf("in pieces of %d:\n%s", size, got)
		}
		end := uint64(0) // Every byte up to the last event's end is of one of them.
		for _, event := range events {
			if event.OffsetBytes != end {
				t.Errorf("in pieces of %d: one begins at %d instead of %d", size, event.OffsetBytes, end)
			}
			end = event.OffsetBytes + event.SizeBytes
		}
	}
}

func TestIllFormedTextsOfServerSentEvents(t *testing.T) {
	for _, size := range []int{1, 2, 100} {
		if got := sseEvents(t, "data: a\xff\xc3b\n\n", size); got[0].Data != "a\uFFFD\uFFFDb" || got[0].Retry != nil {
			t.Errorf("in pieces of %d: %v", size, got)
		}
	}
	huge := sseEvents(t, "retry: 18446744073709551615\ndata\n\n", 100)
	if len(huge) != 1 || huge[0].Retry == nil || *huge[0].Retry < 100*365*24*time.Hour {
		t.Errorf("a long time to reconnect: %v", showSSE(huge))
	}
}

func TestReadSSEReadsToTheEndOrTheError(t *testing.T) {
	var events []SSEEvent
	for event, err := range ReadSSE(iotest.OneByteReader(strings.NewReader(sseText))) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	if showSSE(events) != showSSE(sseEvents(t, sseText, 1000)) {
		t.Errorf("read\n%s", showSSE(events))
	}

	broken := errors.New("broken")
	input := io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken))
	var got []string
	for event, err := range ReadSSE(input) {
		got = append(got, fmt.Sprint(event.Data, " ", err))
	}
	if !slices.Equal(got, []string{"a <nil>", " broken"}) {
		t.Errorf("read %q", got)
	}

	for range ReadSSE(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\n"), iotest.ErrReader(broken))) {
		break // And reads no further.
	}
	for event, err := range ReadSSE(nil) {
		if !errors.Is(err, ErrInvalidArgument) || event.Data != "" {
			t.Errorf("no input: %v, %v", event, err)
		}
	}
	for _, err := range ReadSSE(strings.NewReader(""), WithLineLimit(1)) {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("a small limit: %v", err)
		}
	}
}

func TestALineBeyondTheLimitIsABadEvent(t *testing.T) {
	text := "data: " + strings.Repeat("x", 5000) + "\n\ndata: after\n\n"
	for _, size := range []int{1, 64, 100_000} {
		events := sseEvents(t, text, size, WithLineLimit(64), nil)
		if len(events) != 2 || !events[0].IsBad || events[0].Data != "" || events[1].IsBad ||
			events[1].Data != "after" {
			t.Errorf("in pieces of %d: %s", size, showSSE(events))
		}
	}
	decoder := must(NewSSEDecoder(WithLineLimit(64))) // A line that never ends is not kept.
	for range 100 {
		if events, err := decoder.Feed(make([]byte, 100_000)); len(events) != 0 || err != nil {
			t.Fatalf("it gave %v, %v", events, err)
		}
	}
}

func TestTheDecoderOfServerSentEventsSaysWhatIsWrong(t *testing.T) {
	for _, limit := range []uint32{0, 63, 1<<30 + 1} {
		if _, err := NewSSEDecoder(WithLineLimit(limit)); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("a limit of %d: %v", limit, err)
		}
	}
	var none *SSEDecoder
	if _, err := none.Feed(nil); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("no decoder: %v", err)
	}
	if _, err := none.Finish(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("no decoder: %v", err)
	}
	decoder := must(NewSSEDecoder())
	for range 2 {
		if events, err := decoder.Feed(nil); len(events) != 0 || err != nil {
			t.Errorf("no bytes: %v, %v", events, err)
		}
	}
	must(decoder.Feed([]byte("data: a\n")))
	for range 2 {
		if events, err := decoder.Finish(); len(events) != 0 || err != nil {
			t.Errorf("the end: %v, %v", events, err)
		}
	}
	if _, err := decoder.Feed([]byte("x")); !errors.Is(err, ErrInvalidState) {
		t.Errorf("bytes behind the end: %v", err)
	}
}
