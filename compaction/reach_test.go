package compaction

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

func TestReach(t *testing.T) {
	for _, c := range []struct {
		name        string
		first       uint64
		checkpoints []uint64
		want        uint64
	}{
		{"from the beginning", 1, nil, 0},
		{"from the beginning, with checkpoints", 1, []uint64{5, 9}, 0},
		{"from the first checkpoint that the log goes on from", 101, []uint64{50, 100, 120}, 100},
		{"from one within the log", 101, []uint64{120, 130}, 120},
		{"an older one is of no use", 101, []uint64{50, 99}, 100},
		{"none", 101, nil, 100},
	} {
		m := &log.Manifest{First: c.first}
		for _, at := range c.checkpoints {
			m.AddCheckpoint(log.Checkpoint{Offset: at})
		}
		if got := Reach(m); got != c.want {
			t.Errorf("%s: @%d, want @%d", c.name, got, c.want)
		}
	}
}

// TestNewestChooses: which registered checkpoint serves which offset.
func TestNewestChooses(t *testing.T) {
	j := newJournal(t, 2000)
	j.random(40)
	for _, at := range []uint64{30, 10, 20} { // registered in any order
		j.checkpoint(at)
	}
	m := j.log.Manifest()
	for at, want := range map[uint64]uint64{0: 0, 9: 0, 10: 10, 19: 10, 20: 20, 29: 20, 30: 30, 40: 30, Latest: 30} {
		b, err := Newest(j.dir, m, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.Offset() != want || b.State.Digest() != j.digests[want] {
			t.Errorf("for @%d it takes @%d, want @%d", at, b.Offset(), want)
		}
		if (b.Time() == 0) != (want == 0) {
			t.Errorf("for @%d the time is %d", at, b.Time())
		}
	}
}

// TestNewestDoesNotHideTheDisk: a checkpoint that cannot be read for another
// reason than its contents is no reason to take an older one in silence.
func TestNewestDoesNotHideTheDisk(t *testing.T) {
	j := newJournal(t, 2000)
	j.random(20)
	c := j.checkpoint(10)
	if err := os.Remove(j.file(c.File)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(j.file(c.File), 0o700); err != nil { // a directory opens, but reading it fails
		t.Fatal(err)
	}
	m := j.log.Manifest()
	info, err := os.Stat(j.file(c.File))
	if err != nil {
		t.Fatal(err)
	}
	m.Checkpoints[0].Size = info.Size()
	_, err = Newest(j.dir, m, 20, nil)
	var r *Refusal
	if err == nil || errors.As(err, &r) {
		t.Errorf("it gives %v", err)
	}
}

// TestBuildBesideRetention: states are built while retention takes history away
// under the reader. Each build gives the right state, or says that it is gone.
func TestBuildBesideRetention(t *testing.T) {
	const segment = 400
	j := newJournal(t, segment)
	j.random(40)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	type answer struct {
		at, digest uint64
		gone       bool
	}
	var answers []answer
	ask := func(at uint64) error {
		b, err := Build(j.dir, at, nil)
		switch {
		case errors.Is(err, log.ErrCompacted):
			answers = append(answers, answer{at: at, gone: true})
		case err != nil:
			return fmt.Errorf("@%d: %w", at, err)
		default:
			answers = append(answers, answer{at: b.At, digest: b.State.Digest()})
		}
		return nil
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := uint64(0); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			at := Latest
			if i%2 == 0 {
				at = i % 40
			}
			if err := ask(at); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 25 {
		j.random(40)
		last := j.log.Last()
		j.checkpoint(last - 5)
		j.checkpoint(last)
		if err := j.log.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := Apply(j.log, Plan(j.log.Manifest(), Policy{Bytes: 1}, hour(1), nil, nil)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	right, gone := 0, 0
	for _, a := range answers {
		switch {
		case a.gone:
			gone++
		case a.digest != j.digests[a.at]:
			t.Errorf("@%d was built with digest %016x, it was %016x", a.at, a.digest, j.digests[a.at])
		default:
			right++
		}
	}
	if j.log.Manifest().First == 1 {
		t.Error("nothing was dropped meanwhile")
	}
	t.Logf("%d states built, %d found gone, the log begins at @%d", right, gone, j.log.Manifest().First)
}

// TestOpenViewsHold: what is in use does not go, and what is held can be built.
func TestOpenViewsHold(t *testing.T) {
	j := newJournal(t, 400)
	j.random(100)
	for _, at := range []uint64{20, 40, 60, 80, 100} {
		j.checkpoint(at)
	}
	j.seal(400)
	if err := Apply(j.log, Plan(j.log.Manifest(), Policy{Bytes: 1}, hour(1), []uint64{47}, nil)); err != nil {
		t.Fatal(err)
	}
	if got := Reach(j.log.Manifest()); got != 40 {
		t.Errorf("reachable from @%d", got)
	}
	j.everyOffset(40)
	if err := Apply(j.log, Plan(j.log.Manifest(), Policy{Bytes: 1}, hour(1), nil, nil)); err != nil {
		t.Fatal(err)
	}
	if got := Reach(j.log.Manifest()); got != 80 {
		t.Errorf("when the view is closed, reachable from @%d", got)
	}
	j.everyOffset(80)
	if err := Apply(j.log, Drops{}); err != nil {
		t.Errorf("a plan of nothing gives %v", err)
	}
}

// TestSweepSpares files that are not ours, or may be on their way.
func TestSweepSpares(t *testing.T) {
	j, d := keep(t)
	spared := []string{"notes.txt", "7.snap", "00000000000000000007.snap.tmp", "00000000000000000090.snap", "0000000000000000000x.snap"}
	for _, name := range append([]string{"00000000000000000007.snap"}, spared...) {
		if err := os.WriteFile(j.file(folder+"/"+name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Apply(j.log, d); err != nil {
		t.Fatal(err)
	}
	for _, name := range spared {
		if _, err := os.Stat(j.file(folder + "/" + name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	if _, err := os.Stat(j.file(FileName(7))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unregistered checkpoint stays: %v", err)
	}
}

func TestWriteIntoNowhere(t *testing.T) {
	dir := t.TempDir()
	_, err := Write(dir, sample(t), Meta{LogID: testID, Offset: 3})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "checkpoint @3") || !strings.Contains(err.Error(), folder) {
		t.Errorf("it gives %v", err)
	}
}

// TestErrorsForPeople pins what a person is told.
func TestErrorsForPeople(t *testing.T) {
	lost := &Refusal{File: FileName(7), Byte: -1, Offset: 7, What: "the file is missing"}
	rotten := &Refusal{File: FileName(9), Byte: 283, Offset: 9, What: "the block fails its CRC"}
	newer := &Refusal{File: FileName(9), Byte: 8, Offset: 9, What: "checkpoint format 2", newer: true}
	for _, c := range []struct {
		err             error
		want            string
		damaged, tooOld bool
	}{
		{lost, "checkpoint @7 refused: checkpoints/00000000000000000007.snap: the file is missing", true, false},
		{rotten, "checkpoint @9 refused: checkpoints/00000000000000000009.snap, byte 283: the block fails its CRC", true, false},
		{newer, "checkpoint @9 refused: checkpoints/00000000000000000009.snap, byte 8: checkpoint format 2", false, true},
		{&NoBase{Dir: "d", At: 12, First: 10, Refused: []*Refusal{rotten, lost}}, "d: the log begins at @10, and no checkpoint of what came " +
			"before it can be used: checkpoint @9 refused: checkpoints/00000000000000000009.snap, byte 283: the block fails its CRC; " +
			"checkpoint @7 refused: checkpoints/00000000000000000007.snap: the file is missing. " +
			"Nothing was changed; put a copy of the file back into checkpoints/", true, false},
		{&NoBase{Dir: "d", First: 10}, "d: the log begins at @10, and no checkpoint of what came before it can be used: " +
			"the MANIFEST names none. Nothing was changed; put a copy of the file back into checkpoints/", true, false},
		{&NoBase{Dir: "d", First: 10, Refused: []*Refusal{newer}}, "", false, true},
		{&NoBase{Dir: "d", First: 10, Refused: []*Refusal{newer, lost}}, "", true, false},
		{&Unapplicable{Offset: 5, Err: errors.New("why")}, "entry @5 is whole but cannot be applied: why. " +
			"A newer altilium may have written it; nothing was changed", true, false},
	} {
		if got := c.err.Error(); c.want != "" && got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if errors.Is(c.err, log.ErrDamaged) != c.damaged || errors.Is(c.err, log.ErrNewerFormat) != c.tooOld {
			t.Errorf("%v: damaged %v, too new %v", c.err, errors.Is(c.err, log.ErrDamaged), errors.Is(c.err, log.ErrNewerFormat))
		}
	}
}

// TestGoldenOpens: the checkpoint of testdata, as it was once written, loads.
func TestGoldenOpens(t *testing.T) {
	dump, err := os.ReadFile(filepath.Join("testdata", "checkpoint.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for line := range strings.Lines(string(dump)) {
		cells, _, _ := strings.Cut(line[10:], "|")
		for _, cell := range strings.Fields(cells) {
			var b byte
			if _, err := fmt.Sscanf(cell, "%02x", &b); err != nil {
				t.Fatal(err)
			}
			raw = append(raw, b)
		}
	}
	dir, want := dataDir(t), sample(t)
	c := log.Checkpoint{Offset: 7, Time: 1_767_225_600_000_000, File: FileName(7), Size: int64(len(raw)), Keys: 6, Digest: want.Digest()}
	if err := os.WriteFile(filepath.Join(dir, c.File), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir, testID, testID, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameState(t, got, want)
	if v, _, err := got.View(0, 0).String([]byte("greeting")); err != nil || string(v) != "hello" {
		t.Errorf("greeting is %q, %v", v, err)
	}
	if got.View(9, 0).Encoding([]byte("float")) != "embstr" || got.View(0, 0).Encoding([]byte("number")) != "int" {
		t.Error("encodings are not kept")
	}
	if at, ok := got.View(9, 0).ExpireAt([]byte("h")); at != 99 || !ok {
		t.Errorf("the expiry is %d, %v", at, ok)
	}
}

// TestEncodingsAreKept through a checkpoint, where events alone decide them.
func TestEncodingsAreKept(t *testing.T) {
	j := newJournal(t, 1<<20)
	j.entry(func(b *event.Buffer) {
		b.String([]byte("int"), []byte("12"), 0)
		b.Text([]byte("text"), []byte("12"), 0)
		b.String([]byte("appended"), []byte("1"), 0)
		b.Append([]byte("appended"), []byte("2"))
		b.HashSet([]byte("small"), []byte("f"), []byte("v"))
		b.HashSet([]byte("big"), []byte("f"), bytes.Repeat([]byte("v"), 65))
		b.HashSet([]byte("once big"), []byte("f"), bytes.Repeat([]byte("v"), 65))
		b.HashSet([]byte("once big"), []byte("f"), []byte("v"))
	})
	j.checkpoint(1)
	b, err := Build(j.dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"int": "int", "text": "embstr", "appended": "raw", "small": "listpack", "big": "hashtable", "once big": "hashtable"} {
		if got := b.State.View(0, 0).Encoding([]byte(key)); got != want || got != j.st.View(0, 0).Encoding([]byte(key)) {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}
