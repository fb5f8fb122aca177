// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/sha256"
	"math/bits"
)

// Hash is a node of a Merkle tree as in RFC 6962 section 2.1.
type Hash [32]byte

// LeafHash is SHA-256(0x00 | entry). The prefix keeps an entry from passing as an inner node.
func LeafHash(entry []byte) (h Hash) {
	d := sha256.New()
	d.Write([]byte{0})
	d.Write(entry)
	d.Sum(h[:0])
	return h
}

// NodeHash is SHA-256(0x01 | left | right).
func NodeHash(left, right Hash) Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// Tree is a growing Merkle tree of which only the roots of its complete subtrees are kept, one per one bit of the size,
// largest first. The zero value is the empty tree. A copy made with Clone may grow by itself.
type Tree struct {
	size  uint64
	roots []Hash
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds a leaf.
func (t *Tree) Append(leaf Hash) {
	for range bits.TrailingZeros64(^t.size) { // as many complete pairs as the carry of size+1 runs
		leaf = NodeHash(t.roots[len(t.roots)-1], leaf)
		t.roots = t.roots[:len(t.roots)-1]
	}
	t.roots = append(t.roots, leaf)
	t.size++
}

// Root is the tree's hash; of the empty tree, SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if len(t.roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = NodeHash(t.roots[i], h)
	}
	return h
}

// Clone is a tree of the same leaves that shares nothing with t.
func (t *Tree) Clone() Tree { return Tree{t.size, append([]Hash(nil), t.roots...)} }
