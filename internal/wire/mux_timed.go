// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/internal/fault"

// timed, in the second byte of a request's header, asks how long the other side works on it; in an answer's it says that
// the body begins with that, as u64 nanoseconds (0: not told).
const timed = 1

// CallTimed is Call that also learns how long the other side worked on it, in nanoseconds; 0 when it does not say.
func (m *Mux) CallTimed(op uint16, body []byte) (answer []byte, worked int64, err error) {
	if len(body) > MaxMessage {
		return nil, 0, fault.TooLarge.At("call")
	}
	ch := make(chan reply, 1)
	id, err := m.expect(ch)
	if err != nil {
		return nil, 0, err
	}
	m.send(0, timed, op, id, body)
	r := <-ch
	answer, err = r.result()
	return answer, r.worked, err
}

// replied takes the time off an answer.
func replied(code fault.Code, flags uint8, body []byte) reply {
	r := reply{code: code, body: body}
	if flags&timed != 0 {
		told := NewReader(body)
		r.worked, r.body = int64(told.U64()), told.Rest()
	}
	return r
}

func (m *Mux) begin(flags uint8) int64 {
	if flags&timed == 0 || m.Clock == nil {
		return 0
	}
	return m.Clock()
}

// told puts the time before an answer that was asked for it.
func (m *Mux) told(flags uint8, began int64, body []byte) []byte {
	if flags&timed == 0 {
		return body
	}
	w := Writer{B: make([]byte, 0, 8+len(body))}
	if m.Clock == nil {
		w.U64(0)
	} else {
		w.U64(uint64(max(1, m.Clock()-began)))
	}
	w.Raw(body)
	return w.B
}
