// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// moveAll wraps every key out and in again.
func (p *planter) moveAll() error {
	kwp := client.IV(key.MechAESKeyWrapKWP, nil)
	for _, k := range slices.Clone(p.keys) {
		wrapped, err := p.s.Wrap(kwp, p.kek.handle, k.handle)
		if err != nil {
			return fmt.Errorf("wrap %s: %w", k.name, err)
		}
		t := common(k.class, k.typ, "again", false)
		if k.params.Value != nil && k.class == key.ClassSecret {
			t = append(t, k.params)
		}
		o, err := p.s.Unwrap(kwp, p.kek.handle, wrapped, t)
		if err != nil {
			return fmt.Errorf("unwrap %s: %w", k.name, err)
		}
		if err := p.s.Destroy(o.Handle); err != nil {
			return err
		}
		p.out.Uses += 2
	}
	return nil
}

// failAll makes requests that carry or open secrets and fail on the way.
func (p *planter) failAll() error {
	bad, err := rsaValue(2048)
	if err != nil {
		return err
	}
	p.keepParts("refused rsa", bad.parts)
	for i := range bad.attrs { // a modulus that is not the product
		if bad.attrs[i].Type == key.AttrModulus {
			v := slices.Clone(bad.attrs[i].Value)
			v[len(v)-1] ^= 2
			bad.attrs[i].Value = v
		}
	}
	if _, err := p.s.Create(append(common(bad.class, bad.typ, "bad", true), bad.attrs...)); err == nil {
		return errors.New("an rsa key that is none was taken")
	}
	odd := bytesOf(33)
	p.keep("key refused aes", memscan.Bytes, odd)
	if _, err := p.s.Create(append(common(key.ClassSecret, key.TypeAES, "bad", true), client.Bytes(key.AttrValue, odd))); err == nil {
		return errors.New("an aes key of 33 bytes was taken")
	}
	late := bytesOf(32) // refused for an attribute that stands behind the value
	p.keep("key refused late", memscan.Bytes, late)
	if _, err := p.s.Create(append(common(key.ClassSecret, key.TypeAES, "bad", true), client.Bytes(key.AttrValue, late), client.Bytes(0x7FFFFFFF, []byte{1}))); err == nil {
		return errors.New("an unknown attribute was taken")
	}
	wrapped, err := p.s.Wrap(client.Mech(key.MechAESECB), p.kek.handle, p.target.handle)
	if err != nil {
		return err
	}
	if _, err := p.s.Unwrap(client.Mech(key.MechAESECB), p.kek.handle, wrapped, common(key.ClassPrivate, key.TypeRSA, "bad", true)); err == nil {
		return errors.New("a secret key was unwrapped as an rsa key")
	}
	large := make([]byte, 3<<20) // a request for which the channel's buffers grow
	for at := 0; at+64 <= len(large); at += 4096 {
		copy(large[at:], p.marker[:64])
	}
	if _, err := p.s.Encrypt(client.IV(key.MechAESCBCPad, iv(16)), p.kek.handle, large); err != nil {
		return err
	}
	if _, err := p.s.Sign(client.Mech(key.MechAESCMAC), p.kek.handle, large); err != nil {
		return err
	}
	return nil
}

// abandon begins operations with keys of every type and does not finish them: given up, or ended with their session.
func (p *planter) abandon() error {
	for i, k := range p.keys {
		b, err := p.begin(k)
		if err == nil && b != nil && i%2 == 0 {
			err = b.s.Cancel(b.use)
		}
		if err == nil && b != nil {
			err = b.s.Close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		p.out.Uses++
	}
	return nil
}

// begun is an operation under way in a session of its own.
type begun struct {
	s   *client.Session
	use client.Use
}

// begin begins an operation with a key; nil where its type has none of several parts.
func (p *planter) begin(k *held) (*begun, error) {
	use, how := client.UseSign, client.Mechanism{}
	for _, m := range p.mechs {
		if !slices.Contains(m.Keys, k.typ) {
			continue
		}
		if m.Flags&key.CanSign != 0 {
			how = parameters(m, k, p.marker[:32])
			break
		}
		if m.Flags&key.CanDecrypt != 0 && k.typ != key.TypeRSA {
			use, how = client.UseDecrypt, parameters(m, k, p.marker[:32])
			break
		}
	}
	if how.ID == 0 {
		return nil, nil
	}
	s, err := p.conn.Open(p.out.Slot, true)
	if err != nil {
		return nil, err
	}
	return &begun{s, use}, s.Begin(use, how, k.handle)
}

// fork copies the application with operations under way, as a forked child does, and ends them on both sides.
func (p *planter) fork() error {
	how := client.Mech(key.MechSHA256HMAC)
	if err := p.s.Begin(client.UseSign, how, p.target.handle); err != nil {
		return err
	}
	child, err := client.Fork(filepath.Join(p.dir, "genbu.sock"), p.conn.Secret)
	if err != nil {
		return err
	}
	defer child.Close()
	for _, s := range []*client.Session{p.s, p.s.On(child)} {
		if _, err := s.Update(client.UseSign, p.marker[:64]); err != nil {
			return err
		}
		if _, err := s.Final(client.UseSign, nil); err != nil {
			return err
		}
	}
	return p.s.On(child).Logout()
}

// manage copies, changes, shares, suspends and finds.
func (p *planter) manage() error {
	for _, k := range p.keys {
		o, err := p.s.Copy(k.handle, client.Template{client.Text(key.AttrLabel, "copy"), client.Bool(key.AttrToken, k.handle&key.SessionHandle == 0)})
		if err != nil {
			return fmt.Errorf("copy %s: %w", k.name, err)
		}
		if err := p.s.Set(o.Handle, client.Template{client.Text(key.AttrLabel, "changed")}); err != nil {
			return fmt.Errorf("change %s: %w", k.name, err)
		}
		if k.handle&key.SessionHandle == 0 {
			if err := p.s.KeyShare(o.Handle, "second", true); err != nil {
				return fmt.Errorf("share %s: %w", k.name, err)
			}
			if err := errors.Join(p.s.KeyState(o.Handle, key.StateSuspended), p.s.KeyState(o.Handle, key.StateActive)); err != nil {
				return fmt.Errorf("suspend %s: %w", k.name, err)
			}
		}
		if _, err := p.s.Size(o.Handle); err != nil {
			return err
		}
		if err := p.s.Destroy(o.Handle); err != nil {
			return fmt.Errorf("destroy copy of %s: %w", k.name, err)
		}
	}
	list, err := p.s.FindAll(client.Template{client.ULong(key.AttrClass, key.ClassPrivate)})
	if err == nil && len(list) == 0 {
		err = errors.New("no private key was found")
	}
	return err
}
