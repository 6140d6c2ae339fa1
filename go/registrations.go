package scopeflow

// Registrations lists what was registered on the runtime itself, in the order of registration. It
// shows one moment, also of a closed runtime.
//
// Errors: invalid_argument for a nil runtime, no_memory.
func (r *Runtime) Registrations() ([]RegistrationInfo, error) {
	if err := r.usable(); err != nil {
		return nil, err
	}
	return r.registrationsOf(nil)
}

// Registrations lists what was registered on this very scope, in the order of registration; what it
// inherits is not in the list. It shows one moment, also of an ended scope.
//
// Errors: invalid_argument for a nil scope, no_memory.
func (s *Scope) Registrations() ([]RegistrationInfo, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	return s.runtime.registrationsOf(s)
}

func (r *Runtime) registrationsOf(owner *Scope) ([]RegistrationInfo, error) {
	list, err := coreRegistrationListNew(&registrationListNewArguments{runtimeValue: r, owner: owner})
	if err != nil {
		return nil, err
	}
	defer coreRegistrationListFree(list)
	var found []RegistrationInfo
	for {
		info, err := coreRegistrationListRead(list, uint32(len(found)))
		if err != nil {
			return nil, err
		}
		if info.Name == "" {
			return found, nil
		}
		found = append(found, info)
	}
}

// LastErrors gives the last messages that went to the runtime's log, at most 8, the newest first
// (S5.7). Each is an [*Error].
func (r *Runtime) LastErrors() []error {
	if r.usable() != nil {
		return nil
	}
	return r.told.errors()
}
