// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Place is where backups are kept. Names have passed CheckName. A Place is not trusted: what it gives back is checked by the core.
type Place interface {
	String() string

	// List answers the complete backups there are, in the order of their names; nil for a place that has none yet.
	List(ctx context.Context) ([]Entry, error)

	// Open answers a backup's bytes; an error that wraps fs.ErrNotExist when there is none.
	Open(ctx context.Context, name string) (Source, error)

	// Put keeps a file, which was synced, under a name, which nobody has. On return it is durable, and whole or not there.
	Put(ctx context.Context, name string, from *os.File, size int64, progress func(bytes int64)) error

	// Delete removes a backup for good.
	Delete(ctx context.Context, name string) error
}

// Entry is a backup in a place.
type Entry struct {
	Name string
	Size int64
}

// Source is a backup's bytes.
type Source interface {
	Size() int64
	Range(at, n int64) (io.ReadCloser, error)
	Close() error
}

// spooler is a Place that likes to have files made where it can take them over by renaming.
type spooler interface {
	spool() (dir string, err error)
}

// OpenPlace reads where backups are to be kept: a directory, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME for a bucket.
// Credentials of a bucket are found as every AWS tool finds them: variables, ~/.aws, the machine's role.
func OpenPlace(ctx context.Context, where string) (Place, error) {
	if !strings.Contains(where, "://") {
		if where == "" {
			return nil, fmt.Errorf("no place for backups is named")
		}
		dir, err := filepath.Abs(where)
		return &directory{dir}, err
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%q is neither a directory nor s3://BUCKET/PREFIX", where)
	}
	return openBucket(ctx, u)
}

// OpenPlaceOf is OpenPlace for a place as genbu.yaml names it, where relative paths start from dir.
func OpenPlaceOf(ctx context.Context, dir, where string) (Place, error) {
	if where != "" && !strings.Contains(where, "://") && !filepath.IsAbs(where) {
		where = filepath.Join(dir, where)
	}
	return OpenPlace(ctx, where)
}
