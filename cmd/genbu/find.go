// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// lookup finds objects by label, id:HEX (CKA_ID) or unique id; none is no error.
func (s *session) lookup(name string, more ...client.Attribute) ([]client.Summary, error) {
	t := append(client.Template{}, more...)
	if text, ok := strings.CutPrefix(name, "id:"); ok {
		id, err := hex.DecodeString(text)
		if err != nil {
			return nil, next(fmt.Errorf("%q: id: is followed by hex digits", name), "genbu key list")
		}
		return s.FindAll(append(t, client.Bytes(key.AttrID, id)))
	}
	if _, ok := key.ParseID(name); ok {
		if found, err := s.FindAll(append(t, client.Text(key.AttrUniqueID, name))); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return s.FindAll(append(t, client.Text(key.AttrLabel, name)))
}

// named is lookup where nothing found is an error.
func (s *session) named(name string) ([]client.Summary, error) {
	found, err := s.lookup(name)
	if err == nil && len(found) == 0 {
		err = next(fmt.Errorf("no key %q", name), "genbu key list")
	}
	return found, err
}

// one finds the key of a name that can do what is asked for; with usage 0 the one that is secret or private.
func (s *session) one(name string, usage uint64) (client.Summary, error) {
	found, err := s.named(name)
	if err != nil {
		return client.Summary{}, err
	}
	var able []client.Summary
	for _, o := range found {
		if o.Usage&usage == usage && (usage != 0 || o.Class == key.ClassPrivate || o.Class == key.ClassSecret) {
			able = append(able, o)
		}
	}
	switch {
	case len(able) == 0:
		return client.Summary{}, next(fmt.Errorf("key %q is not for this use", name), "genbu key show "+word(name))
	case len(able) > 1:
		return client.Summary{}, hinted{fmt.Errorf("there are %d keys %q", len(able), name), hint{"genbu key list " + word(name), "name it by id:HEX or its unique id"}}
	}
	return able[0], nil
}

// params reads CKA_EC_PARAMS, nil for keys that have none.
func (s *session) params(o client.Summary) ([]byte, error) {
	v, err := s.Get(o.Handle, key.AttrECParams)
	if err != nil || len(v) != 1 || v[0].Status != client.Given {
		return nil, err
	}
	return v[0].Value, nil
}
