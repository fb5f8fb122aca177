// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// moves tells whether a fault is about the node that answered and not about the request, so that another may do better.
func moves(code fault.Code) bool {
	switch code {
	case fault.Busy, fault.Timeout, fault.Unavailable, fault.IndexNotReady, fault.LeaseExpired:
		return true
	}
	return undone(code)
}

// undone tells whether a fault of that kind also says that nothing was done, so that even a call that is sent once may go to
// another node: the module's state is looked at first.
func undone(code fault.Code) bool {
	switch code {
	case fault.Uninitialized, fault.Locked, fault.Zeroized, fault.SelfTestFailed, fault.AuditUnavailable, fault.AuditLag:
		return true
	}
	return false
}

// transport tells whether an exchange ended without any answer.
func transport(err error) bool {
	return err == errUnsent || err == errLost || err == errLate || err == errBroken
}

// answered tells whether an error is what a node said of itself.
func answered(err error) bool {
	return !transport(err) && moves(fault.Of(err)) && fault.Of(err) != fault.Unavailable
}

// final tells whether an error that came before the request was sent is the request's answer, wherever it goes.
func final(err error) bool {
	if transport(err) || err == errGone || err == errRefused || err == errReopen {
		return false
	}
	return !moves(fault.Of(err))
}

// worthWaiting tells whether all nodes may soon think better of a refusal.
func worthWaiting(code fault.Code, since time.Duration) bool {
	switch code {
	case fault.Unavailable, fault.Timeout, fault.IndexNotReady:
		return true
	case fault.LeaseExpired:
		return since < leaseTime
	}
	return false
}

func giveUp(last error) error {
	if last != nil {
		return last
	}
	return fault.Unavailable.At("agent: no node answers")
}
