package log

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// TestRanges: the CRC of any part of a file is what reading the part gives.
func TestRanges(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, rangeStep - 1, rangeStep, rangeStep + 1, 7*rangeStep + 13} {
		file := make([]byte, size)
		for i := range file {
			file[i] = byte(rnd.Uint32())
		}
		r, err := newRanges(bytes.NewReader(file), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		check := func(a, b int) {
			t.Helper()
			seed := rnd.Uint32()
			if got, err := r.crc(seed, int64(a), int64(b)); err != nil || got != crc32.Update(seed, castagnoli, file[a:b]) {
				t.Fatalf("bytes %d to %d of %d: %08x, %v", a, b, size, got, err)
			}
		}
		check(0, 0)
		check(0, size)
		check(size, size)
		for range 2000 {
			a := rnd.IntN(size + 1)
			check(a, a+rnd.IntN(size-a+1))
		}
	}
}

// readCounter counts the bytes that are read of a file.
type readCounter struct {
	*bytes.Reader
	n int64
}

func (r *readCounter) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.Reader.ReadAt(p, at)
	r.n += int64(n)
	return n, err
}

// TestSearchInHostileBytes: bytes that look like the head of a long entry again and
// again do not make the search read them again and again, and the entry behind them
// is found.
func TestSearchInHostileBytes(t *testing.T) {
	const size = 2 << 20
	head := binary.AppendUvarint(nil, size/2)
	head = append(head, "crc."...)
	head = append(head, frameVersion, KindChange, 0x7f, 1, 0)
	file := bytes.Repeat(head, size/len(head))
	b := base{first: 1, time: 1000}
	frame := appendFrame(nil, 7, b, Entry{Offset: 300, Kind: KindChange, Time: 2000, Synced: 299, Body: bytes.Repeat([]byte{0xff}, 2*rangeStep)})
	hostile := len(file)
	file = append(binary.AppendUvarint(file, uint64(len(frame))), frame...)
	f := &readCounter{Reader: bytes.NewReader(file)}
	s := searcher{f: f, size: int64(len(file)), seed: 7, base: base{first: 1}}
	e, ok, err := s.next(1, 5)
	if !ok || err != nil || e.Offset != 300 || e.Pos != int64(hostile) {
		t.Fatalf("found %+v, %v, %v", e, ok, err)
	}
	candidates := int64(hostile / len(head))
	if most := 4*int64(len(file)) + 2*rangeStep*candidates; f.n > most {
		t.Errorf("%d bytes were read for a file of %d with %d candidates", f.n, len(file), candidates)
	}
}
