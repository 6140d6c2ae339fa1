package scopeflow

import "sync"

// A ref is all that the core knows of a Go value: the number of a slot. Zero means that there is
// no value; a nil that an application returned is a value like any other (S2.5).
type ref = uintptr

const (
	slotShardBits  = 4
	slotShardCount = 1 << slotShardBits
)

// slotTable holds the Go values that the core refers to. It belongs to one runtime, so that a
// callback that refers to its runtime is a cycle within Go, which the garbage collector can free.
//
// The table is split so that goroutines seldom meet: a call uses the shard of its call object.
// A value may be looked up and released from any goroutine.
type slotTable struct {
	shards [slotShardCount]slotShard
}

type slotShard struct {
	mu     sync.Mutex
	values []any
	free   []uint32
	_      [64]byte // Two shards never share a cache line.
}

// put stores a value and returns its ref, which stays valid until take.
func (t *slotTable) put(shard uint32, value any) ref {
	s := &t.shards[shard%slotShardCount]
	s.mu.Lock()
	var index uint32
	if last := len(s.free) - 1; last >= 0 {
		index = s.free[last]
		s.free = s.free[:last]
		s.values[index] = value
	} else {
		index = uint32(len(s.values))
		s.values = append(s.values, value)
	}
	s.mu.Unlock()
	return (ref(index)+1)<<slotShardBits | ref(shard%slotShardCount)
}

// get returns the value of a ref, nil for 0.
func (t *slotTable) get(r ref) any {
	if r == 0 {
		return nil
	}
	s := &t.shards[r%slotShardCount]
	s.mu.Lock()
	value := s.values[r>>slotShardBits-1]
	s.mu.Unlock()
	return value
}

// take returns the value of a ref and frees its slot. Zero is allowed.
func (t *slotTable) take(r ref) any {
	if r == 0 {
		return nil
	}
	s := &t.shards[r%slotShardCount]
	index := r>>slotShardBits - 1
	s.mu.Lock()
	value := s.values[index]
	s.values[index] = nil
	s.free = append(s.free, uint32(index))
	s.mu.Unlock()
	return value
}

// used counts the slots that hold a value.
func (t *slotTable) used() int {
	count := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		count += len(s.values) - len(s.free)
		s.mu.Unlock()
	}
	return count
}
