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

// Role definitions and role assignments, as both a managed HSM and the resource manager write, read, list and filter them.

var (
	aRole        = noun{title: "Role definition", notFound: "RoleDefinitionNotFound"}
	anAssignment = noun{title: "Role assignment", notFound: "RoleAssignmentNotFound"}
)

const managedActions = "Microsoft.KeyVault/managedHsm/"

// uuidPattern is how clients name definitions and assignments.
var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// accessWords is what differs between the two.
type accessWords struct {
	base        string // before an assignment's scope, and all of it for /
	definitions string // before a role's id
	builtIn     string // type of a role that is
	assignable  []string
	data        func(v client.Role) bool // whether the role's actions are data actions
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
	Type      string `json:"principalType,omitempty"`
}

func (a *accessWords) definition(v client.Role) roleDefinition {
	kind, none := "CustomRole", []string{}
	if v.BuiltIn {
		kind = a.builtIn
	}
	p := rolePermission{none, none, append(none, v.Actions...), append(none, v.NotActions...)}
	if !a.data(v) {
		p = rolePermission{p.DataActions, p.NotDataActions, none, none}
	}
	return roleDefinition{a.definitions + v.ID, v.ID, "Microsoft.Authorization/roleDefinitions",
		roleProperties{v.Name, v.Description, kind, []rolePermission{p}, a.assignable}}
}

func (a *accessWords) assignment(v client.Assignment) roleAssignment {
	scope, kind := a.base+v.Scope, ""
	if a.base != "" {
		scope, kind = strings.TrimSuffix(scope, "/"), "ServicePrincipal"
	}
	return roleAssignment{strings.TrimSuffix(scope, "/") + "/providers/Microsoft.Authorization/roleAssignments/" + v.ID, v.ID,
		"Microsoft.Authorization/roleAssignments", assignmentProperties{scope, a.definitions + v.Role, v.Principal, kind}}
}

func hasPrefix(v client.Role, prefix string) bool {
	return len(v.Actions) > 0 && strings.HasPrefix(v.Actions[0], prefix)
}

func roleID(v client.Role) string             { return v.ID }
func assignmentID(v client.Assignment) string { return v.ID }

// byID finds one in a list, if there is a list.
func byID[T any](list []T, err error, id string, of func(T) string) (v T, _ error) {
	if err != nil {
		return v, err
	}
	if i := slices.IndexFunc(list, func(v T) bool { return strings.EqualFold(of(v), id) }); i >= 0 {
		return list[i], nil
	}
	return v, fault.ObjectUnknown
}

// members are what $filter may compare.
type members[T any] map[string]func(v T) string

var roleMembers = members[client.Role]{"roleName": func(v client.Role) string { return v.Name }, "type": func(v client.Role) string {
	if v.BuiltIn {
		return "BuiltInRole"
	}
	return "CustomRole"
}}

func (a *accessWords) members() members[client.Assignment] {
	return members[client.Assignment]{"principalId": func(v client.Assignment) string { return v.Principal },
		"roleDefinitionId": func(v client.Assignment) string { return a.definitions + v.Role }}
}

// answerer writes an answer: a call to a vault, or to the resource manager.
type answerer interface{ answer(status int, v any) error }

// answerList answers those of a list that $filter wants, as show writes them.
func answerList[T any](c answerer, list []T, err error, q query, of members[T], show func(v T) any) error {
	wanted, bad := of.filter(q.values.Get("$filter"))
	if bad != nil {
		return bad
	}
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		if wanted(v) {
			p.Value = append(p.Value, show(v))
		}
	}
	return c.answer(http.StatusOK, p)
}

// filter reads $filter: comparisons with eq, of members that are named, with and between them. The scope is the path's in any case.
func (m members[T]) filter(text string) (func(v T) bool, error) {
	type comparison struct {
		of    func(v T) string
		value string
	}
	var all []comparison
	for part := range strings.SplitSeq(text, " and ") {
		part = strings.TrimSpace(part)
		if part == "" || strings.EqualFold(part, "atScope()") || strings.EqualFold(part, "atScopeAndBelow()") {
			continue
		}
		if of, ok := strings.CutPrefix(part, "assignedTo("); ok { // there are no groups
			part = "principalId eq " + strings.TrimSuffix(of, ")")
		}
		name, value, ok := strings.Cut(part, " eq ")
		value, of := strings.TrimSpace(value), m[strings.TrimSpace(name)]
		if !ok || of == nil || len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
			return nil, badParameter("The query parameter $filter is not one that is known here.")
		}
		all = append(all, comparison{of, value[1 : len(value)-1]})
	}
	return func(v T) bool {
		return !slices.ContainsFunc(all, func(c comparison) bool { return !strings.EqualFold(c.of(v), strings.TrimPrefix(c.value, "AKV")) })
	}, nil
}

// readRole reads the body of a role definition, whose actions must begin as prefix says.
func readRole(o object, prefix string) (v client.Role, err error) {
	o.skip("id", "name", "type")
	p, ok := o.object("properties")
	if !ok {
		o.fail("properties", "is required")
		return v, o.end()
	}
	v.Name, v.Description = p.text("roleName"), p.text("description")
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
		if !strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix)) {
			p.fail("permissions", "has an action that is not one of managed HSMs")
		}
	}
	p.end()
	return v, o.end()
}

// readAssignment reads the body of a role assignment; its scope is the path's.
func readAssignment(o object) (v client.Assignment, err error) {
	o.skip("id", "name", "type")
	p, ok := o.object("properties")
	if !ok {
		o.fail("properties", "is required")
		return v, o.end()
	}
	definition := p.must("roleDefinitionId")
	v.Role, v.Principal = strings.ToLower(definition[strings.LastIndexByte(definition, '/')+1:]), strings.ToLower(p.must("principalId"))
	p.skip("scope", "principalType", "description")
	for name, id := range map[string]string{"roleDefinitionId": v.Role, "principalId": v.Principal} {
		if !uuidPattern.MatchString(id) {
			p.fail(name, "does not name a UUID")
		}
	}
	p.end()
	return v, o.end()
}

// assignmentRefusal finds the words that clients expect when an assignment is not made.
func assignmentRefusal(err error, v client.Assignment) error {
	switch fault.Of(err) {
	case fault.NameTaken:
		return &apiError{http.StatusConflict, "RoleAssignmentExists", "", "The role assignment already exists.", err}
	case fault.UserUnknown:
		return &apiError{http.StatusBadRequest, "PrincipalNotFound", "", "There is no identity " + v.Principal + ".", err}
	}
	return err
}
