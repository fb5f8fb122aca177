// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/gob"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// blind is the role whose PIN, data and keys an honest host must not see: it tells them, and then logs in, creates, signs
// and encrypts until it is told to stop. What it puts into a label and an id, the host's index has.
func blind(in *gob.Decoder, out *gob.Encoder) error {
	return secretly(in, out, func(*planter) error { return nil })
}

// secretly is a role that tells its secrets, having gone by another way if that is wanted, and uses them.
func secretly(in *gob.Decoder, out *gob.Encoder, way func(p *planter) error) error {
	p := &planter{marker: bytesOf(4096)}
	if err := in.Decode(&p.dir); err != nil {
		return err
	}
	if err := p.partition(); err != nil {
		return err
	}
	if err := way(p); err != nil {
		return err
	}
	p.keep("data signed or encrypted", memscan.Bytes, p.marker)
	label, id, value, other := bytesOf(32), bytesOf(32), bytesOf(32), bytesOf(32)
	p.keep("label of a key", memscan.Bytes, label)
	p.keep("label and id", memscan.Bytes, id)
	p.keep("key imported", memscan.Bytes, value)
	p.keep("data in an object", memscan.Bytes, other)
	aes := append(common(key.ClassSecret, key.TypeAES, string(label), true), client.Bytes(key.AttrValue, value), client.Bytes(key.AttrID, id))
	if _, err := p.s.Create(aes); err != nil { // it stays, for the index to know it
		return err
	}
	if err := out.Encode(p.out.Secrets); err != nil {
		return err
	}
	var stop atomic.Bool
	go func() {
		var word bool
		in.Decode(&word)
		stop.Store(true)
	}()
	rounds := 0
	for ; !stop.Load(); rounds++ {
		if err := p.round(aes, other); err != nil {
			return fmt.Errorf("round %d: %w", rounds, err)
		}
	}
	return out.Encode(rounds)
}

// round is one of each call that carries a PIN, data or a key.
func (p *planter) round(aes client.Template, other []byte) error {
	if err := p.s.Logout(); err != nil {
		return err
	}
	if _, err := p.s.Login(client.User, operator, p.pin()); err != nil {
		return err
	}
	if err := p.s.SetPIN(p.pin(), p.pin()); err != nil {
		return err
	}
	k, err := p.s.Create(aes)
	if err != nil {
		return err
	}
	var objects []uint64
	for _, private := range []bool{true, false} {
		o, err := p.s.Create(client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, private),
			client.Bytes(key.AttrValue, other)})
		if err != nil {
			return err
		}
		objects = append(objects, o.Handle)
	}
	cbc := client.IV(key.MechAESCBCPad, iv(16))
	ct, err := p.s.Encrypt(cbc, k.Handle, p.marker)
	if err != nil {
		return err
	}
	plain, err := p.s.Decrypt(cbc, k.Handle, ct)
	if err != nil || !slices.Equal(plain, p.marker) {
		return errors.Join(err, errors.New("decrypt"))
	}
	mac, err := p.s.Sign(client.Mech(key.MechAESCMAC), k.Handle, p.marker)
	if err != nil {
		return err
	}
	_, err = p.s.Digest(client.Mech(key.MechSHA256), p.marker)
	err = errors.Join(err, p.s.Verify(client.Mech(key.MechAESCMAC), k.Handle, p.marker, mac), p.parts(client.UseSign, client.Mech(key.MechAESCMAC), k.Handle, p.marker))
	for _, h := range append(objects, k.Handle) {
		err = errors.Join(err, p.s.Destroy(h))
	}
	return err
}
