package rdb

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestLZF compresses strings of all kinds and sizes, and unpacks what that gives.
func TestLZF(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var c compressor
	gained := 0
	for i := range 20_000 {
		p := make([]byte, rnd.IntN(1+i/10))
		for k := 0; k < len(p); {
			if k > 0 && rnd.IntN(3) > 0 {
				k += copy(p[k:min(len(p), k+rnd.IntN(400))], p[rnd.IntN(k):])
				continue
			}
			p[k] = byte(rnd.IntN(1 + i%256))
			k++
		}
		most := len(p) - 4
		packed, ok := c.compress([]byte("before"), p, most)
		if !ok {
			if string(packed) != "before" {
				t.Fatalf("%q is left", packed)
			}
			continue
		}
		packed = packed[len("before"):]
		gained++
		size, sound := unpackedSize(packed)
		if len(packed) > most || !sound || size != len(p) || !bytes.Equal(unpack(nil, packed), p) {
			t.Fatalf("% x\nbecomes\n% x, of %d, %v", p, packed, size, sound)
		}
	}
	if gained < 10_000 {
		t.Errorf("%d of 20000 gain", gained)
	}
}

// TestLZFForgets: what was compressed before changes nothing, nor does a table that is full.
func TestLZFForgets(t *testing.T) {
	p := bytes.Repeat([]byte("abcdefghijkl"), 100)
	var fresh compressor
	want, _ := fresh.compress(nil, p, len(p))
	for _, base := range []uint32{0, 5, 1 << 31, 1<<32 - 2000, 1<<32 - 5} {
		used := compressor{table: make([]uint32, 1<<lzfBits), base: base}
		for range 3 {
			if got, ok := used.compress(nil, p, len(p)); !ok || !bytes.Equal(got, want) {
				t.Fatalf("from %d: % x, not % x", base, got, want)
			}
		}
	}
}

// TestLZFOfShortStrings: the small table finds what the large one does, to the byte.
func TestLZFOfShortStrings(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	large, small := compressor{table: make([]uint32, 1<<lzfBits)}, compressor{}
	for i := range 3000 {
		p := make([]byte, rnd.IntN(64<<(i%9)))
		for k := range p {
			p[k] = byte(rnd.IntN(2 + i%250))
		}
		if i%3 == 0 { // something that comes again, far away
			p = append(p, p[:len(p)/3]...)
		}
		want, ok := large.compress(nil, p, len(p))
		got, same := small.compress(nil, p, len(p))
		if !bytes.Equal(got, want) || ok != same {
			t.Fatalf("%d bytes: %x (%v), with a small table %x (%v)", len(p), want, ok, got, same)
		}
		if len(p) > 0 && len(p) <= short && small.few == nil {
			t.Fatalf("string %d of %d bytes was given a large table", i, len(p))
		}
		small.done = 0
		if small.table != nil {
			small = compressor{}
		}
	}
}

func FuzzUnpack(f *testing.F) {
	var c compressor
	packed, _ := c.compress(nil, bytes.Repeat([]byte("abcdefghijkl"), 100), 500)
	f.Add(packed)
	f.Add([]byte("\x00a\xe0\xff\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		size, ok := unpackedSize(p)
		if !ok || size > 1<<20 {
			return
		}
		if got := unpack(make([]byte, 0, size), p); len(got) != size {
			t.Errorf("%d bytes, not %d", len(got), size)
		}
	})
}
