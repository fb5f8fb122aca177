// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/conformance/node"
	"github.com/genbu-hsm/genbu/internal/backup"
)

const (
	module = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
	access = "genbu"
	secret = "genbu-secret"
)

// gateway finds versitygw, or builds it.
func gateway(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(cache, "genbu-test", "versitygw-v1.8.0")
	path := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("versitygw was not built yet: make soak does")
	}
	cmd := exec.Command("go", "install", module)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build versitygw: %v\n%s", err, out)
	}
	return path
}

// serve runs a gateway over a directory with one bucket and answers the place of it.
func serve(t *testing.T) (place string, files string) {
	t.Helper()
	program, files := gateway(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(files, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	var log bytes.Buffer
	cmd := exec.Command(program, "--port", addr, "--access", access, "--secret", secret, "posix", files)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("versitygw:\n%s", node.Tail(log.String(), 3000))
		}
	})
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "s3://bucket/some/where?endpoint=http://" + addr, files
		}
		if time.Now().After(end) {
			t.Fatal("versitygw does not listen")
		}
	}
}

func TestABackupInABucketIsWrittenReadListedAndDeletedWhole(t *testing.T) {
	where, _ := serve(t)
	ctx := context.Background()
	p, err := backup.OpenPlace(ctx, where)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := p.List(ctx); err != nil || len(list) != 0 {
		t.Fatalf("an empty bucket: %v, %v", list, err)
	}
	for name, size := range map[string]int{
		"genbu-00000001-20261122T081500.123Z-00000001.gbb": 100,
		"genbu-00000001-20261122T081500.123Z-00000002.gbb": 40<<20 + 17, // three parts
	} {
		content := make([]byte, size)
		rand.Read(content)
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Write(content)
		told := int64(0)
		if err := p.Put(ctx, name, f, int64(size), func(n int64) { told = n }); err != nil || told != int64(size) {
			t.Fatalf("put %d bytes: %v, told of %d", size, err, told)
		}
		if err := p.Put(ctx, name, f, int64(size), nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put where something is: %v", err)
		}
		src, err := p.Open(ctx, name)
		if err != nil || src.Size() != int64(size) {
			t.Fatalf("open: %v", err)
		}
		for _, at := range []int{0, 1, size / 2, size - 1} {
			n := min(5<<20, size-at)
			r, err := src.Range(int64(at), int64(n))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || !bytes.Equal(got, content[at:at+n]) {
				t.Errorf("%d bytes from %d of %d: %d came, %v", n, at, size, len(got), err)
			}
		}
	}
	list, err := p.List(ctx)
	if err != nil || len(list) != 2 || list[1].Size != 40<<20+17 {
		t.Errorf("list: %v, %v", list, err)
	}
	for _, e := range list {
		if err := p.Delete(ctx, e.Name); err != nil {
			t.Error(err)
		}
		if _, err := p.Open(ctx, e.Name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deleted, and then: %v", err)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if p, err = backup.OpenPlace(ctx, where); err == nil {
		_, err = p.List(ctx)
	}
	if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestANodeIsRestoredFromABucketAndADamagedObjectIsRefused(t *testing.T) {
	where, files := serve(t)
	n := node.Start(t)
	dir := t.TempDir()
	for _, who := range []string{"a", "b"} {
		out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", dir+"/"+who+".key", "-out", dir+"/"+who+".pem", "-subj", "/CN="+who).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl: %s", out)
		}
	}
	n.Genbu(t, "domain", "download", "--dir", n.Dir, "--quorum", "2", "--cert", dir+"/a.pem", "--cert", dir+"/b.pem", "--out", dir+"/domain.json")
	n.Genbu(t, "key", "create", "k", "--dir", n.Dir)
	n.Genbu(t, "backup", "create", "--dir", n.Dir, "--place", where)
	n.Genbu(t, "backup", "verify", "--dir", n.Dir, "--place", where)
	n.Genbu(t, "backup", "copy", "--dir", n.Dir, "--place", where, "--to", dir+"/copies")

	bare, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Genbu(t, "down", "--dir", bare)
		os.RemoveAll(bare)
	})
	out := n.Genbu(t, "restore", "--dir", bare, "--from", where, "--domain", dir+"/domain.json", "--key", dir+"/a.key", "--key", dir+"/b.key")
	if !strings.Contains(out, "operational") {
		t.Errorf("restored: %s", out)
	}

	objects, err := filepath.Glob(filepath.Join(files, "bucket/some/where/*.gbb"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("objects: %v, %v", objects, err)
	}
	b, err := os.ReadFile(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(objects[0], b, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(node.Bin(t), "genbu"), "backup", "verify", "--dir", n.Dir, "--place", where)
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "chunk 0 (bytes ") {
		t.Errorf("verify of a damaged object: %v\n%s", err, said)
	}
}
