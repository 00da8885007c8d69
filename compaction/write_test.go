package compaction

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// order lists the keys of a database in iteration order.
func order(st *state.State, db int) (keys []string) {
	if st.Keys(db) == 0 {
		return nil
	}
	st.Export(db, 0, func(r state.Record) bool {
		keys = append(keys, string(r.Key))
		return true
	})
	return keys
}

// sameState reports how two states differ, iteration order included.
func sameState(t *testing.T, got, want *state.State) {
	t.Helper()
	if got.Digest() != want.Digest() || got.RecomputeDigest() != want.RecomputeDigest() {
		t.Errorf("digests %016x (anew %016x), want %016x", got.Digest(), got.RecomputeDigest(), want.Digest())
	}
	for db := range state.Databases {
		if a, b := fmt.Sprint(order(got, db)), fmt.Sprint(order(want, db)); a != b {
			t.Errorf("database %d has keys in order %.200s, want %.200s", db, a, b)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	sized := func(sizes ...int) *state.State {
		st := state.New(Seed(testID))
		for i, n := range sizes {
			apply(t, st, func(b *event.Buffer) {
				b.String(fmt.Appendf(nil, "k%d", i), bytes.Repeat([]byte{byte(i)}, n), 0)
			})
		}
		return st
	}
	manyFields := state.New(Seed(testID))
	apply(t, manyFields, func(b *event.Buffer) {
		for i := range 20_000 {
			b.HashSet([]byte("wide"), fmt.Appendf(nil, "field %d", i), fmt.Appendf(nil, "value %d", i))
		}
	})
	overhead := 14 // bytes of a record of key "kN" beside its value, between 64 KiB and 4 GiB
	for name, st := range map[string]*state.State{
		"empty":               state.New(Seed(testID)),
		"sample":              sample(t),
		"two shards":          numbered(t, 3, shardKeys+10),
		"exactly one shard":   numbered(t, 0, shardKeys),
		"a long record":       sized(1, 3<<20, 5),
		"long ones in a row":  sized(1<<20, 1<<20+1, 300<<10),
		"around a block":      sized(blockMax-overhead-1, blockMax-overhead, blockMax-overhead+1, blockMax, 2*blockMax-overhead, 2*blockMax-overhead+1),
		"a hash over blocks":  manyFields,
		"small after a block": sized(blockMax-100, 50, 60, 70),
	} {
		t.Run(name, func(t *testing.T) {
			dir := dataDir(t)
			c := mustWrite(t, dir, st)
			got, err := Load(dir, testID, testID, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			sameState(t, got, st)
			if err := Check(dir, testID, c); err != nil {
				t.Errorf("Check: %v", err)
			}
			if c.Keys != st.TotalKeys() || c.Digest != st.Digest() || c.Offset != 7 {
				t.Errorf("the checkpoint describes itself as %+v", c)
			}
		})
	}
}

func TestFilesAreOurs(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	info, err := os.Stat(filepath.Join(dir, c.File))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != c.Size {
		t.Errorf("size %d, said %d", info.Size(), c.Size)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

// faulty is a disk whose n-th call fails; what a write call got is half done.
type faulty struct {
	osDisk
	left int
}

var errFault = errors.New("injected: no space left on device")

func (d *faulty) fails() bool { d.left--; return d.left < 0 }

func (d *faulty) create(path string) (file, error) {
	if d.fails() {
		return nil, errFault
	}
	f, err := d.osDisk.create(path)
	return &faultyFile{f, d}, err
}

func (d *faulty) rename(from, to string) error {
	if d.fails() {
		return errFault
	}
	return d.osDisk.rename(from, to)
}

func (d *faulty) syncDir(path string) error {
	if d.fails() {
		return errFault
	}
	return d.osDisk.syncDir(path)
}

type faultyFile struct {
	file
	d *faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.d.fails() {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, errFault
	}
	return f.file.Write(p)
}

func (f *faultyFile) WriteAt(p []byte, at int64) (int, error) {
	if f.d.fails() {
		return 0, errFault
	}
	return f.file.WriteAt(p, at)
}

func (f *faultyFile) Sync() error {
	if f.d.fails() {
		return errFault
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	if f.d.fails() {
		return errors.Join(errFault, f.file.Close())
	}
	return f.file.Close()
}

// TestWriteFails lets each call of the file system fail in turn: there is an
// error, no temporary file, and the old checkpoint of the same offset or the
// whole new one.
func TestWriteFails(t *testing.T) {
	old, st := numbered(t, 0, 10), numbered(t, 0, 40_000)
	m := Meta{LogID: testID, Offset: 7, Time: 1_767_225_600_000_000}
	for n := 0; ; n++ {
		dir := dataDir(t)
		before := mustWrite(t, dir, old)
		after, err := write(&faulty{left: n}, dir, st, m)
		if err == nil {
			t.Logf("%d calls, each failed once", n)
			if n < 7 {
				t.Errorf("only %d calls", n)
			}
			return
		}
		if !errors.Is(err, errFault) || !strings.Contains(err.Error(), "@7") || after != (log.Checkpoint{}) {
			t.Errorf("call %d: %+v, %v", n, after, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, folder, "*.tmp")); len(left) > 0 {
			t.Errorf("call %d left %v", n, left)
		}
		if _, err := Load(dir, testID, testID, before, nil); err != nil {
			whole := before
			info, serr := os.Stat(filepath.Join(dir, before.File))
			if serr != nil {
				t.Fatalf("call %d: no checkpoint is left: %v", n, serr)
			}
			whole.Size, whole.Keys, whole.Digest = info.Size(), st.TotalKeys(), st.Digest()
			if _, err := Load(dir, testID, testID, whole, nil); err != nil {
				t.Errorf("call %d: neither the old nor the new one is there: %v", n, err)
			}
		}
	}
}

// liar writes something else than it was given.
type liar struct{ osDisk }

func (d liar) create(path string) (file, error) {
	f, err := d.osDisk.create(path)
	return liarFile{f}, err
}

type liarFile struct{ file }

func (f liarFile) Write(p []byte) (int, error) {
	p = bytes.Clone(p)
	p[len(p)-12] ^= 0x10 // in the last block
	return f.file.Write(p)
}

func TestWhatIsReadBackIsCompared(t *testing.T) {
	dir := dataDir(t)
	if _, err := write(liar{}, dir, sample(t), Meta{LogID: testID, Offset: 7}); !errors.Is(err, log.ErrDamaged) {
		t.Errorf("a flipped bit on the way to the disk gives %v", err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, folder)); len(files) > 0 {
		t.Errorf("%s was left", files[0].Name())
	}
	// A file that is whole, but of another state.
	c := mustWrite(t, dir, sample(t))
	other := sample(t)
	apply(t, other, func(b *event.Buffer) { b.String([]byte("greeting"), []byte("hullo"), 0) })
	if err := verify(filepath.Join(dir, c.File), other, testID, c); err == nil || !strings.Contains(err.Error(), "greeting") {
		t.Errorf("another state compares as %v", err)
	}
	apply(t, other, func(b *event.Buffer) { b.FlushAll() })
	if err := verify(filepath.Join(dir, c.File), other, testID, c); err == nil {
		t.Error("an empty state compares as equal")
	}
}

// TestWriteClearsUp: what killed processes have left half written goes with the next
// checkpoint, so that their number never fills a disk; all else stays.
func TestWriteClearsUp(t *testing.T) {
	dir := dataDir(t)
	for _, name := range []string{FileName(3) + ".tmp", FileName(9) + ".tmp", FileName(2), folder + "/mine.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, dir, sample(t))
	files, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, folder+"/"+f.Name())
	}
	if want := []string{FileName(2), FileName(7), folder + "/mine.tmp"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
