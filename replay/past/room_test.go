package past

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// TestPointsByTime: a server finds what a tool finds, that reads the log.
func TestPointsByTime(t *testing.T) {
	w := newWorld(t)
	for i := range 500 {
		if i%7 < 3 {
			w.clock += int64(i%3+1) * 1000
		}
		w.do(fmt.Sprintf("SET k%d v", i%5))
	}
	report := func(err error) { t.Error(err) }
	r := New(Options{Log: w.log, Views: replay.NewViews(w.dir, 1, 0), Indexer: replay.NewIndexer(w.log, report)})
	for ms := int64(-1); epoch+ms*1000 <= w.clock; ms++ {
		point := "@" + time.UnixMicro(epoch+ms*1000).UTC().Format(time.RFC3339Nano)
		p, err := replay.ParsePoint(point)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Resolve(w.dir, time.UnixMicro(w.clock))
		if err != nil {
			t.Fatal(err)
		}
		args := [][]byte{[]byte("ASOF"), []byte(point)}
		a := r.Answer(context.Background(), Request{Args: args, Proto: 2, Last: w.log.Last(), LastTime: w.log.LastTime(), Now: w.clock})
		var reply resp.Writer
		reply.SetProtocol(2)
		if reply.Simple(want.String()); a.At == nil || *a.At != want || string(a.Reply) != string(reply.Bytes()) {
			t.Fatalf("%s: %q, want %s", point, a.Reply, want)
		}
	}
	if n := len(w.log.Manifest().Sealed); n < 5 {
		t.Errorf("only %d segments are sealed", n)
	}
}
