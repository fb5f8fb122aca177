// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// request is a client's call, as far as the agent must understand it to know where it goes. body is a view into the
// client's buffer, valid until it is answered.
type request struct {
	row       *row
	call      wire.Call
	body      []byte
	session   uint64 // 0: the call names none
	mechanism uint64
	held      bool // it names a session object, which only the home has
}

// late is after how long the answer is late: a long body takes its time on the way.
func (q *request) late(e *expectation) time.Duration {
	return e.late() + time.Duration(len(q.body))*usual
}

// parse reads a body by its signature in calls.def, which also checks it: what the core would call malformed is answered
// here.
func parse(call wire.Call, body []byte) (request, error) {
	q := request{call: call, body: body, row: rows[call]}
	if q.row == nil {
		return q, fault.Unsupported.At("agent: find call")
	}
	r := wire.NewReader(body)
	rest := q.row.spec.Request
	if q.row.session {
		q.session, rest = r.U64(), rest[1:]
	}
	q.fields(&r, rest)
	if r.End() != nil {
		return q, fault.Malformed.At("agent: read " + call.String())
	}
	return q, nil
}

func (q *request) fields(r *wire.Reader, signature string) {
	for i := 0; i < len(signature) && r.Err() == nil; i++ {
		switch signature[i] {
		case 'u':
			if v := r.U64(); v&key.SessionHandle != 0 {
				q.held = true
			}
		case 'y':
			r.U8()
		case 'b':
			r.Bytes()
		case 'M':
			q.mechanism = r.U64()
			r.Bytes()
		case 'A':
			for range r.Count(12) {
				r.U64()
				r.Bytes()
			}
		case 'T':
			for range r.Count(8) {
				r.U64()
			}
		case '[':
			inner := signature[i+1:]
			depth, end := 1, 0
			for depth > 0 {
				switch inner[end] {
				case '[':
					depth++
				case ']':
					depth--
				}
				end++
			}
			for range r.Count(1) {
				q.fields(r, inner[:end-1])
			}
			i += end
		case '*':
			r.Rest()
		default:
			r.Fail()
		}
	}
}

// object is what an answer says of an object that was made.
type object struct {
	handle  uint64
	private bool
}

const flagPrivate = 2 // of a summary (channel.md)

// made reads the session objects out of the answer to a call that makes objects. Handles beyond the summaries (those of a
// derivation) count as private, since nothing says that they are not.
func made(response string, body []byte) (list []object) {
	r := wire.NewReader(body)
	note := func(o object) {
		if o.handle&key.SessionHandle != 0 && r.Err() == nil {
			list = append(list, o)
		}
	}
	for i := range len(response) {
		switch response[i] {
		case 'b':
			r.Bytes()
		case 'y':
			r.U8()
		case 'O':
			for range r.Count(48) {
				o := object{handle: r.U64()}
				r.Raw(32)
				o.private = r.U64()&flagPrivate != 0
				note(o)
			}
		case '[': // only DERIVE has one: [u]
			for range r.Count(8) {
				note(object{handle: r.U64(), private: true})
			}
			return list
		default:
			return list
		}
	}
	return list
}

// makesObjects tells whether answers to a call name objects that it made.
func makesObjects(s wire.CallSpec) bool {
	return s.Call >= wire.CallCreate && s.Call < wire.CallStatus && s.Call != wire.CallFind && s.Call != wire.CallFindNext &&
		s.Call != wire.CallSummary && strings.Contains(s.Response, "O")
}
