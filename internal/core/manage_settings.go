// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Settings of the web doors, by name (docs/spec/azure.md).
const (
	settingKind       = "kind"
	settingRetention  = "retention-days"
	settingProtection = "purge-protection"
	settingAuthority  = "authority"
	settingVault      = "resource.vault"
	settingManaged    = "resource.managedhsm"
	settingManager    = "resource.arm"
	settingARMKeys    = "arm-key-management" // of a managed HSM
)

var domainSettings = []string{settingAuthority, settingVault, settingManaged, settingManager}

const (
	minRetention     = 7 // days, as Azure has them
	maxRetention     = 90
	defaultRetention = 90
	maxSetting       = 512
)

func kindName(flags uint64) string {
	switch {
	case flags&flagVault != 0:
		return "vault"
	case flags&flagManaged != 0:
		return "managed-hsm"
	}
	return "hsm"
}

// settingsGet tells anybody: nothing of it is secret. (What the resource manager keeps, VAULT_LIST tells.)
func (m *manager) settingsGet() error {
	slot := m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.core.tenant(slot)
	if err != nil {
		return err
	}
	var list []setting
	if slot == 0 {
		for _, name := range domainSettings {
			list = append(list, setting{name, t.rights().setting(name)})
		}
	} else {
		i := t.settings()
		list = []setting{{settingKind, kindName(i.flags)}, {settingRetention, strconv.FormatUint(i.retention, 10)},
			{settingProtection, strconv.FormatBool(i.protected)}}
		list = append(list, slices.DeleteFunc(slices.Clone(t.rights().settings), func(s setting) bool { return s.name == settingResource })...)
		if i.flags&flagManaged != 0 && t.rights().setting(settingARMKeys) == "" {
			list = append(list, setting{settingARMKeys, "false"})
		}
	}
	m.w.U32(uint32(len(list)))
	for _, s := range list {
		m.w.String(s.name)
		m.w.String(s.value)
	}
	return nil
}

func (m *manager) settingsSet() error {
	slot := m.r.U64()
	list := make([]setting, m.r.Count(8))
	for i := range list {
		list[i] = setting{m.r.String(), m.r.String()}
	}
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.core.tenant(slot)
	if err != nil {
		return err
	}
	if len(list) == 1 && list[0].name == settingARMKeys {
		return m.setARMKeys(t, slot, list[0])
	}
	if err := m.mustAdmin(t); err != nil {
		return err
	}
	if slot == 0 {
		return m.setDomain(t, list)
	}
	pins := slices.DeleteFunc(slices.Clone(list), func(s setting) bool { return !strings.HasPrefix(s.name, settingAttestation) })
	if list = slices.DeleteFunc(list, func(s setting) bool { return strings.HasPrefix(s.name, settingAttestation) }); len(pins) > 0 {
		if len(list) > 0 {
			return fault.ArgumentsBad.At("set attestation authorities and other settings at once")
		}
		return m.pin(t, pins)
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	i := *t.settings()
	for _, s := range list {
		if err := i.set(s); err != nil {
			return err
		}
	}
	return m.done(t, wire.AuditManage, "settings", m.core.putInfo(t, &i))
}

// setARMKeys says whether keys of a managed HSM may be made through the resource manager. Who may give rights there may say it.
func (m *manager) setARMKeys(t *tenant, slot uint64, s setting) error {
	if t.settings().flags&flagManaged == 0 {
		return fault.ArgumentsBad.At("read setting: it is one of managed HSMs")
	}
	if s.value != "true" && s.value != "false" {
		return fault.ArgumentsBad.At("read arm-key-management: true or false")
	}
	if _, err := m.mayAct(t, slot, policy.AssignmentWrite, false); err != nil {
		return err
	}
	return m.changeAccess(t, s.name+": "+s.value, func(a *charter) error {
		a.settings = slices.DeleteFunc(a.settings, func(o setting) bool { return o.name == s.name })
		a.settings = append(a.settings, s)
		return nil
	})
}

// set changes one setting of a partition.
func (i *info) set(s setting) error {
	if i.flags&kindFlags == 0 {
		return fault.Unsupported.At("keep what is deleted, in a partition that is neither vault nor managed HSM")
	}
	switch s.name {
	case settingRetention:
		days, err := strconv.ParseUint(s.value, 10, 8)
		if err != nil || days < minRetention || days > maxRetention {
			return fault.ArgumentsBad.At("read retention-days: 7 to 90")
		}
		if i.protected && days < i.retention {
			return fault.ActionProhibited.At("shorten the retention of a partition with purge protection")
		}
		i.retention = days
	case settingProtection:
		on, err := strconv.ParseBool(s.value)
		if err != nil {
			return fault.ArgumentsBad.At("read purge-protection: true or false")
		}
		if i.protected && !on {
			return fault.ActionProhibited.At("take purge protection back")
		}
		i.protected = on
	default:
		return fault.ArgumentsBad.At("read setting: there is no such name")
	}
	return nil
}

// setDomain changes settings of the domain.
func (m *manager) setDomain(t *tenant, list []setting) error {
	for _, s := range list {
		if !slices.Contains(domainSettings, s.name) || len(s.value) > maxSetting || s.value != "" && !strings.HasPrefix(s.value, "https://") ||
			strings.ContainsAny(s.value, " \"\\") || strings.HasSuffix(s.value, "/") {
			return fault.ArgumentsBad.At("read setting: an https URL without a slash at its end")
		}
	}
	return m.changeAccess(t, "settings", func(a *charter) error {
		for _, s := range list {
			a.settings = slices.DeleteFunc(a.settings, func(o setting) bool { return o.name == s.name })
			if s.value != "" {
				a.settings = append(a.settings, s)
			}
		}
		return nil
	})
}
