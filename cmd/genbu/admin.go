// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

// admin is a login as admin of the domain, who stands above the partitions.
type admin struct {
	operator string
	pinFile  string
}

func (a *admin) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.operator, "operator", "", "log in as this admin of the domain (default: admin)")
	cmd.Flags().StringVar(&a.pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
}

// as runs f logged in as the domain's admin. What f does is called what while one waits for it.
func (a *admin) as(what string, f func(s *session) error) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	status, err := conn.Status()
	if err != nil {
		return err
	}
	if !operational(status.State) {
		return notOperational(status.State)
	}
	pin, err := a.pin()
	if err != nil {
		return err
	}
	defer progress(what)()
	s, err := begin(conn, domainSlot, client.Officer, a.operator, pin)
	if err != nil {
		return err
	}
	defer s.end()
	return f(s)
}

// domainSlot is where one logs in to the domain; no list of slots shows it.
const domainSlot = 0

func (a *admin) pin() ([]byte, error) {
	if a.pinFile != "" {
		return readPIN(a.pinFile)
	}
	if a.operator != "" {
		return ask("PIN of the domain's admin "+a.operator, pinElsewhere)
	}
	if pin := a.known(); pin != nil {
		return pin, nil
	}
	return ask("PIN of the domain's admin", pinElsewhere)
}

// known is the PIN when nobody has to be asked for it, else nil.
func (a *admin) known() []byte {
	if v := fromEnv("GENBU_ADMIN_PIN"); v != "" {
		return []byte(v)
	}
	if kept, err := readAccess(); err == nil && kept != nil && kept.AdminPIN != "" {
		return []byte(kept.AdminPIN)
	}
	return nil
}

// officer is a login that manages a partition: its own officer, or with --domain the domain's admin.
type officer struct {
	login
	domain bool
}

func (o *officer) add(cmd *cobra.Command) {
	o.login.add(cmd)
	cmd.Flags().BoolVar(&o.domain, "domain", false, "act as the domain's admin; without --token on the domain's own operators")
}

// as runs f logged in, with the slot that is meant; the domain's admin may mean the domain itself.
func (o *officer) as(what string, f func(s *session, slot uint64) error) error {
	if !o.domain {
		return o.login.as(client.Officer, what, func(s *session) error { return f(s, s.Slot) })
	}
	above := admin{o.operator, o.pinFile}
	return above.as(what, func(s *session) error {
		if o.token == "" {
			return f(s, domainSlot)
		}
		t, err := o.slot(s.conn)
		if err != nil {
			return err
		}
		return f(s, t.Slot)
	})
}
