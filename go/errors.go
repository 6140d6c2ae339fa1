package scopeflow

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
)

// Error is one of the runtime's own errors. It matches the sentinel of its status with errors.Is.
type Error struct {
	// Status is its number.
	Status Status
	// Message says what, where, and which limit or value.
	Message string

	cause      error
	isSentinel bool
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Is says whether the target is the sentinel of the same status.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.isSentinel && other.Status == e.Status
}

// Unwrap gives what led to the error: the context's own error for a call that was cancelled.
func (e *Error) Unwrap() error { return e.cause }

// ErrorType is the name under which events report it, such as `InvalidArgument`.
func (e *Error) ErrorType() string { return errorTypeOf(e.Status) }

// GuardrailRejectedError says that a guardrail refused a call, and why. It matches
// [ErrGuardrailRejected] with errors.Is.
type GuardrailRejectedError struct {
	// Reason is the guardrail's own text.
	Reason string
}

// Error gives `guardrail rejected: <reason>`.
func (e *GuardrailRejectedError) Error() string { return "guardrail rejected: " + e.Reason }

// Is says whether the target is ErrGuardrailRejected.
func (e *GuardrailRejectedError) Is(target error) bool { return target == ErrGuardrailRejected }

// ErrorType is the name under which events report it.
func (e *GuardrailRejectedError) ErrorType() string { return errorTypeOf(StatusGuardrailRejected) }

// PanicError is what a panic of a target or a guardrail becomes (the end event is emitted as for any
// error). It unwraps to the panic's value if that is an error.
type PanicError struct {
	// Value is what was given to panic.
	Value any
	// Stack is the stack of the goroutine at the panic.
	Stack []byte
}

// Error gives the value's text; the stack stands in Stack.
func (e *PanicError) Error() string { return fmt.Sprint("panic: ", e.Value) }

// Unwrap gives the panic's value if it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func newPanicError(value any) *PanicError { return &PanicError{value, debug.Stack()} }

// errExited answers for a callback that ended its goroutine with runtime.Goexit.
var errExited = errors.New("the goroutine has exited")

func newError(status Status, text string) error {
	return &Error{Status: status, Message: strings.ReplaceAll(status.String(), "_", " ") + ": " + text}
}

func invalidArgument(text string) error { return newError(StatusInvalidArgument, text) }

// toldError is an error that middleware in C has told of, whose message begins with its kind.
func toldError(status Status, message string) error {
	if status == StatusGuardrailRejected {
		return &GuardrailRejectedError{Reason: strings.TrimPrefix(message, "guardrail rejected: ")}
	}
	return &Error{Status: status, Message: message}
}

func cancelledError(cause error) error {
	return &Error{
		Status:  StatusCancelled,
		Message: "cancelled: " + cause.Error(),
		cause:   cause,
	}
}

// statusOf is the number of one of the runtime's own errors, else 0.
func statusOf(err error) Status {
	switch own := err.(type) {
	case *Error:
		return own.Status
	case *GuardrailRejectedError:
		return StatusGuardrailRejected
	}
	return StatusOK
}

func errorTypeOf(status Status) string {
	var name strings.Builder
	for part := range strings.SplitSeq(status.String(), "_") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return name.String()
}

// describeError is what events tell of an error. Its type is its Go type's unqualified name, or what
// its method `ErrorType() string` says; one of the runtime's own also has its name.
func describeError(err error) (description any) {
	defer func() {
		if recover() != nil {
			description = map[string]any{"type": typeName(reflect.TypeOf(err)), "message": ""}
		}
	}()
	if err == nil {
		return map[string]any{"type": "nil", "message": ""}
	}
	name := typeName(reflect.TypeOf(err))
	if named, ok := err.(interface{ ErrorType() string }); ok {
		name = named.ErrorType()
	}
	members := map[string]any{"type": name, "message": err.Error()}
	if status := statusOf(err); status != StatusOK {
		members["status"] = status.String()
	}
	return members
}
