// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// The managed HSM's own role definitions and assignments. They hold over every door: the core enforces them. How they look is in access.go,
// which the resource manager's are made of too.

// roleOperations are rows for each kind of scope: everything, all keys, one key.
func roleOperations() (list []operation) {
	for _, scope := range []string{"", "keys/", "keys/{n}/"} {
		definitions, assignments := scope+"providers/microsoft.authorization/roledefinitions", scope+"providers/microsoft.authorization/roleassignments"
		list = append(list,
			operation{"GET", definitions, aRole, roleList, nil}, operation{"GET", definitions + "/{id}", aRole, roleGet, nil},
			operation{"PUT", definitions + "/{id}", aRole, rolePut, nil}, operation{"DELETE", definitions + "/{id}", aRole, roleDelete, nil},
			operation{"GET", assignments, anAssignment, assignmentList, nil}, operation{"GET", assignments + "/{id}", anAssignment, assignmentGet, nil},
			operation{"PUT", assignments + "/{id}", anAssignment, assignmentPut, nil}, operation{"DELETE", assignments + "/{id}", anAssignment, assignmentDelete, nil})
	}
	return list
}

// localAccess is how a managed HSM writes its roles and assignments.
var localAccess = accessWords{definitions: "Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/", builtIn: "AKVBuiltInRole",
	assignable: []string{"/"}, data: func(client.Role) bool { return true }}

// roles are those that a managed HSM has: the built-in ones of Key Vault are for vaults, whose roles the resource manager gives.
func (c *call) roles() ([]client.Role, error) {
	if c.host.kind != KindManagedHSM {
		return nil, &apiError{http.StatusNotFound, "NotFound", "", "Role definitions and assignments are resources of managed HSMs; those of a vault are with the resource manager.", nil}
	}
	list, err := c.conn.Roles(c.vault.Slot)
	return slices.DeleteFunc(list, func(v client.Role) bool { return v.BuiltIn && !hasPrefix(v, managedActions) }), err
}

func (c *call) role(id string) (client.Role, error) {
	list, err := c.roles()
	return byID(list, err, id, roleID)
}

// roleList is RoleDefinitions_List.
func roleList(c *call) error {
	list, err := c.roles()
	return answerList(c, list, err, c.query, roleMembers, func(v client.Role) any { return localAccess.definition(v) })
}

// roleGet is RoleDefinitions_Get.
func roleGet(c *call) error {
	v, err := c.role(c.guid)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, localAccess.definition(v))
}

// rolePut is RoleDefinitions_CreateOrUpdate.
func rolePut(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	v, err := readRole(o, managedActions)
	if err != nil {
		return err
	}
	if v.ID = strings.ToLower(c.guid); v.Name == "" {
		v.Name = v.ID
	}
	if _, err := c.roles(); err != nil {
		return err
	}
	if err := c.conn.PutRole(c.vault.Slot, v); err != nil {
		return err
	}
	return c.answer(http.StatusCreated, localAccess.definition(v))
}

// roleDelete is RoleDefinitions_Delete, which answers what is gone.
func roleDelete(c *call) error {
	v, err := c.role(c.guid)
	if err == nil {
		err = c.conn.RemoveRole(c.vault.Slot, v.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, localAccess.definition(v))
}

// scope is the part of the path before providers.
func (c *call) scope() string {
	switch {
	case c.name != "":
		return "/keys/" + c.name
	case strings.HasPrefix(c.op.pattern, "keys/"):
		return "/keys"
	}
	return "/"
}

// assignments are those of the scope of the path; at / all of them.
func (c *call) assignments() ([]client.Assignment, error) {
	if _, err := c.roles(); err != nil && c.host.kind != KindManagedHSM {
		return nil, err
	}
	list, err := c.conn.Assignments(c.vault.Slot)
	scope := c.scope()
	return slices.DeleteFunc(list, func(v client.Assignment) bool { return scope != "/" && v.Scope != scope }), err
}

func (c *call) assignment() (client.Assignment, error) {
	list, err := c.assignments()
	return byID(list, err, c.guid, assignmentID)
}

// assignmentList is RoleAssignments_ListForScope.
func assignmentList(c *call) error {
	list, err := c.assignments()
	return answerList(c, list, err, c.query, localAccess.members(), func(v client.Assignment) any { return localAccess.assignment(v) })
}

// assignmentGet is RoleAssignments_Get.
func assignmentGet(c *call) error {
	v, err := c.assignment()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, localAccess.assignment(v))
}

// assignmentPut is RoleAssignments_Create.
func assignmentPut(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	v, err := readAssignment(o)
	if err != nil {
		return err
	}
	if _, err := c.role(v.Role); err != nil {
		if fault.Of(err) == fault.ObjectUnknown {
			return badParameter("There is no role definition %s.", v.Role)
		}
		if fault.Of(err) != fault.Denied { // who may assign and not read roles: the core knows them
			return err
		}
	}
	v.ID, v.Scope = strings.ToLower(c.guid), c.scope()
	if err := assignmentRefusal(c.conn.PutAssignment(c.vault.Slot, v), v); err != nil {
		return err
	}
	return c.answer(http.StatusCreated, localAccess.assignment(v))
}

// assignmentDelete is RoleAssignments_Delete, which answers what is gone.
func assignmentDelete(c *call) error {
	v, err := c.assignment()
	if err == nil {
		err = c.conn.RemoveAssignment(c.vault.Slot, v.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, localAccess.assignment(v))
}
