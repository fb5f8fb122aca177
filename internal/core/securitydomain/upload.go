// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Upload is what holders bring to a core that shall take a domain. Either each holder wraps their own share to the transfer
// key, on their own machine, together with a statement; or somebody who had all shares re-encrypts the data under a fresh
// master key and wraps that, which is what az does: then the statement is a datum like the others.
type Upload struct {
	Quorum  int      // what the file says is needed; for shares
	Shares  []Share  // of the file, each wrapped again to the transfer key: 64 bytes, and a Statement
	Wrapped string   // or the fresh master key, as a JWE
	Data    []Sealed // of the file, or re-encrypted
}

// Statement is what the holders allow beyond opening the domain.
type Statement struct {
	Older  bool     // an older backup may take the place of a newer state
	Backup [32]byte // but only the one with this digest of its head; zero: any
}

// TagStatement is the datum that carries a statement beside a wrapped master key.
const TagStatement = "genbu-statement"

const statementLen = 1 + 32

func readStatement(b []byte) (s Statement, ok bool) {
	r := wire.NewReader(b)
	s.Older = r.Bool()
	copy(s.Backup[:], r.Raw(len(s.Backup)))
	return s, r.End() == nil
}

// Open answers the data of an upload. ShareBad names the holder whose share is damaged or wrong, where that can be told;
// SharesMissing says that there are too few.
func Open(private []byte, u *Upload) (data []Datum, s Statement, err error) {
	k, err := readTransfer(private)
	if err != nil {
		return nil, s, err
	}
	var master []byte
	if u.Wrapped != "" {
		if master, err = openWrapped(k, u.Wrapped); err == nil && len(master) != masterLen {
			err = fault.ShareBad.At("open what was wrapped: it is no master key")
		}
	} else {
		master, s, err = u.gather(k)
	}
	if err != nil {
		return nil, s, err
	}
	defer clear(master)
	if data = u.open(master); data == nil {
		return nil, s, fault.RecordInvalid.At("open the domain's data: it is damaged, or of another file")
	}
	for i, d := range data {
		if d.Tag == TagStatement && u.Wrapped != "" {
			said, ok := readStatement(d.Plain)
			if !ok {
				return nil, s, fault.RecordInvalid.At("read the holders' statement")
			}
			return append(data[:i:i], data[i+1:]...), said, nil
		}
	}
	return data, s, nil
}

// open answers the data under a master key; nil when it does not open all of it.
func (u *Upload) open(master []byte) []Datum {
	data := make([]Datum, 0, len(u.Data))
	for _, sealed := range u.Data {
		plain, ok := openDatum(master, sealed)
		if !ok {
			return nil
		}
		data = append(data, Datum{sealed.Tag, plain})
	}
	if len(data) == 0 {
		return nil
	}
	return data
}

func of(s Share) string { return "holder " + hex.EncodeToString(s.Thumbprint[:4]) }

// gather opens the shares and joins them.
func (u *Upload) gather(k *rsa.PrivateKey) (master []byte, s Statement, err error) {
	if u.Quorum < MinQuorum || u.Quorum > MaxHolders || len(u.Shares) > MaxHolders {
		return nil, s, fault.ArgumentsBad.At("gather shares: 2 to 10")
	}
	shares := make([][]byte, len(u.Shares))
	defer func() {
		for _, share := range shares {
			clear(share)
		}
	}()
	said := make([]Statement, len(u.Shares))
	for i, wrapped := range u.Shares {
		plain, err := openWrapped(k, wrapped.JWE)
		if err != nil {
			return nil, s, fault.ShareBad.At("share of " + of(wrapped) + ": damaged, or wrapped to another transfer key")
		}
		if len(plain) != shareLen+statementLen {
			return nil, s, fault.ShareBad.At("share of " + of(wrapped) + ": it is no share")
		}
		shares[i] = plain[:shareLen]
		st, ok := readStatement(plain[shareLen:])
		x, isShare := place(shares[i])
		if !ok || !isShare {
			return nil, s, fault.ShareBad.At("share of " + of(wrapped) + ": it is no share")
		}
		for j := range i {
			if y, _ := place(shares[j]); y == x {
				return nil, s, fault.ShareBad.At("share of " + of(wrapped) + ": it is the same as that of " + of(u.Shares[j]))
			}
			if st != said[0] {
				return nil, s, fault.ShareBad.At("share of " + of(wrapped) + ": it states something else than that of " + of(u.Shares[0]))
			}
		}
		said[i] = st
	}
	if len(shares) < u.Quorum {
		return nil, s, fault.SharesMissing.At("gather shares")
	}
	if master, err = u.join(shares); err == nil {
		s = said[0]
	}
	return master, s, err
}

// join finds the master key. With more shares than needed it also finds which of them is wrong: every quorum is tried, at most
// 252 of them.
func (u *Upload) join(shares [][]byte) (master []byte, err error) {
	var right []int
	choose(len(shares), u.Quorum, func(set []int) bool {
		chosen := make([][]byte, len(set))
		for i, n := range set {
			chosen[i] = shares[n]
		}
		key, ok := join(chosen)
		if ok && u.open(key) != nil {
			master, right = key, append(right, set...)
			return false
		}
		clear(key)
		return true
	})
	if master == nil && len(shares) == u.Quorum {
		return nil, fault.ShareBad.At("join shares: one of them, or the data, is damaged or of another file; which one shows with one more holder's share")
	}
	if master == nil {
		return nil, fault.ShareBad.At("join shares: too many of them are wrong, or the data is damaged or of another file")
	}
	for i := range shares {
		if with := append([][]byte{shares[i]}, pick(shares, right[:u.Quorum-1], i)...); len(with) == u.Quorum {
			if key, ok := join(with); !ok || !bytes.Equal(key, master) {
				clear(master)
				return nil, fault.ShareBad.At("share of " + of(u.Shares[i]) + ": wrong, or of another file")
			}
		}
	}
	return master, nil
}

// pick answers the shares of a set without one.
func pick(shares [][]byte, set []int, without int) (list [][]byte) {
	for _, n := range set {
		if n != without {
			list = append(list, shares[n])
		}
	}
	return list
}

// choose calls f with every set of k of n, until it answers false.
func choose(n, k int, f func(set []int) bool) {
	set := make([]int, k)
	var next func(at, from int) bool
	next = func(at, from int) bool {
		if at == k {
			return f(set)
		}
		for i := from; i <= n-(k-at); i++ {
			set[at] = i
			if !next(at+1, i+1) {
				return false
			}
		}
		return true
	}
	next(0, 0)
}
