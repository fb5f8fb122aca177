// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// The managed HSM's own role definitions and assignments. They hold over every door: the core enforces them.

var (
	aRole        = noun{title: "Role definition", notFound: "RoleDefinitionNotFound"}
	anAssignment = noun{title: "Role assignment", notFound: "RoleAssignmentNotFound"}
)

const (
	rolePrefix     = "Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/"
	managedActions = "Microsoft.KeyVault/managedHsm/"
)

// uuidPattern is how clients name definitions and assignments.
var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

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

// roleDefinition is a role as it is answered.
type roleDefinition struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Properties roleProperties `json:"properties"`
}

type roleProperties struct {
	Name        string           `json:"roleName"`
	Description string           `json:"description"`
	Type        string           `json:"type"`
	Permissions []rolePermission `json:"permissions"`
	Scopes      []string         `json:"assignableScopes"`
}

type rolePermission struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
}

func definition(v client.Role) roleDefinition {
	kind := "CustomRole"
	if v.BuiltIn {
		kind = "AKVBuiltInRole"
	}
	none := []string{}
	return roleDefinition{rolePrefix + v.ID, v.ID, "Microsoft.Authorization/roleDefinitions", roleProperties{v.Name, v.Description, kind,
		[]rolePermission{{none, none, append(none, v.Actions...), append(none, v.NotActions...)}}, []string{"/"}}}
}

// roles are those that a managed HSM has: the built-in ones of Key Vault are for vaults.
func (c *call) roles() ([]client.Role, error) {
	if c.host.kind != KindManagedHSM {
		return nil, &apiError{http.StatusNotFound, "NotFound", "", "Role definitions and assignments are resources of managed HSMs.", nil}
	}
	list, err := c.conn.Roles(c.vault.Slot)
	return slices.DeleteFunc(list, func(v client.Role) bool {
		return v.BuiltIn && len(v.Actions) > 0 && !strings.HasPrefix(v.Actions[0], managedActions)
	}), err
}

func (c *call) role(id string) (client.Role, error) {
	list, err := c.roles()
	if err != nil {
		return client.Role{}, err
	}
	if i := slices.IndexFunc(list, func(v client.Role) bool { return strings.EqualFold(v.ID, id) }); i >= 0 {
		return list[i], nil
	}
	return client.Role{}, fault.ObjectUnknown
}

// roleList is RoleDefinitions_List.
func roleList(c *call) error {
	wanted, err := c.filter("roleName", "type")
	if err != nil {
		return err
	}
	list, err := c.roles()
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		d := definition(v)
		if wanted("roleName", d.Properties.Name) && wanted("type", d.Properties.Type) {
			p.Value = append(p.Value, d)
		}
	}
	return c.answer(http.StatusOK, p)
}

// roleGet is RoleDefinitions_Get.
func roleGet(c *call) error {
	v, err := c.role(c.guid)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, definition(v))
}

// rolePut is RoleDefinitions_CreateOrUpdate.
func rolePut(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	o.skip("id", "name", "type")
	p, ok := o.object("properties")
	if !ok {
		o.fail("properties", "is required")
		return o.end()
	}
	v := client.Role{ID: strings.ToLower(c.guid), Name: p.text("roleName"), Description: p.text("description")}
	if kind := p.text("type"); kind != "" && kind != "CustomRole" {
		p.fail("type", "is not CustomRole")
	}
	for _, permission := range p.objects("permissions") {
		if len(permission.list("actions"))+len(permission.list("notActions")) > 0 {
			permission.fail("actions", "is for the resource manager; a role here has dataActions")
		}
		v.Actions = append(v.Actions, permission.list("dataActions")...)
		v.NotActions = append(v.NotActions, permission.list("notDataActions")...)
		permission.end()
	}
	for _, scope := range p.list("assignableScopes") {
		if scope != "/" {
			p.fail("assignableScopes", "is not /")
		}
	}
	for _, name := range slices.Concat(v.Actions, v.NotActions) {
		if !strings.HasPrefix(strings.ToLower(name), strings.ToLower(managedActions)) {
			p.fail("permissions", "has an action that is not one of managed HSMs")
		}
	}
	p.end()
	if err := o.end(); err != nil {
		return err
	}
	if v.Name == "" {
		v.Name = v.ID
	}
	if _, err := c.roles(); err != nil {
		return err
	}
	if err := c.conn.PutRole(c.vault.Slot, v); err != nil {
		return err
	}
	return c.answer(http.StatusCreated, definition(v))
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
	return c.answer(http.StatusOK, definition(v))
}

// filter reads $filter: one comparison with eq, of a member that is named. The function it answers tells whether a value passes.
func (c *call) filter(members ...string) (func(member, value string) bool, error) {
	text := strings.TrimSpace(c.query.values.Get("$filter"))
	if text == "" || strings.EqualFold(text, "atScope()") {
		return func(string, string) bool { return true }, nil
	}
	name, value, ok := strings.Cut(text, " eq ")
	value = strings.TrimSpace(value)
	if name = strings.TrimSpace(name); !ok || !slices.Contains(members, name) || len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
		return nil, badParameter("The query parameter $filter is not one that is known here.")
	}
	value = value[1 : len(value)-1]
	return func(member, have string) bool { return member != name || strings.EqualFold(have, value) }, nil
}
