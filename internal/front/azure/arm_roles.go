// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Roles as the resource manager gives them: those of the domain for the subscription, those for keys, secrets and certificates in a vault. A
// managed HSM gives its own.

const vaultActions = "Microsoft.KeyVault/vaults/"

// dataRole tells a role of partitions from one of the domain: its actions go a step further down.
func dataRole(v client.Role) bool {
	return hasPrefix(v, managedActions) || slices.ContainsFunc(v.Actions, func(a string) bool {
		rest, ok := strings.CutPrefix(a, vaultActions)
		return ok && (strings.Contains(rest, "/") || rest == "*" && v.ID == keyVaultAdministrator)
	})
}

// keyVaultAdministrator has every data action of vaults, by a name that Azure reads as a control-plane action elsewhere.
const keyVaultAdministrator = "00482a5a-887f-4fb3-b363-3b7fe8e74483"

// armScope is what the path means before providers: the slot whose assignments these are, and the scope within it.
type armScope struct {
	slot  uint64
	scope string
	words accessWords
}

func (c *armCall) words(base string) accessWords {
	return accessWords{base: base, definitions: "/subscriptions/" + c.domain + "/providers/Microsoft.Authorization/roleDefinitions/", builtIn: "BuiltInRole",
		assignable: []string{"/subscriptions/" + c.domain}, data: dataRole}
}

func (c *armCall) scope() (s armScope, err error) {
	if _, inVault := c.names["name"]; !inVault {
		return armScope{domainSlot, "/", c.words("/subscriptions/" + c.domain)}, nil
	}
	v, err := c.vault(&armKinds[0], false)
	if err != nil {
		return s, err
	}
	s = armScope{v.Slot, "/", c.words(c.vaultID(v))}
	if item, named := c.names["item"]; named {
		s.scope = "/" + c.op.parts[slices.Index(c.op.parts, "{item}")-1] + "/" + item
	}
	return s, nil
}

// armRoles are those of the domain and those of vaults: each can be looked up everywhere, and assigned where it means something.
func (c *armCall) armRoles() ([]client.Role, error) {
	list, err := c.conn.Roles(domainSlot)
	if err != nil {
		return nil, err
	}
	vaults, err := c.vaults(func(k *armKind, v *armVault) bool { return k.flag == client.KindVault && v.Deleted == 0 })
	if err != nil && fault.Of(err) != fault.Denied {
		return nil, err
	}
	if at := c.names["name"]; at != "" {
		vaults = slices.DeleteFunc(vaults, func(v *armVault) bool { return !strings.EqualFold(v.Name, at) })
	}
	if len(vaults) > 0 { // the built-in ones are the same in all
		more, err := c.conn.Roles(vaults[0].Slot)
		if err != nil {
			return nil, err
		}
		list = append(list, slices.DeleteFunc(more, func(v client.Role) bool { return !hasPrefix(v, vaultActions) })...)
	}
	return list, nil
}

func armRoleList(c *armCall) error {
	list, err := c.armRoles()
	w := c.words("")
	return answerList(c, list, err, c.query, roleMembers, func(v client.Role) any { return w.definition(v) })
}

func armRoleGet(c *armCall) error {
	list, err := c.armRoles()
	v, err := byID(list, err, c.names["id"], roleID)
	if err != nil {
		return err
	}
	w := c.words("")
	return c.answer(http.StatusOK, w.definition(v))
}

// armAssignments are those of the path's scope, and below it.
func (c *armCall) armAssignments() (list []client.Assignment, s armScope, err error) {
	if s, err = c.scope(); err != nil {
		return nil, s, err
	}
	list, err = c.conn.Assignments(s.slot)
	return slices.DeleteFunc(list, func(v client.Assignment) bool { return s.scope != "/" && v.Scope != s.scope }), s, err
}

// armAssignmentList lists those of the scope; for the subscription those in its vaults too, unless they are asked for by atScope().
func armAssignmentList(c *armCall) error {
	list, s, err := c.armAssignments()
	if err != nil {
		return err
	}
	places := make([]placed, 0, len(list))
	for _, v := range list {
		places = append(places, placed{v, &s.words})
	}
	if s.slot == domainSlot && !strings.Contains(c.query.values.Get("$filter"), "atScope()") {
		vaults, err := c.vaults(func(k *armKind, v *armVault) bool {
			return k.flag == client.KindVault && v.Deleted == 0 && c.inGroup(v)
		})
		if err != nil && fault.Of(err) != fault.Denied {
			return err
		}
		for _, vault := range vaults {
			below, err := c.conn.Assignments(vault.Slot)
			if err != nil {
				return err
			}
			words := c.words(c.vaultID(vault))
			for _, v := range below {
				places = append(places, placed{v, &words})
			}
		}
	}
	of := members[placed]{}
	for name, f := range s.words.members() {
		of[name] = func(v placed) string { return f(v.Assignment) }
	}
	return answerList(c, places, nil, c.query, of, func(v placed) any { return v.words.assignment(v.Assignment) })
}

// placed is an assignment with the words of where it holds.
type placed struct {
	client.Assignment
	words *accessWords
}

func armAssignmentGet(c *armCall) error {
	list, s, err := c.armAssignments()
	v, err := byID(list, err, c.names["id"], assignmentID)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, s.words.assignment(v))
}

func armAssignmentPut(c *armCall) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	v, err := readAssignment(o)
	if err != nil {
		return err
	}
	if _, grouped := c.names["group"]; grouped && c.names["name"] == "" {
		return badParameter("A role is given for the subscription, or for a vault; a resource group is only a name.")
	}
	s, err := c.scope()
	if err != nil {
		return err
	}
	v.ID, v.Scope = strings.ToLower(c.names["id"]), s.scope
	switch err := assignmentRefusal(c.conn.PutAssignment(s.slot, v), v); {
	case fault.Of(err) == fault.ObjectUnknown:
		return badParameter("The role definition %s is none that can be given here: roles for keys, secrets and certificates are given in a vault, those for vaults in the subscription.", v.Role)
	case err != nil:
		return err
	}
	return c.answer(http.StatusCreated, s.words.assignment(v))
}

func armAssignmentDelete(c *armCall) error {
	list, s, err := c.armAssignments()
	v, err := byID(list, err, c.names["id"], assignmentID)
	if fault.Of(err) == fault.ObjectUnknown {
		return c.none()
	}
	if err == nil {
		err = c.conn.RemoveAssignment(s.slot, v.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, s.words.assignment(v))
}
