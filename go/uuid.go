package scopeflow

import (
	"encoding/hex"
	"fmt"
)

// UUID is an id in the order of its text form.
type UUID [16]byte

// String gives the text form: 36 characters, lower case.
func (u UUID) String() string {
	var text [36]byte
	hex.Encode(text[0:8], u[0:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:36], u[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// IsZero says whether no bit is set, as in the parent of a root scope.
func (u UUID) IsZero() bool { return u == UUID{} }

// MarshalText makes a UUID its text form in JSON.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads the text form, in any case of letters.
func (u *UUID) UnmarshalText(text []byte) error {
	parsed, err := ParseUUID(string(text))
	if err == nil {
		*u = parsed
	}
	return err
}

// ParseUUID reads the text form, in any case of letters. Anything else is [ErrInvalidArgument].
func ParseUUID(text string) (UUID, error) {
	var u UUID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return UUID{}, invalidArgument(fmt.Sprintf("a UUID is 36 characters with four hyphens, not %.64q", text))
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, invalidArgument(fmt.Sprintf("a UUID has only hexadecimal digits, not %q", text))
	}
	return u, nil
}
