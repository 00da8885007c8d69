package compaction

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
)

// Load reads the checkpoint that the manifest of dir describes as want; root is
// the log's RootID. The
// error is a *Refusal where the file is not that checkpoint, whole and right;
// the operating system's where it could not be read. progress, which may be
// nil, is told of bytes read.
func Load(dir string, id, root log.ID, want log.Checkpoint, progress func(done, total int64)) (*state.State, error) {
	src, err := open(filepath.Join(dir, filepath.FromSlash(want.File)), id, want)
	if err != nil {
		return nil, err
	}
	l := &loader{src: src, seed: Seed(root), full: make(chan chunk, 4), free: make(chan []byte, 6), stop: make(chan struct{})}
	go l.read()
	st, err := l.load(progress)
	close(l.stop)
	for range l.full { // wait for the reading goroutine, which closes it
	}
	src.close()
	if err != nil {
		return nil, err
	}
	if st.Digest() != want.Digest {
		return nil, src.refuse(-1, "the state in it has digest %016x, it had %016x", st.Digest(), want.Digest)
	}
	return st, nil
}

// Check reads a checkpoint through without building a state: its CRCs, its
// records' shape and their number, and that it is the one registered as c. The
// error is that of [Load].
func Check(dir string, id log.ID, c log.Checkpoint) error {
	src, err := open(filepath.Join(dir, filepath.FromSlash(c.File)), id, c)
	if err != nil {
		return err
	}
	defer src.close()
	in := records{src: src}
	for {
		if _, err := in.next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// loader reads and checks chunks on one goroutine while another builds the
// state from those before.
type loader struct {
	src  *source
	seed uint64      // of the state
	full chan chunk  // read → load, closed at the end
	free chan []byte // load → read
	stop chan struct{}
	err  error // of read, valid when full is closed; nil at the end of the file
}

// read is the reading goroutine.
func (l *loader) read() {
	defer close(l.full)
	for {
		var buf []byte
		select {
		case buf = <-l.free:
		default:
		}
		c, err := l.src.next(buf)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.err = err
			}
			return
		}
		select {
		case l.full <- c:
		case <-l.stop:
			return
		}
	}
}

// leastRecord is fewer bytes than any record takes: what a head announces is
// held against the size of its file before memory is taken for it.
const leastRecord = 4

// load builds the state.
func (l *loader) load(progress func(done, total int64)) (*state.State, error) {
	st := state.New(l.seed)
	for db, n := range l.src.head.counts {
		if n > 0 {
			st.Expect(db, int(min(n, uint64(l.src.want.Size)/leastRecord)))
		}
	}
	seen := make([]uint64, len(l.src.head.shards))
	var rec state.Record
	for c := range l.full {
		db := l.src.head.shards[c.shard].db
		for u := (pack.Reader{Rest: c.data}); len(u.Rest) > 0; seen[c.shard]++ {
			if !readRecord(&u, &rec) {
				return nil, l.src.refuse(c.pos, "a record of the block cannot be read")
			}
			if err := st.Import(db, rec); err != nil {
				return nil, l.src.refuse(c.pos, "key %q: %v", rec.Key, err)
			}
		}
		if progress != nil {
			progress(c.pos+int64(len(c.data)), l.src.want.Size)
		}
		select {
		case l.free <- c.data:
		default:
		}
	}
	if l.err != nil {
		return nil, l.err
	}
	for i, n := range seen {
		if err := l.src.countedShard(i, n); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// Seed is what the states of a log with this root begin with: it orders their
// keys, the same in every replay, and is as secret as the root.
func Seed(root log.ID) uint64 { return binary.LittleEndian.Uint64(root[:]) }

// Latest as an offset means the end of the log.
const Latest uint64 = math.MaxUint64

// Base is a state to begin from.
type Base struct {
	State      *state.State
	Checkpoint *log.Checkpoint // nil: the empty state before entry 1
	Refused    []*Refusal      // newer checkpoints that could not be used
}

// Offset is the last entry that the state has in it.
func (b *Base) Offset() uint64 {
	if b.Checkpoint == nil {
		return 0
	}
	return b.Checkpoint.Offset
}

// Time is that entry's, in µs since 1970; 0 for the empty state.
func (b *Base) Time() int64 {
	if b.Checkpoint == nil {
		return 0
	}
	return b.Checkpoint.Time
}

// Newest loads the newest checkpoint at or before an offset that is whole, of
// those that the manifest m of dir names; the empty state where there is none
// and the log begins at 1. The error is log.ErrCompacted where the offset lies
// before everything that is kept, a *NoBase where it does not but no checkpoint
// could be used.
func Newest(dir string, m *log.Manifest, at uint64, progress func(done, total int64)) (*Base, error) {
	b := &Base{}
	for limit := at; ; {
		c, ok := m.Newest(limit)
		if !ok || c.Offset+1 < m.First {
			break
		}
		st, err := Load(dir, m.LogID, m.RootID(), c, progress)
		if err == nil {
			b.State, b.Checkpoint = st, &c
			return b, nil
		}
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			return nil, err
		}
		b.Refused = append(b.Refused, refusal)
		if c.Offset == 0 {
			break
		}
		limit = c.Offset - 1
	}
	if m.First == 1 {
		b.State = state.New(Seed(m.RootID()))
		return b, nil
	}
	if first := Reach(m); at < first {
		return nil, fmt.Errorf("%w: @%d is before the first reachable point @%d", log.ErrCompacted, at, first)
	}
	return nil, &NoBase{Dir: dir, At: at, First: m.First, Refused: b.Refused}
}

// Reach is the first offset whose state can be had: 0 while the log begins at
// 1, then the oldest checkpoint from which the log goes on.
func Reach(m *log.Manifest) uint64 {
	if m.First == 1 {
		return 0
	}
	for _, c := range m.Checkpoints { // in order of offset
		if c.Offset+1 >= m.First {
			return c.Offset
		}
	}
	return m.First - 1
}
