package scopeflow

import "context"

// NextFunc runs the rest of the chain that an execution intercept stands in: the intercepts behind it
// and the target. It may be called as often as the intercept likes, also from several goroutines at
// once, until the intercept has returned; later it is an [ErrInvalidArgument] (S3.7). The context is
// the intercept's, or one made from it.
type NextFunc func(ctx context.Context, request any) (any, error)

// InterceptOutcome is what an intercept may return in place of its result, to leave marks with the call
// (S3.11).
type InterceptOutcome struct {
	// Result is what it would have returned: the request, or the call's result.
	Result any
	// PendingMarks are emitted right after the call's end event, as its children.
	PendingMarks []PendingMark
}

// PendingMark is a mark that an intercept leaves with its call.
type PendingMark struct {
	// Name says what happened.
	Name string
	// Data is the mark's data.
	Data any
	// Metadata is the mark's metadata.
	Metadata any
	// Category is the mark's category, or empty.
	Category string
	// CategoryProfile has facts that belong to the category, an object.
	CategoryProfile any
	// DataSchema is the schema that the data follows.
	DataSchema any
}

// EventFields are what an event sanitizer may change, its own copy (S3.12).
type EventFields struct {
	Data            any `json:"data"`
	Metadata        any `json:"metadata"`
	CategoryProfile any `json:"category_profile"`
}

// RegistryBits names registries to a conditional-middleware gate.
func RegistryBits(registries ...Registry) uint32 {
	var bits uint32
	for _, registry := range registries {
		bits |= 1 << (registry - 1)
	}
	return bits
}

func chainFlag(breaks bool) callableFlag {
	if breaks {
		return callableFlagBreakChain
	}
	return 0
}

// --- What came of middleware ---

// answerPayload answers for a sanitizer; nil is nothing, which withholds the payload (S3.6).
func (c *call) answerPayload(value any, err error) answer {
	if err != nil {
		return c.answerError(err)
	}
	return answer{value: c.give(value)}
}

func (c *call) answerFields(fields *EventFields, err error) answer {
	if fields == nil {
		return c.answerPayload(nil, err)
	}
	return c.answerPayload(fields, err)
}

func (c *call) answerMembers(members map[string]any, err error) answer {
	if members == nil {
		return c.answerPayload(nil, err)
	}
	return c.answerPayload(members, err)
}

// answerRequest answers for a request intercept; nil is nothing, which fails the call (S3.11).
func (c *call) answerRequest(value any, err error) answer {
	value, err = c.takeOutcome(value, err)
	return c.answerPayload(value, err)
}

// answerResult answers for an execution intercept, which may return anything, nil too.
func (c *call) answerResult(value any, err error) answer {
	value, err = c.takeOutcome(value, err)
	if err != nil {
		return c.answerError(err)
	}
	return answer{value: c.runtime.slots.put(c.shard, value)}
}

// takeOutcome leaves the marks of an outcome with the call, and gives its result.
func (c *call) takeOutcome(value any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	outcome, ok := value.(InterceptOutcome)
	if pointer, isPointer := value.(*InterceptOutcome); isPointer && pointer != nil {
		outcome, ok = *pointer, true
	}
	if !ok {
		return value, nil
	}
	for i := range outcome.PendingMarks {
		if err := c.leaveMark(&outcome.PendingMarks[i]); err != nil {
			return nil, err
		}
	}
	return outcome.Result, nil
}

func (c *call) leaveMark(mark *PendingMark) error {
	data, metadata := c.give(mark.Data), c.give(mark.Metadata)
	profile, schema := c.give(mark.CategoryProfile), c.give(mark.DataSchema)
	status := c.taskMark(mark.Name, data, metadata, &mark.Category, profile, schema)
	for _, given := range []ref{data, metadata, profile, schema} {
		c.keepOnFailure(status, given)
	}
	if status != StatusOK {
		return c.coreError(status)
	}
	return nil
}
