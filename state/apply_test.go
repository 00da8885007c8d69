package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestForeignEvents: events that were made for another state are refused with
// the kind and the key, and change nothing.
func TestForeignEvents(t *testing.T) {
	k := []byte("k")
	long := bytes.Repeat([]byte("long"), 1000)
	for _, tc := range []struct {
		name, says string
		record     func(*event.Buffer)
	}{
		{"delete nothing", `Delete of key "k"`, func(b *event.Buffer) { b.Delete(k, event.User) }},
		{"expire nothing", `Expire of key "k"`, func(b *event.Buffer) { b.Expire(k, 5) }},
		{"append to nothing", `Append of key "k"`, func(b *event.Buffer) { b.Append(k, k) }},
		{"rename nothing", `Rename of key "k"`, func(b *event.Buffer) { b.Rename(k, []byte("x")) }},
		{"copy nothing", `Copy of key "k"`, func(b *event.Buffer) { b.Copy(k, []byte("x"), 0) }},
		{"move nothing", `Move of key "k"`, func(b *event.Buffer) { b.Move(k, 1) }},
		{"fields of nothing", `HashDelete of key "k"`, func(b *event.Buffer) { b.HashDelete(k, k) }},
		{"field of a string", `HashSet of key "s": it holds a string`, func(b *event.Buffer) { b.HashSet([]byte("s"), k, k) }},
		{"delete a field of a string", `HashDelete of key "s": it holds a string`, func(b *event.Buffer) { b.HashDelete([]byte("s"), k) }},
		{"append to a hash", `Append of key "h": it holds a hash`, func(b *event.Buffer) { b.Append([]byte("h"), k) }},
		{"range of a hash", `Range of key "h": it holds a hash`, func(b *event.Buffer) { b.Range([]byte("h"), 0, k) }},
		{"range beyond all", `Range of key "s"`, func(b *event.Buffer) { b.Range([]byte("s"), 1<<40, k) }},
		{"range whose end overflows", `Range of key "s"`, func(b *event.Buffer) { b.Range([]byte("s"), math.MaxInt64, k) }},
		{"a field that is not", `HashDelete of key "h": there is no field "k"`, func(b *event.Buffer) { b.HashDelete([]byte("h"), k) }},
		{"a field that is not, after one that is", `there is no field "k"`, func(b *event.Buffer) { b.HashDelete([]byte("h"), []byte("f"), k) }},
		{"flush a database that is not", "Flush", func(b *event.Buffer) { b.Flush(16) }},
		{"swap with a database that is not", "Swap", func(b *event.Buffer) { b.Swap(0, 16) }},
		{"go to a database that is not", "Database", func(b *event.Buffer) { b.Database(16) }},
		{"move to a database that is not", "Move", func(b *event.Buffer) { b.Move([]byte("s"), 16) }},
		{"copy to a database that is not", "Copy", func(b *event.Buffer) { b.Copy([]byte("s"), k, 255) }},
		{"a kind that nobody knows", "kind 99", func(b *event.Buffer) { b.Join([]byte{0x92, 99, 0}) }},
		{"bytes that are no event", "malformed", func(b *event.Buffer) { b.Join([]byte{0xc0}) }},
		{"a long key", "… (4000 bytes)", func(b *event.Buffer) { b.Delete(long, event.User) }},
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) {
			b.String([]byte("s"), k, 9)
			b.HashSet([]byte("h"), []byte("f"), k, []byte("g"), k)
		})
		before := dump(s)
		var b event.Buffer
		tc.record(&b)
		_, err := s.Apply(0, b.Bytes())
		if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 300 {
			t.Errorf("%s: %v, want %q in it", tc.name, err, tc.says)
		}
		if dump(s) != before || s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: changed the state", tc.name)
		}
		invariants(t, s)
	}
}

// TestEventsBeforeAnError stay applied, those after it are not.
func TestEventsBeforeAnError(t *testing.T) {
	s := New(0)
	var b event.Buffer
	b.String([]byte("before"), nil, 0)
	b.Database(2)
	b.Delete([]byte("nothing"), event.User)
	b.String([]byte("after"), nil, 0)
	db, err := s.Apply(0, b.Bytes())
	if err == nil || db != 2 || s.Keys(0) != 1 || s.TotalKeys() != 1 {
		t.Errorf("db %d, %d keys, %v", db, s.TotalKeys(), err)
	}
}

// TestEntriesAndEventsAreOne: a body applied whole, event by event, and without
// its header gives the same state, order included.
func TestEntriesAndEventsAreOne(t *testing.T) {
	var events event.Buffer
	for i := range 50 {
		key := fmt.Appendf(nil, "k%d", i%20)
		events.Cause([][]byte{[]byte("SET"), key})
		events.String(key, key, int64(i%3)*1000)
		if i%7 == 0 {
			events.Delete(key, event.Expired)
		}
		if i%5 == 0 {
			events.Database(i % 4)
		}
	}
	var body event.Buffer
	body.Header(event.Header{DB: 3, Conn: 1, Name: "EXEC"})
	body.Join(events.Bytes())
	whole, parts, bare := New(0), New(0), New(0)
	if err := whole.ApplyEntry(body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, err := bare.Apply(3, events.Bytes()); err != nil {
		t.Fatal(err)
	}
	var ev event.Event
	db := 3
	for left := events.Bytes(); len(left) > 0; {
		rest, err := ev.Decode(left)
		if err != nil {
			t.Fatal(err)
		}
		if db, err = parts.Apply(db, left[:len(left)-len(rest)]); err != nil {
			t.Fatal(err)
		}
		left = rest
	}
	if dump(whole) != dump(parts) || dump(whole) != dump(bare) || whole.Digest() != parts.Digest() || whole.TotalKeys() == 0 {
		t.Error("three ways, three states")
	}
	if err := whole.ApplyEntry([]byte{0xc0}); err == nil {
		t.Error("a body without a header was accepted")
	}
}

// TestNothingIsShared: keys and values live in blocks of their own; whatever is
// done to one key, or to the bytes that it came from, is not seen in another.
func TestNothingIsShared(t *testing.T) {
	for _, size := range []int{0, 1, 256, maxRecord, lateFrom + 1} {
		s := New(0)
		var b event.Buffer
		value := bytes.Repeat([]byte("v"), size)
		b.String([]byte("key"), value, 0)
		b.HashSet([]byte("hash"), []byte("field"), value)
		if _, err := s.Apply(0, b.Bytes()); err != nil {
			t.Fatal(err)
		}
		clear(b.Bytes()) // the caller reuses its buffer
		apply(t, s, 0, func(b *event.Buffer) {
			b.Copy([]byte("key"), []byte("twin"), 0)
			b.Copy([]byte("hash"), []byte("twin hash"), 0)
			b.Append([]byte("key"), []byte("tail"))
			b.Range([]byte("key"), 0, []byte("head"))
			b.HashSet([]byte("hash"), []byte("field"), bytes.Repeat([]byte("w"), size))
		})
		v := s.View(0, 0)
		twin, _, _ := v.String([]byte("twin"))
		h, _ := v.Hash([]byte("twin hash"))
		field, ok := h.Get([]byte("field"))
		if !bytes.Equal(twin, value) || !ok || !bytes.Equal(field, value) {
			t.Errorf("%d bytes: the copies are %q and %q", size, twin, field)
		}
		want := append(append([]byte(nil), value...), "tail"...)
		copy(want, "head")
		if got, _, _ := v.String([]byte("key")); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
		if s.Digest() != s.RecomputeDigest() {
			t.Errorf("%d bytes: the digest is wrong", size)
		}
		invariants(t, s)
	}
}

// TestValuesDoNotHoldMemory: a key that held much and holds little now has given
// the rest back.
func TestValuesDoNotHoldMemory(t *testing.T) {
	s := New(0)
	k := []byte("k")
	for _, size := range []int{1 << 20, 10, 1 << 16, 200, 0} {
		apply(t, s, 0, func(b *event.Buffer) {
			b.String(k, make([]byte, size), 0)
			b.HashSet([]byte("h"), k, make([]byte, size))
		})
		h, _ := s.View(0, 0).Hash([]byte("h"))
		field, _ := h.Get(k)
		v, _, _ := s.View(0, 0).String(k)
		if cap(v) > 2*size+64 || cap(field) > 2*size+64 {
			t.Errorf("%d bytes held in %d and %d", size, cap(v), cap(field))
		}
	}
}

func TestApplyAllocatesLittle(t *testing.T) {
	s := New(0)
	events := make([][]byte, 2000)
	for i := range events {
		var b event.Buffer
		b.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0)
		events[i] = b.Bytes()
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Apply(0, events[i]); err != nil {
			t.Fatal(err)
		}
		i++
	}); n != 0 {
		t.Errorf("a new key: %v allocations", n)
	}
	var b event.Buffer
	b.String([]byte("ttl"), make([]byte, 32), 5000)
	b.HashSet([]byte("h"), []byte("f"), make([]byte, 32))
	b.Expire([]byte("ttl"), 6000)
	apply(t, s, 0, func(x *event.Buffer) { x.Join(b.Bytes()) })
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.Apply(0, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("overwriting: %v allocations", n)
	}
}

// TestSteadyChurnAllocatesNothing: keys that come and go and change their size,
// numbers that count and fields of small and large hashes leave nothing for the
// collector, once there has been as much before.
func TestSteadyChurnAllocatesNothing(t *testing.T) {
	s := New(0)
	rng := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 400)
	var b event.Buffer
	key, number := make([]byte, 0, 32), make([]byte, 0, 32)
	steps := map[string]func(i int){
		"SET and DEL": func(i int) {
			key = append(key[:0], "key:"...)
			key = binary.LittleEndian.AppendUint16(key, uint16(i%5000))
			if there := s.View(0, 0).Exists(key); there && i%3 == 0 {
				b.Delete(key, event.User)
				return
			}
			b.String(key, value[:rng.IntN(len(value))], int64(i%2)*1000)
		},
		"INCR": func(i int) {
			b.String([]byte("counter"), strconv.AppendInt(number[:0], int64(i), 10), 0)
		},
		"HSET, small": func(i int) {
			b.HashSet([]byte("small"), strconv.AppendInt(number[:0], int64(i%10), 10), value[:i%20])
		},
		"HSET, large": func(i int) {
			b.HashSet([]byte("large"), strconv.AppendInt(number[:0], int64(i%1000), 10), value[:i%200])
		},
		"small lists and sets that come and go": func(i int) {
			switch i % 6 {
			case 0, 1, 2:
				b.ListPush([]byte("list"), event.Side(i%2), value[:20])
			case 3:
				b.ListPop([]byte("list"), event.Left, 3)
			case 4:
				b.SetAdd([]byte("set"), strconv.AppendInt(number[:0], int64(i), 10))
			case 5:
				b.SetRemove([]byte("set"), strconv.AppendInt(number[:0], int64(i-1), 10))
			}
		},
	}
	for name, step := range steps {
		i := 0
		round := func() {
			b.Truncate(0)
			step(i)
			if _, err := s.Apply(0, b.Bytes()); err != nil {
				t.Fatal(err)
			}
			i++
		}
		for range 50_000 {
			round()
		}
		if n := testing.AllocsPerRun(1, func() {
			for range 5000 {
				round()
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations in 5000", name, n)
		}
	}
	invariants(t, s)
}

// TestBytesPerKey holds how much memory keys take at every size that a growing
// database passes through. From a million on they take some bytes less: what is
// not full yet counts for less.
func TestBytesPerKey(t *testing.T) {
	if testing.Short() {
		t.Skip("seven hundred thousand keys")
	}
	s := New(0)
	var worst, sum float64
	samples := 0
	for i := range 700_000 {
		apply(t, s, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0) })
		if n := i + 1; n >= 400_000 && n%10_000 == 0 {
			each := float64(s.Memory()) / float64(n)
			worst, sum, samples = max(worst, each), sum+each, samples+1
		}
	}
	t.Logf("16 + 32 bytes: %.1f on average, %.1f at worst", sum/float64(samples), worst)
	if sum/float64(samples) > 74 || worst > 77 {
		t.Errorf("a key takes %.1f bytes on average, %.1f at worst", sum/float64(samples), worst)
	}
	s = New(0)
	const hashes = 100_000
	for i := range hashes {
		apply(t, s, 0, func(b *event.Buffer) {
			for f := range 10 {
				b.HashSet(fmt.Appendf(nil, "hash:%012d", i), fmt.Appendf(nil, "field%d", f), fmt.Appendf(nil, "value%05d", i))
			}
		})
	}
	each := float64(s.Memory()) / hashes
	t.Logf("hashes of 10 fields: %.1f", each)
	if each > 380 {
		t.Errorf("a hash of 10 fields takes %.1f bytes", each)
	}
}

// TestImportRefuses records that Export never gives.
func TestImportRefuses(t *testing.T) {
	k := []byte("k")
	for name, r := range map[string]Record{
		"a key twice":                   {Key: []byte("there"), Type: String, Encoding: uint8(encRaw)},
		"no type":                       {Key: k},
		"an unknown type":               {Key: k, Type: 9, Encoding: 1},
		"a string without an encoding":  {Key: k, Type: String},
		"a string as a listpack":        {Key: k, Type: String, Encoding: uint8(encListpack)},
		"a number that is none":         {Key: k, Type: String, Encoding: uint8(encInt), Value: []byte("1x")},
		"a long embstr":                 {Key: k, Type: String, Encoding: uint8(encEmbstr), Value: make([]byte, 45)},
		"an expiry before 1970":         {Key: k, Type: String, Encoding: uint8(encRaw), ExpireAt: -1},
		"an empty hash":                 {Key: k, Type: Hash, Encoding: uint8(encListpack)},
		"a field without a value":       {Key: k, Type: Hash, Encoding: uint8(encListpack), Items: [][]byte{k}},
		"a field twice":                 {Key: k, Type: Hash, Encoding: uint8(encListpack), Items: [][]byte{k, k, k, k}},
		"a field twice in a large hash": {Key: k, Type: Hash, Encoding: uint8(encHashtable), Items: [][]byte{k, k, k, k}},
		"a small hash of 513 fields":    {Key: k, Type: Hash, Encoding: uint8(encListpack), Items: pairs(MaxListpackEntries + 1)},
		"a hash as a string":            {Key: k, Type: Hash, Encoding: uint8(encRaw), Items: [][]byte{k, k}},
		"a long value in a small hash":  {Key: k, Type: Hash, Encoding: uint8(encListpack), Items: [][]byte{k, make([]byte, 65)}},
		"a hash with no known encoding": {Key: k, Type: Hash, Encoding: 77, Items: [][]byte{k, k}},
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) { b.String([]byte("there"), nil, 0) })
		before := dump(s)
		if err := s.Import(0, r); err == nil || !strings.Contains(err.Error(), string(r.Key)) {
			t.Errorf("%s: %v", name, err)
		}
		if dump(s) != before || s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: changed the state", name)
		}
		invariants(t, s)
	}
	for _, db := range []int{-1, Databases} {
		if err := New(0).Import(db, Record{Key: k, Type: String, Encoding: uint8(encRaw)}); err == nil {
			t.Errorf("database %d was accepted", db)
		}
	}
}

// pairs are n fields and their values, none twice.
func pairs(n int) (p [][]byte) {
	for i := range n {
		p = append(p, fmt.Appendf(nil, "%d", i), []byte("v"))
	}
	return p
}

// FuzzApply: whatever the bytes are, a state stays whole.
func FuzzApply(f *testing.F) {
	var b event.Buffer
	b.String([]byte("a"), []byte("1"), 5)
	b.Append([]byte("a"), []byte("2"))
	b.HashSet([]byte("h"), []byte("f"), []byte("v"))
	b.Copy([]byte("h"), []byte("b"), 1)
	b.Rename([]byte("a"), []byte("h"))
	b.Swap(0, 1)
	b.Move([]byte("b"), 2)
	b.Range([]byte("r"), 3, []byte("x"))
	b.Flush(1)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, p []byte) {
		var ev event.Event
		for rest := p; len(rest) > 0; {
			var err error
			if rest, err = ev.Decode(rest); err != nil {
				break
			}
			if ev.Kind == event.Range && ev.At > 1<<20 {
				return // right, but slow
			}
		}
		s := New(0)
		// An error leaves what was applied before it: that must be whole too.
		_, err := s.Apply(0, p)
		invariants(t, s)
		if d, r := s.Digest(), s.RecomputeDigest(); d != r {
			t.Fatalf("digest %016x, recomputed %016x (%v)", d, r, err)
		}
		if c := copyOf(t, s); dump(c) != dump(s) {
			t.Fatal("a copy through records differs")
		}
	})
}

// TestLargeEventLeavesNothing: the room for the items of an event with very many is
// given back with it.
func TestLargeEventLeavesNothing(t *testing.T) {
	s := New(5)
	var pairs [][]byte
	for i := range 50_000 {
		pairs = append(pairs, fmt.Append(nil, i), nil)
	}
	apply(t, s, 0, func(b *event.Buffer) { b.HashSet([]byte("h"), pairs...) })
	if n := cap(s.ev.Items); n > keepItems {
		t.Errorf("room for %d items is kept", n)
	}
}
