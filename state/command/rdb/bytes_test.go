package rdb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// collector is what a body held, as texts and as it was.
type collector struct {
	kind   string
	lines  []string
	items  [][]byte // elements, members, fields and values
	scores []float64
	ids    []ID
	pairs  [][][]byte
	stream Stream
}

func (c *collector) note(kind, format string, args ...any) error {
	if c.kind == "" {
		c.kind = kind
	}
	if c.kind != kind {
		return fmt.Errorf("a %s in a %s", kind, c.kind)
	}
	c.lines = append(c.lines, kind+" "+fmt.Sprintf(format, args...))
	return nil
}

func (c *collector) String(v []byte) error {
	c.items = append(c.items, v)
	return c.note("string", "%q", v)
}

func (c *collector) Element(x []byte) error {
	c.items = append(c.items, x)
	return c.note("list", "%q", x)
}

func (c *collector) Member(m []byte) error {
	c.items = append(c.items, m)
	return c.note("set", "%q", m)
}

func (c *collector) Scored(m []byte, score float64) error {
	c.items, c.scores = append(c.items, m), append(c.scores, score)
	return c.note("zset", "%q %v", m, score)
}

func (c *collector) Pair(f, v []byte) error {
	c.items = append(c.items, f, v)
	return c.note("hash", "%q %q", f, v)
}

func (c *collector) Entry(id ID, pairs [][]byte) error {
	c.ids, c.pairs = append(c.ids, id), append(c.pairs, append([][]byte(nil), pairs...))
	return c.note("stream", "%d-%d %q", id.MS, id.Seq, pairs)
}

func (c *collector) Stream(s *Stream) error {
	c.stream = *s
	err := c.note("stream", "%d entries from %v, last %v, deleted %v, added %d", s.Entries, s.First, s.Last, s.Deleted, s.Added)
	for _, g := range s.Groups {
		err = errors.Join(err, c.note("stream", "group %q last %v read %d", g.Name, g.Last, g.Read))
		for _, k := range g.Consumers {
			err = errors.Join(err, c.note("stream", "group %q consumer %q seen %d active %d", g.Name, k.Name, k.Seen, k.Active))
			for _, p := range k.Pending {
				err = errors.Join(err, c.note("stream", "group %q consumer %q pending %v since %d count %d", g.Name, k.Name, p.ID, p.Since, p.Count))
			}
		}
	}
	return err
}

func (c *collector) text() string { return strings.Join(c.lines, "\n") + "\n" }

// write writes what was collected, as a value of the type that a body began with.
func (c *collector) write(w *Writer, typ byte) {
	switch typ {
	case typeString:
		w.String(c.items[0])
	case typeQuicklist2:
		w.List(c.each(), true)
	case typeSet:
		w.Set(len(c.items), c.each())
	case typeSetIntset:
		var all []int64
		for _, m := range c.items {
			v, _ := parseInt(m)
			all = append(all, v)
		}
		w.Intset(all)
	case typeHash:
		w.Hash(len(c.items)/2, c.eachPair())
	case typeHashListpack:
		w.SmallHash(c.eachPair())
	case typeZSet2:
		w.ZSet(len(c.items), c.eachScored())
	case typeZSetListpack:
		w.SmallZSet(c.eachScored(), func(dst []byte, f float64) []byte { return strconv.AppendFloat(dst, f, 'f', -1, 64) })
	case typeStream2:
		w.Stream(&c.stream, c.eachEntry())
	}
}

func (c *collector) each() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, x := range c.items {
			if !yield(x) {
				return
			}
		}
	}
}

func (c *collector) eachPair() iter.Seq2[[]byte, []byte] {
	return func(yield func(a, b []byte) bool) {
		for i := 0; i+1 < len(c.items) && yield(c.items[i], c.items[i+1]); i += 2 {
		}
	}
}

func (c *collector) eachScored() iter.Seq2[[]byte, float64] {
	return func(yield func([]byte, float64) bool) {
		for i := 0; i < len(c.items) && yield(c.items[i], c.scores[i]); i++ {
		}
	}
}

func (c *collector) eachEntry() iter.Seq2[ID, [][]byte] {
	return func(yield func(ID, [][]byte) bool) {
		for i := 0; i < len(c.ids) && yield(c.ids[i], c.pairs[i]); i++ {
		}
	}
}

// bodyOf reads bytes in hexadecimal, with comments behind #.
func bodyOf(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	body, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestBytes decodes the bodies of testdata/bytes.txt, of every type, byte by byte with what
// each means. A body marked written is what is written of its value.
func TestBytes(t *testing.T) {
	types := map[byte]bool{}
	datadriven.RunTest(t, "testdata/bytes.txt", func(t *testing.T, d *datadriven.TestData) string {
		body := bodyOf(t, d.Input)
		types[body[0]] = true
		var c collector
		if err := Decode(body, &c); err != nil {
			return err.Error() + "\n"
		}
		if d.HasArg("written") {
			w := NewWriter(1 << 20)
			c.write(w, body[0])
			payload, ok := w.Payload()
			if got, err := Open(payload); err != nil || !ok || !bytes.Equal(got, body) {
				d.Fatalf(t, "this is written as\n% x (%v, %v)", got, ok, err)
			}
		}
		return c.text()
	})
	if len(types) != 19 {
		t.Errorf("there are bodies of %d types, not of all 19", len(types))
	}
}

// bodies is those of testdata/bytes.txt.
func bodies(t testing.TB) (all [][]byte) {
	t.Helper()
	raw, err := os.ReadFile("testdata/bytes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(raw), "\ndecode") {
		if _, text, ok := strings.Cut(part, "\n"); ok {
			if text, _, ok = strings.Cut(text, "----\n"); ok {
				all = append(all, bodyOf(t, text))
			}
		}
	}
	return all
}
