package scopeflow

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
)

// LevelTrace is the least severity of a mark, below [slog.LevelDebug].
const LevelTrace slog.Level = -8

// severityKey is the name that a mark's severity has in its metadata, the peers' one.
const severityKey = "nemo_relay.log.severity"

// SeverityOption is what [WithSeverity] returns.
type SeverityOption struct{ level slog.Level }

// WithSeverity says how grave a mark is: it stands in the metadata as `trace`, `debug`, `info`, `warn`
// or `error`, the next lower one of a level between them. Metadata given beside it must be nil, a
// map[string]any or the JSON text of an object.
func WithSeverity(level slog.Level) SeverityOption { return SeverityOption{level} }

func (o SeverityOption) applyScopeEvent(a *scopeEventArguments) { a.metadata = markedMetadata(o) }

// markedMetadata holds the place of a severity until all options were applied.
type markedMetadata struct{ level slog.Level }

// applyEventOptions applies the options of a mark; a severity joins whatever metadata is given.
func applyEventOptions(a *scopeEventArguments, options []EventOption) error {
	var severity *slog.Level
	for _, option := range options {
		if option == nil {
			continue
		}
		given := a.metadata
		option.applyScopeEvent(a)
		if marked, ok := a.metadata.(markedMetadata); ok {
			severity, a.metadata = &marked.level, given
		}
	}
	if severity == nil {
		return nil
	}
	metadata, err := withSeverity(a.metadata, *severity)
	a.metadata = metadata
	return err
}

func withSeverity(metadata any, level slog.Level) (any, error) {
	members := map[string]any{}
	switch given := metadata.(type) {
	case nil, nullPayload:
	case map[string]any:
		members = maps.Clone(given)
		if members == nil {
			members = map[string]any{}
		}
	case json.RawMessage:
		if err := decodeJSON(string(given), &members); err != nil || members == nil {
			return nil, invalidArgument("the metadata of a mark with a severity must be a JSON object")
		}
	default:
		return nil, invalidArgument(fmt.Sprintf(
			"the metadata of a mark with a severity must be a map[string]any, not %T", metadata))
	}
	members[severityKey] = severityName(level)
	return members, nil
}

func severityName(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warn"
	case level >= slog.LevelInfo:
		return "info"
	case level >= slog.LevelDebug:
		return "debug"
	}
	return "trace"
}

var severityLevels = map[string]slog.Level{
	"trace": LevelTrace, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
	"warning": slog.LevelWarn, "error": slog.LevelError,
}

// Severity returns how grave a mark is; false where its metadata says none, or none that is known.
func (e *Event) Severity() (slog.Level, bool) {
	var members struct {
		Severity any `json:"nemo_relay.log.severity"`
	}
	if json.Unmarshal([]byte(e.metadata), &members) != nil {
		return 0, false
	}
	name, _ := members.Severity.(string)
	level, isKnown := severityLevels[strings.ToLower(strings.TrimSpace(name))]
	return level, isKnown
}
