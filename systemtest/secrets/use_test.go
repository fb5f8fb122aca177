// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/cipher"
	"crypto/des"
	"fmt"
	"os"
	"slices"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func useName(m key.Mechanism, use string) string { return fmt.Sprintf("%s with %#x", use, uint64(m)) }

// uses are what a mechanism can do with a key that is there, and how it is tried: an error of try means that data of this
// length, or this key, is not for it.
var uses = []struct {
	name string
	flag key.MechFlags
	try  func(p *planter, m client.MechanismInfo, k *held, data []byte) error
}{
	{"sign", key.CanSign, (*planter).sign},
	{"sign in parts", key.CanSign, (*planter).signParts},
	{"encrypt", key.CanEncrypt, (*planter).encrypt},
	{"decrypt", key.CanDecrypt, (*planter).decrypt},
	{"decrypt in parts", key.CanDecrypt, (*planter).decryptParts},
	{"encrypt a message", key.CanMessageEncrypt, (*planter).message},
	{"wrap", key.CanWrap, (*planter).wrap},
	{"unwrap", key.CanUnwrap, (*planter).unwrap},
	{"derive", key.CanDerive, (*planter).derive},
	{"decapsulate", key.CanDecapsulate, (*planter).decapsulate},
}

// optional are uses that a mechanism need not have although its flag is there: not everything works in parts.
var optional = []string{"sign in parts", "decrypt in parts"}

// useAll uses every key in each way that its type knows, and every mechanism with at least one key.
func (p *planter) useAll() error { return p.useEach(2) }

// useAgain uses every key in each way once more, at the end, so that little time passes between last use and look.
func (p *planter) useAgain() error {
	for _, k := range p.keys {
		k.did = map[string]int{}
	}
	return p.useEach(1)
}

func (p *planter) useEach(times int) error {
	for _, k := range p.keys {
		for _, m := range p.mechs {
			if !slices.Contains(m.Keys, k.typ) {
				continue
			}
			for _, u := range uses {
				name := useName(m.ID, u.name)
				if m.Flags&u.flag == 0 || p.did[name] && k.did[u.name] >= times {
					continue
				}
				var err error
				for _, data := range p.lengths(m.ID, k) {
					if err = u.try(p, m, k, data); err == nil {
						p.did[name], k.did[u.name] = true, k.did[u.name]+1
						p.out.Uses++
						break
					}
				}
				if err != nil && os.Getenv("PLANT_TRACE") != "" {
					fmt.Fprintln(os.Stderr, k.name, name, err)
				}
			}
		}
		if len(k.did) == 0 {
			return fmt.Errorf("%s could not be used at all", k.name)
		}
		if k.class == key.ClassPrivate && k.did["sign"]+k.did["decrypt"]+k.did["derive"]+k.did["decapsulate"] == 0 {
			return fmt.Errorf("%s was used for nothing that takes the private key: %v", k.name, k.did)
		}
	}
	return nil
}

// unused names what no key has done.
func (p *planter) unused() (list []string) {
	for _, m := range p.mechs {
		if len(m.Keys) == 0 {
			continue // digests
		}
		for _, u := range uses {
			if m.Flags&u.flag != 0 && !p.did[useName(m.ID, u.name)] && !slices.Contains(optional, u.name) {
				list = append(list, useName(m.ID, u.name))
			}
		}
		if m.Flags&key.CanGenerate != 0 && !p.did[useName(m.ID, "generate")] {
			list = append(list, useName(m.ID, "generate"))
		}
		if m.Flags&key.CanGeneratePair != 0 && !p.did[useName(m.ID, "generate pair")] {
			list = append(list, useName(m.ID, "generate pair"))
		}
	}
	return list
}

// lengths are data for a mechanism: of some usual lengths, and as long as the key is for raw RSA.
func (p *planter) lengths(m key.Mechanism, k *held) [][]byte {
	if m == key.MechRSAX509 {
		data := make([]byte, k.bits/8)
		copy(data[1:], p.marker)
		return [][]byte{data}
	}
	var all [][]byte
	for _, n := range []int{32, 48, 64, 28, 20} {
		all = append(all, p.marker[:n])
	}
	return all
}

func (p *planter) sign(m client.MechanismInfo, k *held, data []byte) error {
	how := parameters(m, k, data)
	sig, err := p.s.Sign(how, k.handle, data)
	if err != nil {
		return err
	}
	if len(p.out.Signers) < 400 && k.handle&key.SessionHandle == 0 {
		p.out.Signers = append(p.out.Signers, signer{k.handle, how})
	}
	if m.Flags&key.CanVerify != 0 {
		return p.s.Verify(how, p.verifier(k), data, sig)
	}
	return nil
}

func (p *planter) verifier(k *held) uint64 {
	if k.public != 0 {
		return k.public
	}
	return k.handle
}

func (p *planter) signParts(m client.MechanismInfo, k *held, data []byte) error {
	return p.parts(client.UseSign, parameters(m, k, data), k.handle, data)
}

// parts runs an operation in three parts. One that fails has ended.
func (p *planter) parts(use client.Use, how client.Mechanism, handle uint64, data []byte) error {
	if err := p.s.Begin(use, how, handle); err != nil {
		return err
	}
	for _, piece := range [][]byte{data[:len(data)/3], data[len(data)/3:]} {
		if _, err := p.s.Update(use, piece); err != nil {
			return err
		}
	}
	_, err := p.s.Final(use, nil)
	return err
}

func (p *planter) encrypt(m client.MechanismInfo, k *held, data []byte) error {
	_, err := p.encrypted(m, k, data)
	return err
}

// encrypted is a ciphertext for k: by its public half, or by ourselves where the module decrypts only.
func (p *planter) encrypted(m client.MechanismInfo, k *held, data []byte) ([]byte, error) {
	if k.typ == key.TypeDES3 {
		return oldCipher(m.ID, k.value, data)
	}
	return p.s.Encrypt(parameters(m, k, data), p.verifier(k), data)
}

func (p *planter) decrypt(m client.MechanismInfo, k *held, data []byte) error {
	ct, err := p.encrypted(m, k, data)
	if err == nil {
		_, err = p.s.Decrypt(parameters(m, k, data), k.handle, ct)
	}
	return err
}

func (p *planter) decryptParts(m client.MechanismInfo, k *held, data []byte) error {
	ct, err := p.encrypted(m, k, data)
	if err != nil {
		return err
	}
	if k.public == 0 && k.typ != key.TypeDES3 {
		if err := p.parts(client.UseEncrypt, parameters(m, k, data), k.handle, data); err != nil {
			return err
		}
	}
	return p.parts(client.UseDecrypt, parameters(m, k, data), k.handle, ct)
}

func (p *planter) message(m client.MechanismInfo, k *held, data []byte) error {
	how := messageParameters(m, data)
	_, ct, tag, err := p.s.SealMessage(how, k.handle, []byte("aad"), data)
	if err == nil {
		_, err = p.s.OpenMessage(how, k.handle, []byte("aad"), ct, tag)
	}
	return err
}

func (p *planter) wrap(m client.MechanismInfo, k *held, data []byte) error {
	_, err := p.s.Wrap(parameters(m, k, p.target.value), p.verifier(k), p.target.handle)
	return err
}

func (p *planter) unwrap(m client.MechanismInfo, k *held, data []byte) error {
	how := parameters(m, k, p.target.value)
	var wrapped []byte
	var err error
	if k.typ == key.TypeDES3 {
		wrapped, err = oldCipher(m.ID, k.value, p.target.value)
	} else {
		wrapped, err = p.s.Wrap(how, p.verifier(k), p.target.handle)
	}
	if err != nil {
		return err
	}
	o, err := p.s.Unwrap(how, k.handle, wrapped, common(key.ClassSecret, key.TypeGeneric, "unwrapped", false))
	if err == nil {
		err = p.s.Destroy(o.Handle)
	}
	return err
}

// oldCipher encrypts with 3DES.
func oldCipher(m key.Mechanism, k, data []byte) ([]byte, error) {
	block, err := des.NewTripleDESCipher(k)
	if err != nil {
		return nil, err
	}
	out := append([]byte{}, data...)
	if m == key.MechDES3CBCPad {
		n := 8 - len(out)%8
		for range n {
			out = append(out, byte(n))
		}
	}
	if len(out)%8 != 0 {
		return nil, fmt.Errorf("%d bytes are no whole blocks", len(out))
	}
	if m != key.MechDES3ECB {
		cipher.NewCBCEncrypter(block, iv(8)).CryptBlocks(out, out)
		return out, nil
	}
	for at := 0; at < len(out); at += 8 {
		block.Encrypt(out[at:], out[at:])
	}
	return out, nil
}
