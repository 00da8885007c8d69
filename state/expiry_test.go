package state

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestDueOrder: keys come due by time, then database, then key, however they got
// their expiries; nothing else is due before its time.
func TestDueOrder(t *testing.T) {
	type dueKey struct {
		at  int64
		db  int
		key string
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		s := New(0)
		want := map[string]dueKey{}
		for range 400 {
			k := dueKey{int64(rng.IntN(20)), rng.IntN(3), fmt.Sprint(rng.IntN(60))}
			name := fmt.Sprint(k.db, k.key)
			apply(t, s, k.db, func(b *event.Buffer) {
				switch _, there := want[name]; {
				case there && rng.IntN(3) == 0:
					b.Expire([]byte(k.key), k.at)
				case there && rng.IntN(3) == 0:
					b.Delete([]byte(k.key), event.User)
					k.at = 0
				default:
					b.String([]byte(k.key), nil, k.at)
				}
			})
			want[name] = k
			if s.View(k.db, 0).Type([]byte(k.key)) == None {
				delete(want, name)
			}
		}
		var order []dueKey
		for _, k := range want {
			if k.at > 0 {
				order = append(order, k)
			}
		}
		slices.SortFunc(order, func(a, b dueKey) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.db, b.db), cmp.Compare(a.key, b.key))
		})
		for i, w := range order {
			if at, ok := s.NextExpiry(); !ok || at != w.at || s.Due(w.at-1) || !s.Due(w.at) {
				t.Fatalf("%d of %d: next expiry %d (%v), want %v", i, len(order), at, ok, w)
			}
			db, key, ok := s.NextDue(w.at)
			if !ok || db != w.db || string(key) != w.key {
				t.Fatalf("%d of %d: db %d %q (%v), want %v", i, len(order), db, key, ok, w)
			}
			apply(t, s, db, func(b *event.Buffer) { b.Delete(key, event.Expired) })
			invariants(t, s)
		}
		if _, _, ok := s.NextDue(1 << 50); ok || s.Due(1<<50) {
			t.Fatal("something is due that has no expiry")
		}
	}
}

// TestExpiriesOfDatabases: what happens to whole databases happens to their
// expiries.
func TestExpiriesOfDatabases(t *testing.T) {
	start := func() *State {
		s := New(0)
		for db := range 3 {
			apply(t, s, db, func(b *event.Buffer) {
				b.String([]byte("k"), nil, int64(100*(db+1)))
				b.String([]byte("stays"), nil, 0)
			})
		}
		return s
	}
	for _, tc := range []struct {
		name   string
		record func(*event.Buffer)
		db     int // of the first due key, -1: none
		at     int64
	}{
		{"untouched", func(*event.Buffer) {}, 0, 100},
		{"the first flushed", func(b *event.Buffer) { b.Flush(0) }, 1, 200},
		{"another flushed", func(b *event.Buffer) { b.Flush(2) }, 0, 100},
		{"all flushed", func(b *event.Buffer) { b.FlushAll() }, -1, 0},
		{"swapped away", func(b *event.Buffer) { b.Swap(0, 2) }, 2, 100},
		{"swapped with an empty one", func(b *event.Buffer) { b.Swap(0, 9) }, 9, 100},
		{"swapped with itself", func(b *event.Buffer) { b.Swap(0, 0) }, 0, 100},
		{"swapped, then flushed", func(b *event.Buffer) { b.Swap(0, 1); b.Flush(1) }, 0, 200},
		{"moved", func(b *event.Buffer) { b.Move([]byte("k"), 5) }, 5, 100},
		{"moved to where it is", func(b *event.Buffer) { b.Move([]byte("k"), 0) }, 0, 100},
		{"copied over a later one", func(b *event.Buffer) { b.Copy([]byte("k"), []byte("k"), 1); b.Delete([]byte("k"), event.User) }, 1, 100},
		{"renamed", func(b *event.Buffer) { b.Rename([]byte("k"), []byte("stays")) }, 0, 100},
		{"replaced by a rename", func(b *event.Buffer) { b.Rename([]byte("stays"), []byte("k")) }, 1, 200},
		{"renamed to itself", func(b *event.Buffer) { b.Rename([]byte("k"), []byte("k")) }, 0, 100},
		{"persisted", func(b *event.Buffer) { b.Expire([]byte("k"), 0) }, 1, 200},
		{"overwritten", func(b *event.Buffer) { b.String([]byte("k"), nil, 0) }, 1, 200},
		{"later", func(b *event.Buffer) { b.Expire([]byte("k"), 250) }, 1, 200},
	} {
		s := start()
		apply(t, s, 0, tc.record)
		db, _, ok := s.NextDue(1000)
		at, _ := s.NextExpiry()
		if ok != (tc.db >= 0) || ok && (db != tc.db || at != tc.at) {
			t.Errorf("%s: db %d at %d (%v), want db %d at %d", tc.name, db, at, ok, tc.db, tc.at)
		}
		if s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: the digest is wrong", tc.name)
		}
		invariants(t, s)
	}
}

// TestExpires counts the keys with an expiry in each database.
func TestExpires(t *testing.T) {
	s := New(0)
	apply(t, s, 4, func(b *event.Buffer) {
		b.String([]byte("a"), nil, 5)
		b.String([]byte("b"), nil, 5)
		b.String([]byte("c"), nil, 0)
		b.Expire([]byte("b"), 0)
	})
	if s.Expires(4) != 1 || s.Expires(0) != 0 || s.Keys(4) != 3 {
		t.Errorf("%d of %d keys have an expiry", s.Expires(4), s.Keys(4))
	}
}
