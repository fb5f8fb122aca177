// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// service is one use of the module, and whether FIPS 140-3 counts it as approved.
type service struct {
	name     string
	approved bool
	use      func(s *client.Session) error
}

func generatePair(m key.Mechanism, params ...client.Attribute) func(*client.Session) error {
	return func(s *client.Session) error {
		_, _, err := s.GeneratePair(client.Mech(m), params, client.Template{client.Bool(key.AttrPrivate, true)})
		return err
	}
}

func curve(oid ...byte) client.Attribute { return client.Bytes(key.AttrECParams, oid) }

// secret makes a session key before f uses it.
func secret(m key.Mechanism, f func(s *client.Session, k uint64) error) func(*client.Session) error {
	return func(s *client.Session) error {
		o, err := s.Generate(client.Mech(m), client.Template{client.ULong(key.AttrValueLen, uint64(32)), client.Bool(key.AttrPrivate, true),
			client.Bool(key.AttrEncrypt, true), client.Bool(key.AttrDecrypt, true), client.Bool(key.AttrSign, true)})
		if err != nil {
			return err
		}
		return f(s, o.Handle)
	}
}

// signed makes a P-256 pair and signs with m.
func signed(m key.Mechanism) func(*client.Session) error {
	return func(s *client.Session) error {
		_, priv, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{curve(p256...)},
			client.Template{client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSign, true)})
		if err == nil {
			_, err = s.Sign(client.Mech(m), priv.Handle, probe)
		}
		return err
	}
}

func digest(m key.Mechanism) func(*client.Session) error {
	return func(s *client.Session) error { _, err := s.Digest(client.Mech(m), probe); return err }
}

var services = []service{
	{"a pair on P-256", true, generatePair(key.MechECKeyPairGen, curve(p256...))},
	{"ECDSA with SHA-256", true, signed(key.MechECDSASHA256)},
	{"an Ed25519 pair", true, generatePair(key.MechEdwardsKeyPairGen, curve(0x06, 0x03, 0x2b, 0x65, 0x70))},
	{"an ML-KEM-768 pair", true, generatePair(key.MechMLKEMKeyPairGen, client.ULong(key.AttrParameterSet, uint64(key.MLKEM768)))},
	{"SHA-384", true, digest(key.MechSHA384)},
	{"SHA3-256", true, digest(key.MechSHA3256)},
	{"HMAC with SHA-256", true, secret(key.MechGenericKeyGen, func(s *client.Session, k uint64) error {
		_, err := s.Sign(client.Mech(key.MechSHA256HMAC), k, probe)
		return err
	})},
	{"AES-CBC", true, secret(key.MechAESKeyGen, func(s *client.Session, k uint64) error {
		_, err := s.Encrypt(client.IV(key.MechAESCBCPad, make([]byte, 16)), k, probe)
		return err
	})},
	{"AES-GCM with an IV of the caller's", false, secret(key.MechAESKeyGen, func(s *client.Session, k uint64) error {
		_, err := s.Encrypt(client.GCM(make([]byte, 12), nil, 128), k, probe)
		return err
	})},
	{"ECDSA with SHA-1", false, signed(key.MechECDSASHA1)},
	{"a pair on secp256k1", false, generatePair(key.MechECKeyPairGen, curve(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a))},
	{"an X25519 pair", false, generatePair(key.MechMontgomeryPairGen, curve(0x06, 0x03, 0x2b, 0x65, 0x6e))},
	{"an Ed448 pair", false, generatePair(key.MechEdwardsKeyPairGen, curve(0x06, 0x03, 0x2b, 0x65, 0x71))},
	{"an ML-DSA-44 pair", false, generatePair(key.MechMLDSAKeyPairGen, client.ULong(key.AttrParameterSet, uint64(key.MLDSA44)))},
	{"a ChaCha20 key", false, secret(key.MechChaCha20KeyGen, func(*client.Session, uint64) error { return nil })},
}

// The indicator says of each service whether it is approved; in fips mode those that are not are refused.
func TestFIPSModeRefusesWhatTheIndicatorCallsNotApproved(t *testing.T) {
	for _, fips := range []bool{false, true} {
		n := ready(t, map[bool]string{false: "fips: false", true: "fips: true"}[fips])
		conn := n.operational()
		s, err := conn.Open(slotOf(t, conn, tokenLabel), true)
		must(t, err)
		_, err = s.Login(client.User, "", []byte(userPIN))
		must(t, err)
		for _, v := range services {
			err := v.use(s)
			switch {
			case fips && !v.approved:
				wantCode(t, "in fips mode, "+v.name, err, fault.NotApproved)
			case err != nil:
				t.Errorf("fips %v, %s: %v", fips, v.name, err)
			case conn.Approved() != v.approved:
				t.Errorf("fips %v, %s: the indicator says %v", fips, v.name, conn.Approved())
			}
		}
		status, err := conn.Status()
		must(t, err)
		if status.FIPS != fips || status.Module == "" {
			t.Errorf("status says fips %v, module %q", status.FIPS, status.Module)
		}
	}
}
