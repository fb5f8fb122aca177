// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/x509"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// Policies may want people told that a key or certificate is about to expire: Notify, EmailContacts. There is no mail here: the
// node's log has a line, once for each version since the node was started, for whoever watches the log.

// notice is when the policy wants people told of the version; ok is false for never.
func (r *rotation) notice(n client.Named) (t time.Time, ok bool) {
	if r == nil {
		return t, false
	}
	return (&rotation{Expiry: r.Expiry, AfterCreate: r.NotifyAfter, BeforeExpiry: r.NotifyBefore}).due(n)
}

// notice is when the policy wants the contacts told of a certificate.
func (p certificatePolicy) notice(notBefore, notAfter time.Time) (at time.Time, ok bool) {
	switch {
	case !p.Email:
		return at, false
	case p.Percentage > 0:
		return notBefore.Add(notAfter.Sub(notBefore) / 100 * time.Duration(p.Percentage)), true
	case p.DaysBefore > 0:
		return notAfter.AddDate(0, 0, -int(p.DaysBefore)), true
	}
	return at, false
}

// noticeOf is when people are to be told of a version of either kind; only while it is enabled.
func noticeOf(g key.Group, n client.Named) (at, expires time.Time, ok bool) {
	d := readNote(n.Value(key.AttrDoor))
	if v := n.Value(key.AttrState); v.Status == client.Given && v.ULong() != uint64(key.StateActive) {
		return at, expires, false
	}
	if g == key.GroupKeys {
		if s := int64(n.Value(key.AttrExpires).ULong()); s != 0 {
			expires = time.Unix(s, 0)
		}
		at, ok = d.Rotation.notice(n)
		return at, expires, ok
	}
	leaf, err := x509.ParseCertificate(n.Value(key.AttrValue).Value)
	if err != nil || d.Certificate == nil {
		return at, expires, false
	}
	at, ok = d.Certificate.Policy.notice(leaf.NotBefore, leaf.NotAfter)
	return at, leaf.NotAfter, ok
}

// expect remembers when people are to be told of a version.
func (r *rotator) expect(slot uint64, g key.Group, n client.Named) {
	k := rotatee{slot, n.Name, g}
	at, _, ok := noticeOf(g, n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok && r.told[k] != n.Version {
		r.notices[k] = at
	} else {
		delete(r.notices, k)
	}
}

// tell tells what is due.
func (r *rotator) tell(now time.Time) {
	var list []rotatee
	r.mu.Lock()
	for k, at := range r.notices {
		if !at.After(now) {
			list = append(list, k)
			delete(r.notices, k) // the next scan finds what could not be told
		}
	}
	r.mu.Unlock()
	if len(list) == 0 {
		return
	}
	vaults, err := r.door.Core.Vaults()
	if err != nil {
		return
	}
	for _, k := range list {
		for _, v := range vaults {
			if v.Slot == k.slot {
				r.with(v, func(s *client.Session) error { return r.tellOf(s, k, now) })
			}
		}
	}
}

// tellOf looks at the version again: it may not be the current one any more, or have another policy.
func (r *rotator) tellOf(s *client.Session, k rotatee, now time.Time) error {
	types := keyTypes
	if k.group == key.GroupCertificates {
		types = certificateTypes
	}
	n, err := s.Name(k.group, k.name, "", false, types...)
	if err != nil {
		return err
	}
	at, expires, ok := noticeOf(k.group, n)
	if !ok || at.After(now) {
		r.expect(k.slot, k.group, n)
		return nil
	}
	r.mu.Lock()
	told := r.told[k] == n.Version
	r.told[k] = n.Version
	r.mu.Unlock()
	if told {
		return nil
	}
	what, until := "key", "never"
	if k.group == key.GroupCertificates {
		what = "certificate"
	}
	if !expires.IsZero() {
		until = expires.UTC().Format(time.RFC3339)
	}
	r.door.Log.Warn("its policy wants people told", "event", "notice", "door", "azure", "what", what, "slot", k.slot, "version", n.Version, "expires", until)
	return nil
}
