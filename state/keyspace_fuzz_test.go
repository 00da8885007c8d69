package state

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// FuzzKeyspace reads bytes as a program of events, six bytes each, and runs it on
// the index and on a Go map: what is there, in which order, and what comes due
// must be the same, and every block and slot in its place. Inputs are long: run it
// with -fuzzminimizetime 5x, or most of the time goes into making them shorter.
func FuzzKeyspace(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0})
	f.Add([]byte("some keys come, some go, some of both are long or expire"))
	grow := []byte{}
	for i := range 40 {
		grow = append(grow, byte(i%7), byte(i), byte(i>>3), byte(i*40), byte(i*5), byte(i))
	}
	f.Add(grow)
	f.Fuzz(func(t *testing.T, program []byte) {
		program = program[:min(len(program), 6*40)] // more is slow and finds no more
		a, b := New(0), naive()
		var buf event.Buffer
		for ; len(program) >= 6; program = program[6:] {
			buf.Truncate(0)
			instruction(a, &buf, program)
			for _, s := range []*State{a, b} {
				if _, err := s.Apply(0, buf.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
		}
		invariants(t, a)
		if a.Digest() != b.Digest() || a.Digest() != a.RecomputeDigest() || dump(a) != dump(b) {
			t.Fatal("the states differ")
		}
		for a.TotalKeys() > 0 {
			dbA, keyA, okA := a.NextDue(1 << 40)
			dbB, keyB, okB := b.NextDue(1 << 40)
			if dbA != dbB || string(keyA) != string(keyB) || okA != okB {
				t.Fatalf("due next is %d %q %v, and %d %q %v", dbA, keyA, okA, dbB, keyB, okB)
			}
			if !okA {
				break
			}
			buf.Truncate(0)
			buf.Delete(keyA, event.Expired)
			for _, s := range []*State{a, b} {
				if _, err := s.Apply(dbA, buf.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
		}
		invariants(t, a)
	})
}

// instruction records the events that six bytes stand for, if they fit s.
func instruction(s *State, buf *event.Buffer, p []byte) {
	v := s.View(0, 0)
	key := fmt.Appendf(nil, "%d", p[1])
	if p[1]%32 == 31 {
		key = append(key, make([]byte, 40*int(p[2]))...) // some lie outside their record
	}
	value := make([]byte, int(binary.LittleEndian.Uint16(p[3:]))>>(1+p[5]%8)) // to 32 KiB
	at := int64(p[5]%4) * 1000
	switch typ := v.Type(key); p[0] % 8 {
	case 0, 1:
		buf.String(key, value, at)
	case 2:
		for i := range int(p[3]) {
			buf.String(fmt.Appendf(nil, "%d:%d", p[2], i), value[:min(len(value), 64)], at)
		}
	case 3:
		for i := range int(p[3]) {
			if k := fmt.Appendf(nil, "%d:%d", p[2], i); v.Type(k) != None && i%(2+int(p[4])) > 0 {
				buf.Delete(k, event.User)
			}
		}
	case 4:
		if typ != String {
			for i := range 1 + int(p[2])*3 { // to the large ones
				buf.HashSet(key, fmt.Appendf(nil, "%d", i), value[:min(len(value), int(p[4]))])
			}
		}
	case 5:
		if typ == Hash {
			var gone [][]byte
			h, _ := v.Hash(key)
			for i := 0; i < h.Len(); i += 1 + int(p[2])%3 {
				field, _ := h.At(i)
				gone = append(gone, field)
			}
			buf.HashDelete(key, gone...)
		}
	case 6:
		if typ != None {
			buf.Rename(key, fmt.Appendf(nil, "%d", p[2]))
		}
	case 7:
		if typ == String {
			buf.Append(key, value)
			buf.Range(key, int64(p[2]), value[:len(value)/2])
		}
	}
}
