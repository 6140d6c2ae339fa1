package scopeflow

import (
	"encoding/binary"
	"math"
)

// tokenRow is a value as a row of tokens (spec/api/payload.yaml), handed to the core in one call.
type tokenRow struct {
	bytes []byte
	depth int
	// least is a lower bound of the JSON text's length; once it exceeds the limit, nothing more of
	// the value can become visible, and the walk may stop (S2.6).
	least int
	limit int
}

func (r *tokenRow) reset(limit int) {
	r.bytes = r.bytes[:0]
	r.depth = 0
	r.least = 0
	r.limit = limit
}

func (r *tokenRow) isFull() bool { return r.least > r.limit }

func (r *tokenRow) putNull() { r.putMark(tokenNull) }

func (r *tokenRow) putMark(kind token) {
	r.bytes = append(r.bytes, byte(kind))
	r.least++
}

func (r *tokenRow) putBool(value bool) {
	if value {
		r.putMark(tokenTrue)
	} else {
		r.putMark(tokenFalse)
	}
}

func (r *tokenRow) putInt(value int64) {
	r.putMark(tokenInt)
	r.bytes = binary.LittleEndian.AppendUint64(r.bytes, uint64(value))
}

func (r *tokenRow) putUint(value uint64) {
	if value <= math.MaxInt64 {
		r.putInt(int64(value))
		return
	}
	r.putMark(tokenUint)
	r.bytes = binary.LittleEndian.AppendUint64(r.bytes, value)
}

func (r *tokenRow) putDouble(value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		r.putNull()
		return
	}
	r.putMark(tokenDouble)
	r.bytes = binary.LittleEndian.AppendUint64(r.bytes, math.Float64bits(value))
}

func putText[T string | []byte](r *tokenRow, kind token, text T) {
	if uint64(len(text)) > math.MaxUint32-8 {
		r.putNull()
		return
	}
	r.putMark(kind)
	r.bytes = binary.LittleEndian.AppendUint32(r.bytes, uint32(len(text)))
	r.bytes = append(r.bytes, text...)
	r.least += len(text)
}

func (r *tokenRow) putString(text string) { putText(r, tokenString, text) }

func (r *tokenRow) putUnserializable(typeName string) {
	putText(r, tokenUnserializable, typeName)
}

func (r *tokenRow) putCycle(levels int) {
	r.putMark(tokenCycle)
	r.bytes = binary.LittleEndian.AppendUint32(r.bytes, uint32(levels))
}

// begin opens a container and says whether it may be filled: one beyond the depth limit stands as
// a mark of its own and has no end.
func (r *tokenRow) begin(kind token) bool {
	if r.depth == payloadDepthLimit {
		r.putMark(tokenTooDeep)
		return false
	}
	r.depth++
	r.putMark(kind)
	return true
}

func (r *tokenRow) end() {
	r.depth--
	r.putMark(tokenEnd)
}

// rowState is a place to return to when what was begun turns out not to be encodable.
type rowState struct{ size, depth, least int }

func (r *tokenRow) state() rowState { return rowState{len(r.bytes), r.depth, r.least} }

func (r *tokenRow) restore(to rowState) {
	r.bytes = r.bytes[:to.size]
	r.depth = to.depth
	r.least = to.least
}
