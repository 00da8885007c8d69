package replay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// epoch is the time of offset 0 in the tests' logs; entry n comes n seconds later.
const epoch = 1_767_225_600_000_000 // 2026-01-01T00:00:00Z

// base is that as a time.
func base() time.Time { return time.UnixMicro(epoch) }

// world is a data directory, open, and what its state was after each entry.
type world struct {
	*Recovered
	t       testing.TB
	dir     string
	opt     Options
	rng     *rand.Rand
	digests []uint64 // by offset
}

// newWorld makes a directory whose segments end after size bytes.
func newWorld(t testing.TB, size int64) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "data"), rng: rand.New(rand.NewPCG(3, 4))}
	w.opt = Options{Create: true, Log: log.Options{SegmentSize: size, Policy: log.No}}
	w.open()
	w.digests = []uint64{w.State.Digest()}
	t.Cleanup(func() {
		if w.Recovered != nil {
			w.Log.Close(false)
		}
	})
	return w
}

func (w *world) open() {
	w.t.Helper()
	rec, err := Recover(w.dir, w.opt)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Recovered = rec
}

// stop ends the server: in order, or as a kill would.
func (w *world) stop(clean bool) {
	w.t.Helper()
	if err := w.Log.Close(clean); err != nil {
		w.t.Fatal(err)
	}
	w.Recovered = nil
}

// do appends an entry and applies it.
func (w *world) do(h event.Header, record func(*event.Buffer)) {
	w.t.Helper()
	var b event.Buffer
	b.Header(h)
	record(&b)
	w.Log.Append(log.KindChange, epoch+int64(len(w.digests))*1_000_000, b.Bytes())
	if err := w.Log.Commit(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.State.ApplyEntry(b.Bytes()); err != nil {
		w.t.Fatal(err)
	}
	w.digests = append(w.digests, w.State.Digest())
}

// set appends a plain SET.
func (w *world) set(key, value string) {
	w.t.Helper()
	w.do(event.Header{Conn: 1, Name: "SET"}, func(b *event.Buffer) { b.String([]byte(key), []byte(value), 0) })
}

// random appends n entries over few keys.
func (w *world) random(n int) {
	w.t.Helper()
	for range n {
		w.do(event.Header{Conn: 1 + w.rng.Uint64N(3), Name: "TEST"}, func(b *event.Buffer) {
			key := fmt.Appendf(nil, "k%d", w.rng.IntN(20))
			switch w.rng.IntN(8) {
			case 0:
				b.HashSet(fmt.Appendf(nil, "h%d", w.rng.IntN(5)), key, key)
			case 1:
				b.String(key, key, epoch/1000+int64(w.rng.IntN(100_000)))
			case 2:
				b.String(key, nil, 0)
				b.Rename(key, []byte("renamed"))
			case 3:
				b.Swap(0, w.rng.IntN(3))
			default:
				b.String(key, fmt.Appendf(nil, "%d", w.rng.Uint32()), 0)
			}
		})
	}
}

// checkpoint makes and registers one.
func (w *world) checkpoint(at uint64) log.Checkpoint {
	w.t.Helper()
	made, err := compaction.Make(w.dir, at, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := compaction.Register(w.Log, made.Checkpoint); err != nil {
		w.t.Fatal(err)
	}
	return made.Checkpoint
}

// tag points a tag at an offset.
func (w *world) tag(name string, at uint64) {
	w.t.Helper()
	err := w.Log.UpdateManifest(func(m *log.Manifest) error {
		m.Tags[name] = at
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// file is the path of a file of the directory.
func (w *world) file(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// segments lists the segment files, oldest first.
func (w *world) segments() []string {
	w.t.Helper()
	files, err := filepath.Glob(w.file("wal/*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// size is a file's, in bytes.
func size(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// chop takes n bytes off the end of a file.
func chop(t testing.TB, path string, n int64) {
	t.Helper()
	if err := os.Truncate(path, size(t, path)-n); err != nil {
		t.Fatal(err)
	}
}

// contents is everything in a directory, to see whether it was changed.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// history hands the changes of a key in a range of the log in dir to visit.
func history(t testing.TB, dir string, k Key, span string, visit func(Change) error) error {
	t.Helper()
	r, err := ParseRange(span)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.ResolveRange(r, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSeeker(dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return errors.Join(s.Changes(k, found.After.Offset, found.To.Offset, true, visit), s.Close())
}
