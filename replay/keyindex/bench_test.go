package keyindex

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// BenchmarkSegment indexes a sealed segment of small writes; an operation is one entry of it.
func BenchmarkSegment(b *testing.B) {
	w := &world{dir: filepath.Join(b.TempDir(), "data")}
	id := log.ID([]byte("an index's log id"[:16]))
	if _, err := log.Create(w.dir, log.CreateOptions{LogID: &id, Root: &id}); err != nil {
		b.Fatal(err)
	}
	d, err := log.OpenDir(w.dir, log.Options{Policy: log.No})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Scan(0, func(log.Entry) error { return nil }); err != nil {
		b.Fatal(err)
	}
	l, err := d.OpenAppend()
	if err != nil {
		b.Fatal(err)
	}
	var body event.Buffer
	for i := 0; len(l.Manifest().Sealed) == 0; i++ {
		body.Truncate(0)
		body.Header(event.Header{Conn: 7, Name: "SET"})
		body.String(fmt.Appendf(nil, "key:%012d", i*7919%1_000_003), []byte("a value of 32 bytes ............"), 0)
		l.Append(log.KindChange, int64(l.Next())*1000, body.Bytes())
		if i%1000 == 0 {
			if err := l.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	s := l.Manifest().Sealed[0]
	h := NewHasher(seed)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += int(s.Count) {
		t, err := read(w.dir, id, s, h)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(t.keys.all()); n != int(s.Count) {
			b.Fatalf("%d records of %d entries", n, s.Count)
		}
	}
	if err := l.Close(true); err != nil {
		b.Fatal(err)
	}
}
