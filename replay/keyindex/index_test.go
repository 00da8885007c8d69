package keyindex

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

const seed = 5

// world is a log, and what is listed of it: by segment and name, the spots in order.
type world struct {
	dir      string
	id       log.ID
	sealed   []log.Segment
	active   []log.Entry // entries of segments that are not sealed
	listed   map[uint64]map[Name][]log.Spot
	allNames []Name
}

// whose is the id of the log at every offset.
func (w *world) whose(uint64) log.ID { return w.id }

// newWorld writes a log of n entries with segments of so many bytes.
func newWorld(t testing.TB, n int, segment int64, rng *rand.Rand) *world {
	t.Helper()
	w := &world{dir: filepath.Join(t.TempDir(), "data"), listed: map[uint64]map[Name][]log.Spot{}}
	id := log.ID([]byte("an index's log id"[:16]))
	if _, err := log.Create(w.dir, log.CreateOptions{LogID: &id, Root: &id}); err != nil {
		t.Fatal(err)
	}
	l := w.open(t, segment)
	h := NewHasher(seed)
	for range n {
		var b event.Buffer
		hd := event.Header{DB: rng.IntN(3), Conn: rng.Uint64N(4), Name: "TEST"}
		names := []Name{}
		if rng.IntN(10) == 0 {
			hd.Origin = &event.Origin{Addr: "127.0.0.1:5"}
			names = append(names, h.Conn(hd.Conn))
		}
		b.Header(hd)
		db := hd.DB
		for range 1 + rng.IntN(3) {
			key := fmt.Appendf(nil, "k%d", rng.IntN(1+rng.IntN(200)))
			switch rng.IntN(12) {
			case 0:
				b.Rename(key, []byte("to"))
				names = append(names, h.Key(db, key), h.Key(db, []byte("to")))
			case 1:
				b.Copy(key, []byte("copy"), 7)
				names = append(names, h.Key(7, []byte("copy")))
			case 2:
				b.Move(key, 9)
				names = append(names, h.Key(db, key), h.Key(9, key))
			case 3:
				b.Database(1)
				db = 1
				b.Cause([][]byte{key})
			case 4:
				if rng.IntN(5) == 0 {
					[]func(){b.FlushAll, func() { b.Flush(2) }, func() { b.Swap(1, 2) }}[rng.IntN(3)]()
					names = append(names, Whole)
				}
			default:
				b.String(key, key, 0)
				names = append(names, h.Key(db, key))
			}
		}
		l.Append(log.KindChange, int64(l.Next())*1000, b.Bytes())
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		w.note(l.Last(), names)
	}
	if err := l.Close(true); err != nil {
		t.Fatal(err)
	}
	w.finish(t)
	return w
}

// note keeps the names of an entry under its offset, until finish knows where it lies.
func (w *world) note(offset uint64, names []Name) {
	slices.Sort(names)
	of := map[Name][]log.Spot{}
	for _, name := range slices.Compact(names) {
		of[name] = nil
	}
	w.listed[1<<63|offset] = of
}

// finish reads the log and puts each entry's names under its segment.
func (w *world) finish(t testing.TB) {
	t.Helper()
	m, err := log.ReadManifest(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.id, w.sealed = m.LogID, m.Sealed
	r, err := log.OpenReader(w.dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := map[Name]bool{Whole: true, NewHasher(seed).Key(0, []byte("never")): true}
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		if e.Segment >= m.Active {
			w.active = append(w.active, e)
		}
		of := w.listed[e.Segment]
		if of == nil {
			of = map[Name][]log.Spot{}
			w.listed[e.Segment] = of
		}
		spot, _ := e.Spot()
		for name := range w.listed[1<<63|e.Offset] {
			of[name] = append(of[name], spot)
			all[name] = true
		}
		delete(w.listed, 1<<63|e.Offset)
	}
	for name := range all {
		w.allNames = append(w.allNames, name)
	}
	slices.Sort(w.allNames)
}

func (w *world) open(t testing.TB, segment int64) *log.Log {
	t.Helper()
	// Always: how far an entry knows the log to be durable is then the same each time.
	d, err := log.OpenDir(w.dir, log.Options{SegmentSize: segment, Policy: log.Always})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Scan(0, func(log.Entry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenAppend()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// want holds an index against the truth: forwards and backwards along each name, and from
// anywhere.
func (w *world) want(t *testing.T, first uint64, x Index, what string) {
	t.Helper()
	w.wantSome(t, first, x, what)
	for _, name := range w.allNames {
		spots := w.listed[first][name]
		var got []log.Spot
		for at := log.MaxSpot; ; {
			spot, ok, err := x.Before(name, at)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if !ok {
				break
			}
			got, at = append(got, spot), spot
			wantPiece(t, spots, spot, x.Beside(name, spot), what)
		}
		slices.Reverse(got)
		if !slices.Equal(got, spots) {
			t.Fatalf("%s: backwards %x has %v, want %v", what, name, got, spots)
		}
		got = got[:0]
		for at := log.Spot(0); ; {
			spot, ok, err := x.After(name, at)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if !ok {
				break
			}
			got, at = append(got, spot), spot+1
			wantPiece(t, spots, spot, x.Beside(name, spot), what)
		}
		if !slices.Equal(got, spots) {
			t.Fatalf("%s: forwards %x has %v, want %v", what, name, got, spots)
		}
	}
}

// wantPiece holds what is beside a spot against all spots of the name: some that are next to one
// another, that one among them, or nothing.
func wantPiece(t *testing.T, all []log.Spot, spot log.Spot, got []log.Spot, what string) {
	t.Helper()
	if len(got) == 0 {
		return
	}
	i := slices.Index(all, got[0])
	if i < 0 || len(got) > len(all)-i || !slices.Equal(got, all[i:i+len(got)]) || !slices.Contains(got, spot) {
		t.Fatalf("%s: beside spot %d are %v, of %v", what, spot, got, all)
	}
}

// wantListed holds what a Set lists under many names against what there is.
func (w *world) wantListed(t *testing.T, s *Set, seg log.Segment, what string) {
	t.Helper()
	names, want := []Name{}, slices.Clone(w.listed[seg.First][Whole])
	for i, name := range w.allNames {
		if i%3 > 0 && name != Whole {
			names = append(names, name)
			want = append(want, w.listed[seg.First][name]...)
		}
	}
	slices.Sort(names)
	slices.Sort(want)
	got, err := s.Listed(seg, names)
	if want = slices.Compact(want); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%s: listed are %v, %v, want %v", what, got, err, want)
	}
}

// set is a Set of the world, and what it has reported.
func (w *world) set() (*Set, *[]string) {
	var reports []string
	return NewSet(w.dir, w.whose, NewHasher(seed), func(err error) { reports = append(reports, err.Error()) }), &reports
}

// wantAll holds all that a Set gives against the truth.
func (w *world) wantAll(t *testing.T, s *Set, what string) {
	t.Helper()
	for i, seg := range w.sealed {
		if i%2 == 0 {
			w.wantListed(t, s, seg, what)
		}
		x, err := s.Index(seg)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		w.want(t, seg.First, x, what)
	}
}

// wantSome holds the entries that an index tells of against those that there are.
func (w *world) wantSome(t *testing.T, first uint64, x Index, what string) {
	t.Helper()
	there, whole := map[log.Spot]bool{}, len(w.listed[first][Whole])
	for name, spots := range w.listed[first] {
		for _, at := range spots {
			there[at] = there[at] || name != Whole
		}
	}
	for part := 0; ; part++ {
		some, err := x.Some(part)
		if err != nil || part == 0 && len(some) == 0 && len(there) > whole {
			t.Fatalf("%s: some entries are %v, %v", what, some, err)
		}
		if len(some) == 0 {
			break
		}
		for _, at := range some {
			if !there[at] {
				t.Errorf("%s: at spot %d is no entry", what, at)
			}
		}
	}
}

// TestIndex: everything that entries name is found, in files, in memory and in the tail,
// and nothing else.
func TestIndex(t *testing.T) {
	for _, segment := range []int64{2000, 10_000, 1 << 20} {
		w := newWorld(t, int(min(1000+segment, 3000)), segment, rand.New(rand.NewPCG(1, uint64(segment))))
		for _, what := range []string{"made", "found"} {
			s, reports := w.set()
			w.wantAll(t, s, what)
			s.Close()
			if len(*reports) > 0 {
				t.Errorf("%s: %v", what, *reports)
			}
		}
		for _, seg := range w.sealed {
			f, err := openFile(w.dir, w.id, seg)
			if err != nil {
				t.Fatal(err)
			}
			w.want(t, seg.First, f, "the file")
			f.Close()
		}
		tail := NewTail(NewHasher(seed), w.active[0].Offset)
		for _, e := range w.active {
			if x, ok := tail.Index(e.Segment); ok && e.Offset%100 == 0 {
				x.Before(Whole, log.MaxSpot) // looking does no harm
			}
			if err := tail.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		for _, first := range tail.Segments() {
			x, _ := tail.Index(first)
			w.want(t, first, x, "the tail")
		}
		if err := tail.Add(w.active[0]); err == nil {
			t.Error("the tail takes an entry twice")
		}
		last := w.active[len(w.active)-1]
		tail.Drop(last.Segment + 1)
		if _, ok := tail.Index(last.Segment); ok || tail.Next() != last.Offset+1 {
			t.Error("the tail has what it forgot")
		}
	}
}

// TestBadFiles: whatever becomes of a file, the Set answers as before, says what was wrong,
// and leaves a good file.
func TestBadFiles(t *testing.T) {
	w := newWorld(t, 300, 5_000, rand.New(rand.NewPCG(2, 2)))
	if len(w.sealed) < 2 {
		t.Fatalf("%d sealed segments", len(w.sealed))
	}
	s, _ := w.set()
	w.wantAll(t, s, "made")
	s.Close()
	path := log.IndexPath(w.dir, w.sealed[0].First)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(log.IndexPath(w.dir, w.sealed[1].First))
	if err != nil {
		t.Fatal(err)
	}
	foreign := newWorld(t, 300, 5_000, rand.New(rand.NewPCG(3, 3))) // the same log id, other entries
	f, _ := foreign.set()
	foreign.wantAll(t, f, "foreign")
	f.Close()
	other, err := os.ReadFile(log.IndexPath(foreign.dir, foreign.sealed[0].First))
	if err != nil {
		t.Fatal(err)
	}
	mend := func(what string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, reports := w.set()
		w.wantAll(t, s, what)
		s.Close()
		if len(*reports) != 1 || !strings.Contains((*reports)[0], path) {
			t.Fatalf("%s: reported %q", what, *reports)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(whole) {
			t.Fatalf("%s: no good file is left (%v)", what, err)
		}
	}
	mend("another segment's", second)
	mend("another log's", other)
	mend("swapped blocks", slices.Concat(whole[:blocksAt], whole[blocksAt+blockBytes:], whole[blocksAt:blocksAt+blockBytes]))
	for n := 0; n < len(whole); n += 1 + len(whole)/20 {
		mend(fmt.Sprintf("cut at %d", n), whole[:n])
		mend(fmt.Sprintf("zeros from %d on", n), append(slices.Clone(whole[:n]), make([]byte, len(whole)-n)...))
	}
	mend("too long", append(slices.Clone(whole), 0))
	for at := 0; at < len(whole); at += 1 + at%397 {
		if at >= headBytes && at < blocksAt {
			continue // padding, which nobody reads
		}
		raw := slices.Clone(whole)
		raw[at] ^= 1 << (at % 8)
		mend(fmt.Sprintf("bit %d of byte %d", at%8, at), raw)
	}
}

// TestOnlyRead: a directory without the folder, or one that we may not write, is answered
// for all the same, and is left as it is.
func TestOnlyRead(t *testing.T) {
	w := newWorld(t, 500, 10_000, rand.New(rand.NewPCG(4, 4)))
	folder := filepath.Dir(log.IndexPath(w.dir, 1))
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	s, reports := w.set()
	w.wantAll(t, s, "no folder")
	s.Close()
	if _, err := os.Stat(folder); err == nil || len(*reports) > 0 {
		t.Errorf("the folder was made, or %v reported", *reports)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // nothing can be read or written there
		t.Fatal(err)
	}
	s, reports = w.set()
	w.wantAll(t, s, "no folder but a file")
	s.Close()
	if len(*reports) == 0 {
		t.Error("nothing was reported")
	}
}

// TestMostOpen: of more segments than are held ready at once so many are, of those in memory
// fewer, and each is answered for whenever it is asked.
func TestMostOpen(t *testing.T) {
	w := newWorld(t, 800, 1_000, rand.New(rand.NewPCG(7, 7)))
	if len(w.sealed) <= mostOpen {
		t.Fatalf("only %d segments", len(w.sealed))
	}
	for _, c := range []struct {
		what string
		most int
	}{{"files", mostOpen}, {"tables", mostTables}} {
		s, reports := w.set()
		for range 2 { // the files are made on the first way
			w.wantAll(t, s, c.what)
		}
		if len(s.open) != c.most || len(*reports) > 0 {
			t.Errorf("%s: %d are held ready, %v reported", c.what, len(s.open), *reports)
		}
		for _, x := range s.open {
			if (x.tab != nil) != (c.what == "tables") {
				t.Errorf("%s: one of segment @%d is not", c.what, x.seg.First)
			}
		}
		s.Close()
		if err := os.RemoveAll(filepath.Dir(log.IndexPath(w.dir, 1))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedSegment: an index cannot be made of it, and the error is the log's.
func TestDamagedSegment(t *testing.T) {
	w := newWorld(t, 500, 10_000, rand.New(rand.NewPCG(5, 5)))
	path := filepath.Join(w.dir, "wal", fmt.Sprintf("%020d", w.sealed[0].First))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2]++
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := w.set()
	defer s.Close()
	var damage *log.Damage
	if _, err := s.Index(w.sealed[0]); !errors.As(err, &damage) {
		t.Errorf("%v", err)
	}
}

// TestKeep: files are made once, leftovers and those of segments that are gone go.
func TestKeep(t *testing.T) {
	w := newWorld(t, 1000, 10_000, rand.New(rand.NewPCG(6, 6)))
	folder := filepath.Dir(log.IndexPath(w.dir, 1))
	first := log.IndexPath(w.dir, w.sealed[0].First)
	mine := filepath.Join(folder, "mine")
	for _, path := range []string{first + ".123.tmp", log.IndexPath(w.dir, 1<<40), first, mine} {
		if err := os.WriteFile(path, []byte("what is this"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	never := func() bool { return false }
	k := NewKeep(w.dir, w.whose, NewHasher(seed))
	if made, err := k.Do(w.sealed, func() bool { return true }); made != 0 || err != nil {
		t.Errorf("stopped at once it made %d, %v", made, err)
	}
	if made, err := k.Do(w.sealed, never); made != len(w.sealed) || err != nil {
		t.Errorf("made %d of %d, %v", made, len(w.sealed), err)
	}
	if made, err := k.Do(w.sealed, never); made != 0 || err != nil {
		t.Errorf("made %d again, %v", made, err)
	}
	if made, err := NewKeep(w.dir, w.whose, NewHasher(seed)).Do(w.sealed, never); made != 0 || err != nil {
		t.Errorf("another made %d again, %v", made, err)
	}
	tail, twice := NewTail(NewHasher(seed), 1), w.sealed[1]
	for _, s := range w.sealed[:2] {
		if err := log.ReadSegment(w.dir, w.id, s, tail.Add); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(log.IndexPath(w.dir, s.First)); err != nil {
			t.Fatal(err)
		}
		if ok, err := tail.Sealed(w.dir, w.id, s); !ok || err != nil {
			t.Errorf("the tail writes no file: %v", err)
		}
	}
	if ok, _ := tail.Sealed(w.dir, w.id, twice); ok || len(tail.Segments()) != 0 {
		t.Error("the tail writes a file of what it has forgotten")
	}
	for _, seg := range w.sealed {
		f, err := openFile(w.dir, w.id, seg)
		if err != nil {
			t.Fatal(err)
		}
		w.want(t, seg.First, f, "kept")
		f.Close()
	}
	if _, err := k.Do(w.sealed[2:], never); err != nil { // retention
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(w.sealed)-2+1 {
		t.Errorf("%d files for %d segments and one of somebody else's: %v", len(files), len(w.sealed)-2, files)
	}
}

// TestFileBytes pins the format.
func TestFileBytes(t *testing.T) {
	w := newWorld(t, 60, 1000, rand.New(rand.NewPCG(7, 7)))
	s, _ := w.set()
	defer s.Close()
	w.wantAll(t, s, "made")
	raw, err := os.ReadFile(log.IndexPath(w.dir, w.sealed[1].First))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	last := ""
	for at := 0; at < len(raw); at += 16 {
		line := fmt.Sprintf("% x", raw[at:min(at+16, len(raw))])
		if line != last { // as hexdump does
			fmt.Fprintf(&b, "%05x  %s\n", at, line)
		}
		last = line
	}
	fmt.Fprintf(&b, "%05x\n", len(raw))
	path := filepath.Join("testdata", "file.txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// TestSortRecords: also records with few different hashes, as of one key that is written
// again and again, are in order.
func TestSortRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, names := range []uint64{1, 2, 300, 1 << 32} {
		for _, n := range []int{0, 1, 64, 65, 5000, 100_000} {
			all := make([]record, n)
			for i := range all {
				all[i] = newRecord(Name(rng.Uint64N(names)), log.Spot(rng.Uint32()))
			}
			want := slices.Clone(all)
			slices.Sort(want)
			sortRecords(all, 56)
			if !slices.Equal(all, want) {
				t.Errorf("%d records of %d names are out of order", n, names)
			}
		}
	}
}
