package compaction

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// truth is what a state holds, by database and key, as a checkpoint keeps it.
func truth(st *state.State) map[int]map[string]state.Record {
	all := map[int]map[string]state.Record{}
	for db := range state.Databases {
		all[db] = map[string]state.Record{}
		st.Export(db, 0, func(r state.Record) bool {
			all[db][string(r.Key)] = *own(appendRecord(nil, &r))
			return true
		})
	}
	return all
}

// sought is all keys of a state, and as many that are not there, in no order.
func sought(all map[int]map[string]state.Record, rng *rand.Rand) (names []Name) {
	for db := range state.Databases {
		for key := range all[db] {
			names = append(names, Name{db, []byte(key)}, Name{db, []byte(key + "~")})
		}
		names = append(names, Name{db, nil}, Name{db, []byte("nowhere")})
	}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// sameAs reports whether what was found is the truth.
func sameAs(all map[int]map[string]state.Record, name Name, r *state.Record) bool {
	want, ok := all[name.DB][string(name.Key)]
	return ok == (r != nil) && (!ok || reflect.DeepEqual(*r, want))
}

// TestFind: keys of every kind, in the first and last places of shards and blocks, with
// records of several blocks beside them, are found as they are; others are not.
func TestFind(t *testing.T) {
	big := varied(t)
	apply(t, big, func(b *event.Buffer) {
		for i := range 3 { // keys that do not fit a block
			b.String(bytes.Repeat([]byte{'K', byte(i)}, blockMax/2+i*100_000), []byte("v"), 0)
		}
	})
	for name, st := range map[string]*state.State{"empty": state.New(Seed(testID)), "small": sample(t), "big": big} {
		dir := dataDir(t)
		c := mustWrite(t, dir, st)
		all, rng := truth(st), rand.New(rand.NewPCG(1, 1))
		names := sought(all, rng)
		var large []Name
		for db := range all {
			for key, r := range all[db] {
				if len(key) > 1000 || len(r.Value) > 1000 || len(r.Items) > 100 {
					large = append(large, Name{db, []byte(key)})
				}
			}
		}
		names = append(large, names[:min(len(names), 3000)]...)
		f, err := OpenFinder(dir, testID, testID, c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Find(names...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		through, err := f.readThrough(names)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, n := range names {
			if !sameAs(all, n, got[i]) || !sameAs(all, n, through[i]) {
				t.Errorf("%s: of %d %.40q found %.80v, read through %.80v", name, n.DB, n.Key, got[i], through[i])
			}
		}
		f.Close()
		for range 20 { // with nothing seen before
			n := names[rng.IntN(len(names))]
			if got, err := Find(dir, testID, testID, c, n); err != nil || !sameAs(all, n, got[0]) {
				t.Errorf("%s: of %d %.40q found %.80v, %v", name, n.DB, n.Key, got, err)
			}
		}
	}
}

// TestFindOnTheEdges: the first and last keys of every block.
func TestFindOnTheEdges(t *testing.T) {
	st := numbered(t, 2, shardKeys+20_000)
	dir := dataDir(t)
	c := mustWrite(t, dir, st)
	f, err := OpenFinder(dir, testID, testID, c)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := truth(st)
	edges, byHash := 0, map[uint64]string{}
	for key := range all[2] {
		byHash[f.hasher.Hash([]byte(key))] = key
	}
	for shard := range f.src.head.shards {
		list, err := f.fencesOf(shard)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range list {
			if key, ok := byHash[at.hash]; ok {
				edges++
				if got, err := f.Find(Name{2, []byte(key)}); err != nil || !sameAs(all, Name{2, []byte(key)}, got[0]) {
					t.Errorf("%q, which a block begins with: %v, %v", key, got, err)
				}
			}
		}
	}
	if edges < 20 {
		t.Errorf("only %d blocks", edges)
	}
}

// TestFindOrRefuse: with any bit flipped, any block in another's place or any end, what is
// found is the truth, or the checkpoint is refused.
func TestFindOrRefuse(t *testing.T) {
	dir := dataDir(t)
	st := numbered(t, 4, 12_000)
	c := mustWrite(t, dir, st)
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, rng := truth(st), rand.New(rand.NewPCG(2, 2))
	names := sought(all, rng)
	refused := 0
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	try := func(what string, at int, b byte) {
		t.Helper()
		if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			n := names[rng.IntN(len(names))]
			got, err := Find(dir, testID, testID, c, n)
			var r *Refusal
			switch {
			case errors.As(err, &r):
				refused++
			case err != nil || !sameAs(all, n, got[0]):
				t.Fatalf("%s: of %d %q found %v, %v", what, n.DB, n.Key, got[0], err)
			}
		}
	}
	front, list, _ := blocks(t, raw)
	heads := []int{}
	at := len(front)
	for _, b := range list {
		heads = append(heads, at)
		at += len(b)
	}
	for i := range 600 {
		pos := rng.IntN(len(raw))
		if i%2 == 0 { // where the way is looked for
			pos = min(heads[rng.IntN(len(heads))]+rng.IntN(40), len(raw)-1)
		}
		try(fmt.Sprintf("byte %d", pos), pos, raw[pos]^1<<rng.IntN(8))
		if _, err := f.WriteAt(raw[pos:pos+1], int64(pos)); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	try("whole", 0, raw[0])
	if _, err := Find(dir, log.ID{1}, testID, c, names[0]); err == nil {
		t.Error("another log's checkpoint is read")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var r *Refusal
	if _, err := Find(dir, testID, testID, c, names[0]); !errors.As(err, &r) {
		t.Errorf("a missing one: %v", err)
	}
}
