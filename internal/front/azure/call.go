// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

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

// read answers the body. What the client says of its length saves growing, and is believed no further.
func (c *call) read() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(c.r.ContentLength, 0), maxBody)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	return b.Bytes(), err
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
	c.write(status, text)
	return nil
}

// write sends an answer that is JSON already.
func (c *call) write(status int, text []byte) {
	c.w.Header()["Content-Length"] = []string{strconv.Itoa(len(text))}
	c.w.WriteHeader(status)
	c.w.Write(text)
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
