package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

// record writes a decoded event anew, in the form that Buffer gives it.
func record(b *Buffer, e *Event) {
	switch e.Kind {
	case Database:
		b.Database(e.DB)
	case Cause:
		b.Cause(e.Items)
	case String:
		b.String(e.Key, e.Value, e.At)
	case Text:
		b.Text(e.Key, e.Value, e.At)
	case Append:
		b.Append(e.Key, e.Value)
	case Range:
		b.Range(e.Key, e.At, e.Value)
	case HashSet:
		b.HashSet(e.Key, e.Items...)
	case HashDelete:
		b.HashDelete(e.Key, e.Items...)
	case SetAdd:
		b.SetAdd(e.Key, e.Items...)
	case SetRemove:
		b.SetRemove(e.Key, e.Items...)
	case ZSetAdd:
		b.ZSetAdd(e.Key, e.Scores, e.Items)
	case ZSetRemove:
		b.ZSetRemove(e.Key, e.Items...)
	case Delete:
		b.Delete(e.Key, e.Reason)
	case Expire:
		b.Expire(e.Key, e.At)
	case Rename:
		b.Rename(e.Key, e.To)
	case Copy:
		b.Copy(e.Key, e.To, e.DB)
	case Move:
		b.Move(e.Key, e.DB)
	case Flush:
		b.Flush(e.DB)
	case FlushAll:
		b.FlushAll()
	case Clock:
		b.Clock(e.At, e.Speed)
	case Swap:
		b.Swap(e.DB, e.DB2)
	case ListPush:
		b.ListPush(e.Key, e.Side, e.Items...)
	case ListPop:
		b.ListPop(e.Key, e.Side, int(e.At))
	case ListSet:
		b.ListSet(e.Key, int(e.At), e.Value)
	case ListInsert:
		b.ListInsert(e.Key, int(e.At), e.Value)
	case ListRemove:
		b.ListRemove(e.Key, e.Places...)
	case StreamAdd:
		b.StreamAdd(e.Key, e.Stream.ID, e.Items...)
	case StreamDelete:
		b.StreamDelete(e.Key, e.Stream.IDs...)
	case StreamTrim:
		b.StreamTrim(e.Key, int(e.At))
	case StreamSet:
		b.StreamSet(e.Key, e.Stream.ID, e.Stream.Added, e.Stream.Deleted)
	case StreamGroup:
		b.StreamGroup(e.Key, e.Stream.Group, e.Stream.ID, e.Stream.Read)
	case StreamDestroy:
		b.StreamDestroy(e.Key, e.Stream.Group)
	case StreamConsumer:
		b.StreamConsumer(e.Key, e.Stream.Group, e.Stream.Consumer, e.At, e.Stream.Active)
	case StreamForget:
		b.StreamForget(e.Key, e.Stream.Group, e.Stream.Consumer)
	case StreamPending:
		b.StreamPending(e.Key, e.Stream.Group, e.Stream.Consumer, e.At, e.Stream.IDs, e.Stream.Counts)
	case StreamAck:
		b.StreamAck(e.Key, e.Stream.Group, e.Stream.IDs...)
	}
}

// decodeAll decodes one event that must take all of p.
func decodeAll(p []byte) (*Event, error) {
	var e Event
	rest, err := e.Decode(p)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes are left", len(rest))
	}
	return &e, err
}

// same compares events by what they say: an empty list is as good as none.
func same(a, b *Event) bool {
	return a.Kind == b.Kind && a.Speed == b.Speed && a.Reason == b.Reason && a.At == b.At && a.DB == b.DB && a.DB2 == b.DB2 &&
		bytes.Equal(a.Key, b.Key) && bytes.Equal(a.To, b.To) && bytes.Equal(a.Value, b.Value) &&
		bytes.Equal(bytes.Join(a.Items, []byte{0}), bytes.Join(b.Items, []byte{0})) && len(a.Items) == len(b.Items) && slices.Equal(a.Scores, b.Scores) &&
		a.Side == b.Side && slices.Equal(a.Places, b.Places) && (!a.Kind.ofStream() || sameStream(a.Stream, b.Stream))
}

func sameStream(a, b *Stream) bool {
	return bytes.Equal(a.Group, b.Group) && bytes.Equal(a.Consumer, b.Consumer) && a.ID == b.ID && a.Deleted == b.Deleted &&
		a.Added == b.Added && a.Read == b.Read && a.Active == b.Active && slices.Equal(a.IDs, b.IDs) && slices.Equal(a.Counts, b.Counts)
}

// TestRoundTrip: what is recorded is what is decoded, for lengths and numbers
// on both sides of every boundary between msgpack's forms.
func TestRoundTrip(t *testing.T) {
	lengths := rapid.SampledFrom([]int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536})
	numbers := rapid.SampledFrom([]int64{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64})
	text := func(t *rapid.T, name string) []byte {
		return bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(t, name))}, lengths.Draw(t, name+" length"))
	}
	kinds := []Kind{Database, Cause, Clock, String, Text, Append, Range, HashSet, HashDelete, SetAdd, SetRemove, ZSetAdd, ZSetRemove, Delete, Expire, Rename, Copy, Move, Flush, FlushAll, Swap,
		ListPush, ListPop, ListSet, ListInsert, ListRemove,
		StreamAdd, StreamDelete, StreamTrim, StreamSet, StreamGroup, StreamDestroy, StreamConsumer, StreamForget, StreamPending, StreamAck}
	rapid.Check(t, func(t *rapid.T) {
		want := &Event{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		if want.Kind.hasKey() {
			want.Key = text(t, "key")
		}
		switch want.Kind {
		case Database, Flush:
			want.DB = rapid.IntRange(0, 255).Draw(t, "db")
		case Clock:
			want.At, want.Speed = numbers.Draw(t, "micros"), 1
			if want.At > 0 {
				want.Speed = rapid.Float64Range(0, 1e6).Draw(t, "speed")
			}
		case Swap:
			want.DB, want.DB2 = 3, rapid.IntRange(0, 255).Draw(t, "db2")
		case Append:
			want.Value = text(t, "tail")
		case String, Text, Range:
			want.Value, want.At = text(t, "value"), numbers.Draw(t, "at")
		case Expire:
			want.At = numbers.Draw(t, "at")
		case ZSetAdd:
			for i := range rapid.SampledFrom([]int{1, 7, 8, 40000}).Draw(t, "members") {
				want.Items, want.Scores = append(want.Items, []byte("item")), append(want.Scores, float64(i)/3)
			}
		case HashSet, HashDelete, SetAdd, SetRemove, ZSetRemove, Cause:
			for range 2 * rapid.SampledFrom([]int{1, 7, 8, 40000}).Draw(t, "pairs") {
				want.Items = append(want.Items, []byte("item"))
			}
		case Delete:
			want.Reason = Undone
		case ListPush:
			want.Side = Side(rapid.IntRange(0, 1).Draw(t, "side"))
			for range rapid.SampledFrom([]int{1, 7, 40000}).Draw(t, "elements") {
				want.Items = append(want.Items, text(t, "element"))
			}
		case ListPop:
			want.Side, want.At = Right, numbers.Draw(t, "count")
		case ListSet, ListInsert:
			want.At, want.Value = numbers.Draw(t, "place"), text(t, "element")
		case ListRemove:
			for i := range rapid.SampledFrom([]int{1, 7, 40000}).Draw(t, "places") {
				want.Places = append(want.Places, 3*i)
			}
		case Rename:
			want.To = text(t, "to")
		case Copy:
			want.To, want.DB = text(t, "to"), 15
		case Move:
			want.DB = 15
		}
		if want.Kind.ofStream() {
			drawStream(t, want, text, numbers)
		}
		var b Buffer
		record(&b, want)
		got, err := decodeAll(b.Bytes())
		if err != nil || !same(got, want) {
			t.Fatalf("%v: got %.200v, %v", want.Kind, got, err)
		}
	})
}

// drawStream fills in what an event of a stream says.
func drawStream(t *rapid.T, e *Event, text func(*rapid.T, string) []byte, numbers *rapid.Generator[int64]) {
	id := func() ID { return ID{uint64(numbers.Draw(t, "ms")) * 2, uint64(numbers.Draw(t, "number"))} }
	s := &Stream{}
	e.Stream = s
	if e.Kind >= StreamGroup {
		s.Group = text(t, "group")
	}
	switch e.Kind {
	case StreamConsumer, StreamForget, StreamPending:
		s.Consumer = text(t, "consumer")
	}
	switch e.Kind {
	case StreamAdd:
		s.ID = id()
		for range 2 * rapid.SampledFrom([]int{1, 7, 40000}).Draw(t, "pairs") {
			e.Items = append(e.Items, []byte("item"))
		}
	case StreamTrim:
		e.At = numbers.Draw(t, "count")
	case StreamSet:
		s.ID, s.Deleted, s.Added = id(), id(), uint64(numbers.Draw(t, "added"))*2
	case StreamGroup:
		s.ID, s.Read = id(), rapid.SampledFrom([]int64{-1, 0, 1, math.MaxInt64}).Draw(t, "read")
	case StreamConsumer:
		e.At, s.Active = numbers.Draw(t, "seen"), numbers.Draw(t, "active")
	case StreamPending:
		e.At = numbers.Draw(t, "since")
		fallthrough
	case StreamDelete, StreamAck:
		for i := range rapid.SampledFrom([]int{1, 7, 40000}).Draw(t, "ids") {
			s.IDs = append(s.IDs, ID{uint64(i / 3), uint64(i)})
			if e.Kind == StreamPending {
				s.Counts = append(s.Counts, uint64(numbers.Draw(t, "count"))*2)
			}
		}
	}
}

// TestForeignWriters: a body that another msgpack library wrote, with integers
// in the widest forms and texts as str, says the same.
func TestForeignWriters(t *testing.T) {
	for _, tc := range []struct{ name, bytes, want string }{
		{"uint64", "\x93\x1f\xc4\x01k\xcf\x00\x00\x00\x00\x00\x00\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"uint32", "\x93\x1f\xc4\x01k\xce\x00\x00\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"uint16", "\x93\x1f\xc4\x01k\xcd\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"uint8", "\x93\x1f\xc4\x01k\xcc\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"int8", "\x93\x1f\xc4\x01k\xd0\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"int16", "\x93\x1f\xc4\x01k\xd1\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"int32", "\x93\x1f\xc4\x01k\xd2\x00\x00\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"int64", "\x93\x1f\xc4\x01k\xd3\x00\x00\x00\x00\x00\x00\x00\x05", `Expire "k" at 1970-01-01T00:00:00.005Z`},
		{"a wide kind", "\x92\xcd\x00\x23\x03", "Flush 3"},
		{"a wide array", "\xdd\x00\x00\x00\x02\x23\x03", "Flush 3"},
		{"array16", "\xdc\x00\x02\x23\x03", "Flush 3"},
		{"fixstr", "\x93\x20\xa1k\xa2to", `Rename "k" to "to"`},
		{"str8, str16", "\x93\x20\xd9\x01k\xda\x00\x02to", `Rename "k" to "to"`},
		{"str32, bin32", "\x93\x20\xdb\x00\x00\x00\x01k\xc6\x00\x00\x00\x02to", `Rename "k" to "to"`},
		{"bin16", "\x93\x20\xc5\x00\x01k\xc5\x00\x02to", `Rename "k" to "to"`},
	} {
		got, err := decodeAll([]byte(tc.bytes))
		if err != nil || got.String() != tc.want {
			t.Errorf("%s: %v, %v, want %s", tc.name, got, err, tc.want)
		}
	}
	body, err := msgpack.Marshal([]any{int64(3), []any{int64(9), "addr", "user", "name", "lib", "1"}, []any{"SET", []byte("k")}})
	if err != nil {
		t.Fatal(err)
	}
	h, rest, err := DecodeHeader(append(body, 0x91, 0x24))
	want := Header{DB: 3, Conn: 9, Origin: &Origin{"addr", "user", "name", "lib", "1"}, Argv: [][]byte{b("SET"), b("k")}}
	if err != nil || !reflect.DeepEqual(h, want) || string(rest) != "\x91\x24" {
		t.Errorf("header %+v, %q left, %v", h, rest, err)
	}
}

// TestNothingIsCutToFit: a number that is too large for its field is refused;
// cut to the field's size it would be another fact.
func TestNothingIsCutToFit(t *testing.T) {
	for name, bad := range map[string]string{
		"kind 266, which is 10 in a byte":     "\x93\xcd\x01\x0a\xc4\x01k\xc4\x01v",
		"reason 256":                          "\x93\x1e\xc4\x01k\xcd\x01\x00",
		"database 256":                        "\x92\x23\xcd\x01\x00",
		"a time of 2^63":                      "\x93\x1f\xc4\x01k\xcf\x80\x00\x00\x00\x00\x00\x00\x00",
		"a range at 2^64-1":                   "\x94\x0d\xc4\x01k\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc4\x01v",
		"a negative time, fixint":             "\x93\x1f\xc4\x01k\xff",
		"a negative time, int8":               "\x93\x1f\xc4\x01k\xd0\xff",
		"a negative time, int64":              "\x93\x1f\xc4\x01k\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		"a float time":                        "\x93\x1f\xc4\x01k\xca\x00\x00\x00\x00",
		"a number for a key":                  "\x93\x1f\x05\x05",
		"a map":                               "\x81\x23\x03",
		"no kind":                             "\x90",
		"Clock with three fields":             "\x94\x03\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x01",
		"Clock at 0":                          "\x92\x03\x00",
		"Clock of no speed":                   "\x93\x03\x01\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
		"Clock that goes back":                "\x93\x03\x01\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00",
		"Clock of infinite speed":             "\x93\x03\x01\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
		"FlushAll with a field":               "\x92\x24\x00",
		"Flush with two":                      "\x93\x23\x00\x00",
		"HashDelete without fields":           "\x92\x15\xc4\x01k",
		"Cause whose argv is no list":         "\x92\x02\xc4\x01k",
		"Cause of more words than bytes left": "\x92\x02\x9f\xa0",
	} {
		if e, err := decodeAll([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

// TestAnnouncedLengths: lengths that only claim to be long cost nothing, and an
// error is found at once.
func TestAnnouncedLengths(t *testing.T) {
	junk := strings.Repeat("\xc0", 1<<20) // nil: what no field may be
	for name, bad := range map[string]string{
		"fields of a hash": "\xdd\x00\x0f\x00\x02\x14\xc4\x01k" + junk,
		"words of a cause": "\x92\x02\xdd\x00\x10\x00\x00" + junk,
	} {
		var e Event
		if _, err := e.Decode([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if cap(e.Items) > 16 {
			t.Errorf("%s: room for %d items was made", name, cap(e.Items))
		}
	}
	h, _, err := DecodeHeader([]byte("\x93\x00\x00\xdd\x00\x0f\xff\xff" + junk))
	if err == nil || h.Argv != nil {
		t.Errorf("header: %d words, %v", len(h.Argv), err)
	}
}

// TestHeaderCuts: a header that ends early, or has a strange shape, is refused
// by both readers.
func TestHeaderCuts(t *testing.T) {
	for i, h := range headers() {
		whole := AppendHeader(nil, h)
		for cut := range len(whole) {
			_, _, err := DecodeHeader(whole[:cut])
			_, _, skipErr := SkipHeader(whole[:cut])
			_, _, causeErr := DecodeCause(whole[:cut], nil)
			if !errors.Is(err, ErrMalformed) || !errors.Is(skipErr, ErrMalformed) || !errors.Is(causeErr, ErrMalformed) {
				t.Errorf("header %d cut at %d: %v, %v, %v", i, cut, err, skipErr, causeErr)
			}
		}
	}
	for name, bad := range map[string]string{
		"two fields":               "\x92\x00\x00",
		"no array":                 "\xc4\x01k",
		"a database beyond a byte": "\x93\xcd\x01\x00\x00\xa3SET",
		"five particulars":         "\x93\x00\x95\x00\xa0\xa0\xa0\xa0\xa3SET",
		"a nil cause":              "\x93\x00\x00\xc0",
	} {
		if h, _, err := DecodeHeader([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

// wantCause holds DecodeCause against DecodeHeader.
func wantCause(t *testing.T, body []byte) {
	t.Helper()
	h, events, err := DecodeHeader(body)
	argv := [][]byte{b("of"), b("another"), b("entry")}
	got, rest, gotErr := DecodeCause(body, argv)
	switch {
	case (err == nil) != (gotErr == nil):
		t.Fatalf("%x: %v, %v", body, err, gotErr)
	case err != nil:
		return
	case h.Argv == nil:
		h.Argv = [][]byte{b(h.Name)}
	}
	h.Name = ""
	if !bytes.Equal(events, rest) || fmt.Sprintf("%q", got.Argv) != fmt.Sprintf("%q", h.Argv) {
		t.Fatalf("%x: %q, %d bytes follow, want %q and %d", body, got.Argv, len(rest), h.Argv, len(events))
	}
	if len(got.Argv) > 0 && len(got.Argv) <= len(argv) && &got.Argv[0] != &argv[0] {
		t.Fatal("the memory was not used again")
	}
	got.Argv, h.Argv = nil, nil
	if !reflect.DeepEqual(got, h) {
		t.Fatalf("%x: %+v, want %+v", body, got, h)
	}
}

// TestDecodeCause: a name and a whole command come as the same.
func TestDecodeCause(t *testing.T) {
	for _, h := range headers() {
		wantCause(t, append(AppendHeader(nil, h), "rest"...))
	}
}

// FuzzDecode: nothing makes the decoder panic; what it accepts can be shown, and
// recorded anew says the same again.
func FuzzDecode(f *testing.F) {
	for _, s := range samples() {
		var buf Buffer
		s.record(&buf)
		f.Add(buf.Bytes())
	}
	for _, h := range headers() {
		f.Add(AppendHeader(nil, h))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, events, err := DecodeHeader(p)
		db, skipped, skipErr := SkipHeader(p)
		if err == nil && (skipErr != nil || db != h.DB || !bytes.Equal(events, skipped)) {
			t.Fatalf("decoded %+v and %d bytes; skipped to database %d and %d bytes, %v", h, len(events), db, len(skipped), skipErr)
		}
		wantCause(t, p)
		var e Event
		rest, err := e.Decode(p)
		if err != nil {
			return
		}
		if key := FirstKey(p); !bytes.Equal(key, e.Key) {
			t.Fatalf("%v: the first key is %q", &e, key)
		}
		if len(rest) > len(p) || len(e.Items) > len(p) {
			t.Fatal("more came out than went in")
		}
		_ = e.String()
		if _, err := json.Marshal(&e); err != nil {
			t.Fatal(err)
		}
		var b Buffer
		record(&b, &e)
		again, err := decodeAll(b.Bytes())
		if err != nil || !same(again, &e) {
			t.Fatalf("%v, recorded anew, is %v, %v", &e, again, err)
		}
	})
}
