package scopeflow

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorsMatchTheirSentinelsOnly(t *testing.T) {
	err := fmt.Errorf("opening: %w", newError(StatusNotFound, "there is no x"))
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalidState) {
		t.Errorf("%v matches the wrong sentinel", err)
	}
	if errors.Is(ErrNotFound, newError(StatusNotFound, "there is no x")) {
		t.Error("a sentinel matches a particular error")
	}
	var own *Error
	if !errors.As(err, &own) || own.Status != StatusNotFound || own.Error() != "not found: there is no x" {
		t.Errorf("the error is %+v", own)
	}
	if StatusNotFound.String() != "not_found" || Status(1).String() != "unknown" {
		t.Error("a status has a wrong name")
	}
}

type named struct{ error }

func (named) ErrorType() string { return "Chosen" }

type wrecked struct{}

func (*wrecked) Error() string { panic("no text") }

func TestErrorsAreDescribedByTheirTypesNames(t *testing.T) {
	for want, err := range map[string]error{
		"errorString":       errors.New("x"),
		"wrapError":         fmt.Errorf("x: %w", errors.New("y")),
		"Chosen":            named{errors.New("x")},
		"NotFound":          newError(StatusNotFound, "x"),
		"GuardrailRejected": &GuardrailRejectedError{Reason: "x"},
		"PanicError":        &PanicError{Value: 1},
		"wrecked":           &wrecked{},
		"nil":               nil,
	} {
		if got := describeError(err).(map[string]any)["type"]; got != want {
			t.Errorf("%T is described as %v instead of %s", err, got, want)
		}
	}
}

func TestUUIDs(t *testing.T) {
	id := UUID{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}
	if id.String() != "01900000-0000-7000-8000-0000000000ff" || id.IsZero() || !(UUID{}).IsZero() {
		t.Errorf("the id reads %s", id)
	}
	if text, err := id.MarshalText(); err != nil || string(text) != id.String() {
		t.Errorf("its text is %s, %v", text, err)
	}
}
