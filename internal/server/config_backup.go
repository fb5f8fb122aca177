// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// BackupConfig says where backups are kept, and when they are made. In a cluster the node that leads makes them.
type BackupConfig struct {
	// Place is a directory, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME, whose credentials are found as every AWS tool
	// finds them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, the machine's role). Better on another machine. Default:
	// "backups" in Dir.
	Place string `json:"place"`

	// CopyTo is a second place, to which each scheduled backup is copied.
	CopyTo string `json:"copy_to"`

	// Every is how often one is made, such as "24h". Each is verified. Default: never by itself; genbu backup create makes one.
	Every string `json:"every"`

	// KeepDays and KeepCount say which stay: those younger than so many days (default 30), and the newest so many whatever their
	// age (default 7). The last one is never deleted.
	KeepDays  *int `json:"keep_days"`
	KeepCount *int `json:"keep_count"`

	// DrillEvery is how often the newest backup is restored into a throw-away node to see that it can be (genbu drill).
	// Default: never by itself.
	DrillEvery string `json:"drill_every"`
}

// Defaults of BackupConfig.
const (
	defaultKeepDays  = 30
	defaultKeepCount = 7
	minBackupEvery   = time.Minute
)

func (b *BackupConfig) finish(dir string) error {
	var faults []error
	b.Place = cmp.Or(b.Place, "backups")
	for _, place := range []*string{&b.Place, &b.CopyTo} {
		if *place != "" && !strings.Contains(*place, "://") && !filepath.IsAbs(*place) {
			*place = filepath.Join(dir, *place)
		}
		if strings.Contains(*place, "://") && !strings.HasPrefix(*place, "s3://") {
			faults = append(faults, fmt.Errorf("backup: %q is neither a directory nor s3://BUCKET/PREFIX", *place))
		}
	}
	for name, text := range map[string]string{"every": b.Every, "drill_every": b.DrillEvery} {
		if d, err := time.ParseDuration(text); text != "" && (err != nil || d < minBackupEvery) {
			faults = append(faults, fmt.Errorf("backup.%s: %q is not a duration of %s or more, such as 24h", name, text, minBackupEvery))
		}
	}
	for name, n := range map[string]**int{"keep_days": &b.KeepDays, "keep_count": &b.KeepCount} {
		if *n == nil {
			def := map[string]int{"keep_days": defaultKeepDays, "keep_count": defaultKeepCount}[name]
			*n = &def
		}
		if **n < 0 || **n > 100_000 {
			faults = append(faults, fmt.Errorf("backup.%s: %d is not a number from 0 to 100000", name, **n))
		}
	}
	return errors.Join(faults...)
}

// every is a duration that finish has checked; 0 for never.
func every(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}
