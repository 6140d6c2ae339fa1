//go:build !cgo

package scopeflow

// Without cgo there is no middleware in C.

var nativeFeatures []string

func (s *vectorStep) isNative() bool { return false }

func (r *vectorRun) registerScript(*vectorStep) error { return errNoCore }
