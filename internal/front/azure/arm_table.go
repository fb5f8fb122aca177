// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"regexp"
	"strings"
)

// domainSlot is where who manages vaults is logged in.
const domainSlot = 0

// maxArmSegments bounds a path: the longest is a role assignment of one secret.
const maxArmSegments = 16

// validGroup is how resource groups may be called.
var validGroup = regexp.MustCompile(`^[-\p{L}\p{N}_.()]{0,89}[-\p{L}\p{N}_()]$`)

// armOperation is one row: a method and a path in which {x} is a name.
type armOperation struct {
	method  string
	pattern string
	do      func(c *armCall) error

	parts []string
}

// armOperations is every request that the resource manager knows.
var armOperations []armOperation

func init() { // not a literal: its functions look into it
	const (
		subscription = "subscriptions/{sub}"
		group        = subscription + "/resourcegroups/{group}"
		provider     = "/providers/microsoft.keyvault"
	)
	armOperations = []armOperation{
		{"GET", "tenants", tenantList, nil},
		{"GET", "subscriptions", subscriptionList, nil},
		{"GET", subscription, subscriptionGet, nil},
		{"GET", subscription + "/locations", locationList, nil},
		{"GET", subscription + "/resourcegroups", groupList, nil},
		{"GET", group, groupGet, nil},
		{"HEAD", group, groupGet, nil},
		{"PUT", group, groupGet, nil}, // it is there already
		{"GET", subscription + "/resources", resourceList, nil},
		{"GET", group + "/resources", resourceList, nil},
		{"POST", subscription + provider + "/checknameavailability", nameAvailable, nil},
		{"POST", subscription + provider + "/checkmhsmnameavailability", nameAvailable, nil},
		{"GET", subscription + provider + "/locations/{location}/operationresults/{id}", armResult, nil},
	}
	for i := range armKinds {
		k := &armKinds[i]
		with := func(do func(c *armCall, k *armKind) error) func(c *armCall) error {
			return func(c *armCall) error { return do(c, k) }
		}
		for _, at := range []string{subscription, group} {
			armOperations = append(armOperations, armOperation{"GET", at + provider + "/" + k.segment, with(vaultList), nil})
		}
		one, gone := group+provider+"/"+k.segment+"/{name}", subscription+provider+"/locations/{location}/"+k.deleted+"/{name}"
		armOperations = append(armOperations,
			armOperation{"GET", one, with(vaultGet), nil}, armOperation{"PUT", one, with(vaultPut), nil},
			armOperation{"PATCH", one, with(vaultPatch), nil}, armOperation{"DELETE", one, with(vaultDelete), nil},
			armOperation{"GET", subscription + provider + "/" + k.deleted, with(deletedList), nil},
			armOperation{"GET", gone, with(deletedGet), nil}, armOperation{"POST", gone + "/purge", with(deletedPurge), nil})
	}
	vault := group + provider + "/vaults/{name}"
	for _, scope := range []string{subscription, group, vault, vault + "/keys/{item}", vault + "/secrets/{item}", vault + "/certificates/{item}"} {
		definitions, assignments := scope+"/providers/microsoft.authorization/roledefinitions", scope+"/providers/microsoft.authorization/roleassignments"
		armOperations = append(armOperations,
			armOperation{"GET", definitions, armRoleList, nil}, armOperation{"GET", definitions + "/{id}", armRoleGet, nil},
			armOperation{"GET", assignments, armAssignmentList, nil}, armOperation{"GET", assignments + "/{id}", armAssignmentGet, nil},
			armOperation{"PUT", assignments + "/{id}", armAssignmentPut, nil}, armOperation{"DELETE", assignments + "/{id}", armAssignmentDelete, nil})
	}
	for i := range armOperations {
		armOperations[i].parts = strings.Split(armOperations[i].pattern, "/")
	}
}

func (op *armOperation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(op.parts) {
		return nil, false
	}
	for i, part := range op.parts {
		if part[0] != '{' && !strings.EqualFold(part, segments[i]) {
			return nil, false
		}
	}
	names := map[string]string{}
	for i, part := range op.parts {
		if part[0] == '{' {
			names[part[1:len(part)-1]] = segments[i]
		}
	}
	return names, true
}
