package state

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// everyKind is a state with records of every kind and around every limit, in the first
// and the last database.
func everyKind(t testing.TB) *State {
	s := New(3)
	for _, db := range []int{0, Databases - 1} {
		apply(t, s, db, func(b *event.Buffer) {
			for i, n := range []int{0, 1, 44, 45, 126, 127, 128, 129, 500, 5000, maxRecord - 40, maxRecord, maxRecord + 1, 20_000} {
				b.String(fmt.Appendf(nil, "string:%d", n), bytes.Repeat([]byte{'v'}, n), int64(i%3))
				b.String(bytes.Repeat([]byte{'k'}, n), []byte("value"), int64(i%2*5))
				b.HashSet(fmt.Appendf(nil, "hash:%d", n), []byte("f"), bytes.Repeat([]byte{'v'}, n))
				b.Expire(fmt.Appendf(nil, "hash:%d", n), int64(1+i%4))
			}
			for _, fields := range []int{1, 2, 3, 100, MaxListpackEntries, MaxListpackEntries + 1} {
				for f := range fields {
					b.HashSet(fmt.Appendf(nil, "fields:%d", fields), fmt.Appendf(nil, "field %d", f), bytes.Repeat([]byte{'x'}, MaxListpackValue))
				}
			}
			b.Text([]byte("text"), []byte("12"), 0)
			for i := range 3000 {
				b.String(fmt.Appendf(nil, "key:%d", i), fmt.Appendf(nil, "%d", i), int64(i%5))
			}
		})
	}
	return s
}

// batches makes batches of every n records of a state. What they were given is as good
// as gone when they are imported: only forget makes it so.
func batches(t *testing.T, from, to *State, n int) (all []*Batch, forget func()) {
	t.Helper()
	var given [][]byte
	keep := func(p []byte) []byte {
		given = append(given, bytes.Clone(p))
		return given[len(given)-1]
	}
	for db := range Databases {
		from.Export(db, 0, func(r Record) bool {
			last := len(all) - 1
			if last < 0 || all[last].db != db || len(all[last].items) == n {
				all, last = append(all, to.NewBatch()), last+1
				all[last].Reset(db)
			}
			r.Key, r.Value = keep(r.Key), keep(r.Value)
			for i := range r.Items {
				r.Items[i] = keep(r.Items[i])
			}
			if err := all[last].Add(r); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	return all, func() {
		for _, p := range given {
			for i := range p {
				p[i] = 0xee
			}
		}
	}
}

// sameAs reports how a state differs from another: what it holds, its order, its
// expiries and its digest.
func sameAs(t *testing.T, got, want *State) {
	t.Helper()
	if a, b := dump(got), dump(want); a != b {
		t.Errorf("%d bytes of dump, want %d", len(a), len(b))
	}
	if got.Digest() != want.Digest() || got.Digest() != got.RecomputeDigest() {
		t.Errorf("digest %016x (anew %016x), want %016x", got.Digest(), got.RecomputeDigest(), want.Digest())
	}
	for db := range Databases {
		if got.Expires(db) != want.Expires(db) {
			t.Errorf("database %d: %d expiries, want %d", db, got.Expires(db), want.Expires(db))
		}
	}
	gotDB, gotKey, gotOK := got.NextDue(1 << 40)
	wantDB, wantKey, wantOK := want.NextDue(1 << 40)
	if gotDB != wantDB || !bytes.Equal(gotKey, wantKey) || gotOK != wantOK {
		t.Errorf("%d %q %v expires next, want %d %q %v", gotDB, gotKey, gotOK, wantDB, wantKey, wantOK)
	}
	invariants(t, got)
}

// TestBatches: a state that was imported is the one that was exported, whatever the
// batches, in order and out of it; and nothing of what they were given is kept.
func TestBatches(t *testing.T) {
	want := everyKind(t)
	for _, n := range []int{1, 7, 100_000} {
		for _, backwards := range []bool{false, true} {
			got := New(3)
			all, forget := batches(t, want, got, n)
			if backwards {
				for i := range all {
					importBatch(t, got, all[len(all)-1-i])
				}
			} else {
				for _, b := range all {
					importBatch(t, got, b)
				}
			}
			forget()
			sameAs(t, got, want)
			if n > 1 || backwards {
				continue
			}
			other := everyKind(t) // it goes on as the other does
			for _, s := range []*State{got, other} {
				apply(t, s, 0, func(b *event.Buffer) {
					b.Append([]byte("string:500"), []byte("more"))
					b.HashSet([]byte("fields:3"), []byte("one"), []byte("more"))
					b.Delete([]byte("key:17"), event.User)
					b.Expire([]byte("key:18"), 2)
				})
			}
			sameAs(t, got, other)
		}
	}
}

func importBatch(t *testing.T, s *State, b *Batch) {
	t.Helper()
	if err := s.ImportBatch(b); err != nil {
		t.Fatal(err)
	}
}

// TestBatchesSideBySide fills them on goroutines of their own while others are imported:
// they share nothing that changes.
func TestBatchesSideBySide(t *testing.T) {
	const each, rounds = 500, 20
	s, free, full := New(5), make(chan *Batch, 4), make(chan *Batch, 4)
	for range cap(free) {
		free <- s.NewBatch()
	}
	var fillers sync.WaitGroup
	for f := range 3 {
		fillers.Go(func() {
			for round := range rounds {
				b := <-free
				b.Reset(f)
				for i := range each {
					key := fmt.Appendf(nil, "%d:%d:%d", f, round, i)
					if err := b.Add(Record{Key: key, Type: String, Encoding: uint8(encRaw), Value: key, ExpireAt: int64(i % 3)}); err != nil {
						t.Error(err)
					}
				}
				full <- b
			}
		})
	}
	for range 3 * rounds {
		b := <-full
		importBatch(t, s, b)
		free <- b
	}
	fillers.Wait()
	if n := s.TotalKeys(); n != 3*rounds*each || s.Digest() != s.RecomputeDigest() {
		t.Errorf("%d keys, digest %016x, anew %016x", n, s.Digest(), s.RecomputeDigest())
	}
	invariants(t, s)
}

// TestBatchErrors: a record that is refused is not taken, those before and after it are;
// a key that is there already ends the import, and what came before it stays.
func TestBatchErrors(t *testing.T) {
	text := func(key string) Record { return Record{Key: []byte(key), Type: String, Encoding: uint8(encRaw)} }
	long := strings.Repeat("l", maxKey+1)
	for _, twice := range []string{"there", long} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) { b.String([]byte(twice), []byte("v"), 0) })
		b := s.NewBatch()
		for _, key := range []string{"a", "b"} {
			if err := b.Add(text(key)); err != nil {
				t.Fatal(err)
			}
			if err := b.Add(Record{Key: []byte(key), Type: 9}); err == nil {
				t.Error("a record of no type was taken")
			}
		}
		for _, key := range []string{twice, "c"} {
			if err := b.Add(text(key)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.ImportBatch(b); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("a key twice: %v", err)
		}
		if s.Keys(0) != 3 || s.Digest() != s.RecomputeDigest() {
			t.Errorf("%d keys, digest %016x, anew %016x", s.Keys(0), s.Digest(), s.RecomputeDigest())
		}
		invariants(t, s)
		b.Reset(1)
		importBatch(t, s, b)
		if s.Keys(1) != 0 {
			t.Errorf("an empty batch brought %d keys", s.Keys(1))
		}
	}
}

// BenchmarkImport is what a checkpoint's records cost: those who lay them out (fill),
// and the one who gives them their places (place).
func BenchmarkImport(b *testing.B) {
	const keys, each = 1 << 20, 4096
	from := newKeyBench(keys).s
	var records []Record
	from.Export(0, 0, func(r Record) bool {
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		records = append(records, r)
		return true
	})
	fill := func(batch *Batch, records []Record) {
		batch.Reset(0)
		for _, r := range records {
			if err := batch.Add(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("fill", func(b *testing.B) {
		batch := from.NewBatch()
		for b.Loop() {
			for i := 0; i < keys; i += each {
				fill(batch, records[i:i+each])
			}
		}
		b.ReportMetric(float64(b.N)*keys/b.Elapsed().Seconds(), "keys/s")
	})
	b.Run("place", func(b *testing.B) {
		all := make([]*Batch, keys/each)
		for i := range all {
			all[i] = from.NewBatch()
			fill(all[i], records[i*each:(i+1)*each])
		}
		for b.Loop() {
			to := New(1) // the seed of from
			to.Expect(0, keys)
			for _, batch := range all {
				if err := to.ImportBatch(batch); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.N)*keys/b.Elapsed().Seconds(), "keys/s")
	})
}
