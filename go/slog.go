package scopeflow

import (
	"context"
	"log/slog"
	"slices"
)

// LogHandler is a [slog.Handler] that emits a mark for each record, under the current scope of the
// context that it was logged with, and hands the record on.
//
//	slog.SetDefault(slog.New(scopeflow.NewLogHandler(slog.Default().Handler())))
//
// The mark is called as the record's message; its data is the record's attributes, its severity the
// record's level. Nothing is built when nobody listens.
type LogHandler struct {
	next   slog.Handler
	added  []slog.Attr // By WithAttrs, in their groups.
	groups []string
}

var _ slog.Handler = (*LogHandler)(nil)

// NewLogHandler makes a handler that hands the records on to next, or to nobody if that is nil. A
// logger of a [Runtime] ([Runtime.SetLogger]) must not log through it.
func NewLogHandler(next slog.Handler) *LogHandler { return &LogHandler{next: next} }

// Enabled says yes to every level that the next handler takes; without a next one to every level.
func (h *LogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next == nil || h.next.Enabled(ctx, level)
}

// Handle emits the mark and hands the record on. What fails is the next handler's error, else that of
// the mark.
func (h *LogHandler) Handle(ctx context.Context, record slog.Record) error {
	if ctx == nil {
		ctx = context.Background()
	}
	options := []EventOption{WithData(logData{h, record.Clone()}), WithSeverity(record.Level)}
	if !record.Time.IsZero() {
		options = append(options, WithTimestamp(record.Time))
	}
	err := EmitEvent(ctx, record.Message, options...)
	if h.next == nil {
		return err
	}
	if failure := h.next.Handle(ctx, record); failure != nil {
		return failure
	}
	return err
}

// WithAttrs returns a handler whose marks have the attributes too.
func (h *LogHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	made := *h
	made.added = append(slices.Clip(h.added), inGroups(h.groups, attributes)...)
	if h.next != nil {
		made.next = h.next.WithAttrs(attributes)
	}
	return &made
}

// WithGroup returns a handler that puts all later attributes into an object of that name.
func (h *LogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	made := *h
	made.groups = append(slices.Clip(h.groups), name)
	if h.next != nil {
		made.next = h.next.WithGroup(name)
	}
	return &made
}

func inGroups(groups []string, attributes []slog.Attr) []slog.Attr {
	for _, name := range slices.Backward(groups) {
		attributes = []slog.Attr{{Key: name, Value: slog.GroupValue(attributes...)}}
	}
	return attributes
}

// logData is a record's attributes, made an object when somebody wants to see them.
type logData struct {
	handler *LogHandler
	record  slog.Record
}

func (d logData) payload() any {
	var own []slog.Attr
	d.record.Attrs(func(a slog.Attr) bool {
		own = append(own, a)
		return true
	})
	members := map[string]any{}
	putAttributes(members, d.handler.added)
	putAttributes(members, inGroups(d.handler.groups, own))
	return members
}

func putAttributes(members map[string]any, attributes []slog.Attr) {
	for _, a := range attributes {
		value := a.Value.Resolve()
		if value.Kind() != slog.KindGroup {
			if !a.Equal(slog.Attr{}) {
				members[a.Key] = logValue(value)
			}
			continue
		}
		group := members
		if a.Key != "" {
			inner, isGroup := members[a.Key].(map[string]any)
			if !isGroup {
				inner = map[string]any{}
			}
			members[a.Key], group = inner, inner
		}
		putAttributes(group, value.Group())
	}
}

// logValue is a value as JSON handlers write it: a duration as nanoseconds, an error as its text.
func logValue(value slog.Value) any {
	if err, isError := value.Any().(error); isError {
		return err.Error()
	}
	return value.Any()
}
