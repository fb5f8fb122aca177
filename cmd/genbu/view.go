// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/server"
)

// readView asks the host of the node in dir, at its HTTPS door, how it sees the cluster's hosts and stores. The cores are asked
// over a channel instead.
func readView(ctx context.Context, dir string) (*cluster.View, error) {
	c, err := configOf(dir)
	if err != nil {
		return nil, err
	}
	url, err := os.ReadFile(filepath.Join(c.Dir, server.URLFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, next(errors.New("this node has no HTTPS door, at which its host shows the cluster"), "less "+word(filepath.Join(dir, server.ConfigFile)))
	}
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(c.Dir, server.CAFile))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	at := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}}
	defer at.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(string(url))+"/cluster", nil)
	if err != nil {
		return nil, err
	}
	r, err := at.Do(request)
	if err != nil {
		return nil, noNode{next(err, "genbu up")}
	}
	defer r.Body.Close()
	var answer struct {
		Reason  string
		Cluster *cluster.View
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&answer); err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK || answer.Cluster == nil {
		return nil, next(fmt.Errorf("the node does not see its cluster: %s", answer.Reason), "genbu doctor")
	}
	return answer.Cluster, nil
}
