package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// differences writes what differs between two points as people and programs see it.
func differences(t *testing.T, dir, from, to string) (people, programs string) {
	t.Helper()
	a, err := ParsePoint(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParsePoint(to)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(dir, a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text, lines strings.Builder
	stat, err := c.Each(nil, func(d Difference) error {
		fmt.Fprintln(&text, d)
		raw, err := json.Marshal(d)
		fmt.Fprintf(&lines, "%s\n", raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&text, stat)
	return text.String(), lines.String()
}

// collections is a log in which a value of each type is made and then changed in part.
func collections(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 0)
	b := func(text string) []byte { return []byte(text) }
	h := event.Header{Conn: 1, Name: "TEST"}
	w.do(h, func(e *event.Buffer) {
		e.String(b("text"), b("one"), 0)
		e.String(b("gone"), b("x"), 0)
		e.String(b("same"), b("x"), 0)
		e.HashSet(b("hash"), b("a"), b("1"), b("b"), b("2"), b("c"), b("3"))
		e.ListPush(b("list"), event.Right, b("p"), b("q"), b("r"), b("s"))
		e.SetAdd(b("set"), b("m"), b("n"))
		e.Database(3)
		e.String(b("two words"), b("x"), epoch/1000+60_000)
	})
	w.do(h, func(e *event.Buffer) {
		e.String(b("text"), b("two\xff"), epoch/1000+60_000)
		e.Delete(b("gone"), event.User)
		e.String(b("same"), b("y"), 0)
		e.String(b("same"), b("x"), 0)
		e.HashSet(b("hash"), b("b"), b("22"), b("d"), b("4"))
		e.HashDelete(b("hash"), b("a"))
		e.ListPop(b("list"), event.Left, 1)
		e.ListPush(b("list"), event.Left, b("o"), b("p2"))
		e.SetRemove(b("set"), b("m"))
		e.SetAdd(b("set"), b("o"))
		e.String(b("new"), b("1"), 0)
		e.Database(3)
		e.Expire(b("two words"), 0)
	})
	return w
}

func TestDiff(t *testing.T) {
	w := collections(t)
	people, programs := differences(t, w.dir, "@1", "@2")
	back, _ := differences(t, w.dir, "@2", "@1")
	golden(t, "diff.txt", people+"and back\n"+back)
	golden(t, "diff.json", programs)
	if same, _ := differences(t, w.dir, "@2", "@2"); same != "0 added, 0 removed, 0 changed\n" {
		t.Errorf("a point and itself: %s", same)
	}
}

// TestDiffOverFlush: what speaks of whole databases makes all keys be compared.
func TestDiffOverFlush(t *testing.T) {
	w := collections(t)
	w.do(event.Header{Conn: 1, Name: "SWAPDB"}, func(e *event.Buffer) { e.Swap(0, 3) })
	w.do(event.Header{Conn: 1, Name: "FLUSHALL"}, func(e *event.Buffer) { e.FlushAll() })
	w.set("text", "three")
	people, _ := differences(t, w.dir, "@2", "@last")
	if !strings.HasSuffix(people, "1 added, 6 removed, 1 changed\n") && !strings.HasSuffix(people, "0 added, 6 removed, 1 changed\n") {
		t.Errorf("over FLUSHALL: %s", people)
	}
	people, _ = differences(t, w.dir, "@2", "@3")
	if !strings.HasSuffix(people, "7 added, 7 removed, 0 changed\n") {
		t.Errorf("over SWAPDB: %s", people)
	}
}

func TestDiffErrors(t *testing.T) {
	w := collections(t)
	if _, err := Compare(w.dir, AtOffset(1), AtOffset(99), nil); !errors.Is(err, log.ErrFuture) {
		t.Errorf("@99: %v", err)
	}
	c, err := Compare(w.dir, AtOffset(1), AtOffset(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	if _, err := c.Each(nil, func(Difference) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of visit: %v", err)
	}
	n := 0
	stat, err := c.Each(func(key []byte) bool { return string(key) == "hash" }, func(Difference) error { n++; return nil })
	if err != nil || n != 1 || stat != (Stat{Changed: 1}) {
		t.Errorf("one key: %d, %v, %v", n, stat, err)
	}
}
