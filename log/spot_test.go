package log

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// pickable is a log of several segments, with entries of a handful of bytes and such as do
// not fit what is read at once.
func pickable(t *testing.T, n int) (l *Log, dir string) {
	t.Helper()
	dir = t.TempDir() + "/data"
	l, _, _ = testLog(t, dir, Options{SegmentSize: 64 << 10, Policy: No})
	for i := range n {
		p := body(l.Next())
		if i%17 == 0 {
			p = bytes.Repeat(p, 1+i*i%3000)
		}
		l.Append(KindChange, 1_000_000*int64(l.Next()), p)
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return l, dir
}

// TestPick: every entry is found by its spot, in whatever order they are asked for, while
// the segment is being written too.
func TestPick(t *testing.T) {
	l, dir := pickable(t, 600)
	defer closeLog(t, l, true)
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	bySegment, times := map[uint64][]Entry{}, map[uint64]int64{}
	for range 600 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Offset == e.Segment {
			times[e.Segment] = e.Time
		}
		bySegment[e.Segment] = append(bySegment[e.Segment], e)
	}
	if len(bySegment) < 4 {
		t.Fatalf("only %d segments", len(bySegment))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for first, entries := range bySegment {
		p, err := OpenPicker(dir, l.ID(), first, times[first])
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 * len(entries) {
			want := entries[i%len(entries)]
			switch i / len(entries) {
			case 1:
				want = entries[len(entries)-1-i%len(entries)]
			case 2:
				want = entries[rng.IntN(len(entries))]
			}
			spot, ok := want.Spot()
			got, err := p.At(spot)
			if err != nil || !ok || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("at spot %d: @%d at %d (%v), want @%d at %d", spot, got.Offset, got.Pos, err, want.Offset, want.Pos)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPickGrowing: a picker that has read to the end of a segment sees what comes after.
func TestPickGrowing(t *testing.T) {
	l, _, _ := testLog(t, t.TempDir()+"/data", Options{Policy: No})
	defer closeLog(t, l, true)
	fill(t, l, 1, 1)
	p, err := OpenPicker(l.Dir(), l.ID(), 1, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 50 {
		want, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		spot, _ := want.Spot()
		if got, err := p.At(spot); err != nil || !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("entry %d: %q, %v", i+1, got.Body, err)
		}
		fill(t, l, 1, 1)
	}
}

// TestPickNothing: where no entry begins, or a rotten one, there is a *Damage that names
// the place; a segment that is gone is ErrCompacted.
func TestPickNothing(t *testing.T) {
	l, dir := pickable(t, 300)
	closeLog(t, l, true)
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := segmentPath(dir, m.Sealed[0].First)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begins := map[int64]bool{}
	if err := ReadSegment(dir, m.LogID, m.Sealed[0], func(e Entry) error {
		begins[e.Pos] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPicker(dir, m.LogID, 1, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for spot := range int64(len(raw))/SpotUnit + 3 {
		any := false
		for i := range int64(SpotUnit) {
			any = any || begins[spot*SpotUnit+i]
		}
		e, err := p.At(Spot(spot))
		var damage *Damage
		if any != (err == nil) || !any && !errors.As(err, &damage) || any && !begins[e.Pos] {
			t.Fatalf("at spot %d: @%d at byte %d, %v; one begins there: %v", spot, e.Offset, e.Pos, err, any)
		}
	}
	raw[len(raw)/2] ^= 4
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadSegment(dir, m.LogID, m.Sealed[0], func(Entry) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a segment with a flipped bit is read: %v", err)
	}
	other := m.Sealed[1]
	other.LastCRC++
	if err := ReadSegment(dir, m.LogID, other, func(Entry) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a segment that is not the sealed one is read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPicker(dir, m.LogID, 1, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("a missing segment: %v", err)
	}
}

// TestIndexesGo: what retention drops it drops with its index.
func TestIndexesGo(t *testing.T) {
	l, dir := pickable(t, 300)
	closeLog(t, l, true) // all but the active one are sealed now
	l, _, _ = testLog(t, dir, Options{})
	m := l.Manifest()
	for _, s := range m.Sealed {
		if err := os.WriteFile(IndexPath(dir, s.First), []byte("an index"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.DropBefore(m.Sealed[1].First + 1); err != nil {
		t.Fatal(err)
	}
	for i, s := range m.Sealed[:2] {
		if _, err := os.Stat(IndexPath(dir, s.First)); (err == nil) != (i == 1) {
			t.Errorf("the index of segment %d: %v", i, err)
		}
	}
	if err := ReadSegment(dir, m.LogID, m.Sealed[0], nil); !errors.Is(err, ErrCompacted) {
		t.Errorf("a dropped segment: %v", err)
	}
	closeLog(t, l, true)
}

// TestPickKeeps: a body stays what it was when a picker has read elsewhere: of entries that
// share a read and of such as are larger than one.
func TestPickKeeps(t *testing.T) {
	l, dir := pickable(t, 300)
	l.Append(KindChange, 1_000_000_000, bytes.Repeat([]byte("large"), pickNear))
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, l, true)
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pickers, large := map[uint64]*Picker{}, 0
	var want, got []Entry
	for range 301 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Offset == e.Segment {
			if pickers[e.Segment], err = OpenPicker(dir, l.ID(), e.Segment, e.Time); err != nil {
				t.Fatal(err)
			}
			defer pickers[e.Segment].Close()
		}
		spot, _ := e.Spot()
		picked, err := pickers[e.Segment].At(spot)
		if err != nil {
			t.Fatal(err)
		}
		if want, got = append(want, e), append(got, picked); e.Size > pickNear {
			large++
		}
	}
	for i := range want {
		if !bytes.Equal(got[i].Body, want[i].Body) {
			t.Errorf("@%d, which was picked, has become %.40q", want[i].Offset, got[i].Body)
		}
	}
	if large == 0 {
		t.Error("no entry was large")
	}
}

// TestPickExpected: entries that are expected close together come with one read, upwards and
// downwards, and are what they are without; one that is far from the next takes a small read.
func TestPickExpected(t *testing.T) {
	l, dir := pickable(t, 300)
	closeLog(t, l, true)
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range m.Sealed {
		var want []Entry
		var spots []Spot
		if err := ReadSegment(dir, m.LogID, s, func(e Entry) error {
			if e.Body = bytes.Clone(e.Body); e.Offset%3 == 0 {
				spot, _ := e.Spot()
				want, spots = append(want, e), append(spots, spot)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			slices.Reverse(want)
			slices.Reverse(spots)
		}
		p, err := OpenPicker(dir, m.LogID, s.First, 1_000_000*int64(s.First))
		if err != nil {
			t.Fatal(err)
		}
		reads, at := 0, int64(-1)
		p.Expect(spots)
		for j, spot := range spots {
			if j%7 == 0 {
				p.tell() // as after a slow read
			}
			got, err := p.At(spot)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want[j]) {
				t.Fatalf("at spot %d: @%d, %v, want @%d", spot, got.Offset, err, want[j].Offset)
			}
			if p.told > len(p.ahead) {
				t.Fatalf("the system was told of %d that come, but %d do", p.told, len(p.ahead))
			}
			if p.at != at {
				reads, at = reads+1, p.at
			}
		}
		if 3*reads > len(spots) {
			t.Errorf("%d reads for %d entries", reads, len(spots))
		}
		p.Expect(nil)
		for _, spot := range []Spot{spots[0], spots[len(spots)-1]} {
			e, err := p.At(spot)
			if err != nil {
				t.Fatal(err)
			}
			if e.Size < pickRead && len(p.buf) > pickMost && p.at != at {
				t.Errorf("%d bytes are read for one entry of %d", len(p.buf), e.Size)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPickOn: who goes on from each entry to the one right behind it takes few reads, though the
// spot that the next one is asked for with begins in the one before.
func TestPickOn(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLog(t, dir, Options{Policy: No})
	fill(t, l, 5000, 100)
	closeLog(t, l, true)
	p, err := OpenPicker(dir, l.ID(), 1, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	reads, at, pos := 0, int64(-1), int64(0)
	for n := range uint64(5000) {
		e, err := p.At(Spot(pos / SpotUnit))
		if err != nil || e.Offset != n+1 {
			t.Fatalf("@%d: @%d, %v", n+1, e.Offset, err)
		}
		if pos += int64(e.Size); p.at != at {
			reads, at = reads+1, p.at
		}
	}
	if most := 12 + int(pos/pickNear)*3/2; reads > most {
		t.Errorf("%d reads for %d bytes, at most %d", reads, pos, most)
	}
}
