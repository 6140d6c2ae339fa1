package scopeflow

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Middleware is what Register takes: a function of one of the types [ToolExecutionInterceptFunc],
// [SubscriberFunc] and so on, which say in what registry it stands.
type Middleware interface {
	register(o registrar, name string, a registrationArguments) error
	deregister(o registrar, name string) bool
	options() registrationOption
}

// registrationOption has a bit for each option of Register.
type registrationOption uint8

const (
	optionPriority registrationOption = 1 << iota
	optionBreakChain
	optionTarget
)

type registrationArguments struct {
	given       registrationOption
	priority    int32
	breaksChain bool
	kinds       uint32
	target      string
}

// RegistrationOption is an option of Register.
type RegistrationOption func(*registrationArguments)

// WithPriority says where in its chain middleware stands: lower comes first, 0 by default (S3.2).
// Subscribers have no priority.
func WithPriority(priority int32) RegistrationOption {
	return func(a *registrationArguments) {
		a.given |= optionPriority
		a.priority = priority
	}
}

// WithBreakChain says that no request intercept behind this one runs once it has succeeded (S3.5).
func WithBreakChain() RegistrationOption {
	return func(a *registrationArguments) {
		a.given |= optionBreakChain
		a.breaksChain = true
	}
}

// WithTarget names the registration that a conditional-middleware gate is asked about, and the
// registries in which it stands.
func WithTarget(registration string, registries ...Registry) RegistrationOption {
	return func(a *registrationArguments) {
		a.given |= optionTarget
		a.target, a.kinds = registration, RegistryBits(registries...)
	}
}

// Registration is middleware or a subscriber that is in force until it is closed, or until what it was
// registered on has ended. It may be used by several goroutines.
//
//	registration, err := scopeflow.Register("audit", scopeflow.SubscriberFunc(audit))
//	if err != nil {
//		return err
//	}
//	defer registration.Close()
//
// A registration that is merely forgotten stays.
type Registration struct {
	owner    registrar
	name     string
	fn       Middleware
	isClosed atomic.Bool
}

var _ io.Closer = (*Registration)(nil)

// Register registers middleware or a subscriber on the runtime and returns what removes it.
//
// Errors: those of the method for its registry, such as [Runtime.RegisterSubscriber], and
// invalid_argument for an option that the registry does not have.
func (r *Runtime) Register(name string, fn Middleware, options ...RegistrationOption) (*Registration, error) {
	return newRegistration(r, name, fn, options)
}

// Register registers middleware or a subscriber on the scope and returns what removes it.
//
// Errors: those of the method for its registry, such as [Scope.RegisterSubscriber], and
// invalid_argument for an option that the registry does not have.
func (s *Scope) Register(name string, fn Middleware, options ...RegistrationOption) (*Registration, error) {
	return newRegistration(s, name, fn, options)
}

// Register is [Runtime.Register] on the default runtime.
func Register(name string, fn Middleware, options ...RegistrationOption) (*Registration, error) {
	r, err := Default()
	if err != nil {
		return nil, err
	}
	return r.Register(name, fn, options...)
}

func newRegistration(
	owner registrar, name string, fn Middleware, options []RegistrationOption,
) (*Registration, error) {
	var a registrationArguments
	for _, option := range options {
		if option == nil {
			return nil, invalidArgument("an option must not be nil")
		}
		option(&a)
	}
	if fn == nil {
		return nil, invalidArgument("the middleware must not be nil")
	}
	if a.given&^fn.options() != 0 {
		return nil, invalidArgument(fmt.Sprintf("%q: a %T has no such option", name, fn))
	}
	if err := fn.register(owner, name, a); err != nil {
		return nil, err
	}
	return &Registration{owner: owner, name: name, fn: fn}, nil
}

// Name returns the name that it was registered under.
func (g *Registration) Name() string { return g.name }

// Close removes it, by its name; calls that already began still use it (S3.4).
//
// Errors: not_found if it was not there any more, as on a second Close.
func (g *Registration) Close() error {
	if g == nil {
		return invalidArgument("the registration must not be nil")
	}
	if g.isClosed.Swap(true) || !g.fn.deregister(g.owner, g.name) {
		return newError(StatusNotFound, fmt.Sprintf("there is no %q to remove", g.name))
	}
	return nil
}
