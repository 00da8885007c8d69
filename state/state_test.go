package state

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// apply applies what record records to db.
func apply(t testing.TB, s *State, db int, record func(*event.Buffer)) {
	t.Helper()
	var b event.Buffer
	record(&b)
	if _, err := s.Apply(db, b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// mkey is a key of the model: plain maps, the naive version of a state.
type model [Databases]map[string]*mvalue

type mvalue struct {
	hash   map[string]string // nil: a string
	text   string
	expire int64
}

func newModel() *model {
	m := &model{}
	for i := range m {
		m[i] = map[string]*mvalue{}
	}
	return m
}

func (v *mvalue) clone() *mvalue {
	c := *v
	if v.hash != nil {
		c.hash = map[string]string{}
		for f, x := range v.hash {
			c.hash[f] = x
		}
	}
	return &c
}

// step draws one event that fits the model, and applies it to both.
func (m *model) step(t *rapid.T, b *event.Buffer, db int) {
	key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "key")
	text := rapid.SampledFrom([]string{"", "1", "-5", "007", "text", strings.Repeat("x", 50), strings.Repeat("y", 5000)}).Draw(t, "text")
	at := rapid.SampledFrom([]int64{0, 1000, 2000, 3000}).Draw(t, "at")
	other := rapid.IntRange(0, 2).Draw(t, "other")
	k, v := []byte(key), m[db][key]
	switch rapid.IntRange(0, 13).Draw(t, "kind") {
	case 0:
		b.String(k, []byte(text), at)
		m[db][key] = &mvalue{text: text, expire: at}
	case 1:
		b.Text(k, []byte(text), at)
		m[db][key] = &mvalue{text: text, expire: at}
	case 2:
		if v != nil && v.hash == nil {
			b.Append(k, []byte(text))
			v.text += text
		}
	case 3:
		if v == nil || v.hash == nil {
			if v == nil {
				v = &mvalue{}
				m[db][key] = v
			}
			b.Range(k, 3, []byte(text))
			for len(v.text) < 3+len(text) {
				v.text += "\x00"
			}
			v.text = v.text[:3] + text + v.text[3+len(text):]
		}
	case 4, 5, 6:
		if v == nil || v.hash != nil {
			if v == nil {
				v = &mvalue{hash: map[string]string{}}
				m[db][key] = v
			}
			for range rapid.SampledFrom([]int{1, 2, 600}).Draw(t, "fields") {
				f := strconv.Itoa(len(v.hash) % 700)
				b.HashSet(k, []byte(f), []byte(text))
				v.hash[f] = text
			}
		}
	case 7:
		if v != nil && v.hash != nil {
			fields := make([]string, 0, len(v.hash))
			for f := range v.hash {
				fields = append(fields, f)
			}
			slices.Sort(fields)
			f := fields[len(fields)/2]
			b.HashDelete(k, []byte(f))
			if delete(v.hash, f); len(v.hash) == 0 {
				delete(m[db], key)
			}
		}
	case 8:
		if v != nil {
			b.Delete(k, event.User)
			delete(m[db], key)
		}
	case 9:
		if v != nil {
			b.Expire(k, at)
			v.expire = at
		}
	case 10:
		if v != nil {
			b.Rename(k, []byte("b"))
			delete(m[db], key)
			m[db]["b"] = v
		}
	case 11:
		if v != nil {
			b.Copy(k, []byte("c"), other)
			m[other]["c"] = v.clone()
		}
	case 12:
		if v != nil && other != db {
			b.Move(k, other)
			delete(m[db], key)
			m[other][key] = v
		}
	case 13:
		switch rapid.IntRange(0, 9).Draw(t, "whole") {
		case 0:
			b.Flush(other)
			m[other] = map[string]*mvalue{}
		case 1:
			b.FlushAll()
			*m = *newModel()
		default:
			b.Swap(db, other)
			m[db], m[other] = m[other], m[db]
		}
	}
}

// check compares a state with the model, value by value.
func (m *model) check(t *rapid.T, s *State) {
	var first []string
	for db := range m {
		v := s.View(db, 0)
		if v.Len() != len(m[db]) {
			t.Fatalf("db %d has %d keys, the model %d", db, v.Len(), len(m[db]))
		}
		for key, want := range m[db] {
			at, ok := v.ExpireAt([]byte(key))
			if !ok || at != want.expire {
				t.Fatalf("db %d %q: expiry %d (%v), the model %d", db, key, at, ok, want.expire)
			}
			if want.expire > 0 {
				first = append(first, fmt.Sprintf("%08d %02d %s", want.expire, db, key))
			}
			if want.hash == nil {
				if got, _, err := v.String([]byte(key)); err != nil || string(got) != want.text {
					t.Fatalf("db %d %q: %q, %v", db, key, got, err)
				}
				continue
			}
			h, err := v.Hash([]byte(key))
			if err != nil || h.Len() != len(want.hash) {
				t.Fatalf("db %d %q: %d fields, %v", db, key, h.Len(), err)
			}
			for f, x := range want.hash {
				if got, ok := h.Get([]byte(f)); !ok || string(got) != x {
					t.Fatalf("db %d %q %q: %q", db, key, f, got)
				}
			}
		}
	}
	slices.Sort(first)
	db, key, ok := s.NextDue(1 << 40)
	if ok != (len(first) > 0) || ok && fmt.Sprintf("%02d %s", db, key) != first[0][9:] {
		t.Fatalf("next due is db %d %q (%v), the model has %v", db, key, ok, first)
	}
	if d, r := s.Digest(), s.RecomputeDigest(); d != r {
		t.Fatalf("digest %016x, recomputed %016x", d, r)
	}
}

// TestModel: random events give what plain maps give; a copy made through
// records has the same digest and the same order.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := New(), newModel()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			var b event.Buffer
			db := rapid.IntRange(0, 2).Draw(t, "db")
			m.step(t, &b, db)
			if _, err := s.Apply(db, b.Bytes()); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "look") {
				m.check(t, s)
			}
		}
		m.check(t, s)
		c := copyOf(t, s)
		m.check(t, c)
		if c.Digest() != s.Digest() || dump(c) != dump(s) {
			t.Fatal("a copy through records differs")
		}
	})
}

func copyOf(t interface{ Fatal(...any) }, s *State) *State {
	c := New()
	for db := range Databases {
		s.Export(db, 0, func(r Record) bool {
			if err := c.Import(db, r); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	return c
}

// dump writes a state with its order and encodings.
func dump(s *State) string {
	var b strings.Builder
	for db := range Databases {
		s.Export(db, 0, func(r Record) bool {
			fmt.Fprintf(&b, "%d %q %d %d %d %q %q\n", db, r.Key, r.Type, r.Encoding, r.ExpireAt, r.Value, r.Pairs)
			return true
		})
	}
	return b.String()
}

func TestDigestTellsStatesApart(t *testing.T) {
	seen := map[uint64]string{}
	for name, record := range map[string]func(*event.Buffer){
		"empty":          func(*event.Buffer) {},
		"string":         func(b *event.Buffer) { b.String([]byte("k"), []byte("v"), 0) },
		"other value":    func(b *event.Buffer) { b.String([]byte("k"), []byte("w"), 0) },
		"other key":      func(b *event.Buffer) { b.String([]byte("l"), []byte("v"), 0) },
		"expiry":         func(b *event.Buffer) { b.String([]byte("k"), []byte("v"), 1) },
		"other database": func(b *event.Buffer) { b.Database(1); b.String([]byte("k"), []byte("v"), 0) },
		"hash":           func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("v")) },
		"swapped":        func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("v"), []byte("f")) },
		"two fields":     func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("v"), []byte("g"), []byte("w")) },
		"values swapped": func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("w"), []byte("g"), []byte("v")) },
	} {
		s := New()
		apply(t, s, 0, record)
		if other, ok := seen[s.Digest()]; ok {
			t.Errorf("%q and %q have the same digest", name, other)
		}
		seen[s.Digest()] = name
	}
}

func TestEncodings(t *testing.T) {
	k := []byte("k")
	many := func(n int) func(*event.Buffer) {
		return func(b *event.Buffer) {
			for i := range n {
				b.HashSet(k, []byte(strconv.Itoa(i)), []byte("v"))
			}
		}
	}
	for _, tc := range []struct {
		want   string
		record func(*event.Buffer)
	}{
		{"int", func(b *event.Buffer) { b.String(k, []byte("9223372036854775807"), 0) }},
		{"int", func(b *event.Buffer) { b.String(k, []byte("-9223372036854775808"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("9223372036854775808"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("18446744073709551616"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("-9223372036854775809"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("007"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, []byte("-0"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, nil, 0) }},
		{"embstr", func(b *event.Buffer) { b.Text(k, []byte("10"), 0) }},
		{"embstr", func(b *event.Buffer) { b.String(k, make([]byte, 44), 0) }},
		{"raw", func(b *event.Buffer) { b.String(k, make([]byte, 45), 0) }},
		{"raw", func(b *event.Buffer) { b.String(k, []byte("1"), 0); b.Append(k, []byte("2")) }},
		{"raw", func(b *event.Buffer) { b.Range(k, 0, []byte("x")) }},
		{"listpack", many(512)},
		{"hashtable", many(513)},
		{"hashtable", func(b *event.Buffer) { many(513)(b); b.HashDelete(k, []byte("5")) }},
		{"listpack", func(b *event.Buffer) { b.HashSet(k, make([]byte, 64), make([]byte, 64)) }},
		{"hashtable", func(b *event.Buffer) { b.HashSet(k, make([]byte, 65), nil) }},
		{"hashtable", func(b *event.Buffer) { b.HashSet(k, nil, make([]byte, 65)) }},
	} {
		s := New()
		apply(t, s, 0, tc.record)
		if got := s.View(0, 0).Encoding(k); got != tc.want {
			t.Errorf("%s, want %s", got, tc.want)
		}
		apply(t, s, 0, func(b *event.Buffer) { b.Copy(k, []byte("copy"), 0) })
		if got := copyOf(t, s).View(0, 0).Encoding([]byte("copy")); got != tc.want {
			t.Errorf("a copy, through a record: %s, want %s", got, tc.want)
		}
	}
}

// TestScanGuarantee: whatever is written and deleted between the calls, a key
// that stays is handed out.
func TestScanGuarantee(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		s := New()
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
	s := New()
	k := []byte("k")
	apply(t, s, 0, func(b *event.Buffer) { b.String(k, []byte("v"), 1000) })
	for now, want := range map[int64]bool{999: true, 1000: false, 1001: false} {
		v := s.View(0, now)
		_, ok, _ := v.String(k)
		_, has := v.ExpireAt(k)
		_, any := v.Random(7)
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

// TestForeignEvents: events that were made for another state are refused and
// change nothing.
func TestForeignEvents(t *testing.T) {
	k := []byte("k")
	for name, record := range map[string]func(*event.Buffer){
		"delete nothing":         func(b *event.Buffer) { b.Delete(k, event.User) },
		"expire nothing":         func(b *event.Buffer) { b.Expire(k, 5) },
		"append to nothing":      func(b *event.Buffer) { b.Append(k, k) },
		"rename nothing":         func(b *event.Buffer) { b.Rename(k, []byte("x")) },
		"copy nothing":           func(b *event.Buffer) { b.Copy(k, []byte("x"), 0) },
		"fields of nothing":      func(b *event.Buffer) { b.HashDelete(k, k) },
		"field of a string":      func(b *event.Buffer) { b.HashSet([]byte("s"), k, k) },
		"append to a hash":       func(b *event.Buffer) { b.Append([]byte("h"), k) },
		"range of a hash":        func(b *event.Buffer) { b.Range([]byte("h"), 0, k) },
		"range beyond all":       func(b *event.Buffer) { b.Range([]byte("s"), 1<<40, k) },
		"a field that is not":    func(b *event.Buffer) { b.HashDelete([]byte("h"), []byte("g")) },
		"a database that is not": func(b *event.Buffer) { b.Flush(16) },
	} {
		s := New()
		apply(t, s, 0, func(b *event.Buffer) {
			b.String([]byte("s"), k, 0)
			b.HashSet([]byte("h"), []byte("f"), k)
		})
		before := dump(s)
		var b event.Buffer
		record(&b)
		if _, err := s.Apply(0, b.Bytes()); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if dump(s) != before || s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: changed the state", name)
		}
	}
}

func TestReadsDoNotAllocate(t *testing.T) {
	s := New()
	k, hk, f := []byte("key:000000000001"), []byte("h"), []byte("field")
	apply(t, s, 0, func(b *event.Buffer) {
		b.String(k, make([]byte, 32), 0)
		b.HashSet([]byte("h"), f, k)
	})
	var b event.Buffer
	b.String(k, make([]byte, 32), 0)
	if n := testing.AllocsPerRun(100, func() {
		v := s.View(0, 5)
		v.String(k)
		h, _ := v.Hash(hk)
		h.Get(f)
		v.ExpireAt(k)
		if _, err := s.Apply(0, b.Bytes()); err != nil { // overwriting with the same size
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestRedisDigest compares with DEBUG DIGEST of a real server.
func TestRedisDigest(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: the digest is not compared with a real one")
	}
	addr := startRedis(t)
	s := New()
	apply(t, s, 0, func(b *event.Buffer) {
		b.String([]byte("text"), []byte("hello"), 0)
		b.String([]byte("int"), []byte("12345"), 4_000_000_000_000)
		b.HashSet([]byte("h"), []byte("f"), []byte("1"), []byte("g"), []byte("2"))
		b.Database(3)
		b.String([]byte("text"), []byte("other"), 0)
	})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte("SET text hello\r\nSET int 12345 PXAT 4000000000000\r\nHSET h g 2 f 1\r\nSELECT 3\r\nSET text other\r\nDEBUG DIGEST\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	buf := make([]byte, 1024)
	want := s.RedisDigest()
	for !strings.Contains(got.String(), hex.EncodeToString(want[:])) {
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			t.Fatalf("redis-server answered %q; ours is %x", got.String(), want)
		}
	}
}

// startRedis starts a redis-server on a free port.
func startRedis(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--enable-debug-command", "yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func BenchmarkApplySet(b *testing.B) {
	s := New()
	bodies := make([][]byte, 1<<20)
	for i := range bodies {
		var buf event.Buffer
		buf.String(fmt.Appendf(nil, "key:%012d", i), make([]byte, 32), 0)
		bodies[i] = buf.Bytes()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Apply(0, bodies[i&(1<<20-1)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := New()
	keys := make([][]byte, 1<<20)
	var buf event.Buffer
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
		buf.Truncate(0)
		buf.String(keys[i], make([]byte, 32), 0)
		if _, err := s.Apply(0, buf.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		s.View(0, 1).String(keys[rng.IntN(1<<20)])
	}
}
