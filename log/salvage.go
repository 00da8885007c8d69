package log

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// salvage makes a manifest for a log that has lost its own and the copy. What is needed to
// check the entries is not the log id but the seed that it gives to their CRCs,
// and that can be worked out from one entry: a CRC can be run backwards. A second
// entry, if there is one, must agree. The new manifest has a new id with the same
// seed. A fork's ancestors are found likewise: where a segment has a seed of its own,
// with which two entries agree, another log began.
//
// It works only while the log still begins at offset 1. The state before a later
// beginning is in a checkpoint, and which one to trust nobody knows any more.
func salvage(dir string) (*Manifest, error) {
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	if len(segments) == 0 || segments[0] != 1 {
		return nil, &Damage{Dir: dir, File: manifestName, Byte: -1,
			What: "it cannot be made anew from the entries, since the log does not begin at offset 1",
			Hint: "put a copy of the file back, from a backup"}
	}
	seed, _, err := seedFromEntries(dir, 1)
	if err != nil {
		return nil, &Damage{Dir: dir, File: "wal/" + segmentName(1), Byte: 0, Offset: 1,
			What: fmt.Sprintf("the manifest cannot be made anew from its first entry: %v", err),
			Hint: "put a copy of MANIFEST back, from a backup"}
	}
	m := &Manifest{First: 1, Active: 1, Sealed: []Segment{}, Checkpoints: []Checkpoint{}, Tags: map[string]uint64{}}
	if m.LogID, err = idWithSeed(seed); err != nil {
		return nil, err
	}
	for _, first := range segments[1:] {
		next, agree, err := seedFromEntries(dir, first)
		if err != nil || !agree || next == seed {
			continue // what is damaged there, the checker will find
		}
		m.Ancestors = append(m.Ancestors, Ancestor{LogID: m.LogID, UpTo: first - 1})
		if m.LogID, err = idWithSeed(next); err != nil {
			return nil, err
		}
		seed = next
	}
	m.Format = formatOf(m.Ancestors)
	return m, m.chooseRoot()
}

// seedFromEntries finds the seed with which the first entry of a segment was
// written, and checks it on the second; agree is whether there is one.
func seedFromEntries(dir string, first uint64) (seed uint32, agree bool, err error) {
	f, err := os.Open(segmentPath(dir, first))
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	if seed, err = seedOfFirst(f); err != nil {
		return 0, false, err
	}
	r := newSegmentReader(f, seed, first)
	if _, err := r.read(); err != nil {
		return 0, false, err
	}
	_, err = r.read()
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, fmt.Errorf("the second entry does not agree with the first: %w", err)
	}
	return seed, err == nil, nil
}

// seedOfFirst is the seed that gives the first entry of a segment the CRC that it has.
func seedOfFirst(f *os.File) (uint32, error) {
	var head [binary.MaxVarintLen32]byte
	got, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	n, w := binary.Uvarint(head[:got])
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if w <= 0 || n < frameMin || n > maxEntry || int64(n) > info.Size()-int64(w) {
		return 0, errors.New("no entry begins there")
	}
	frame := make([]byte, n) // not more than the file has
	if _, err := f.ReadAt(frame, int64(w)); err != nil {
		return 0, err
	}
	return ^backwards(^binary.LittleEndian.Uint32(frame), frame[4:]), nil
}

// backwards is the register that a CRC had before it took in p and came to
// state. Each step of the forward way is state = table[byte(state)^b] ^ state>>8;
// the highest byte of a table entry tells which entry it was.
func backwards(state uint32, p []byte) uint32 {
	var index [256]byte
	for i, v := range castagnoli {
		index[v>>24] = byte(i)
	}
	for k := len(p) - 1; k >= 0; k-- {
		i := index[state>>24]
		state = (state^castagnoli[i])<<8 | uint32(i^p[k])
	}
	return state
}

// idWithSeed draws a log id that gives a seed: twelve random bytes, and four that
// bend the CRC to where it must go.
func idWithSeed(seed uint32) (ID, error) {
	var id ID
	if _, err := rand.Read(id[:12]); err != nil {
		return id, err
	}
	is := ^crc32.Checksum(id[:12], castagnoli)
	should := backwards(^seed, make([]byte, 4))
	binary.LittleEndian.PutUint32(id[12:], is^should)
	return id, nil
}
