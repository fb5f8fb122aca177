// SPDX-License-Identifier: Apache-2.0

// Package fault names every way in which a request can fail. Core, service and doors pass these codes on; only a door
// turns one into its protocol's own words (CKR_*, a problem document).
//
// A code is a number on the wire between host and core and between client and core, so numbers are never reused. Each
// package that can fail has a range of a hundred.
package fault

// Code is one way to fail. The zero value is OK and is not an error.
type Code uint16

// Error is a code with the step that failed. It never carries bytes of a key or a PIN.
type Error struct {
	Code Code
	Step string // what was being done, in lower case: "open record", "check pin"
	Left int    // attempts left, where Code is PINIncorrect; -1 when unknown
}

func (e *Error) Error() string {
	if e.Step == "" {
		return e.Code.String()
	}
	return e.Step + ": " + e.Code.String()
}

// Is makes errors.Is(err, fault.Locked) work: a Code is itself an error.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

func (c Code) Error() string { return c.String() }

// At adds the step that failed.
func (c Code) At(step string) error { return &Error{Code: c, Step: step, Left: -1} }

// Of finds the code in an error; an error without one is Internal, nil is OK.
func Of(err error) Code {
	for err != nil {
		switch e := err.(type) {
		case Code:
			return e
		case *Error:
			return e.Code
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return Internal
		}
		err = u.Unwrap()
	}
	return OK
}
