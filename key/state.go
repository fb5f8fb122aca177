// SPDX-License-Identifier: Apache-2.0

package key

// State is the life of a key as in SP 800-57 part 1 section 7.
type State uint8

const (
	StateUnknown State = iota
	StateActive
	StateSuspended
	StateDeactivated
	StateCompromised
	StateDestroyed
)

// May tells whether a key of this state may come into another (SP 800-57 part 1 section 7.4), or stay in its own.
func (s State) May(to State) bool {
	switch {
	case s == to:
		return true
	case s == StateActive:
		return to == StateSuspended || to == StateDeactivated || to == StateCompromised
	case s == StateSuspended:
		return to == StateActive || to == StateDeactivated || to == StateCompromised
	case s == StateDeactivated:
		return to == StateCompromised
	}
	return false
}
