// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strconv"

	"github.com/anishathalye/porcupine"
)

// What a client may do with one key, and what it may be told.
type verb string

const (
	create   verb = "create"
	sign_    verb = "sign"
	read     verb = "read label"
	write    verb = "write label"
	suspend  verb = "suspend"
	activate verb = "activate"
	destroy  verb = "destroy"
)

// changes tells whether the verb may leave a trace when nobody knows its outcome.
func (v verb) changes() bool { return v != sign_ && v != read }

type input struct {
	key   int
	verb  verb
	label string // of create and write
}

type outcome string

const (
	done     outcome = "ok"
	disabled outcome = "disabled"
	gone     outcome = "no such key"
	unknown  outcome = "unknown" // it may have happened, and may happen yet
)

type output struct {
	outcome outcome
	label   string // of read
}

// keyState is one key as the standard's reader would have it: made, perhaps suspended, destroyed for good.
type keyState struct {
	made, gone, off bool
	label           string
}

// model says which histories of one key could have come from a single machine that does one thing after the other.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, o := range history {
			k := o.Input.(input).key
			byKey[k] = append(byKey[k], o)
		}
		var list [][]porcupine.Operation
		for _, part := range byKey {
			list = append(list, part)
		}
		return list
	},
	Init:  func() any { return keyState{} },
	Equal: func(a, b any) bool { return a == b },
	Step: func(state, in, out any) (bool, any) {
		return step(state.(keyState), in.(input), out.(output))
	},
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("key %d: %s %s -> %s %s", i.key, i.verb, i.label, o.outcome, o.label)
	},
	DescribeState: func(state any) string {
		s := state.(keyState)
		return "made " + strconv.FormatBool(s.made) + " gone " + strconv.FormatBool(s.gone) + " off " + strconv.FormatBool(s.off) + " " + s.label
	},
}

// step answers whether a key in state s may give this answer, and its state after it. What nobody knows the outcome of has
// no end in the history, so it may be placed anywhere, also after all that was seen.
func step(s keyState, in input, out output) (bool, any) {
	there := s.made && !s.gone
	switch out.outcome {
	case gone:
		return !there, s
	case disabled:
		return there && s.off && in.verb == sign_, s
	case unknown:
		if !there && in.verb != create {
			return true, s
		}
	}
	switch in.verb {
	case create:
		if s.made {
			return false, s
		}
		return true, keyState{made: true, label: in.label}
	case sign_:
		return there && !s.off, s
	case read:
		return there && out.label == s.label, s
	case write:
		s.label = in.label
	case suspend:
		s.off = true
	case activate:
		s.off = false
	case destroy:
		s.gone = true
	}
	return there, s
}
