// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// roleAssignment gives a role to an identity for a scope.
type roleAssignment struct {
	ID         string               `json:"id"`
	Name       string               `json:"name"`
	Type       string               `json:"type"`
	Properties assignmentProperties `json:"properties"`
}

type assignmentProperties struct {
	Scope     string `json:"scope"`
	Role      string `json:"roleDefinitionId"`
	Principal string `json:"principalId"`
}

func assigned(v client.Assignment) roleAssignment {
	return roleAssignment{strings.TrimSuffix(v.Scope, "/") + "/providers/Microsoft.Authorization/roleAssignments/" + v.ID, v.ID,
		"Microsoft.Authorization/roleAssignments", assignmentProperties{v.Scope, rolePrefix + v.Role, v.Principal}}
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
	if err != nil {
		return client.Assignment{}, err
	}
	if i := slices.IndexFunc(list, func(v client.Assignment) bool { return strings.EqualFold(v.ID, c.guid) }); i >= 0 {
		return list[i], nil
	}
	return client.Assignment{}, fault.ObjectUnknown
}

// assignmentList is RoleAssignments_ListForScope.
func assignmentList(c *call) error {
	wanted, err := c.filter("principalId", "roleDefinitionId")
	if err != nil {
		return err
	}
	list, err := c.assignments()
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		a := assigned(v)
		if wanted("principalId", a.Properties.Principal) && wanted("roleDefinitionId", a.Properties.Role) {
			p.Value = append(p.Value, a)
		}
	}
	return c.answer(http.StatusOK, p)
}

// assignmentGet is RoleAssignments_Get.
func assignmentGet(c *call) error {
	v, err := c.assignment()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, assigned(v))
}

// assignmentPut is RoleAssignments_Create.
func assignmentPut(c *call) error {
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
	definition, principal := p.must("roleDefinitionId"), strings.ToLower(p.must("principalId"))
	p.skip("scope", "principalType")
	role := strings.ToLower(definition[strings.LastIndexByte(definition, '/')+1:])
	for name, id := range map[string]string{"roleDefinitionId": role, "principalId": principal} {
		if !uuidPattern.MatchString(id) {
			p.fail(name, "does not name a UUID")
		}
	}
	p.end()
	if err := o.end(); err != nil {
		return err
	}
	if _, err := c.role(role); err != nil {
		if fault.Of(err) == fault.ObjectUnknown {
			return badParameter("There is no role definition %s.", role)
		}
		if fault.Of(err) != fault.Denied { // who may assign and not read roles: the core knows them
			return err
		}
	}
	v := client.Assignment{ID: strings.ToLower(c.guid), Scope: c.scope(), Role: role, Principal: principal}
	err = c.conn.PutAssignment(c.vault.Slot, v)
	switch fault.Of(err) {
	case fault.OK:
		return c.answer(http.StatusCreated, assigned(v))
	case fault.NameTaken:
		return &apiError{http.StatusConflict, "RoleAssignmentExists", "", "The role assignment already exists.", err}
	case fault.UserUnknown:
		return &apiError{http.StatusBadRequest, "PrincipalNotFound", "", "There is no identity " + principal + ".", err}
	}
	return err
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
	return c.answer(http.StatusOK, assigned(v))
}
