// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/azure"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// azureCore is how the door reaches the module: over client channels, like everybody else.
type azureCore struct {
	module *module

	mu     sync.Mutex
	vaults []azureVault // guarded by mu
	read   time.Time    // guarded by mu: when vaults was read
	epoch  uint64       // guarded by mu: from which core

	once  sync.Once
	rooms chan struct{} // one for each of the door's own conversations at a time
	idle  chan spoken   // those that wait for the next one
}

// spoken is a channel on which nobody is logged in, and the core that it leads to.
type spoken struct {
	conn  *client.Conn
	epoch uint64
}

// maxSpoken bounds the door's own channels: to ask for tokens and for what there is. The core keeps an application for a minute
// after its last channel, so that one for each request would let strangers use them up.
const maxSpoken = 8

type azureVault struct {
	name, kind string
	azure.Vault
}

// vaultsLast is how long a list of vaults is believed. A name that is not in it is looked for at once.
const vaultsLast = 5 * time.Second

// Channel opens a channel as the socket's door does for others.
func (a *azureCore) Channel() (io.ReadWriteCloser, error) { return a.module.channel(wire.DoorAzure) }

// Epoch counts the cores.
func (a *azureCore) Epoch() uint64 { return a.module.starts.Load() }

// with runs do on a channel on which nobody is logged in.
func (a *azureCore) with(do func(conn *client.Conn) error) error {
	a.once.Do(func() { a.rooms, a.idle = make(chan struct{}, maxSpoken), make(chan spoken, maxSpoken) })
	a.rooms <- struct{}{}
	defer func() { <-a.rooms }()
	s, err := a.spoken()
	if err != nil {
		return err
	}
	err = do(s.conn)
	switch fault.Of(err) {
	case fault.Unavailable, fault.Malformed, fault.AppUnknown:
		s.conn.Close()
	default:
		a.idle <- s // there is room: no more than maxSpoken are under way
	}
	return err
}

// spoken takes an idle channel to the core of today, or opens one.
func (a *azureCore) spoken() (spoken, error) {
	for {
		select {
		case s := <-a.idle:
			if s.epoch == a.Epoch() {
				return s, nil
			}
			s.conn.Close()
			continue
		default:
		}
		epoch := a.Epoch()
		stream, err := a.Channel()
		if err != nil {
			return spoken{}, err
		}
		s := spoken{client.New(stream), epoch}
		if err := s.conn.Hello(); err != nil {
			s.conn.Close()
			return spoken{}, err
		}
		return s, nil
	}
}

// IssueToken shows evidence to the core. Which kind an assertion is only says what the core is to check it against.
func (a *azureCore) IssueToken(e azure.Evidence) (azure.Token, error) {
	kind, evidence := client.ClientSecret, e.Secret.ExposeToCodec()
	if e.Assertion.Len() > 0 {
		kind, evidence = client.Federated, e.Assertion.ExposeToCodec()
		if issuer(evidence) == e.Client {
			kind = client.Certificate
		}
	}
	var t azure.Token
	err := a.with(func(conn *client.Conn) error {
		text, seconds, err := conn.IssueToken(e.Client, kind, evidence, e.Resource+"/.default")
		t = azure.Token{Text: text, Expires: time.Now().Add(time.Duration(seconds) * time.Second)}
		return err
	})
	return t, err
}

// issuer reads who an assertion says it is by, unchecked.
func issuer(assertion []byte) string {
	var claims struct {
		Issuer string `json:"iss"`
	}
	parts := strings.Split(string(assertion), ".")
	if len(parts) == 3 {
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			json.Unmarshal(text, &claims)
		}
	}
	return claims.Issuer
}

// Vault finds a vault by the first label of its host name.
func (a *azureCore) Vault(name, kind string) (azure.Vault, error) {
	for _, fresh := range []bool{false, true} {
		list, err := a.list(fresh)
		if err != nil {
			return azure.Vault{}, err
		}
		for _, v := range list {
			if v.kind == kind && strings.EqualFold(v.name, name) {
				return v.Vault, nil
			}
		}
	}
	return azure.Vault{}, fault.PartitionUnknown.At("find vault")
}

// Vaults lists them all.
func (a *azureCore) Vaults() ([]azure.Vault, error) {
	list, err := a.list(true)
	out := make([]azure.Vault, len(list))
	for i, v := range list {
		out[i] = v.Vault
	}
	return out, err
}

func (a *azureCore) list(fresh bool) ([]azureVault, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !fresh && a.epoch == a.Epoch() && time.Since(a.read) < vaultsLast {
		return a.vaults, nil
	}
	epoch := a.Epoch()
	var list []azureVault
	err := a.with(func(conn *client.Conn) (err error) {
		list, err = ask(conn)
		return err
	})
	if err == nil {
		a.vaults, a.read, a.epoch = list, time.Now(), epoch
	}
	return list, err
}

// ask reads from the core which partitions are vaults, and their settings.
func ask(conn *client.Conn) ([]azureVault, error) {
	partitions, err := conn.Partitions()
	if err != nil {
		return nil, err
	}
	domain, err := conn.Settings(0)
	if err != nil {
		return nil, err
	}
	var list []azureVault
	for _, p := range partitions {
		v := azureVault{p.Label, azure.KindVault, azure.Vault{Slot: p.Slot, Partition: p.ID, Resource: domain[client.SettingVaultResource]}}
		switch {
		case p.Flags&client.KindManagedHSM != 0:
			v.kind, v.Resource = azure.KindManagedHSM, domain[client.SettingManagedResource]
		case p.Flags&client.KindVault == 0:
			continue
		}
		settings, err := conn.Settings(p.Slot)
		if err != nil {
			return nil, err
		}
		v.RetentionDays, _ = strconv.Atoi(settings[client.SettingRetention]) // the core's own word
		v.PurgeProtection = settings[client.SettingPurgeProtection] == "true"
		list = append(list, v)
	}
	return list, nil
}
