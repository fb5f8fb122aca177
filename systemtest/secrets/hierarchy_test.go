// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/tpm"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/tpmtest"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// hierarchy is the role that computes, of a node that is down, the keys above the objects' own: what the file keeper's
// thief does with the directory (docs/design/records.md), or who has a TPM's machine. These keys are the same when the node is up again.
func hierarchy(in *gob.Decoder, out *gob.Encoder) error {
	var dir string
	if err := in.Decode(&dir); err != nil {
		return err
	}
	var all []secret
	take := func(name string, b ssp.Bytes) {
		b.Use(access.Token{}, func(p []byte) { all = append(all, masked("hierarchy "+name, memscan.Bytes, p)) })
	}
	sealed, keeper, err := keeperOf(dir)
	if err != nil {
		return err
	}
	take("keeper", keeper)
	head, err := seal.ReadRootHead(sealed)
	if err != nil {
		return err
	}
	root, err := seal.OpenRoot(sealed, keeper)
	if err != nil {
		return err
	}
	take("root", root)
	e, err := etcd.Start(context.Background(), etcd.Config{Dir: filepath.Join(dir, "store")})
	if err != nil {
		return err
	}
	defer e.Close()
	rec, err := e.Get(context.Background(), "p/"+key.ID{}.String())
	if err != nil {
		return err
	}
	domain, err := seal.UnwrapPartition(root, head.Domain, key.ID{}, rec.Value)
	if err != nil {
		return err
	}
	take("domain", domain)
	prefix := "r/" + key.ID{}.String() + "/a/" // the node's audit key
	audit, err := records(e, prefix)
	if err != nil || len(audit) != 1 {
		return fmt.Errorf("%d audit keys, %w", len(audit), err)
	}
	seed, _, err := seal.Open(domain, head.Domain, audit[0].Path, audit[0].Value)
	if err != nil {
		return err
	}
	all = append(all, masked("hierarchy audit seed", memscan.Bytes, seed))
	for _, x := range curveParts("ed25519", seed) {
		all = append(all, masked("hierarchy audit "+x.name, x.kind, x.value))
	}
	partitions, err := records(e, "p/")
	if err != nil {
		return err
	}
	for _, rec := range partitions {
		id, ok := key.ParseID(strings.TrimPrefix(rec.Path, "p/"))
		if !ok || id.IsZero() {
			continue
		}
		plain, _, err := seal.Open(domain, head.Domain, rec.Path, rec.Value)
		if err != nil {
			return err
		}
		r := wire.NewReader(plain) // as internal/core's info is written
		r.U8()
		r.ID()
		r.U64()
		r.Bytes()
		r.Raw(3*8 + 1)
		k, err := seal.UnwrapPartition(root, head.Domain, id, r.Bytes())
		if err != nil {
			return err
		}
		take("partition", k)
	}
	if len(all) < 7 {
		return errors.New("a key is missing")
	}
	return out.Encode(all)
}

// keeperOf answers the sealed root of a node and the secret that opens it: of its file, or of its TPM.
func keeperOf(dir string) (sealed []byte, secret ssp.Bytes, err error) {
	if sealed, err = os.ReadFile(filepath.Join(dir, "root", "file")); err == nil {
		plain, err := os.ReadFile(filepath.Join(dir, "keeper.key"))
		if err != nil {
			return nil, secret, err
		}
		secret, err = allocate(plain)
		return sealed, secret, err
	}
	if sealed, err = os.ReadFile(filepath.Join(dir, "root", "tpm")); err != nil {
		return nil, secret, err
	}
	c, err := server.Load(dir)
	if err != nil {
		return nil, secret, err
	}
	bound, err := seal.Bound(sealed)
	if err != nil {
		return nil, secret, err
	}
	s, err := tpm.Decode(bound)
	if err != nil {
		return nil, secret, err
	}
	secret, err = s.Unseal(tpmtest.At(c.TPM))
	return sealed, secret, err
}

func records(e *etcd.Engine, prefix string) (all []store.Record, err error) {
	_, err = e.List(context.Background(), store.Range{Prefix: prefix}, func(r store.Record) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

func allocate(v []byte) (ssp.Bytes, error) {
	b, err := ssp.Alloc(len(v))
	if err == nil {
		b.Use(access.Token{}, func(p []byte) { copy(p, v) })
	}
	return b, err
}
