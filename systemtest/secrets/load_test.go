// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/gob"
	"path/filepath"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// work is what the load role is given.
type work struct {
	Dir     string
	Slot    uint64
	PIN     secret
	Signers []signer
	Data    secret
}

// load is the role that logs in and signs, again and again, until it is told to stop; it answers how often.
func load(in *gob.Decoder, out *gob.Encoder) error {
	var w work
	if err := in.Decode(&w); err != nil {
		return err
	}
	c, err := client.Dial(filepath.Join(w.Dir, "genbu.sock"))
	if err != nil {
		return err
	}
	s, err := c.Open(w.Slot, false)
	if err != nil {
		return err
	}
	if _, err := s.Login(client.User, operator, w.PIN.value()); err != nil {
		return err
	}
	if err := out.Encode(true); err != nil {
		return err
	}
	var stop atomic.Bool
	told := make(chan struct{})
	go func() {
		var word bool
		in.Decode(&word)
		stop.Store(true)
		close(told)
	}()
	data := w.Data.value()[:32]
	done := 0
	for i := 0; !stop.Load(); i++ {
		k := w.Signers[i%len(w.Signers)]
		_, err := s.Sign(k.Mech, k.Handle, data)
		if fault.Of(err) == fault.Unavailable { // the node crashed, as one of the tests wants it to
			<-told
			break
		}
		if err != nil {
			return err
		}
		done++
	}
	return out.Encode(done)
}
