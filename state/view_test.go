package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestScanGuarantee: whatever is written and deleted between the calls, a key
// that stays is handed out.
func TestScanGuarantee(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		s := New(0)
		set := func(key string) {
			apply(t, s, 0, func(b *event.Buffer) {
				b.String([]byte(key), nil, 0)
				b.HashSet([]byte("h"), []byte(key), nil)
			})
		}
		stay := map[string]bool{}
		for i := range rng.IntN(700) {
			key := fmt.Sprint("stays", i)
			set(key)
			stay[key] = true
			set(fmt.Sprint("goes", i))
		}
		keys, fields := map[string]bool{}, map[string]bool{}
		kc, hc := uint64(0), uint64(0)
		for calls := 0; ; calls++ {
			if calls == 0 || kc != 0 {
				kc = s.View(0, 0).Scan(kc, 1+rng.IntN(20), func(k []byte) { keys[string(k)] = true })
			}
			if h, _ := s.View(0, 0).Hash([]byte("h")); calls == 0 || hc != 0 {
				hc = h.Scan(hc, 1+rng.IntN(20), func(f, _ []byte) { fields[string(f)] = true })
			}
			if kc == 0 && hc == 0 {
				break
			}
			for range rng.IntN(5) {
				key := fmt.Sprint("goes", rng.IntN(700))
				switch ok := s.View(0, 0).Exists([]byte(key)); {
				case ok:
					apply(t, s, 0, func(b *event.Buffer) {
						b.Delete([]byte(key), event.User)
						b.HashDelete([]byte("h"), []byte(key))
					})
				default:
					set(key)
				}
			}
		}
		for key := range stay {
			if !keys[key] || !fields[key] {
				t.Fatalf("round %d: %s was there all the time (seen as a key: %v, as a field: %v)", round, key, keys[key], fields[key])
			}
		}
	}
}

func TestExpiryIsHiddenAtOnce(t *testing.T) {
	s := New(0)
	k := []byte("k")
	apply(t, s, 0, func(b *event.Buffer) { b.String(k, []byte("v"), 1000) })
	for now, want := range map[int64]bool{999: true, 1000: false, 1001: false} {
		v := s.View(0, now)
		_, ok, _ := v.String(k)
		_, has := v.ExpireAt(k)
		_, any := v.Random(seeded(7))
		n := 0
		v.Scan(0, 10, func([]byte) { n++ })
		v.Each(func([]byte) bool { n++; return true })
		if ok != want || has != want || any != want || v.Exists(k) != want || (v.Type(k) == String) != want || (n == 2) != want {
			t.Errorf("at %d: visible %v, want %v", now, ok, want)
		}
		if s.Expired(0, k, now) == want || s.Due(now) == want {
			t.Errorf("at %d: due %v", now, s.Due(now))
		}
	}
	if at, ok := s.NextExpiry(); !ok || at != 1000 {
		t.Errorf("next expiry %d, %v", at, ok)
	}
}

func TestReadsDoNotAllocate(t *testing.T) {
	s := New(0)
	k, hk, f := []byte("key:000000000001"), []byte("h"), []byte("field")
	apply(t, s, 0, func(b *event.Buffer) {
		b.String(k, make([]byte, 32), 50)
		b.HashSet([]byte("h"), f, k)
	})
	visit := func([]byte) {}
	each := func([]byte) bool { return true }
	field := func(_, _ []byte) {}
	random := seeded(7)
	for name, read := range map[string]func(View){
		"String":   func(v View) { v.String(k) },
		"Type":     func(v View) { v.Type(k) },
		"ExpireAt": func(v View) { v.ExpireAt(k) },
		"Exists":   func(v View) { v.Exists(k) },
		"Encoding": func(v View) { v.Encoding(k) },
		"Random":   func(v View) { v.Random(random) },
		"Scan":     func(v View) { v.Scan(0, 10, visit) },
		"Each":     func(v View) { v.Each(each) },
		"NextDue":  func(View) { s.NextDue(100) },
		"Hash": func(v View) {
			h, _ := v.Hash(hk)
			h.Get(f)
			h.At(0)
			h.Scan(0, 10, field)
		},
	} {
		most := 0.0
		if name == "Scan" || name == "Each" {
			most = 1 // for as many keys as there are
		}
		if n := testing.AllocsPerRun(100, func() { read(s.View(0, 5)) }); n > most {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestReadsOfWhatIsNot: absent keys, and keys of another type.
func TestReadsOfWhatIsNot(t *testing.T) {
	s := New(0)
	k, h, none := []byte("k"), []byte("h"), []byte("none")
	apply(t, s, 3, func(b *event.Buffer) {
		b.String(k, []byte("v"), 0)
		b.HashSet(h, k, k)
	})
	v := s.View(0, 77).In(3)
	if v.DB() != 3 || v.Now() != 77 || v.Len() != 2 {
		t.Errorf("database %d at %d with %d keys", v.DB(), v.Now(), v.Len())
	}
	if _, _, err := v.String(h); !errors.Is(err, ErrWrongType) {
		t.Errorf("a hash as a string: %v", err)
	}
	if f, err := v.Hash(k); !errors.Is(err, ErrWrongType) || f.Len() != 0 {
		t.Errorf("a string as a hash: %v", err)
	}
	if _, ok, err := v.String(none); ok || err != nil {
		t.Errorf("no key as a string: %v, %v", ok, err)
	}
	f, err := v.Hash(none)
	if _, ok := f.Get(k); ok || err != nil || f.Len() != 0 || f.Small() || f.Scan(0, 10, nil) != 0 {
		t.Errorf("no key as a hash: %d fields, %v", f.Len(), err)
	}
	if _, ok := v.ExpireAt(none); ok || v.Type(none) != None || v.Encoding(none) != "" || v.Touch(none) || v.Idle(none) != 0 {
		t.Error("no key has an expiry, a type or an encoding")
	}
	for typ, want := range map[Type]string{None: "none", String: "string", Hash: "hash", 9: "none"} {
		if typ.String() != want {
			t.Errorf("type %d is %s, want %s", typ, typ, want)
		}
	}
	if _, ok := New(0).View(0, 0).Random(seeded(5)); ok {
		t.Error("a random key of nothing")
	}
}

// TestRandom: every key that is not due is chosen for some number, the same for
// the same number.
// seeded gives the same random numbers each time.
func seeded(seed uint64) func() uint64 { return rand.New(rand.NewPCG(seed, 9)).Uint64 }

func TestRandom(t *testing.T) {
	s := New(0)
	for i := range 10 {
		apply(t, s, 0, func(b *event.Buffer) { b.String([]byte{byte('a' + i)}, nil, int64(i%2)*50) })
	}
	seen := map[string]bool{}
	for r := range uint64(100) {
		key, ok := s.View(0, 60).Random(seeded(r))
		again, _ := s.View(0, 60).Random(seeded(r))
		if !ok || string(key) != string(again) || (key[0]-'a')%2 == 1 {
			t.Fatalf("%q, then %q (%v)", key, again, ok)
		}
		seen[string(key)] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 keys were ever chosen", len(seen))
	}
}

// TestAccessTimes: reads note the access clock, looking at a key's outside does
// not, and none of it is part of the state.
func TestAccessTimes(t *testing.T) {
	s := New(0)
	k := []byte("k")
	apply(t, s, 0, func(b *event.Buffer) { b.String(k, nil, 0) })
	idle := func(atSeconds int64) int64 { return s.View(0, atSeconds*1000).Idle(k) }
	if idle(100) != 0 {
		t.Error("a time was noted without a clock")
	}
	digest, before := s.Digest(), dump(s)
	for _, tc := range []struct {
		name    string
		read    func(View)
		touches bool
	}{
		{"String", func(v View) { v.String(k) }, true},
		{"Exists", func(v View) { v.Exists(k) }, true},
		{"Touch", func(v View) { v.Touch(k) }, true},
		{"Type", func(v View) { v.Type(k) }, false},
		{"ExpireAt", func(v View) { v.ExpireAt(k) }, false},
		{"Encoding", func(v View) { v.Encoding(k) }, false},
	} {
		s.SetAccessClock(100)
		s.View(0, 0).Touch(k)
		s.SetAccessClock(130)
		tc.read(s.View(0, 0))
		want := int64(50)
		if tc.touches {
			want = 20
		}
		if got := idle(150); got != want {
			t.Errorf("%s: idle for %d s, want %d", tc.name, got, want)
		}
	}
	if idle(1) != 0 {
		t.Error("idle for less than nothing")
	}
	if s.Digest() != digest || dump(s) != before {
		t.Error("reading changed the state")
	}
}

// TestWritesAreAccesses, those that only overwrite what lies in a record too.
func TestWritesAreAccesses(t *testing.T) {
	for name, write := range map[string]func(b *event.Buffer){
		"in place":             func(b *event.Buffer) { b.String([]byte("k"), []byte("b"), 0) },
		"longer":               func(b *event.Buffer) { b.String([]byte("k"), []byte("more than before"), 0) },
		"a field":              func(b *event.Buffer) { b.HashSet([]byte("small"), []byte("f"), []byte("b")) },
		"a field of many":      func(b *event.Buffer) { b.HashSet([]byte("large"), []byte("5"), []byte("b")) },
		"an expiry":            func(b *event.Buffer) { b.String([]byte("k"), []byte("b"), 1e15) },
		"a part":               func(b *event.Buffer) { b.Range([]byte("k"), 0, []byte("b")) },
		"a tail":               func(b *event.Buffer) { b.Append([]byte("k"), []byte("b")) },
		"a deletion of fields": func(b *event.Buffer) { b.HashDelete([]byte("small"), []byte("g")) },
	} {
		s := New(0)
		s.SetAccessClock(100)
		apply(t, s, 0, func(b *event.Buffer) {
			b.String([]byte("k"), []byte("a"), 0)
			b.HashSet([]byte("small"), []byte("f"), []byte("a"), []byte("g"), nil)
			for i := range MaxListpackEntries + 1 {
				b.HashSet([]byte("large"), fmt.Append(nil, i), []byte("a"))
			}
		})
		s.SetAccessClock(130)
		apply(t, s, 0, write)
		touched := 0
		for _, k := range []string{"k", "small", "large"} {
			if s.View(0, 150_000).Idle([]byte(k)) == 20 {
				touched++
			}
		}
		if touched != 1 {
			t.Errorf("%s: %d keys were touched", name, touched)
		}
	}
}

// TestExportFrom goes on where it stopped.
func TestExportFrom(t *testing.T) {
	s := New(0)
	for i := range 10 {
		apply(t, s, 2, func(b *event.Buffer) { b.String([]byte{byte('a' + i)}, nil, 0) })
	}
	var got []byte
	for from := 0; from < 10; from += 3 {
		n := 0
		s.Export(2, from, func(r Record) bool {
			got = append(got, r.Key...)
			n++
			return n < 3
		})
	}
	want := ""
	s.Export(2, 0, func(r Record) bool { want += string(r.Key); return true })
	if string(got) != want || len(want) != 10 {
		t.Errorf("%s, in one go %s", got, want)
	}
}

// TestLent: what was lent stays what it was, whatever is done to its key, and a
// value that was not lent is changed where it is.
func TestLent(t *testing.T) {
	k, f, long := []byte("k"), []byte("f"), bytes.Repeat([]byte("x"), LendFrom)
	for name, change := range map[string]func(b *event.Buffer){
		"set shorter":  func(b *event.Buffer) { b.String(k, long[:LendFrom-5], 0) },
		"set another":  func(b *event.Buffer) { b.String(k, bytes.Repeat([]byte("y"), LendFrom), 0) },
		"append":       func(b *event.Buffer) { b.Append(k, []byte("tail")); b.Range(k, 0, []byte("head")) },
		"write inside": func(b *event.Buffer) { b.Range(k, 5, []byte("inside")) },
		"write on":     func(b *event.Buffer) { b.Range(k, LendFrom+5, []byte("beyond")); b.Range(k, 1, []byte("inside")) },
		"delete":       func(b *event.Buffer) { b.Delete(k, event.User); b.String(k, long, 0); b.Range(k, 1, []byte("new")) },
		"rename":       func(b *event.Buffer) { b.Rename(k, f); b.Range(f, 1, []byte("inside")) },
		"copy":         func(b *event.Buffer) { b.Copy(k, f, 0); b.Range(f, 1, []byte("copy")); b.Range(k, 1, []byte("mine")) },
		"flush":        func(b *event.Buffer) { b.FlushAll() },
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) { b.String(k, long, 0) })
		v := s.View(0, 0)
		lent, _, _ := v.String(k)
		v.Lend(k)
		for range 2 { // the second time what was lent is gone or copied
			if !s.View(0, 0).Exists(k) {
				break
			}
			apply(t, s, 0, change)
		}
		if !bytes.Equal(lent, long) {
			t.Errorf("%s: what was lent has changed", name)
		}
		if s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: the digest is wrong", name)
		}
	}

	s := New(0)
	apply(t, s, 0, func(b *event.Buffer) { b.HashSet([]byte("h"), f, long) })
	h, _ := s.View(0, 0).Hash([]byte("h"))
	lent, _ := h.Get(f)
	apply(t, s, 0, func(b *event.Buffer) { b.HashSet([]byte("h"), f, bytes.Repeat([]byte("y"), LendFrom)) })
	apply(t, s, 0, func(b *event.Buffer) { b.HashDelete([]byte("h"), f) })
	if !bytes.Equal(lent, long) {
		t.Error("the lent value of a field has changed")
	}

	apply(t, s, 0, func(b *event.Buffer) { b.String(k, long, 0) })
	before, _, _ := s.View(0, 0).String(k)
	apply(t, s, 0, func(b *event.Buffer) { b.Range(k, 0, []byte("y")) })
	if before[0] != 'y' {
		t.Error("a value that nobody has lent was copied to change a byte of it")
	}
}

// TestLentElement: the same for the long element of a list, alone in its chunk and among
// short ones, whatever is changed beside it.
func TestLentElement(t *testing.T) {
	k, short := []byte("k"), []byte("short")
	long, other := bytes.Repeat([]byte("x"), LendFrom), bytes.Repeat([]byte("y"), LendFrom)
	alone := func(b *event.Buffer) { b.ListPush(k, event.Right, other, short, short, long, short, short) }
	among := func(b *event.Buffer) {
		b.ListPush(k, event.Right, other, short, short, short, short)
		b.ListInsert(k, 3, long)
	}
	for name, change := range map[string]func(b *event.Buffer){
		"set":                   func(b *event.Buffer) { b.ListSet(k, 3, other) },
		"set the one before":    func(b *event.Buffer) { b.ListSet(k, 2, []byte("longer than it was")) },
		"remove the one before": func(b *event.Buffer) { b.ListRemove(k, 2) },
		"insert before":         func(b *event.Buffer) { b.ListInsert(k, 2, short) },
		"replace":               func(b *event.Buffer) { b.ListRemove(k, 3); b.ListInsert(k, 3, other) },
		"pop and push right":    func(b *event.Buffer) { b.ListPop(k, event.Right, 3); b.ListPush(k, event.Right, short, short) },
		"pop and push left":     func(b *event.Buffer) { b.ListPop(k, event.Left, 4); b.ListPush(k, event.Left, short, other) },
		"delete":                func(b *event.Buffer) { b.Delete(k, event.User); b.ListPush(k, event.Left, short) },
	} {
		for _, built := range []func(b *event.Buffer){alone, among} {
			s := New(0)
			apply(t, s, 0, built)
			l, _ := s.View(0, 0).List(k)
			lent := l.At(3)
			apply(t, s, 0, change)
			if !bytes.Equal(lent, long) {
				t.Errorf("%s: the lent element has changed", name)
			}
			if s.Digest() != s.RecomputeDigest() {
				t.Errorf("%s: the digest is wrong", name)
			}
		}
	}
}

// TestLentEntry: the same for the long value of a stream's entry, which goes with its entry.
func TestLentEntry(t *testing.T) {
	k, short := []byte("k"), []byte("short")
	id := func(n uint64) event.ID { return event.ID{MS: n} }
	long := bytes.Repeat([]byte("x"), LendFrom)
	for name, change := range map[string]func(b *event.Buffer){
		"delete":             func(b *event.Buffer) { b.StreamDelete(k, id(2)); b.StreamAdd(k, id(4), short, long[1:]) },
		"delete those by it": func(b *event.Buffer) { b.StreamDelete(k, id(1), id(3)) },
		"trim":               func(b *event.Buffer) { b.StreamTrim(k, 2) },
		"copy":               func(b *event.Buffer) { b.Copy(k, short, 0); b.StreamDelete(short, id(2)) },
		"delete the key":     func(b *event.Buffer) { b.Delete(k, event.User) },
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) {
			b.StreamAdd(k, id(1), short, short)
			b.StreamAdd(k, id(2), short, long)
			b.StreamAdd(k, id(3), short, short)
		})
		entries, _ := s.View(0, 0).Stream(k)
		e, _ := entries.Entry(id(2))
		_, lent := e.Next()
		apply(t, s, 0, change)
		if !bytes.Equal(lent, long) {
			t.Errorf("%s: the lent value has changed", name)
		}
		if s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: the digest is wrong", name)
		}
	}
}
