package compaction

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// testID is the log id of files that do not belong to a real log.
var testID = log.ID{0xa1, 0x71, 0x11, 0x04, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// apply makes events happen to st in database 0.
func apply(t testing.TB, st *state.State, record func(*event.Buffer)) {
	t.Helper()
	var b event.Buffer
	record(&b)
	if _, err := st.Apply(0, b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// sample is a state with something of every kind that a checkpoint can hold.
func sample(t testing.TB) *state.State {
	t.Helper()
	st := state.New(Seed(testID))
	apply(t, st, func(b *event.Buffer) {
		b.String([]byte("greeting"), []byte("hello"), 0)
		b.String([]byte("number"), []byte("12345"), 1_767_225_600_000)
		b.String([]byte{}, []byte{0, 0xff, '\n'}, 0)
		b.HashSet([]byte("user:1"), []byte("name"), []byte("Ada"), []byte("mail"), []byte{})
		b.Database(9)
		b.Text([]byte("float"), []byte("10"), 0)
		b.HashSet([]byte("h"), []byte("f"), []byte("v"))
		b.Expire([]byte("h"), 99)
	})
	return st
}

// numbered is a state with n keys in database db.
func numbered(t testing.TB, db, n int) *state.State {
	t.Helper()
	st := state.New(Seed(testID))
	for i := range n {
		apply(t, st, func(b *event.Buffer) {
			b.Database(db)
			b.String(fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "value of thirty-two bytes %06d", i), 0)
		})
	}
	return st
}

// dataDir makes a directory that Write can write into.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustWrite writes a checkpoint of st at offset 7.
func mustWrite(t testing.TB, dir string, st *state.State) log.Checkpoint {
	t.Helper()
	c, err := Write(dir, st, Meta{LogID: testID, Offset: 7, Time: 1_767_225_600_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// journal is a real log in a temporary directory, and what the state was after
// each entry.
type journal struct {
	t       testing.TB
	dir     string
	log     *log.Log
	st      *state.State
	rng     *rand.Rand
	micros  int64
	digests []uint64 // by offset, from offset 0 on
}

// newJournal opens a new log whose segments end after size bytes.
func newJournal(t testing.TB, size int64) *journal {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := log.Create(dir, log.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	j := &journal{t: t, dir: dir, st: state.New(Seed(testID)), rng: rand.New(rand.NewPCG(1, 2)), micros: 1_767_225_600_000_000}
	j.digests = []uint64{j.st.Digest()}
	j.open(size)
	return j
}

func (j *journal) open(size int64) {
	j.t.Helper()
	d, err := log.OpenDir(j.dir, log.Options{SegmentSize: size, Policy: log.No})
	if err != nil {
		j.t.Fatal(err)
	}
	if _, err := d.Scan(0, func(log.Entry) error { return nil }); err != nil {
		j.t.Fatal(err)
	}
	if j.log, err = d.OpenAppend(); err != nil {
		j.t.Fatal(err)
	}
	l := j.log
	j.t.Cleanup(func() {
		if j.log == l {
			l.Close(true)
		}
	})
}

// close stops the log in order.
func (j *journal) close() {
	j.t.Helper()
	if err := j.log.Close(true); err != nil {
		j.t.Fatal(err)
	}
	j.log = nil
}

// entry appends one entry, committed, and applies it.
func (j *journal) entry(record func(*event.Buffer)) {
	j.t.Helper()
	var b event.Buffer
	b.Header(event.Header{Conn: 1, Name: "TEST"})
	record(&b)
	j.micros += 1000
	j.log.Append(log.KindChange, j.micros, b.Bytes())
	if err := j.log.Commit(); err != nil {
		j.t.Fatal(err)
	}
	if err := j.st.ApplyEntry(b.Bytes()); err != nil {
		j.t.Fatal(err)
	}
	j.digests = append(j.digests, j.st.Digest())
}

// random appends n entries of random events over few keys.
func (j *journal) random(n int) {
	j.t.Helper()
	for range n {
		j.entry(func(b *event.Buffer) {
			for range 1 + j.rng.IntN(3) {
				j.event(b)
			}
		})
	}
}

// event records a random event that is always possible.
func (j *journal) event(b *event.Buffer) {
	key := fmt.Appendf(nil, "k%d", j.rng.IntN(20))
	hash := fmt.Appendf(nil, "h%d", j.rng.IntN(8))
	value := binary.AppendUvarint(nil, j.rng.Uint64()>>j.rng.IntN(64))
	b.Database(j.rng.IntN(3))
	switch j.rng.IntN(20) {
	case 0:
		b.Flush(j.rng.IntN(3))
	case 1:
		b.Swap(j.rng.IntN(3), j.rng.IntN(3))
	case 2, 3, 4:
		b.String(key, value, int64(1+j.rng.IntN(1000)))
	case 5, 6, 7, 8:
		b.HashSet(hash, value, key)
	case 9:
		b.String(key, value, 0)
		b.Rename(key, fmt.Appendf(nil, "k%d", j.rng.IntN(20)))
	case 10:
		b.String(key, value, 0)
		b.Delete(key, event.User)
	default:
		b.String(key, value, 0)
	}
}

// checkpoint makes and registers one at an offset.
func (j *journal) checkpoint(at uint64) log.Checkpoint {
	j.t.Helper()
	made, err := Make(j.dir, at, nil)
	if err != nil {
		j.t.Fatal(err)
	}
	if err := Register(j.log, made.Checkpoint); err != nil {
		j.t.Fatal(err)
	}
	return made.Checkpoint
}

// seal waits until the log has recorded its rolled segments in the manifest.
func (j *journal) seal(size int64) {
	j.t.Helper()
	j.close()
	j.open(size)
}

// file is the path of a file of the data directory.
func (j *journal) file(name string) string { return filepath.Join(j.dir, filepath.FromSlash(name)) }
