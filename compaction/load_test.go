package compaction

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// refused checks that both readers refuse a file, by name.
func refused(t *testing.T, dir string, id log.ID, c log.Checkpoint) *Refusal {
	t.Helper()
	st, err := Load(dir, id, id, c, nil)
	var r *Refusal
	if st != nil || !errors.As(err, &r) || r.File != c.File || r.Offset != c.Offset || !strings.Contains(err.Error(), c.File) {
		t.Errorf("Load gives %v, %v", st, err)
	}
	if err := Check(dir, id, c); !errors.As(err, &r) {
		t.Errorf("Check gives %v", err)
	}
	return r
}

// TestEveryBit flips every bit of a small checkpoint. Nothing is read back
// silently different.
func TestEveryBit(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, testID, c)
			if t.Failed() {
				t.Fatalf("byte %d, bit %d", i, bit)
			}
			raw[i] ^= 1 << bit
		}
	}
	t.Logf("%d bits flipped, %d found", len(raw)*8, len(raw)*8)
}

// TestEveryCut cuts a checkpoint at each of its bytes, once as the manifest
// describes it and once as if it had been registered so short.
func TestEveryCut(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, testID, c)
		short := c
		short.Size = int64(n)
		refused(t, dir, testID, short)
	}
	if err := os.WriteFile(path, append(raw, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, testID, c)
	long := c
	long.Size++
	if r := refused(t, dir, testID, long); !strings.Contains(r.What, "after the footer") {
		t.Errorf("a byte more is refused with %v", r)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := refused(t, dir, testID, c); !strings.Contains(r.What, "missing") {
		t.Errorf("a lost file is refused with %v", r)
	}
}

// blocks splits a checkpoint file into its front (magic and header), its blocks
// and its footer.
func blocks(t *testing.T, raw []byte) (front []byte, list [][]byte, footer []byte) {
	t.Helper()
	n, _ := headLength(raw[len(magic):])
	at := len(magic) + prefix + n
	front, footer = raw[:at], raw[len(raw)-8:]
	for at < len(raw)-8 {
		n, _ := headLength(raw[at:])
		list = append(list, raw[at:at+prefix+n])
		at += prefix + n
	}
	return front, list, footer
}

// TestWholeBlocksInTheWrongPlace moves blocks that are right in themselves.
func TestWholeBlocksInTheWrongPlace(t *testing.T) {
	dir := dataDir(t)
	st := state.New(Seed(testID))
	apply(t, st, func(b *event.Buffer) { // records of one size, so that every block is as long
		for i := range 12 {
			b.String([]byte{'k', byte('a' + i)}, bytes.Repeat([]byte{byte(i)}, 100<<10), 0)
		}
	})
	c := mustWrite(t, dir, st)
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	front, list, footer := blocks(t, raw)
	if len(list) < 4 {
		t.Fatalf("only %d blocks", len(list))
	}
	other := mustWrite(t, dir, sample(t))
	foreign, err := os.ReadFile(filepath.Join(dir, other.File))
	if err != nil {
		t.Fatal(err)
	}
	_, _, foreignFooter := blocks(t, foreign)
	write := func(parts ...[]byte) log.Checkpoint {
		t.Helper()
		p := bytes.Join(parts, nil)
		if err := os.WriteFile(path, p, 0o600); err != nil {
			t.Fatal(err)
		}
		as := c
		as.Size = int64(len(p))
		return as
	}
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	if _, err := Load(dir, testID, testID, write(front, join(list...), footer), nil); err != nil {
		t.Fatalf("the file put together again: %v", err)
	}
	for name, as := range map[string]func() log.Checkpoint{
		"swapped": func() log.Checkpoint { return write(front, list[1], list[0], join(list[2:]...), footer) },
		"missing": func() log.Checkpoint { return write(front, join(list[1:]...), footer) },
		"doubled": func() log.Checkpoint { return write(front, list[0], join(list...), footer) },
		"doubled over another": func() log.Checkpoint {
			return write(front, list[0], list[0], join(list[2:]...), footer)
		},
		"another's footer": func() log.Checkpoint { return write(front, join(list...), foreignFooter) },
		"zeros": func() log.Checkpoint {
			return write(front, make([]byte, len(list[0])), join(list[1:]...), footer)
		},
		"all zeros": func() log.Checkpoint { return write(make([]byte, len(raw))) },
	} {
		t.Run(name, func(t *testing.T) { refused(t, dir, testID, as()) })
	}
}

// TestAnotherCheckpoint: a file that is whole, but not the registered one.
func TestAnotherCheckpoint(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	refused(t, dir, log.ID{1, 2, 3}, c)
	for name, change := range map[string]func(*log.Checkpoint){
		"offset": func(c *log.Checkpoint) { c.Offset++ },
		"time":   func(c *log.Checkpoint) { c.Time++ },
		"digest": func(c *log.Checkpoint) { c.Digest++ },
		"keys":   func(c *log.Checkpoint) { c.Keys++ },
		"size":   func(c *log.Checkpoint) { c.Size++ },
	} {
		other := c
		change(&other)
		t.Run(name, func(t *testing.T) { refused(t, dir, testID, other) })
	}
}

// lie writes the file anew, with its head and its blocks changed and right CRCs around
// them, and returns it as it would be registered.
func lie(t *testing.T, path string, c log.Checkpoint, front []byte, list [][]byte, change func(*head, [][]byte)) log.Checkpoint {
	t.Helper()
	h, err := parseHead(front[len(magic)+prefix:])
	if err != nil {
		t.Fatal(err)
	}
	mine := make([][]byte, len(list))
	for i := range list {
		mine[i] = bytes.Clone(list[i])
	}
	change(&h, mine)
	p := h.append(append([]byte(magic), make([]byte, prefix)...))
	crc := sealBlock(p[len(magic):], seedOf(testID), 0)
	var ch chain
	for _, b := range mine {
		ch.add(sealBlock(b, seedOf(testID), 0))
		p = append(p, b...)
	}
	p = append(p, ch.footer(crc)...)
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Size, c.Keys, c.Digest = int64(len(p)), int(h.keys), h.digest
	return c
}

// TestLiesUnderARightCRC puts right CRCs around wrong contents: what only a bug
// or an enemy makes. They must be refused too, without a giant allocation.
func TestLiesUnderARightCRC(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, sample(t))
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	front, list, _ := blocks(t, raw)
	for name, change := range map[string]func(h *head, list [][]byte){
		"a key more announced": func(h *head, _ [][]byte) { h.counts[0]++; h.keys++; h.shards[0].records++ },
		"a database beyond":    func(h *head, _ [][]byte) { h.shards[0].db = state.Databases },
		"a shard of nothing":   func(h *head, _ [][]byte) { h.shards = append(h.shards, shard{}) },
		"a shard too long":     func(h *head, _ [][]byte) { h.shards[0].bytes += 8 },
		"a shard too short":    func(h *head, _ [][]byte) { h.shards[0].bytes-- },
		"another digest":       func(h *head, _ [][]byte) { h.digest++ },
		"a giant value": func(_ *head, list [][]byte) {
			binary.BigEndian.PutUint32(list[0][prefix:], 0x95c6ffff) // a key of 4 GiB
		},
		"a giant array": func(_ *head, list [][]byte) { copy(list[0][prefix:], []byte{0xdd, 0xff, 0xff, 0xff, 0xff}) },
		"no record":     func(_ *head, list [][]byte) { list[0][prefix] = 0xc1 },
	} {
		t.Run(name, func(t *testing.T) {
			as := lie(t, path, c, front, list, change)
			if st, err := Load(dir, testID, testID, as, nil); !errors.Is(err, log.ErrDamaged) {
				t.Errorf("Load gives %v, %v", st, err)
			}
		})
	}
}

// TestMemoryIsNotTakenForLies: a head may announce what it likes, in as many databases
// as it likes; no memory is laid out for more records than its file can hold.
func TestMemoryIsNotTakenForLies(t *testing.T) {
	if n := len(appendRecord(nil, &state.Record{Type: state.String})); n != leastRecord {
		t.Errorf("the smallest record takes %d bytes", n)
	}
	var h head
	for db := range h.counts {
		h.counts[db] = 1 << 40
	}
	const size = 1 << 20
	total := 0
	for _, n := range h.expected(size) {
		total += n
	}
	if total != size/leastRecord {
		t.Errorf("%d keys are expected of a file of %d bytes", total, size)
	}
	h.counts = [state.Databases]uint64{3: 500, 15: 70}
	if got := h.expected(size); got[3] != 500 || got[15] != 70 {
		t.Errorf("%v keys are expected", got)
	}
}

// TestOrderIsKept: loading gives the keys back in the order of the state, which
// deletions have made another than that of their writing.
func TestOrderIsKept(t *testing.T) {
	st := numbered(t, 2, 1000)
	for i := 0; i < 1000; i += 3 {
		apply(t, st, func(b *event.Buffer) {
			b.Database(2)
			b.Delete([]byte(order(st, 2)[i/3]), event.User)
		})
	}
	dir := dataDir(t)
	got, err := Load(dir, testID, testID, mustWrite(t, dir, st), nil)
	if err != nil {
		t.Fatal(err)
	}
	sameState(t, got, st)
}

// varied is a state of several shards in two databases, with records in it that take a
// block or several, and with all that needs more than a place in a block.
func varied(t *testing.T) *state.State {
	t.Helper()
	st := numbered(t, 3, shardKeys+5000)
	apply(t, st, func(b *event.Buffer) {
		for i := range 5000 {
			b.String(fmt.Appendf(nil, "due:%d", i), fmt.Appendf(nil, "%d", i), int64(1+i%7))
			b.HashSet(fmt.Appendf(nil, "hash:%d", i), []byte("field"), fmt.Appendf(nil, "%d", i), []byte("other"), nil)
		}
		for i := range 20 {
			b.String(fmt.Appendf(nil, "long:%d", i), bytes.Repeat([]byte{byte(i)}, i*40_000), 0)
			b.String(bytes.Repeat([]byte{'k', byte(i)}, 2000+i*100), []byte("of a long key"), int64(i))
			for f := range 10 * i {
				b.HashSet(fmt.Appendf(nil, "large:%d", i), fmt.Appendf(nil, "f%d", f), bytes.Repeat([]byte{'v'}, f))
			}
		}
	})
	return st
}

// TestLoadOnAnyCores: however many work on it, and with however little, a checkpoint
// loads to the same state.
func TestLoadOnAnyCores(t *testing.T) {
	dir, st := dataDir(t), varied(t)
	c := mustWrite(t, dir, st)
	for _, n := range []struct{ decoders, parts int }{{1, 1}, {1, 2}, {2, 8}, {8, 3}, {8, 40}} {
		src, err := open(filepath.Join(dir, c.File), testID, c)
		if err != nil {
			t.Fatal(err)
		}
		got := state.New(Seed(testID))
		if err := newLoader(src, got, n.parts).run(n.decoders, nil); err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
		src.close()
		sameState(t, got, st)
		if err := verify(filepath.Join(dir, c.File), got, testID, c); err != nil {
			t.Errorf("%+v: not what was written: %v", n, err)
		}
	}
}

// TestFirstDamageIsNamed: of several places that are wrong it is always the first in
// the file that is reported, though another goroutine may have found a later one before.
func TestFirstDamageIsNamed(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, numbered(t, 0, 40_000))
	path := filepath.Join(dir, c.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	front, list, _ := blocks(t, raw)
	if len(list) < 8 {
		t.Fatalf("only %d blocks", len(list))
	}
	first := int64(len(front) + len(list[0]) + len(list[1]))
	for name, change := range map[string]func(*head, [][]byte){
		"unreadable at its end": func(_ *head, list [][]byte) {
			p := list[2]
			p[len(p)-1-32-2-1] = 0xc1 // the last record's expiry, before its value
			list[3][prefix], list[7][prefix] = 0xc1, 0xc1
		},
		"the same keys twice": func(_ *head, list [][]byte) {
			copy(list[2][prefix:], list[1][prefix:prefix+40])
			list[3][prefix], list[7][prefix] = 0xc1, 0xc1
		},
	} {
		as := lie(t, path, c, front, list, change)
		for range 10 {
			_, err := Load(dir, testID, testID, as, nil)
			if r := (*Refusal)(nil); !errors.As(err, &r) || r.Byte != first {
				t.Fatalf("%s: %v, want byte %d", name, err, first)
			}
		}
	}
}

// TestGiantsComeOneAtATime: what a start takes beside its state is a few blocks and one
// giant value, however many there are: nothing is read behind one before it is in the state.
func TestGiantsComeOneAtATime(t *testing.T) {
	const giants, size = 8, 3 << 20
	giant := func(b *event.Buffer, i int) {
		b.String(fmt.Appendf(nil, "giant:%d", i), bytes.Repeat([]byte{byte(i)}, size), 0)
	}
	t.Run("checkpoint", func(t *testing.T) {
		dir, st := dataDir(t), state.New(Seed(testID))
		apply(t, st, func(b *event.Buffer) {
			for i := range giants {
				giant(b, i)
			}
		})
		c := mustWrite(t, dir, st)
		src, err := open(filepath.Join(dir, c.File), testID, c)
		if err != nil {
			t.Fatal(err)
		}
		defer src.close()
		got, seen := state.New(Seed(testID)), 0
		l := newLoader(src, got, 8)
		if err := l.run(2, func(int64, int64) {
			if seen++; len(l.order) > 0 || len(l.work) > 0 {
				t.Errorf("%d more parts were read behind giant %d", len(l.order), seen)
			}
			time.Sleep(5 * time.Millisecond) // long enough for a reader that does not wait
		}); err != nil {
			t.Fatal(err)
		}
		sameState(t, got, st)
		if seen < giants {
			t.Errorf("%d parts, wanted one for each of %d giants", seen, giants)
		}
	})
	t.Run("log", func(t *testing.T) {
		st := state.New(Seed(testID))
		a := NewApplier(st)
		for i := range giants {
			var b event.Buffer
			b.Header(event.Header{Name: "SET"})
			giant(&b, i)
			if err := a.Add(log.Entry{Offset: uint64(i + 1), Kind: log.KindChange, Body: b.Bytes()}); err != nil {
				t.Fatal(err)
			}
			if n := st.View(0, 0).Len(); n != i+1 {
				t.Fatalf("%d giants in the state after %d", n, i+1)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLoadProgress(t *testing.T) {
	dir := dataDir(t)
	c := mustWrite(t, dir, numbered(t, 0, 20_000))
	var last, calls int64
	if _, err := Load(dir, testID, testID, c, func(done, total int64) {
		calls++
		if done <= last || done > total || total != c.Size {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}); err != nil {
		t.Fatal(err)
	}
	if calls < 3 || last < c.Size-16 {
		t.Errorf("%d calls, the last at %d of %d", calls, last, c.Size)
	}
}

// BenchmarkLoad is a start from a checkpoint, on all cores.
func BenchmarkLoad(b *testing.B) {
	dir := dataDir(b)
	c := mustWrite(b, dir, numbered(b, 0, 1_000_000))
	b.SetBytes(c.Size)
	for b.Loop() {
		if _, err := Load(dir, testID, testID, c, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkWrite is a checkpoint from the state to the disk: encoded, synced and read
// back.
func BenchmarkWrite(b *testing.B) {
	dir, st := dataDir(b), numbered(b, 0, 1_000_000)
	for b.Loop() {
		b.SetBytes(mustWrite(b, dir, st).Size)
	}
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "keys/s")
}
