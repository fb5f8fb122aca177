// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

// ErrAlone is why a node is not recovered: it is no member of several, whose majority could be lost.
var ErrAlone = errors.New("this node is no member of a cluster of several nodes")

// ErrMajority is why a node is not recovered: a majority of its cluster answers.
var ErrMajority = etcd.ErrMajority

// Recover is Open for a node whose cluster has lost its majority for good. Its store is a copy of what this node has, as that of a lone
// one, until it is restored from its own records (internal/backup); then Alone keeps it so. No door is opened, and nobody is a
// member but this node.
func Recover(ctx context.Context, config Config) (*Cluster, error) {
	c, err := prepare(ctx, config)
	if err != nil {
		return nil, err
	}
	if !c.state.Peers {
		return nil, ErrAlone
	}
	engine, err := etcd.Recover(ctx, c.engineConfig())
	if err != nil {
		return nil, fmt.Errorf("store: %w", c.noteRemoved(err))
	}
	c.store.set(engine)
	return c, nil
}

// Alone notes that this node is a cluster by itself from now on, whose peer port opens when the first newcomer is added.
func (c *Cluster) Alone() error {
	return c.update(func(s *state) { s.Peers, s.Join = false, nil })
}
