// SPDX-License-Identifier: Apache-2.0

package azure

import "strings"

// operations is every request that the door knows. A row with fewer names in it stands before those that it would match as well.
var operations []operation

func init() { // not a literal: its functions look into it
	operations = []operation{
		{"GET", "keys", aKey, keyList, nil},
		{"POST", "keys/restore", aKey, keyRestore, nil},
		{"PUT", "keys/{n}", aKey, keyImport, nil},
		{"DELETE", "keys/{n}", aKey, keyDelete, nil},
		{"GET", "keys/{n}/versions", aKey, keyVersions, nil},
		{"POST", "keys/{n}/create", aKey, keyCreate, nil},
		{"POST", "keys/{n}/rotate", aKey, keyRotate, nil},
		{"POST", "keys/{n}/backup", aKey, keyBackup, nil},
		{"GET", "keys/{n}/rotationpolicy", aKey, rotationGet, nil},
		{"PUT", "keys/{n}/rotationpolicy", aKey, rotationPut, nil},
		{"POST", "keys/{n}/{v}/sign", aKey, keySign, nil},
		{"POST", "keys/{n}/{v}/verify", aKey, keyVerify, nil},
		{"POST", "keys/{n}/{v}/encrypt", aKey, keyEncrypt, nil},
		{"POST", "keys/{n}/{v}/decrypt", aKey, keyDecrypt, nil},
		{"POST", "keys/{n}/{v}/wrapkey", aKey, keyWrap, nil},
		{"POST", "keys/{n}/{v}/unwrapkey", aKey, keyUnwrap, nil},
		{"GET", "keys/{n}/{v}", aKey, keyGet, nil},
		{"PATCH", "keys/{n}/{v}", aKey, keyUpdate, nil},
		{"GET", "deletedkeys", aKey, keyListDeleted, nil},
		{"GET", "deletedkeys/{n}", aKey, keyGetDeleted, nil},
		{"DELETE", "deletedkeys/{n}", aKey, keyPurge, nil},
		{"POST", "deletedkeys/{n}/recover", aKey, keyRecover, nil},
		{"POST", "rng", noun{}, randomBytes, nil},

		{"GET", "secrets", aSecret, secretList, nil},
		{"POST", "secrets/restore", aSecret, secretRestore, nil},
		{"PUT", "secrets/{n}", aSecret, secretSet, nil},
		{"DELETE", "secrets/{n}", aSecret, secretDelete, nil},
		{"GET", "secrets/{n}/versions", aSecret, secretVersions, nil},
		{"POST", "secrets/{n}/backup", aSecret, secretBackup, nil},
		{"GET", "secrets/{n}/{v}", aSecret, secretGet, nil},
		{"PATCH", "secrets/{n}/{v}", aSecret, secretUpdate, nil},
		{"GET", "deletedsecrets", aSecret, secretListDeleted, nil},
		{"GET", "deletedsecrets/{n}", aSecret, secretGetDeleted, nil},
		{"DELETE", "deletedsecrets/{n}", aSecret, secretPurge, nil},
		{"POST", "deletedsecrets/{n}/recover", aSecret, secretRecover, nil},
	}
	operations = append(releaseOperations(), operations...)
	operations = append(operations, roleOperations()...)
	operations = append(operations, backupOperations()...)
	operations = append(operations, settingOperations()...)
	operations = append(operations, certificateOperations()...)
	operations = append(operations, domainOperations()...)
	for i := range operations {
		operations[i].parts = strings.Split(operations[i].pattern, "/")
	}
}
