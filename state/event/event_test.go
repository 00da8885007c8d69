package event

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func b(s string) []byte { return []byte(s) }

// sample is an event, and the call that records it.
type sample struct {
	name   string
	record func(*Buffer)
}

// event is the sample as it is decoded.
func (s sample) event(t *testing.T) *Event {
	t.Helper()
	var buf Buffer
	s.record(&buf)
	e, err := decodeAll(buf.Bytes())
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return e
}

// samples is one event of every kind and form.
func samples() []sample {
	return []sample{
		{"Database", func(x *Buffer) { x.Database(15) }},
		{"Cause", func(x *Buffer) { x.Cause([][]byte{b("INCRBY"), b("k"), b("5")}) }},
		{"Clock real", func(x *Buffer) { x.Clock(0, 1) }},
		{"Clock frozen", func(x *Buffer) { x.Clock(1767225600000001, 0) }},
		{"Clock running", func(x *Buffer) { x.Clock(1767225600000000, 0.5) }},
		{"String", func(x *Buffer) { x.String(b("key"), b("value"), 0) }},
		{"String with expiry", func(x *Buffer) { x.String(b("key"), b("value"), 1767225600000) }},
		{"Text", func(x *Buffer) { x.Text(b("key"), b("10"), 0) }},
		{"Append", func(x *Buffer) { x.Append(b("key"), b("tail")) }},
		{"Range", func(x *Buffer) { x.Range(b("key"), 70000, b("\x00\xff")) }},
		{"HashSet", func(x *Buffer) { x.HashSet(b("key"), b("f"), b("1"), b("g"), b("2")) }},
		{"HashDelete", func(x *Buffer) { x.HashDelete(b("key"), b("f"), b("g")) }},
		{"SetAdd", func(x *Buffer) { x.SetAdd(b("key"), b("m"), b("n")) }},
		{"SetRemove", func(x *Buffer) { x.SetRemove(b("key"), b("m"), b("n")) }},
		{"ZSetAdd", func(x *Buffer) { x.ZSetAdd(b("key"), []float64{-1.5, math.Inf(1)}, [][]byte{b("m"), b("n")}) }},
		{"ZSetRemove", func(x *Buffer) { x.ZSetRemove(b("key"), b("m"), b("n")) }},
		{"Delete", func(x *Buffer) { x.Delete(b("key"), Expired) }},
		{"Expire", func(x *Buffer) { x.Expire(b("key"), 1767225600000) }},
		{"Expire never", func(x *Buffer) { x.Expire(b("key"), 0) }},
		{"Rename", func(x *Buffer) { x.Rename(b("key"), b("to")) }},
		{"Copy", func(x *Buffer) { x.Copy(b("key"), b("to"), 3) }},
		{"Move", func(x *Buffer) { x.Move(b("key"), 3) }},
		{"Flush", func(x *Buffer) { x.Flush(3) }},
		{"FlushAll", func(x *Buffer) { x.FlushAll() }},
		{"Swap", func(x *Buffer) { x.Swap(0, 1) }},
		{"ListPush", func(x *Buffer) { x.ListPush(b("key"), Left, b("x"), b("y")) }},
		{"ListPush right", func(x *Buffer) { x.ListPush(b("key"), Right, b("x")) }},
		{"ListPop", func(x *Buffer) { x.ListPop(b("key"), Right, 3) }},
		{"ListSet", func(x *Buffer) { x.ListSet(b("key"), 70000, b("x")) }},
		{"ListInsert", func(x *Buffer) { x.ListInsert(b("key"), 0, b("x")) }},
		{"ListRemove", func(x *Buffer) { x.ListRemove(b("key"), 0, 300) }},
		{"StreamAdd", func(x *Buffer) { x.StreamAdd(b("key"), ID{1767225600000, 1}, b("f"), b("1"), b("g"), b("2")) }},
		{"StreamDelete", func(x *Buffer) { x.StreamDelete(b("key"), ID{1, 200}, ID{300, 0}) }},
		{"StreamTrim", func(x *Buffer) { x.StreamTrim(b("key"), 1000) }},
		{"StreamSet", func(x *Buffer) { x.StreamSet(b("key"), MaxID(), 7, ID{5, 1}) }},
		{"StreamGroup", func(x *Buffer) { x.StreamGroup(b("key"), b("g"), ID{5, 1}, 3) }},
		{"StreamGroup unknown", func(x *Buffer) { x.StreamGroup(b("key"), b(""), ID{}, -1) }},
		{"StreamDestroy", func(x *Buffer) { x.StreamDestroy(b("key"), b("g")) }},
		{"StreamConsumer", func(x *Buffer) { x.StreamConsumer(b("key"), b("g"), b("c"), 1767225600000, 1767225600000) }},
		{"StreamConsumer never active", func(x *Buffer) { x.StreamConsumer(b("key"), b("g"), b("c"), 1767225600000, 0) }},
		{"StreamForget", func(x *Buffer) { x.StreamForget(b("key"), b("g"), b("c")) }},
		{"StreamPending", func(x *Buffer) {
			x.StreamPending(b("key"), b("g"), b("c"), 1767225600000, []ID{{1, 1}, {2, 0}}, []uint64{1, 300})
		}},
		{"StreamAck", func(x *Buffer) { x.StreamAck(b("key"), b("g"), ID{1, 1}, ID{2, 0}) }},
	}
}

// TestFirstKey: it is that of the first event, whatever follows.
func TestFirstKey(t *testing.T) {
	for _, s := range samples() {
		var buf Buffer
		s.record(&buf)
		buf.Delete(b("another"), User)
		var e Event
		if _, err := e.Decode(buf.Bytes()); err != nil {
			t.Fatal(err)
		}
		if key := FirstKey(buf.Bytes()); string(key) != string(e.Key) {
			t.Errorf("%s: %q, want %q", s.name, key, e.Key)
		}
	}
	for _, p := range []string{"", "\x93", "\x93\x03", "\x93\x03\xc4\x09cut", "\x07"} {
		if key := FirstKey([]byte(p)); key != nil {
			t.Errorf("%x: %q", p, key)
		}
	}
}

// TestGolden pins the bytes of every kind, and how they are shown.
func TestGolden(t *testing.T) {
	var out strings.Builder
	for _, s := range samples() {
		var buf Buffer
		s.record(&buf)
		var e Event
		rest, err := e.Decode(buf.Bytes())
		if err != nil || len(rest) > 0 {
			t.Fatalf("%s: %v, %d bytes left", s.name, err, len(rest))
		}
		text, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s\n%s%s\n%s\n\n", s.name, hex.Dump(buf.Bytes()), &e, text)
	}
	for _, h := range headers() {
		fmt.Fprintf(&out, "# header\n%s\n", hex.Dump(AppendHeader(nil, h)))
	}
	path := filepath.Join("testdata", "events.txt")
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != out.String() {
		t.Errorf("%s differs; a kind never changes its bytes. Got:\n%s", path, out.String())
	}
}

func headers() []Header {
	return []Header{
		{DB: 0, Conn: 7, Name: "SET"},
		{DB: 15, Conn: 1 << 40, Argv: [][]byte{b("INCRBY"), b("k"), b("\x00")}},
		{DB: 1, Conn: 3, Name: "CLIENT SETNAME", Origin: &Origin{Addr: "127.0.0.1:1", User: "default", Name: strings.Repeat("n", 40), Lib: "go-redis", LibVer: "9"}},
	}
}

func TestHeaders(t *testing.T) {
	// Of those that are read by a shortcut: every width of a number, and names around its limit.
	for _, h := range append(headers(), []Header{
		{DB: 2, Conn: 0xa3, Name: "DEL"},
		{DB: 2, Conn: 0xa3a1, Name: "DEL"},
		{DB: 2, Conn: 0x100a3, Name: "DEL"},
		{DB: 2, Conn: 0xa1a2a3a4a5, Name: "DEL"},
		{DB: 2, Conn: 128, Name: strings.Repeat("N", 31)},
		{DB: 2, Conn: 128, Name: strings.Repeat("N", 32)},
	}...) {
		var buf Buffer
		buf.Header(h)
		buf.FlushAll()
		got, events, err := DecodeHeader(buf.Bytes())
		if err != nil || len(events) != 2 {
			t.Fatalf("%+v: %v, %d bytes of events", h, err, len(events))
		}
		if fmt.Sprintf("%+v %+v", got.Origin, got.Argv) != fmt.Sprintf("%+v %+v", h.Origin, h.Argv) || got.DB != h.DB || got.Conn != h.Conn || got.Name != h.Name {
			t.Errorf("got %+v, want %+v", got, h)
		}
		db, skipped, err := SkipHeader(buf.Bytes())
		if err != nil || db != h.DB || !bytes.Equal(skipped, events) {
			t.Errorf("skip: db %d, %d bytes, %v", db, len(skipped), err)
		}
	}
}

// TestAnyMsgpackReaderReadsIt reads every kind with a general decoder.
func TestAnyMsgpackReaderReadsIt(t *testing.T) {
	for _, s := range samples() {
		var buf Buffer
		buf.Header(headers()[0])
		s.record(&buf)
		dec := msgpack.NewDecoder(bytes.NewReader(buf.Bytes()))
		head, err := dec.DecodeSlice()
		if err != nil || len(head) != 3 || head[2] != "SET" {
			t.Fatalf("%s: header %v, %v", s.name, head, err)
		}
		ev, err := dec.DecodeSlice()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		var own Event
		_, events, _ := DecodeHeader(buf.Bytes())
		if _, err := own.Decode(events); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(ev[0]) != fmt.Sprint(int(own.Kind)) {
			t.Errorf("%s: kind %v", s.name, ev[0])
		}
		if own.Key != nil && !bytes.Equal(ev[1].([]byte), own.Key) {
			t.Errorf("%s: key %v", s.name, ev[1])
		}
	}
}

// TestSizeOfSet holds the price of a SET of a 16-byte key and a 32-byte value.
func TestSizeOfSet(t *testing.T) {
	for conn, want := range map[uint64]int{100: 61, 60000: 63} {
		var buf Buffer
		buf.Header(Header{Conn: conn, Name: "SET"})
		buf.String(make([]byte, 16), make([]byte, 32), 0)
		if buf.Len() != want {
			t.Errorf("connection %d: %d bytes of body, want %d", conn, buf.Len(), want)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	var buf Buffer
	buf.Header(Header{Conn: 5, Name: "HSET"})
	buf.HashSet(b("key"), b("f"), b("v"), b("g"), b("w"))
	var e Event
	if n := testing.AllocsPerRun(100, func() {
		_, events, err := SkipHeader(buf.Bytes())
		if err == nil {
			_, err = e.Decode(events)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCutsAndForeignBytes: what is not an event is refused, at every length.
func TestCutsAndForeignBytes(t *testing.T) {
	for _, s := range samples() {
		var buf Buffer
		s.record(&buf)
		for cut := range buf.Len() {
			var e Event
			if _, err := e.Decode(buf.Bytes()[:cut]); err == nil {
				t.Errorf("%s cut at byte %d was accepted", s.name, cut)
			}
		}
	}
	for _, bad := range []string{
		"\x92\x09\xc4\x01k",                                       // unknown kind 9
		"\x92\x7f\xc4\x01k",                                       // unknown kind 127
		"\x92\x0a\xc4\x01k",                                       // String without a value
		"\x93\x14\xc4\x01k\xc4\x01f",                              // HashSet with a field and no value
		"\x93\x0a\xc4\x01k\xc0",                                   // nil where a value belongs
		"\x91\xdd\xff\xff\xff\xff",                                // an array of four thousand million
		"\x93\x0a\xc6\xff\xff\xff\xffkv",                          // a key of four gigabytes
		"\x97\x32\xc4\x01k\x01\x00\xc4\x01f\xc4\x01v\xc4\x01g",    // StreamAdd with a field and no value
		"\x96\x33\xc4\x01k\x02\x00\x02\x00",                       // StreamDelete of an entry twice
		"\x99\x3a\xc4\x01k\xc4\x01g\xc4\x01c\x05\x02\x00\x01\x01", // StreamPending with half an id
		"\xc0",
	} {
		var e Event
		if _, err := e.Decode([]byte(bad)); err == nil {
			t.Errorf("%q was accepted as %v", bad, &e)
		}
	}
}
