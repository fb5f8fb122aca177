// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
)

// call is one request to a vault.
type call struct {
	door *Door
	w    http.ResponseWriter
	r    *http.Request
	host host
	*route
	vault   Vault
	session *client.Session
	conn    *client.Conn // the session's channel, for calls that need no session
}

// run logs in, finds the row and carries it out. A login that turns out to be over (the core was started again) is begun
// anew once: nothing of the request has been read by then.
func (c *call) run(token string) (err error) {
	if c.vault, err = c.door.Core.Vault(c.host.vault, c.host.kind); err != nil {
		return err
	}
	l, err := c.door.logins.take(c.vault.Slot, token)
	if stale(err) {
		l, err = c.door.logins.take(c.vault.Slot, token)
	}
	if err != nil {
		return err
	}
	defer func() { l.give(err) }()
	c.session, c.conn = l.session, l.conn
	if f := c.door.follow(c.r.Context()); f != nil {
		c.session.Observe(f)
		defer c.session.Observe(nil)
	}
	if c.route, err = find(c.r); err != nil {
		return err
	}
	c.r.Pattern = c.op.pattern // which the request is counted by
	return c.op.do(c)
}

// read answers the body.
func (c *call) read() ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
}

// body reads the body as an object.
func (c *call) body() (object, error) {
	text, err := c.read()
	if err != nil {
		return object{}, err
	}
	return readObject(text)
}

// answer writes what came of it.
func (c *call) answer(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.w.WriteHeader(status)
	c.w.Write(text)
	return nil
}

// none is the answer without a body.
func (c *call) none() error {
	c.w.Header().Del("Content-Type")
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// id is the address of a thing of this vault.
func (c *call) id(folder, name, version string) string {
	s := c.host.base() + "/" + folder + "/" + name
	if version != "" {
		s += "/" + version
	}
	return s
}
