package replay

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// expiries lists the keys of database 0 with their expiries, in ms after the epoch of the
// tests' logs; - for none.
func expiries(st *state.State) map[string]string {
	all, view := map[string]string{}, st.View(0, 0)
	view.Each(func(key []byte) bool {
		all[string(key)] = "-"
		if at, _ := view.ExpireAt(key); at != 0 {
			all[string(key)] = fmt.Sprint(at - epoch/1000)
		}
		return true
	})
	return all
}

// last gives the state at the end of the log in dir.
func last(t *testing.T, dir string) *compaction.Built {
	t.Helper()
	b, err := compaction.Build(dir, compaction.Latest, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newExpiring is a world whose keys have expired, will, and never do. Entry n is n seconds
// after the epoch.
func newExpiring(t *testing.T) *world {
	w := newWorld(t, 700)
	ms := func(n int64) int64 { return epoch/1000 + n }
	w.do(event.Header{Name: "SET"}, func(b *event.Buffer) { // @1
		b.String([]byte("over"), []byte("1"), ms(1500))
		b.String([]byte("soon"), []byte("2"), ms(9000))
		b.String([]byte("never"), []byte("3"), 0)
		b.String([]byte("longest"), []byte("4"), math.MaxInt64-1)
		b.HashSet([]byte("hash"), []byte("f"), []byte("v"))
		b.Expire([]byte("hash"), ms(60_000))
		b.StreamAdd([]byte("stream"), event.ID{MS: 5}, []byte("f"), []byte("v"))
	})
	w.set("other", "x") // @2, the point
	w.do(event.Header{Name: "EXPIRE"}, func(b *event.Buffer) { b.Expire([]byte("never"), ms(7000)) })
	w.do(event.Header{}, func(b *event.Buffer) { b.Delete([]byte("over"), event.Expired) })
	w.set("later", "y") // @5
	return w
}

// TestWantedExpiries: at @2, two seconds after the epoch; now is a hundred after it.
func TestWantedExpiries(t *testing.T) {
	now := time.UnixMicro(epoch).Add(100 * time.Second)
	longest := fmt.Sprint(math.MaxInt64 - 1 - epoch/1000)
	for _, c := range []struct {
		ttl  TTL
		want map[string]string
	}{
		{TTLAbsolute, map[string]string{"over": "1500", "soon": "9000", "hash": "60000", "longest": longest}},
		{TTLShift, map[string]string{"over": "99500", "soon": "107000", "hash": "158000", "longest": longest}},
		{TTLFrozen, map[string]string{"soon": "-", "hash": "-", "longest": "-"}},
	} {
		for _, key := range []string{"never", "other", "stream"} {
			c.want[key] = "-"
		}
		t.Run(c.ttl.String(), func(t *testing.T) {
			w := newExpiring(t)
			out := filepath.Join(t.TempDir(), "out")
			r, err := Restore(w.dir, AtOffset(2), out, Wanted{TTL: c.ttl, Now: now}, nil)
			if err != nil {
				t.Fatal(err)
			}
			made := last(t, out)
			if got := expiries(made.State); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("the new directory has %v, want %v", got, c.want)
			}
			at := int64(epoch + 2_000_000)
			if c.ttl == TTLShift {
				at = now.UnixMicro()
			}
			if made.AtTime != at || r.Time != epoch+2_000_000 || r.Keys != len(c.want) {
				t.Errorf("its time is %d, want %d; %+v", made.AtTime, at, r)
			}
			opens(t, out, 2, made.State.Digest())

			before := w.State.Digest()
			w.stop(true)
			u, err := RestoreInPlace(w.dir, AtOffset(2), InPlace{Wanted: Wanted{TTL: c.ttl, Now: now}})
			if err != nil || u.Entry != 6 || u.Digest != made.State.Digest() {
				t.Fatalf("in place: %+v, %v", u, err)
			}
			if got := expiries(last(t, w.dir).State); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("in place there is %v, want %v", got, c.want)
			}
			if argv := cause(t, w.dir, 6); strings.Contains(argv, "--ttl "+c.ttl.String()) == (c.ttl == TTLAbsolute) {
				t.Errorf("the entry says %s", argv)
			}
			if u, err = RestoreInPlace(w.dir, AtOffset(5), InPlace{}); err != nil || u.Digest != before {
				t.Errorf("undone: %+v, %v", u, err)
			}
		})
	}
}

// cause is what an entry says caused it.
func cause(t *testing.T, dir string, at uint64) string {
	t.Helper()
	r, err := log.OpenReader(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := event.DecodeHeader(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(appendArgv(nil, h.Argv))
}

// TestWantedKeys: only keys that match are restored, with their expiries.
func TestWantedKeys(t *testing.T) {
	match := func(key []byte) bool { return strings.HasPrefix(string(key), "s") || string(key) == "over" }
	w := newExpiring(t)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Restore(w.dir, AtOffset(1), out, Wanted{Keys: match}, nil); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(expiries(last(t, out).State)); got != "map[over:1500 soon:9000 stream:-]" {
		t.Errorf("the new directory has %s", got)
	}
	w.stop(true)
	if _, err := RestoreInPlace(w.dir, AtOffset(1), InPlace{Wanted: Wanted{Keys: match, TTL: TTLFrozen}}); err != nil {
		t.Fatal(err)
	}
	// "never" has kept what it got at @3, and so have "hash" and "longest"
	want := fmt.Sprintf("map[hash:60000 later:- longest:%d never:7000 other:- over:- soon:- stream:-]", math.MaxInt64-1-epoch/1000)
	if got := fmt.Sprint(expiries(last(t, w.dir).State)); got != want {
		t.Errorf("in place there is %s, want %s", got, want)
	}
}

// TestWantedAll: what is taken of a state key by key is that state, whatever is in it.
func TestWantedAll(t *testing.T) {
	w := newWorld(t, 0)
	w.random(300)
	at, err := StateAt(w.dir, Last(), nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := at.State
	all := Wanted{Keys: func([]byte) bool { return true }}
	if err := all.Take(at); err != nil {
		t.Fatal(err)
	}
	if at.State == whole || at.State.Digest() != w.State.Digest() || at.State.TotalKeys() != w.State.TotalKeys() {
		t.Errorf("%d keys with digest %016x, want %d with %016x", at.State.TotalKeys(), at.State.Digest(), w.State.TotalKeys(), w.State.Digest())
	}
}

func TestShifted(t *testing.T) {
	const most = math.MaxInt64 - 1
	for _, c := range [][3]int64{{5, 3, 8}, {5, -3, 2}, {5, -5, 1}, {5, -9, 1}, {5, 0, 5}, {most, 1, most}, {most, 0, most}, {most - 1, 1, most}, {1, most, most}, {most, -1, most - 1}} {
		if got := shifted(c[0], c[1]); got != c[2] {
			t.Errorf("%d shifted by %d is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestParseTTL(t *testing.T) {
	for _, want := range []TTL{TTLAbsolute, TTLShift, TTLFrozen} {
		if got, err := ParseTTL(want.String()); got != want || err != nil {
			t.Errorf("%s is %v, %v", want, got, err)
		}
	}
	for _, word := range []string{"", "Shift", "freeze"} {
		if got, err := ParseTTL(word); err == nil {
			t.Errorf("%q is %v", word, got)
		}
	}
}
