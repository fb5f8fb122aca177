// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Scope is where an assignment holds: everything, one group, or one name of it.
type Scope struct {
	Group key.Group // GroupUnknown: all
	Name  string    // empty: all of the group
}

var scopeGroups = map[string]key.Group{"keys": key.GroupKeys, "secrets": key.GroupSecrets, "certificates": key.GroupCertificates}

// ParseScope reads "/", "/keys" or "/keys/<name>", and likewise for secrets and certificates.
func ParseScope(s string) (Scope, error) {
	if s == "/" || s == "" {
		return Scope{}, nil
	}
	rest, ok := strings.CutPrefix(s, "/")
	group, name, named := strings.Cut(rest, "/")
	g := scopeGroups[group]
	if !ok || g == key.GroupUnknown || named && !key.ValidName(name) {
		return Scope{}, fault.ArgumentsBad.At("read scope")
	}
	return Scope{g, name}, nil
}

func (s Scope) has(g key.Group, name []byte) bool {
	return s.Group == key.GroupUnknown || s.Group == g && (s.Name == "" || s.Name == string(name))
}

// Grant is what one assignment gives.
type Grant struct {
	Scope   Scope
	Actions Action
}

// Limits are the grants of a limited operator, as they are now: a login that is open follows them.
type Limits struct{ grants atomic.Pointer[[]Grant] }

// Set replaces the grants.
func (l *Limits) Set(grants []Grant) { l.grants.Store(&grants) }

// Any tells whether there is a grant at all.
func (l *Limits) Any() bool {
	g := l.grants.Load()
	return g != nil && len(*g) > 0
}

// on is the union of the actions that are granted on a name of a group. With GroupUnknown only those that hold everywhere.
func (l *Limits) on(g key.Group, name []byte) (a Action) {
	if list := l.grants.Load(); list != nil {
		for i := range *list {
			if (*list)[i].Scope.has(g, name) {
				a |= (*list)[i].Actions
			}
		}
	}
	return a
}

// anywhere is the union of all grants, for the question whether a list may hold anything.
func (l *Limits) anywhere() (a Action) {
	if list := l.grants.Load(); list != nil {
		for i := range *list {
			a |= (*list)[i].Actions
		}
	}
	return a
}

// Name decides whether the identity may do something with a name as a whole: delete, recover, purge, back up, restore.
// Each decides about its objects.
// Whoever is not limited needs to be a crypto-user.
func Name(who *Identity, g key.Group, name []byte, a Action) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("act on a name")
	case a == 0:
		return fault.ArgumentsBad.At("act on a name")
	case who.Limits != nil:
		if (who.Limits.on(g, name)|impliedOn(who, g, name))&a == 0 {
			return fault.Denied.At("act on a name")
		}
		return nil
	case who.Role != RoleUser:
		return fault.Denied.At("act on a name")
	}
	return nil
}

// List decides whether the identity may list a group at all. A limited one needs the right for at least one name; which
// ones it is shown Readable decides.
func List(who *Identity, g key.Group, deleted bool) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("list names")
	case who.Limits != nil && who.Limits.anywhere()&ReadAction(g, deleted) == 0:
		return fault.Denied.At("list names")
	}
	return nil
}

// May decides about what concerns the partition as a whole: random bytes, roles, backups.
func May(who *Identity, a Action) error {
	if who != nil && who.Limits != nil && who.Limits.on(key.GroupUnknown, nil)&a == 0 {
		return fault.Denied.At("act on the partition")
	}
	return nil
}

// The actions that acts on names need.

func ReadAction(g key.Group, deleted bool) Action {
	if deleted {
		return pick(g, KeyReadDeleted, SecretRead, CertificateRead)
	}
	return pick(g, KeyRead, SecretRead|SecretGet, CertificateRead)
}

func DeleteAction(g key.Group) Action  { return pick(g, KeyDelete, SecretDelete, CertificateDelete) }
func RecoverAction(g key.Group) Action { return pick(g, KeyRecover, SecretRecover, CertificateRecover) }
func PurgeAction(g key.Group) Action   { return pick(g, KeyPurge, SecretPurge, CertificatePurge) }
func BackupAction(g key.Group) Action  { return pick(g, KeyBackup, SecretBackup, CertificateBackup) }
func RestoreAction(g key.Group) Action { return pick(g, KeyRestore, SecretRestore, CertificateRestore) }
