// SPDX-License-Identifier: Apache-2.0

// Package control is the host's own door for who owns the node's directory: run/control.sock, HTTP over a unix socket that nobody
// else may open. Here is asked what the host does with ciphertext: backups and restores. It knows no login, since it gives nothing
// that the directory's owner could not take, and what needs one is asked of the core, over a client's channel.
//
//	POST /backup/create  {place}            POST /backup/verify  {place, name}
//	POST /backup/list    {place}            POST /backup/delete  {place, name}
//	POST /backup/copy    {place, name, to}  POST /restore        {place, name}      (name "": the newest)
//	POST /backup/status  {}                 POST /recover        {}                 (from the node's own store)
//	POST /unlock         {name}             (another node, where nobody can log in: the core says whether)
//
// The answer is a line of JSON for each step, {"progress": ...}, and at last {"result": ...} or {"error": {"fault", "text"}}. Whoever
// goes away ends what they asked for, and what is not finished has changed nothing.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Door is what it needs of the node.
type Door struct {
	Backups *backup.Engine
	Place   func(ctx context.Context, where string) (backup.Place, error) // empty: the one of the configuration
	Status  func() any                                                    // of the schedule

	// Unlock lets another node of the cluster be unlocked, where no admin can log in to say so.
	Unlock func(node string) error

	// Recover is there where the node was started for it (server.Recover).
	Recover func(ctx context.Context, say func(backup.Progress)) (any, error)
}

// Request is what a call may say.
type Request struct {
	Place string `json:"place,omitempty"`
	Name  string `json:"name,omitempty"`
	To    string `json:"to,omitempty"`
}

// Line is one line of an answer.
type Line struct {
	Progress *backup.Progress `json:"progress,omitempty"`
	Result   json.RawMessage  `json:"result,omitempty"`
	Error    *Error           `json:"error,omitempty"`
}

// Error is a fault and what failed, in words.
type Error struct {
	Fault fault.Code `json:"fault"`
	Text  string     `json:"text"`
}

// maxRequest is far above two places and a name.
const maxRequest = 64 << 10

// Handler answers the door's requests.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	call := func(path string, f func(ctx context.Context, r *Request, say func(backup.Progress)) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { answer(w, r, f) })
	}
	call("/backup/create", d.create)
	call("/backup/list", d.list)
	call("/backup/verify", d.verify)
	call("/backup/delete", d.delete)
	call("/backup/copy", d.copy)
	call("/backup/status", func(context.Context, *Request, func(backup.Progress)) (any, error) { return d.Status(), nil })
	call("/restore", d.restore)
	call("/unlock", d.unlock)
	call("/recover", d.recover)
	return mux
}

// Serve listens at path until ctx ends. The file belongs to this user alone, and others are turned away as well.
func (d *Door) Serve(ctx context.Context, path string) (stop func(), err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	s := &http.Server{Handler: d.Handler(), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go s.Serve(&own{l})
	return func() { s.Close() }, nil
}

// own accepts connections of this process's user, and of root.
type own struct{ *net.UnixListener }

func (o *own) Accept() (net.Conn, error) {
	for {
		c, err := o.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peer(c); err == nil && (uid == 0 || int(uid) == os.Getuid()) {
			return c, nil
		}
		c.Close()
	}
}

func peer(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, failed
	}
	return cred.Uid, nil
}

// answer runs one call, telling its progress a few times a second.
func answer(w http.ResponseWriter, r *http.Request, f func(context.Context, *Request, func(backup.Progress)) (any, error)) {
	var request Request
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	body.DisallowUnknownFields()
	if err := body.Decode(&request); err != nil {
		http.Error(w, "the request is not of the form", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	var mu sync.Mutex // lines do not run into each other
	var told time.Time
	line := func(l Line) {
		json.NewEncoder(w).Encode(l)
		http.NewResponseController(w).Flush()
	}
	result, err := f(r.Context(), &request, func(p backup.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(told) > 200*time.Millisecond {
			told = now
			line(Line{Progress: &p})
		}
	})
	mu.Lock()
	defer mu.Unlock()
	var b []byte
	if err == nil {
		b, err = json.Marshal(result)
	}
	if err != nil {
		line(Line{Error: &Error{fault.Of(err), err.Error()}})
		return
	}
	line(Line{Result: b})
}
