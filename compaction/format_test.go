package compaction

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// TestGoldenBytes pins the format: a checkpoint that was written once must be
// readable for ever, so a difference here is a new format version.
func TestGoldenBytes(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	raw, err := os.ReadFile(filepath.Join(dir, c.File))
	if err != nil {
		t.Fatal(err)
	}
	got := hex.Dump(raw)
	golden := filepath.Join("testdata", "checkpoint.txt")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the bytes of a checkpoint changed; got\n%swant\n%s", got, want)
	}
}

// TestAnyDecoderReadsIt reads the head and the records with a general msgpack
// library.
func TestAnyDecoderReadsIt(t *testing.T) {
	dir := dataDir(t)
	st := sample(t)
	c := mustWrite(t, dir, st)
	src, err := open(filepath.Join(dir, c.File), testID, c)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()

	var head []any
	if err := msgpack.Unmarshal(src.head.append(nil), &head); err != nil || len(head) != headFields {
		t.Fatalf("head: %v, %v", head, err)
	}
	if head[2] != uint64(7) || head[4] != st.Digest() || !bytes.Equal(head[1].([]byte), testID[:]) {
		t.Errorf("head reads as %v", head)
	}

	in := records{src: src}
	for n := 0; ; n++ {
		want, err := in.next()
		if err != nil {
			if n != st.TotalKeys() {
				t.Errorf("%d records, the state has %d keys: %v", n, st.TotalKeys(), err)
			}
			return
		}
		var got []any
		if err := msgpack.Unmarshal(appendRecord(nil, &want), &got); err != nil || len(got) != 5 {
			t.Fatalf("record %q: %v, %v", want.Key, got, err)
		}
		if !bytes.Equal(got[0].([]byte), want.Key) {
			t.Errorf("key %q reads as %v", want.Key, got[0])
		}
		if pairs, ok := got[4].([]any); ok != (len(want.Items) > 0) || len(pairs) != len(want.Items) {
			t.Errorf("key %q reads with %d pairs, it has %d", want.Key, len(pairs), len(want.Items))
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	blob := rapid.SliceOfN(rapid.Byte(), 0, 300)
	rapid.Check(t, func(t *rapid.T) {
		want := state.Record{
			Key: blob.Draw(t, "key"), Type: state.Type(rapid.Byte().Draw(t, "type")), Encoding: rapid.Byte().Draw(t, "enc"),
			ExpireAt: rapid.Int64Min(0).Draw(t, "at"),
		}
		if rapid.Bool().Draw(t, "hash") {
			for range rapid.IntRange(1, 40).Draw(t, "fields") {
				want.Items = append(want.Items, blob.Draw(t, "f"), blob.Draw(t, "v"))
			}
		} else {
			want.Value = blob.Draw(t, "value")
		}
		p := appendRecord(nil, &want)
		got := state.Record{Items: [][]byte{[]byte("left over")}}
		if u := (pack.Reader{Rest: p}); !readRecord(&u, &got) || len(u.Rest) > 0 || !sameRecord(&got, &want) {
			t.Fatalf("%+v reads as %+v", want, got)
		}
		cut := rapid.IntRange(0, len(p)-1).Draw(t, "cut")
		if u := (pack.Reader{Rest: p[:cut]}); readRecord(&u, &got) {
			t.Fatalf("%d of %d bytes read as a record", cut, len(p))
		}
	})
}

// FuzzRecord feeds the record reader anything: it may refuse, never panic, and
// what it accepts it must be able to write and read again.
func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, &state.Record{Key: []byte("k"), Value: []byte("v"), ExpireAt: 1 << 40}))
	f.Add(appendRecord(nil, &state.Record{Key: []byte("k"), Items: [][]byte{[]byte("f"), []byte("v")}}))
	f.Add([]byte{0x95, 0xc6, 0xff, 0xff, 0xff, 0xff, 0})
	f.Add([]byte{0x95, 0xc4, 0, 1, 1, 0, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xdd, 0, 0, 0, 5, 0xc5, 0, 1, 'k', 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xc4, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		var r, again state.Record
		if u := (pack.Reader{Rest: p}); !readRecord(&u, &r) {
			return
		}
		u := pack.Reader{Rest: appendRecord(nil, &r)}
		if !readRecord(&u, &again) || !sameRecord(&r, &again) {
			t.Fatalf("%+v became %+v", r, again)
		}
	})
}

// FuzzHead does the same for the head, as if its CRC were right.
func FuzzHead(f *testing.F) {
	h := plan(state.New(Seed(testID)), Meta{LogID: testID, Offset: 3})
	f.Add(h.append(nil))
	h.counts[2], h.keys, h.shards = 5, 5, []shard{{db: 2, records: 5, bytes: 100}}
	f.Add(h.append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := parseHead(p)
		if err != nil {
			return
		}
		if again, err := parseHead(h.append(nil)); err != nil || again.keys != h.keys || len(again.shards) != len(h.shards) {
			t.Fatalf("%+v became %+v, %v", h, again, err)
		}
	})
}

func TestHeadOfANewerFormat(t *testing.T) {
	h := plan(state.New(Seed(testID)), Meta{LogID: testID})
	h.version = FormatVersion + 1
	if _, err := parseHead(h.append(nil)); !errors.Is(err, log.ErrNewerFormat) {
		t.Errorf("a newer head gives %v", err)
	}
}

// TestHeadHasOneSize holds what writing the header last depends on.
func TestHeadHasOneSize(t *testing.T) {
	h := head{shards: make([]shard, 3)}
	small := len(h.append(nil))
	h = head{version: 1 << 60, offset: 1 << 60, time: 1 << 60, digest: 1 << 63, keys: 1 << 60, shards: []shard{
		{15, 1 << 60, 1 << 60}, {15, 1 << 60, 1 << 60}, {15, 1 << 60, 1 << 60}}}
	if big := len(h.append(nil)); big != small {
		t.Errorf("a head of large numbers has %d bytes, one of small numbers %d", big, small)
	}
}
