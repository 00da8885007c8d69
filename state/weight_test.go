package state

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// checkWeights proves that what a database counts is what its keys, their fields and its
// dead hashes have.
func (d *database) checkWeights(t interface{ Fatalf(string, ...any) }) {
	heap, dying := int64(0), int64(0)
	fields := func(x *index) (room int64) {
		for i := range x.segs {
			if x.segs[i].slots == nil {
				continue
			}
			if block := x.segs[i].block; block != 0 {
				room += int64(sizeOf(d.mem.pages[block>>pageUnits].class))
			}
			for _, slot := range x.segs[i].slots {
				if slot == 0 {
					continue
				}
				f := d.load(slot & refMask)
				room += int64(sizeOf(d.mem.at(slot & refMask)[0] &^ classObject))
				if f.o != nil {
					room += f.o.weight
					heap += f.o.weight
				}
			}
		}
		return room
	}
	for _, g := range d.graves {
		dying += fields(d.objects[g.number].hash.index)
	}
	d.keys.scan(0, math.MaxInt, func(r ref) bool {
		e := d.load(r)
		if e.o == nil {
			return true
		}
		heap += e.o.weigh()
		if e.indexed() {
			if room := fields(e.o.hash.index); room != e.o.hash.room {
				t.Fatalf("%q: its fields take %d bytes, counted are %d", e.key, room, e.o.hash.room)
			}
		}
		return true
	})
	if heap != d.heap || dying != d.dying {
		t.Fatalf("objects have %d bytes, counted are %d; dead hashes %d, counted %d", heap, d.heap, dying, d.dying)
	}
}

// TestWeights: a value is counted with what it takes, whatever it is, and no more once it
// is gone, though a large hash is given back in steps.
func TestWeights(t *testing.T) {
	k := []byte("k")
	for name, value := range map[string]struct {
		least int64
		make  func(b *event.Buffer)
	}{
		"a long string": {1 << 20, func(b *event.Buffer) { b.String(k, make([]byte, 1<<20), 0) }},
		"a large hash": {5000 * 20, func(b *event.Buffer) {
			for i := range 5000 {
				b.HashSet(k, fmt.Append(nil, "field:", i), []byte("0123456789"))
			}
		}},
		"a hash of long values": {10 * 20_000, func(b *event.Buffer) {
			for i := range 10 {
				b.HashSet(k, fmt.Append(nil, i), make([]byte, 20_000))
			}
		}},
		"a sorted set": {5000 * 30, func(b *event.Buffer) {
			for i := range 5000 {
				b.ZSetAdd(k, []float64{float64(i)}, [][]byte{fmt.Append(nil, "member:", i)})
			}
		}},
		"a list": {5000 * 100, func(b *event.Buffer) {
			for range 5000 {
				b.ListPush(k, event.Right, []byte(strings.Repeat("x", 100)))
			}
		}},
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) { b.String([]byte("other"), nil, 5000) })
		empty := s.Used()
		apply(t, s, 0, value.make)
		used := s.Used() - empty
		if used < value.least || used > 3*value.least {
			t.Errorf("%s: %d bytes are counted, should be from %d on", name, used, value.least)
		}
		if got, ok := s.View(0, 0).Weight(k); !ok || got < used*9/10 || got > used*11/10 {
			t.Errorf("%s: the key takes %d bytes of %d", name, got, used)
		}
		invariants(t, s)
		apply(t, s, 0, func(b *event.Buffer) {
			b.Copy(k, k, 1)
			b.Move(k, 2)
		})
		if twice := s.Used() - empty; twice < used*18/10 || twice > used*23/10 {
			t.Errorf("%s: %d bytes are counted, of its copy and itself %d", name, used, twice)
		}
		invariants(t, s)
		apply(t, s, 1, func(b *event.Buffer) { b.Delete(k, event.User) })
		apply(t, s, 2, func(b *event.Buffer) { b.Delete(k, event.User) })
		if left := s.Used() - empty; left < 0 || left > 4096 {
			t.Errorf("%s: %d bytes are counted when it is gone", name, left)
		}
		invariants(t, s)
		for s.Rest() {
		}
		if left := s.Used() - empty; left < 0 || left > 4096 {
			t.Errorf("%s: %d bytes are counted when it is gone for good", name, left)
		}
		invariants(t, s)
	}
}
