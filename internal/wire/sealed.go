// SPDX-License-Identifier: Apache-2.0

package wire

// SealedInfo is the purpose (HPKE's info) of a request that is sealed to the core as a whole, and FlagSealed the flag of its
// header (docs/design/channel.md).
const (
	SealedInfo        = "genbu sealed request 1"
	FlagSealed uint16 = 1

	// FlagTimed asks that the answer end with the nanoseconds that the core worked on the request.
	FlagTimed uint16 = 2
)

// SealedContext is what a sealed request is bound to: the call and the sequence number of its header.
func SealedContext(call Call, sequence uint32) []byte {
	var w Writer
	w.U16(uint16(call))
	w.U32(sequence)
	return w.B
}

// Secret tells whether a call's request may carry a PIN, a ticket, a share or the value of a key. Over a connection from
// another machine such requests are sealed.
func (c Call) Secret() bool {
	switch c {
	case CallLogin, CallResume, CallInitToken, CallInitPin, CallSetPin, CallCreate:
		return true
	}
	return c > CallStatus // which asks nothing, and is how agents check nodes
}
