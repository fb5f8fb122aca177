// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	// lookEvery is how often the rotator looks at what it knows to be due.
	lookEvery = time.Second

	// scanEvery is how often it reads every policy anew: another node, or PKCS #11, may have changed one.
	scanEvery = 10 * time.Minute

	// spread keeps the nodes of a cluster from rotating the same key at the same moment. Who comes later sees a version that
	// is not due.
	spread = 2 * time.Second

	// scanPage is how many names are asked for at once.
	scanPage = 200
)

// rotator carries rotation policies out. It is a client of the core like any other: it signs in with a credential of its own,
// whose roles let it read keys and rotate them and nothing else, and the core refuses what they do not allow. It
// lies in the host, so a captured host can rotate too early, or not at all.
type rotator struct {
	door *Door

	mu   sync.Mutex
	due  map[rotatee]time.Time // guarded by mu
	held map[string]Token      // by resource; guarded by mu

	notices map[rotatee]time.Time // guarded by mu: when people are to be told
	told    map[rotatee]string    // guarded by mu: of which version they were
}

// rotatee is a key or a certificate with a policy.
type rotatee struct {
	slot  uint64
	name  string
	group key.Group
}

func newRotator(d *Door) *rotator {
	return &rotator{door: d, due: map[rotatee]time.Time{}, held: map[string]Token{}, notices: map[rotatee]time.Time{}, told: map[rotatee]string{}}
}

// note remembers when a key is due.
func (r *rotator) note(slot uint64, name string, at time.Time) {
	r.noteIn(slot, name, key.GroupKeys, at)
}

func (r *rotator) noteIn(slot uint64, name string, g key.Group, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due[rotatee{slot, name, g}] = at.Add(rand.N(spread))
}

// run works until ctx ends.
func (r *rotator) run(ctx context.Context) {
	look, scan := time.NewTicker(lookEvery), time.NewTicker(scanEvery)
	defer look.Stop()
	defer scan.Stop()
	scanned := false
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-look.C:
			if !scanned { // at first the core may be locked, or nobody has given the rotator an identity yet
				scanned = r.scan()
			}
			r.look(now)
			r.tell(now)
		case <-scan.C:
			r.scan()
		}
	}
}

// look rotates what is due.
func (r *rotator) look(now time.Time) {
	var list []rotatee
	r.mu.Lock()
	for k, at := range r.due {
		if !at.After(now) {
			list = append(list, k)
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
				r.settle(k, r.with(v, func(s *client.Session) error { return r.rotate(s, k, now) }))
			}
		}
	}
}

// settle forgets what is done, and what can never be done; the rest is tried again at the next look.
func (r *rotator) settle(k rotatee, err error) {
	code := fault.Of(err)
	if err != nil {
		r.door.Log.Warn("not rotated", "group", uint64(k.group), "door", "azure", "slot", k.slot, "fault", code)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil, code == fault.ObjectUnknown, code == fault.Denied:
	default:
		r.due[k] = time.Now().Add(time.Minute)
	}
}

// rotate makes the next version when the current one is due, and notes when that will be.
func (r *rotator) rotate(s *client.Session, k rotatee, now time.Time) error {
	r.mu.Lock()
	delete(r.due, k)
	r.mu.Unlock()
	if k.group == key.GroupCertificates {
		return r.renew(s, k, now)
	}
	n, err := s.Name(key.GroupKeys, k.name, "", false, keyTypes...)
	if err != nil {
		return err
	}
	policy := readNote(n.Value(key.AttrDoor)).Rotation
	at, ok := policy.due(n)
	if !ok {
		return nil
	}
	if at.After(now) {
		r.note(k.slot, k.name, at)
		return nil
	}
	if _, err := rotate(s, n, now); err != nil {
		return err
	}
	if n, err = s.Name(key.GroupKeys, k.name, "", false, keyTypes...); err != nil {
		return err
	}
	if at, ok := policy.due(n); ok {
		r.note(k.slot, k.name, at)
	}
	r.expect(k.slot, k.group, n)
	r.door.Log.Info("key rotated by its policy", "door", "azure", "slot", k.slot, slog.String("version", n.Version))
	return nil
}

// scan reads every policy; false when it could not.
func (r *rotator) scan() bool {
	vaults, err := r.door.Core.Vaults()
	if err != nil || len(vaults) == 0 {
		return false
	}
	all := true
	for _, v := range vaults {
		err := r.with(v, func(s *client.Session) error { return r.scanVault(v, s) })
		all = all && err == nil
	}
	return all
}

func (r *rotator) scanVault(v Vault, s *client.Session) error {
	l := client.List{Group: key.GroupKeys, Most: scanPage}
	for {
		list, after, err := s.Names(l, key.AttrDoor, key.AttrState, key.AttrCreated, key.AttrExpires)
		if err != nil {
			return err
		}
		for _, n := range list {
			if at, ok := readNote(n.Value(key.AttrDoor)).Rotation.due(n); ok {
				r.note(v.Slot, n.Name, at)
			}
			r.expect(v.Slot, l.Group, n)
		}
		if l.After = after; len(after) == 0 {
			return r.scanCertificates(v, s)
		}
	}
}

// with runs do on a channel of the rotator's own identity.
func (r *rotator) with(v Vault, do func(s *client.Session) error) error {
	t, err := r.token(v.Resource)
	if err != nil {
		return err
	}
	l, err := r.door.logins.take(v.Slot, t.Text)
	if err == nil {
		err = do(l.session)
		l.give(err)
	}
	if err != nil {
		r.mu.Lock()
		delete(r.held, v.Resource)
		r.mu.Unlock()
	}
	return err
}

// token answers a token that lasts a while yet.
func (r *rotator) token(resource string) (Token, error) {
	r.mu.Lock()
	t, ok := r.held[resource]
	r.mu.Unlock()
	if ok && time.Until(t.Expires) > time.Minute {
		return t, nil
	}
	e, err := r.door.Rotation()
	if err != nil {
		return t, err
	}
	defer e.Secret.Clear()
	e.Resource = resource
	if t, err = r.door.Core.IssueToken(e); err != nil {
		return t, err
	}
	r.mu.Lock()
	r.held[resource] = t
	r.mu.Unlock()
	return t, nil
}
