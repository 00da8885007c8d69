package replay

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// golden holds text against a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", name, got, want)
	}
}

// story is a log in which everything that can happen to a key happens to "k" of
// database 0, and much that does not concern it.
func story(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 0)
	k, other := []byte("k"), []byte("other")
	ada := &event.Origin{Addr: "127.0.0.1:5000", User: "ada", Name: "worker", Lib: "go-redis", LibVer: "9"}
	do := func(h event.Header, record func(*event.Buffer)) { w.do(h, record) }
	do(event.Header{Conn: 3, Origin: ada, Name: "SET"}, func(b *event.Buffer) { b.String(k, []byte("one"), 0) })
	do(event.Header{Conn: 3, Name: "SET"}, func(b *event.Buffer) { b.String(other, []byte("k"), 0) })
	do(event.Header{DB: 1, Conn: 3, Name: "SET"}, func(b *event.Buffer) { b.String(k, []byte("elsewhere"), 0) })
	do(event.Header{Conn: 4, Argv: [][]byte{[]byte("APPEND"), k, []byte("a b\x00")}}, func(b *event.Buffer) { b.Append(k, []byte("a b\x00")) })
	do(event.Header{Conn: 4, Name: "SETRANGE"}, func(b *event.Buffer) { b.Range(k, 1, []byte("NE")) })
	do(event.Header{Conn: 4, Name: "PEXPIREAT"}, func(b *event.Buffer) { b.Expire(k, epoch/1000+60_000) })
	do(event.Header{}, func(b *event.Buffer) { b.Delete(k, event.Expired) })
	bob := &event.Origin{Addr: "127.0.0.1:6000", User: "default"} // named in an entry that is none of k's
	do(event.Header{Conn: 4, Origin: bob, Name: "FLUSHDB"}, func(b *event.Buffer) { b.Flush(2) })
	do(event.Header{Conn: 4, Name: "SWAPDB"}, func(b *event.Buffer) { b.Swap(0, 1) })
	do(event.Header{Conn: 4, Name: "SWAPDB"}, func(b *event.Buffer) { b.Swap(3, 4) })
	do(event.Header{DB: 1, Conn: 3, Name: "RENAME"}, func(b *event.Buffer) { b.Rename(other, []byte("x")) })
	do(event.Header{DB: 1, Conn: 3, Name: "MOVE"}, func(b *event.Buffer) { b.Move([]byte("x"), 0) })
	do(event.Header{Conn: 3, Name: "RENAME"}, func(b *event.Buffer) { b.Rename([]byte("x"), k) })
	do(event.Header{Conn: 3, Name: "COPY"}, func(b *event.Buffer) { b.Copy(k, other, 0) })
	do(event.Header{Conn: 3, Name: "EXEC"}, func(b *event.Buffer) {
		b.Cause([][]byte{[]byte("DEL"), k})
		b.Delete(k, event.User)
		b.Cause([][]byte{[]byte("HSET"), k, []byte("f"), []byte("1")})
		b.HashSet(k, []byte("f"), []byte("1"), []byte("\xff"), []byte("2"))
		b.Database(1)
		b.String(k, []byte("not this one"), 0)
	})
	do(event.Header{Conn: 3, Name: "HDEL"}, func(b *event.Buffer) { b.HashDelete(k, []byte("f")) })
	do(event.Header{Conn: 3, Name: "HDEL"}, func(b *event.Buffer) { b.HashDelete(k, []byte("\xff")) })
	do(event.Header{Conn: 3, Name: "COPY"}, func(b *event.Buffer) { b.Copy(other, k, 0) })
	do(event.Header{Conn: 3, Name: "MOVE"}, func(b *event.Buffer) { b.Move(k, 5) })
	do(event.Header{Conn: 3, Name: "FLUSHALL"}, func(b *event.Buffer) { b.FlushAll() })
	do(event.Header{Conn: 3, Name: "SET"}, func(b *event.Buffer) { b.String(k, []byte("two"), epoch/1000+999_000) })
	do(event.Header{Conn: 3, Name: "FLUSHALL"}, func(b *event.Buffer) { b.FlushAll() })
	return w
}

// changes writes a key's history as people and programs see it.
func changes(t *testing.T, dir string, db int, key, span string) (people, programs string) {
	t.Helper()
	var a, b strings.Builder
	if err := history(t, dir, Key{DB: db, Key: []byte(key)}, span, func(c Change) error {
		fmt.Fprintln(&a, c)
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\n", raw)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return a.String(), b.String()
}

func TestHistory(t *testing.T) {
	w := story(t)
	people, programs := changes(t, w.dir, 0, "k", "..")
	golden(t, "history.txt", people)
	golden(t, "history.json", programs)
}

// TestHistoryOfAPiece: the same changes, whichever way the log is divided, and
// whatever checkpoints there are.
func TestHistoryOfAPiece(t *testing.T) {
	w := story(t)
	whole, _ := changes(t, w.dir, 0, "k", "..")
	w.checkpoint(9)
	for cut := range len(w.digests) {
		before, _ := changes(t, w.dir, 0, "k", fmt.Sprintf("..@%d", cut))
		after, _ := changes(t, w.dir, 0, "k", fmt.Sprintf("@%d..", cut))
		if before+after != whole {
			t.Errorf("cut at @%d: got\n%s---\n%swant\n%s", cut, before, after, whole)
		}
	}
	if none, _ := changes(t, w.dir, 7, "k", ".."); none != "" {
		t.Errorf("in another database: %s", none)
	}
	if none, _ := changes(t, w.dir, 0, "never", ".."); none != "" {
		t.Errorf("of a key that never was: %s", none)
	}
	if none, _ := changes(t, w.dir, 0, "k", "@9..@3"); none != "" {
		t.Errorf("backwards: %s", none)
	}
}

// TestHistoryAgreesWithStates: before and after are what StateAt says, and
// between two changes nothing changes.
func TestHistoryAgreesWithStates(t *testing.T) {
	w := newWorld(t, 1000)
	w.random(150)
	w.checkpoint(70)
	for _, key := range []string{"k3", "k11", "renamed", "h2"} {
		seen := map[uint64]Change{}
		if err := history(t, w.dir, Key{Key: []byte(key)}, "@0..", func(c Change) error {
			seen[c.Offset] = c
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(seen) == 0 {
			t.Errorf("%s never changed", key)
		}
		before := Value{}
		for at := uint64(1); at < uint64(len(w.digests)); at++ {
			s, err := StateAt(w.dir, AtOffset(at), nil)
			if err != nil {
				t.Fatal(err)
			}
			now := ValueAt(s.State.View(0, 0), []byte(key))
			c, changed := seen[at]
			if changed && (c.Before.String() != before.String() || c.After.String() != now.String()) {
				t.Errorf("%s @%d: %s, want %s => %s", key, at, c, before, now)
			}
			if !changed && now.String() != before.String() {
				t.Errorf("%s @%d: %s became %s, which the history does not tell", key, at, before, now)
			}
			before = now
		}
	}
}

func TestHistoryErrors(t *testing.T) {
	w := story(t)
	stop := errors.New("enough")
	calls := 0
	if err := history(t, w.dir, Key{Key: []byte("k")}, "..", func(Change) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	s, err := OpenSeeker(w.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Changes(Key{Key: []byte("k")}, 0, 99, true, nil); !errors.Is(err, log.ErrFuture) {
		t.Errorf("a range into the future gives %v", err)
	}
}

// lines reads entries until there are none, as people and programs see them.
func lines(t *testing.T, s *Entries) (people, programs string) {
	t.Helper()
	var a, b strings.Builder
	for {
		l, err := s.Next()
		if errors.Is(err, io.EOF) {
			return a.String(), b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&a, l)
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(raw) {
			t.Errorf("no JSON: %s", raw)
		}
		fmt.Fprintf(&b, "%s\n", raw)
	}
}

func TestEntries(t *testing.T) {
	w := story(t)
	s, err := OpenEntries(w.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	people, programs := lines(t, s)
	golden(t, "entries.txt", people)
	golden(t, "entries.json", programs)

	// From the middle of the segment on: the connection is known all the same.
	for after := range uint64(len(w.digests)) - 1 {
		part, err := OpenEntries(w.dir, after)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := lines(t, part)
		part.Close()
		if !strings.HasSuffix(people, got) || strings.Count(got, "\n") != len(w.digests)-1-int(after) {
			t.Errorf("after @%d:\n%s", after, got)
		}
	}

	// Following: what comes later is handed out later.
	w.set("later", "x")
	if got, _ := lines(t, s); !strings.HasPrefix(got, "@23 ") || strings.Count(got, "\n") != 1 {
		t.Errorf("following gives %q", got)
	}
}

// TestEntriesOverSegments: particulars are not carried from one segment to the
// next, where another connection may have the number.
func TestEntriesOverSegments(t *testing.T) {
	w := newWorld(t, 300)
	first := true
	for i := range 30 {
		h := event.Header{Conn: 5, Name: "SET"}
		if w.Log.SegmentFirst() == w.Log.Next() || first {
			h.Origin = &event.Origin{Addr: fmt.Sprintf("10.0.0.%d:1", i)}
			first = false
		}
		w.do(h, func(b *event.Buffer) { b.String([]byte("k"), fmt.Appendf(nil, "%d", i), 0) })
	}
	s, err := OpenEntries(w.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	whole, _ := lines(t, s)
	if n := strings.Count(whole, "10.0.0."); n != 30 {
		t.Errorf("%d of 30 lines name the connection", n)
	}
	for after := range uint64(30) {
		part, err := OpenEntries(w.dir, after)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := lines(t, part); !strings.HasSuffix(whole, got) {
			t.Errorf("after @%d other connections are named:\n%s", after, got)
		}
		part.Close()
	}
}

func TestEntriesErrors(t *testing.T) {
	w := newWorld(t, 0)
	w.random(2)
	w.Log.Append(log.KindChange, 0, []byte("no body"))
	if err := w.Log.Commit(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenEntries(w.dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if l, err := s.Next(); !errors.Is(err, event.ErrMalformed) || !strings.Contains(err.Error(), "@3") {
		t.Errorf("it gives %v, %v", l, err)
	}
	if _, err := OpenEntries(w.dir, 4); !errors.Is(err, log.ErrFuture) {
		t.Errorf("after @4 gives %v", err)
	}
}

// TestHistoryWithoutValues: who does not ask for values gets the same changes without them.
func TestHistoryWithoutValues(t *testing.T) {
	w := story(t)
	s, err := OpenSeeker(w.dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var said [2][]string
	for i, values := range []bool{true, false} {
		if err := s.Changes(Key{Key: []byte("k")}, 0, w.Log.Last(), values, func(c Change) error {
			said[i] = append(said[i], c.Line.String())
			if none := c.Before.Type == state.None && c.After.Type == state.None; none == values {
				t.Errorf("with values %v: %v", values, c)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(said[0]) == 0 || !slices.Equal(said[0], said[1]) {
		t.Errorf("with values\n%q\nand without\n%q", said[0], said[1])
	}
}
