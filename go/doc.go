// Package scopeflow is the execution runtime under agent frameworks: it knows which scope owns a
// piece of work, which middleware applies to it, which events are emitted and who receives them.
//
// The current scope travels in the [context.Context]:
//
//	ctx, scope, err := scopeflow.PushScope(ctx, "research", scopeflow.ScopeTypeAgent)
//	if err != nil {
//		return err
//	}
//	defer scope.Close()
//
//	answer, err := scopeflow.ExecuteTool(ctx, "search", query, search)
//
// A tool call runs under management: guardrails decide, the call's own span opens, the function
// runs with a context in which that span is current, and exactly one end follows one start. The
// caller gets the function's own value and the function's own error.
//
// LLM calls ([LLMCallExecute]) and their streams ([LLMStreamCallExecute]) run in the same way. A stream
// takes no chunk ahead of its consumer; leaving a loop over [LLMStream.All] stops the producer.
//
// # Middleware
//
// Guards decide, request intercepts rewrite, execution intercepts run around the target and call next,
// sanitizers and injectors change what observers see. Each is registered under a name, on a [Runtime]
// or on a [Scope], by a method for its registry or by [Runtime.Register], which returns what removes it
// when it is closed. Request intercepts and sanitizers get a copy of a payload's maps and slices, which
// they may change in place; pointers and structs in it are shared. Guards get the caller's own object
// and must not change it.
//
// Middleware and subscribers may also be written in C, C++ or Rust, in a package with cgo, and stand in one
// chain with those in Go: see [NativeFunctions].
//
// # Codecs
//
// A [ProviderCodec] shows the requests and responses of a provider in a form that does not depend on it:
// [AnnotatedLLMRequest], which request intercepts may edit, and [AnnotatedLLMResponse], with tokens and
// costs for observers. With [WithCodec] and [WithResponseCodec] the core decodes by itself, once somebody
// looks; a response that cannot be decoded is told in its event, and never fails the call. [AutoCodec]
// tells by each payload whose it is.
//
// # Payloads
//
// Arguments, results and metadata may be any Go value. Nothing is encoded unless somebody listens.
// Then a value looks as encoding/json would write it, except that nothing can fail: []byte is
// written as {"$bytes": base64}, map[K]struct{} as a sorted array, integers of any size exactly,
// cycles and what JSON cannot say as markers. Map keys are sorted by their text. A value must not be
// changed by another goroutine while the operation that it was given to runs.
//
// # Errors
//
// The runtime's own errors match their sentinels with [errors.Is]; a refusal is a
// [*GuardrailRejectedError]. Panics of targets and guardrails come out as [*PanicError].
//
// # Building
//
// The package carries the core as one C file, so that cgo and a C compiler are all that it needs. A
// program that is built without cgo imports
//
//	import _ "github.com/scopeflow/scopeflow/go/wasm"
//
// which runs the same core as WebAssembly: slower, but equal in behaviour. With neither it compiles, and
// the first call returns an error that names both.
package scopeflow
