// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	recordMagic = "GBR1"
	recordInfo  = "genbu record 1"
	recordHead  = len(recordMagic) + 1 + 8

	partitionMagic = "GBK1"
	partitionInfo  = "genbu partition key 1"
	partitionHead  = len(partitionMagic) + 1
)

// Record seals plain as version of the record at path, under a partition key (or the root key, for p/ records).
func Record(k ssp.Bytes, domain key.ID, path string, version uint64, plain []byte) ([]byte, error) {
	head := wire.Writer{B: make([]byte, 0, recordHead)}
	head.Raw([]byte(recordMagic))
	head.U8(suite)
	head.U64(version)
	return appendSealed(head.B, k, recordInfo, recordAAD(head.B, domain, path), plain)
}

// Open opens the record found at path. RecordInvalid means that it was altered, truncated, or made for another path,
// domain or key; whether its version is the present one only the Ledger knows.
func Open(k ssp.Bytes, domain key.ID, path string, record []byte) (plain []byte, version uint64, err error) {
	version, err = Version(record)
	if err != nil {
		return nil, 0, err
	}
	plain, err = openSealed(record[recordHead:], k, recordInfo, recordAAD(record[:recordHead], domain, path), fault.RecordInvalid, "open record")
	if err != nil {
		return nil, 0, err
	}
	return plain, version, nil
}

// Version reads the version from a record's head. Until Open has succeeded it is only the store's word.
func Version(record []byte) (uint64, error) {
	r := wire.NewReader(record)
	if string(r.Raw(len(recordMagic))) != recordMagic || r.U8() != suite {
		r.Fail()
	}
	version := r.U64()
	if r.Err() != nil {
		return 0, fault.RecordInvalid.At("read record head")
	}
	return version, nil
}

// recordAAD binds head, domain and path; the path is last, so the fields before it need no lengths.
func recordAAD(head []byte, domain key.ID, path string) []byte {
	aad := make([]byte, 0, len(head)+len(domain)+len(path))
	aad = append(aad, head...)
	aad = append(aad, domain[:]...)
	return append(aad, path...)
}

// WrapPartition wraps a partition key by the root key, for the partition's record.
func WrapPartition(root ssp.Bytes, domain, partition key.ID, k ssp.Bytes) (wrapped []byte, err error) {
	head := append([]byte(partitionMagic), suite)
	useKey(k, func(p []byte) {
		wrapped, err = appendSealed(head, root, partitionInfo, partitionAAD(head, domain, partition), p)
	})
	return wrapped, err
}

// UnwrapPartition is the way back.
func UnwrapPartition(root ssp.Bytes, domain, partition key.ID, wrapped []byte) (ssp.Bytes, error) {
	if len(wrapped) < partitionHead || string(wrapped[:partitionHead-1]) != partitionMagic || wrapped[partitionHead-1] != suite {
		return ssp.Bytes{}, fault.RecordInvalid.At("read partition key")
	}
	aad := partitionAAD(wrapped[:partitionHead], domain, partition)
	plain, err := openSealed(wrapped[partitionHead:], root, partitionInfo, aad, fault.RecordInvalid, "unwrap partition key")
	if err != nil {
		return ssp.Bytes{}, err
	}
	return hold(plain)
}

func partitionAAD(head []byte, domain, partition key.ID) []byte {
	return append(append(append([]byte{}, head...), domain[:]...), partition[:]...)
}

// Hold moves a 32-byte key from ordinary into secret memory, for who brings one from elsewhere.
func Hold(plain []byte) (ssp.Bytes, error) { return hold(plain) }

// hold moves a 32-byte key from ordinary into secret memory.
func hold(plain []byte) (ssp.Bytes, error) {
	defer clear(plain)
	if len(plain) != keyLen {
		return ssp.Bytes{}, fault.RecordInvalid.At("take key")
	}
	k, err := ssp.Alloc(keyLen)
	if err == nil {
		useKey(k, func(p []byte) { copy(p, plain) })
	}
	return k, err
}
