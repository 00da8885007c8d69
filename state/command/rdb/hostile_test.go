package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// soundness decodes a body, and says what is not sound of what it gives, besides an error
// of the format.
func soundness(body []byte) error {
	var c collector
	err := Decode(body, &c)
	switch {
	case errors.Is(err, ErrFormat):
		return nil
	case err != nil:
		return err
	case c.kind == "":
		return errors.New("nothing was handed out")
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.kind == "list" || c.kind == "string" || c.kind == "hash" || c.kind == "stream" {
		return c.again()
	}
	return nil
}

// check holds what was collected to what a Builder is promised.
func (c *collector) check() error {
	seen, step := map[string]bool{}, 1
	if c.kind == "hash" {
		step = 2
	}
	for i := 0; i < len(c.items) && c.kind != "list"; i += step {
		if seen[string(c.items[i])] {
			return fmt.Errorf("%q comes twice", c.items[i])
		}
		seen[string(c.items[i])] = true
	}
	for _, score := range c.scores {
		if math.IsNaN(score) {
			return errors.New("a score is no number")
		}
	}
	last := ID{}
	for i, id := range c.ids {
		if id.Compare(last) <= 0 || len(c.pairs[i]) == 0 || len(c.pairs[i])%2 != 0 {
			return fmt.Errorf("the entry %v, behind %v, with %d parts", id, last, len(c.pairs[i]))
		}
		last = id
	}
	if c.stream.Last.Compare(last) < 0 || c.kind == "stream" && c.stream.Entries != uint64(len(c.ids)) {
		return fmt.Errorf("%d entries up to %v in a stream that has %d up to %v", len(c.ids), last, c.stream.Entries, c.stream.Last)
	}
	return c.checkGroups()
}

func (c *collector) checkGroups() error {
	for i, g := range c.stream.Groups {
		if i > 0 && bytes.Compare(c.stream.Groups[i-1].Name, g.Name) >= 0 || g.Read < -1 {
			return fmt.Errorf("the group %q has read %d", g.Name, g.Read)
		}
		owner := map[ID]bool{}
		for k, one := range g.Consumers {
			if k > 0 && bytes.Compare(g.Consumers[k-1].Name, one.Name) >= 0 || one.Seen < 0 || one.Active < 0 {
				return fmt.Errorf("the consumer %q, seen at %d, active at %d", one.Name, one.Seen, one.Active)
			}
			for j, p := range one.Pending {
				if owner[p.ID] || p.Since < 0 || j > 0 && one.Pending[j-1].ID.Compare(p.ID) >= 0 {
					return fmt.Errorf("%v is pending at a wrong place", p.ID)
				}
				owner[p.ID] = true
			}
		}
	}
	return nil
}

// again writes what was collected and decodes that.
func (c *collector) again() error {
	typ := map[string]byte{"list": typeQuicklist2, "string": typeString, "hash": typeHash, "stream": typeStream2}[c.kind]
	for i := range c.stream.Groups { // as the type has it
		for k := range c.stream.Groups[i].Consumers {
			c.stream.Groups[i].Consumers[k].Active = c.stream.Groups[i].Consumers[k].Seen
		}
	}
	w := NewWriter(1 << 30)
	c.write(w, typ)
	payload, ok := w.Payload()
	body, err := Open(payload)
	if err != nil || !ok {
		return fmt.Errorf("written again: %v, %w", ok, err)
	}
	var back collector
	if err := Decode(body, &back); err != nil {
		return fmt.Errorf("written again: %w", err)
	}
	want := c.text()
	if c.kind == "stream" {
		c.lines = nil
		for i, id := range c.ids {
			_ = c.Entry(id, c.pairs[i])
		}
		s := c.stream
		_ = c.Stream(&s)
		want = c.text()
	}
	if got := back.text(); got != want {
		return fmt.Errorf("written again it is another value:\n%s\nand was\n%s", got, want)
	}
	return nil
}

// TestEveryFlippedBit flips each bit of each body: there is an error, or a sound value.
func TestEveryFlippedBit(t *testing.T) {
	flips := 0
	for _, body := range bodies(t) {
		for bit := range 8 * len(body) {
			p := bytes.Clone(body)
			p[bit/8] ^= 1 << (bit % 8)
			if err := soundness(p); err != nil {
				t.Errorf("% x\nbit %d is flipped: %v", body, bit, err)
			}
			flips++
		}
	}
	t.Logf("%d bits", flips)
}

// TestEveryCut cuts each body at each byte: that is never a value. What comes behind one
// means nothing.
func TestEveryCut(t *testing.T) {
	for _, body := range bodies(t) {
		for n := range body {
			if err := Decode(body[:n], &collector{}); !errors.Is(err, ErrFormat) {
				t.Errorf("% x\nthe first %d bytes: %v", body, n, err)
			}
		}
		var a, b collector
		if err := errors.Join(Decode(body, &a), Decode(append(bytes.Clone(body), "behind"...), &b)); err != nil || a.text() != b.text() {
			t.Errorf("% x\nwith bytes behind: %v\n%s", body, err, b.text())
		}
	}
}

// hostile are bodies that mean harm, with the reason for which each is refused.
func hostile() map[string][]byte {
	huge := "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"
	packed := func(head string, elements ...string) []byte {
		var k packer
		k.reset()
		for _, x := range elements {
			k.text([]byte(x))
		}
		w := Writer{buf: []byte(head)}
		w.length(uint64(k.size()))
		return append(w.buf, k.bytes()...)
	}
	all := map[string][]byte{}
	put := func(why, name, body string) { all[why+": "+name] = []byte(body) }
	for typ := range byte(22) {
		put("it ends too early, it is empty, too long, length, no head, no end, no such", fmt.Sprintf("a huge count in type %d", typ), string(typ)+huge)
		put("it ends too early, it is empty, length, no head, no end, no such", fmt.Sprintf("type %d alone", typ), string(typ))
	}
	put("no such type", "a module", "\x06\x01\x02")
	put("no such type", "a module", "\x07\x01\x02")
	put("no such type", "the type 8", "\x08")
	put("no such type", "the type 22", "\x16\x01")
	put("no such type", "the end of a file", "\xff")
	put("no such length", "a length of no kind", "\x00\x82")
	put("no such string", "a string of no kind", "\x00\xc4")
	put("too long", "a string of 1 TiB", "\x00\x81\x00\x00\x01\x00\x00\x00\x00\x00")
	put("too early", "a string of 256 MiB", "\x00\x80\x10\x00\x00\x00abc")
	put("compressed string is empty", "what is compressed to nothing", "\x00\xc3\x00\x00")
	put("damaged", "1 GiB from 4 bytes", "\x00\xc3\x04\x80\x40\x00\x00\x00\x00a\xe0\xff")
	put("damaged", "a copy of what is before the string", "\x00\xc3\x05\x05\x00a\x20\x01\x00")
	put("damaged", "a copy without its place", "\x00\xc3\x03\x05\x00a\xe0")
	put("damaged", "more than was said", "\x00\xc3\x03\x01\x01ab")
	put("is empty", "no members", "\x02\x00")
	put("is empty", "no nodes", "\x12\x00")
	put("is empty", "a node without elements", string(packed("\x12\x01\x02")))
	put("is empty", "a listpack without fields", string(packed("\x10")))
	put("is empty", "a set without members", string(packed("\x14")))
	put("node is empty", "an element that is none", "\x12\x01\x01\x00")
	put("no such node", "a node of kind 3", "\x12\x01\x03\x01a")
	put("comes twice", "a member", "\x02\x02\x01a\x01a")
	put("comes twice", "a member that is a number", "\x02\x02\x011\xc0\x01")
	put("comes twice", "a member of a listpack", string(packed("\x14", "a", "b", "a")))
	put("comes twice", "a field", "\x04\x02\x01f\x01v\x01f\x01w")
	put("comes twice", "a field of a listpack", string(packed("\x10", "a", "b", "a", "c")))
	put("comes twice", "a member with a score", string(packed("\x11", "a", "1", "a", "2")))
	put("no value", "the last field", string(packed("\x10", "a", "b", "c")))
	put("no number", "nan", string(packed("\x11", "a", "nan")))
	put("no number", "a text", string(packed("\x11", "a", "b")))
	put("no number", "a long text", string(packed("\x11", "a", strings.Repeat("1", 1000))))
	put("no number", "NaN in the old form", "\x03\x01\x01a\xfd")
	put("no number", "NaN in 8 bytes", "\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f")
	put("does not ascend", "an intset", "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00")
	put("does not ascend", "an intset with the same twice", "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00")
	put("intset has another length", "an intset of none", "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00")
	put("intset has another length", "3 bytes wide", "\x0b\x0b\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00")
	put("intset has another length", "more than 32 bits say", "\x0b\x08\x08\x00\x00\x00\x00\x00\x00\x20")
	put("another number of elements", "a listpack", "\x14\x0a\x0a\x00\x00\x00\x02\x00\x81a\x02\xff")
	put("listpack has another length", "a listpack", "\x14\x0a\x0b\x00\x00\x00\x01\x00\x81a\x02\xff")
	put("element of a listpack is damaged", "a length behind", "\x14\x0a\x0a\x00\x00\x00\x01\x00\x81a\x03\xff")
	put("element of a listpack is damaged", "4 GiB of text", "\x14\x0d\x0d\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\x02\xff")
	put("before its end", "a listpack", "\x14\x0b\x0b\x00\x00\x00\x01\x00\x81a\x02\xff\xff")
	put("damaged", "a zipmap", "\x09\x05\x01\x01f\xf0\xff")
	put("longer than it need be", "a zipmap", "\x09\x0b\x01\xfe\x01\x00\x00\x00f\x01\x00x\xff")
	put("damaged", "a zipmap with 4 GiB", "\x09\x08\x01\xfe\xff\xff\xff\xffa\xff")
	return all
}

func TestHostile(t *testing.T) {
	for what, body := range hostile() {
		reasons, _, _ := strings.Cut(what, ":")
		err := Decode(body, &collector{})
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v\n% x", what, err, body)
			continue
		}
		known := false
		for why := range strings.SplitSeq(reasons, ", ") {
			known = known || strings.Contains(err.Error(), why)
		}
		if !known && body[0] != typeStream && body[0] < typeStream2 {
			t.Errorf("%s: %v\n% x", what, err, body)
		}
	}
}

// TestAnnouncedLengths: what is announced and not there costs nothing.
func TestAnnouncedLengths(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		for _, body := range hostile() {
			_ = Decode(body, &collector{})
		}
	}
	runtime.ReadMemStats(&after)
	per := (after.TotalAlloc - before.TotalAlloc) / uint64(100*len(hostile()))
	if per > 64<<10 {
		t.Errorf("%d bytes for each hostile body", per)
	}
}

// TestCompressedWithoutEnd: all compressed strings of a value may give so much and no more.
func TestCompressedWithoutEnd(t *testing.T) {
	const each, most, n = 1 << 20, 8 << 20, 9
	var c compressor
	packed, ok := c.compress(nil, make([]byte, each), each)
	if !ok {
		t.Fatal("zeros do not compress")
	}
	w := Writer{buf: []byte{typeList}}
	w.length(n)
	for range n {
		w.buf = append(w.buf, 0xc0|codeLZF)
		w.length(uint64(len(packed)))
		w.length(each)
		w.buf = append(w.buf, packed...)
	}
	got := &counter{}
	r := &reader{p: w.buf, plain: most}
	if r.value(r.byte(), got); !errors.Is(r.err, ErrUnpacks) || got.bytes != most {
		t.Errorf("%d bytes of %d give %d: %v", len(w.buf), n*each, got.bytes, r.err)
	}
}

// counter keeps nothing.
type counter struct {
	collector
	bytes int
}

func (c *counter) Element(x []byte) error {
	c.bytes += len(x)
	return nil
}

// TestManyConsumers: the time that groups take does not grow with their square, however
// they come.
func TestManyConsumers(t *testing.T) {
	const n = 100_000
	w := Writer{buf: []byte{typeStream2}}
	for _, x := range []uint64{0, 0, 9, 9, 0, 0, 0, 0, 0, 1} {
		w.length(x)
	}
	w.text([]byte("group"))
	w.id(ID{9, 9})
	w.length(0)
	w.length(n)
	for i := range uint64(n) {
		w.fixed(ID{n - i, i})
		w.time(5)
		w.length(1)
	}
	w.length(n)
	for i := range uint64(n) {
		w.text(binary.BigEndian.AppendUint64(nil, (n-i)*0x9e3779b97f4a7c15))
		w.time(7)
		w.length(1)
		w.fixed(ID{n - i, i})
	}
	var c collector
	if err := Decode(w.buf, &c); err != nil || len(c.stream.Groups[0].Consumers) != n {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	for _, body := range hostile() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := soundness(body); err != nil {
			t.Error(err)
		}
	})
}
