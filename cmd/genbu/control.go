// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/server"
)

// said is an error as the host said it.
type said struct {
	text string
	code fault.Code
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.code }

// host asks the host of this node, over the door that only its owner may open, and shows how far it is.
func host(ctx context.Context, path string, request control.Request, result any) error {
	c, err := nodeConfig()
	if err != nil {
		return err
	}
	return hostIn(ctx, c.Dir, path, request, result)
}

func hostIn(ctx context.Context, dir, path string, request control.Request, result any) error {
	socket := filepath.Join(dir, server.ControlFile)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return noNode{hinted{fmt.Errorf("only the owner of %s may ask its host", dir), hint{"ls -ld " + word(dir), "act as that user, or as root"}}}
		}
		return noNode{next(fmt.Errorf("no host answers at %s", socket), "genbu up")}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("the host says: %s", bytes.TrimSpace(text))
	}
	return hostSays(answer.Body, result)
}

// hostSays reads what the host answers, line by line.
func hostSays(from io.Reader, result any) error {
	tty := term.IsTerminal(int(os.Stderr.Fd()))
	shown := false
	defer func() {
		if shown {
			fmt.Fprint(os.Stderr, "\r\033[K")
		}
	}()
	in := bufio.NewScanner(from)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var l control.Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return fmt.Errorf("the host's answer: %w", err)
		}
		switch {
		case l.Error != nil:
			return said{l.Error.Text, l.Error.Fault}
		case l.Result != nil:
			return json.Unmarshal(l.Result, result)
		case l.Progress != nil && tty:
			shown = true
			fmt.Fprintf(os.Stderr, "\r\033[K%s", stepText(l.Progress))
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return next(errors.New("the host went away before it was done"), "genbu status")
}

func stepText(p *backup.Progress) string {
	text := fmt.Sprintf("%s: %d records, %s", p.Step, p.Records, bytesText(p.Bytes))
	if p.Total > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", bytesText(p.Total), 100*p.Bytes/max(1, p.Total))
	}
	return text
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
