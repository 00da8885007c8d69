package replay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
	"github.com/altilium-db/altilium/state/event"
)

// BenchmarkSeek measures what single keys of a large log cost: the percentiles of many
// lookups at random moments, the first time and again, and what the indexes cost.
// ALTILIUM_SEEK is the log's size in MB (default 64), ALTILIUM_SEEK_DIR a directory that it
// is left in for the next time.
func BenchmarkSeek(b *testing.B) {
	megabytes := 64
	if n, err := strconv.Atoi(os.Getenv("ALTILIUM_SEEK")); err == nil {
		megabytes = n
	}
	dir := os.Getenv("ALTILIUM_SEEK_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, fmt.Sprintf("seek-%d", megabytes))
	keys := megabytes * 1000
	if _, err := log.ReadManifest(dir); err != nil {
		began := time.Now()
		fillForSeek(b, dir, int64(megabytes)<<20, keys)
		b.Logf("made a log of %d MB over %d keys in %v", megabytes, keys, time.Since(began).Round(time.Second))
	}
	m, err := log.ReadManifest(dir)
	if err != nil {
		b.Fatal(err)
	}
	w, err := Look(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d entries, %d sealed segments, %d checkpoints, %d keys", w.Last, len(m.Sealed), len(m.Checkpoints), keys)
	seekIndexes(b, dir, m)
	s, err := OpenSeeker(dir, func(err error) { b.Error(err) })
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	if err := s.look(w.Last); err != nil {
		b.Fatal(err)
	}
	b.Logf("the segments that are not sealed are indexed in %v", time.Since(began).Round(time.Millisecond))

	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	type question struct {
		key Key
		at  uint64
	}
	ask := func(n int) (list []question) {
		for range n {
			list = append(list, question{seekKey(rng, keys), 1 + rng.Uint64N(w.Last)})
		}
		return list
	}
	value := func(s *Seeker, q question) {
		if err := s.Read(q.at, func(*compaction.Built) error { return nil }, q.key); err != nil {
			b.Fatal(err)
		}
	}
	dropCaches(b, dir)
	cold, history := ask(300), ask(30)
	seekTimes(b, "a value, cold", len(cold), func(i int) { value(s, cold[i]) })
	for _, q := range cold {
		value(s, q)
	}
	seekTimes(b, "a value, again", 10*len(cold), func(i int) { value(s, cold[i%len(cold)]) })
	for _, q := range ask(3000) { // most of the files is in the system's cache after these
		value(s, q)
	}
	warm := ask(3000)
	seekTimes(b, "a value, warm", len(warm), func(i int) { value(s, warm[i]) })
	seekTimes(b, "a point's time", len(warm), func(i int) {
		if _, err := s.TimeOf(warm[i].at); err != nil {
			b.Fatal(err)
		}
	})
	hist := func(i int) {
		n := 0
		for _, err := range s.Lines(history[i%len(history)].key, 0, w.Last, true) {
			if n++; err != nil {
				b.Fatal(err)
			}
		}
	}
	dropCaches(b, dir)
	seekTimes(b, "a history, cold", len(history), hist)
	seekTimes(b, "a history, warm", 3*len(history), hist)
	seekTimes(b, "a diff over 100k", 10, func(int) {
		at := rng.Uint64N(w.Last - min(100_000, w.Last-1))
		c, err := Compare(dir, AtOffset(at), AtOffset(min(at+100_000, w.Last)), nil)
		if err == nil {
			_, err = c.Each(nil, func(Difference) error { return nil })
		}
		if err != nil {
			b.Fatal(err)
		}
	})
	for b.Loop() {
		value(s, warm[rng.IntN(len(warm))])
	}
}

// seekKey is a key: most often any, sometimes one of a hundred that everybody wants.
func seekKey(rng *rand.Rand, keys int) Key {
	if rng.IntN(10) == 0 {
		return Key{Key: fmt.Appendf(nil, "key:%012d", rng.IntN(100))}
	}
	return Key{Key: fmt.Appendf(nil, "key:%012d", rng.IntN(keys))}
}

// fillForSeek makes a log of so many bytes, by clients that set and count, with a checkpoint
// for each eighth of it.
func fillForSeek(b *testing.B, dir string, bytes int64, keys int) {
	rec, err := Recover(dir, Options{Create: true, Log: log.Options{Policy: log.No}})
	if err != nil {
		b.Fatal(err)
	}
	l, rng := rec.Log, rand.New(rand.NewPCG(1, 1))
	now, known, segment := int64(epoch), map[uint64]bool{}, uint64(0)
	checkpoints := int64(1)
	for l.Written() < bytes {
		for range 100 {
			if first := l.SegmentFirst(); first != segment {
				segment = first
				clear(known)
			}
			now += 100
			h := event.Header{Conn: 1 + rng.Uint64N(50), Name: "SET"}
			if !known[h.Conn] {
				known[h.Conn] = true
				h.Origin = &event.Origin{Addr: fmt.Sprintf("127.0.0.1:%d", 40000+h.Conn), User: "default"}
			}
			k := seekKey(rng, keys).Key
			var ev event.Buffer
			switch rng.IntN(10) {
			case 0:
				h.Name = "INCR"
				ev.Header(h)
				ev.String(k, strconv.AppendInt(nil, now, 10), 0)
			case 1:
				h.Name = "HSET"
				ev.Header(h)
				ev.HashSet(append([]byte("h"), k...), []byte("field"), strconv.AppendInt(nil, now, 10))
			default:
				ev.Header(h)
				ev.String(k, fmt.Appendf(nil, "a value of thirty-two bytes %04d", rng.IntN(10000)), 0)
			}
			l.Append(log.KindChange, now, ev.Bytes())
			if err := rec.State.ApplyEntry(ev.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.Commit(); err != nil {
			b.Fatal(err)
		}
		if l.Written() > checkpoints*bytes/8 {
			checkpoints++
			c, err := compaction.Write(dir, rec.State, compaction.Meta{LogID: l.ID(), Offset: l.Last(), Time: l.LastTime()})
			if err == nil {
				err = compaction.Register(l, c)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := l.Close(true); err != nil {
		b.Fatal(err)
	}
}

// seekIndexes makes all index files anew.
func seekIndexes(b *testing.B, dir string, m *log.Manifest) {
	files, err := filepath.Glob(filepath.Join(dir, "index", "*"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	k := keyindex.NewKeep(dir, m.IDAt, keyindex.NewHasher(compaction.Seed(m.RootID())))
	made, err := k.Do(m.Sealed, func() bool { return false })
	if err != nil || made == 0 {
		b.Fatal(made, err)
	}
	took := time.Since(began)
	var all, segs int64
	for _, s := range m.Sealed {
		all += size(b, log.IndexPath(dir, s.First))
		segs += s.Size
	}
	b.Logf("%d indexes in %v, %v each; %.1f MB for %.1f MB of log", made, took.Round(time.Millisecond),
		(took / time.Duration(made)).Round(time.Millisecond), float64(all)/1e6, float64(segs)/1e6)
}

// dropCaches has the system forget what it has read of the directory, where it lets us.
func dropCaches(b *testing.B, dir string) {
	if strings.HasPrefix(dir, "/dev/shm") {
		b.Log("a memory disk is never cold")
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0); err != nil {
		b.Log("the system's cache stays warm:", err)
	}
}

// seekTimes prints percentiles of n calls: by the clock, and of the processor alone, which
// tells the work from waiting for a machine that others use too.
func seekTimes(b *testing.B, what string, n int, f func(i int)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	times, busy := make([]time.Duration, n), make([]time.Duration, n)
	for i := range times {
		used, began := threadTime(), time.Now()
		f(i)
		times[i], busy[i] = time.Since(began), threadTime()-used
	}
	slices.Sort(times)
	slices.Sort(busy)
	b.Logf("%-16s p50 %8v  p99 %8v  max %8v; processor: p50 %8v  p99 %8v", what, times[n/2].Round(time.Microsecond),
		times[n*99/100].Round(time.Microsecond), times[n-1].Round(time.Microsecond),
		busy[n/2].Round(time.Microsecond), busy[n*99/100].Round(time.Microsecond))
}

// threadTime is how long the thread has been on a processor; 0 where the system does not say.
func threadTime() time.Duration {
	raw, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0
	}
	ns, _ := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
	return time.Duration(ns)
}
