package compaction

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
)

// Load reads the checkpoint that the manifest of dir describes as want; id is the
// manifest's IDAt its offset, root its RootID. The error is a *Refusal where the file is not that checkpoint,
// whole and right; the operating system's where it could not be read, and one with a
// *[state.OutOfMemory] in it where there is no room for the state. progress, which may be
// nil, is told of bytes read.
func Load(dir string, id, root log.ID, want log.Checkpoint, progress func(done, total int64)) (*state.State, error) {
	src, err := open(filepath.Join(dir, filepath.FromSlash(want.File)), id, want)
	if err != nil {
		return nil, err
	}
	st := state.New(Seed(root))
	decoders := min(runtime.GOMAXPROCS(0), mostDecoders)
	err = newLoader(src, st, 3*decoders+2).run(decoders, progress)
	src.close()
	var memory *state.OutOfMemory
	if errors.As(err, &memory) {
		return nil, fmt.Errorf("%s: %w", want.File, err)
	}
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
	return Each(dir, id, c, func(int, *state.Record) error { return nil })
}

// Each hands every record of a checkpoint to visit, with its database, in the order of the
// file, and checks what [Check] does on the way. A record is valid until visit returns. The
// error is that of [Load], or visit's, which ends it.
func Each(dir string, id log.ID, c log.Checkpoint, visit func(db int, r *state.Record) error) error {
	src, err := open(filepath.Join(dir, filepath.FromSlash(c.File)), id, c)
	if err != nil {
		return err
	}
	defer src.close()
	in := records{src: src}
	for {
		_, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(src.head.shards[in.c.shard].db, &in.rec)
		}
		if err != nil {
			return err
		}
	}
}

// loader builds a state from a checkpoint on all cores. Everything but giving the
// records their places in the state is done for many chunks at once; the state gets
// them in the order of the file, which is that of its keys.
//
//	reader: read, CRC ──work──▶ decoders: msgpack, hash, layout ──order──▶ load: State.ImportBatch
//	   ▲                                                                      │
//	   └──────────────────────────────── free ────────────────────────────────┘
//
// There are so many parts and no more, and each channel has room for all of them:
// nobody waits but for work or for a part. After a giant one the reader waits until it is
// in the state: memory is bounded, by a few blocks and one record.
type loader struct {
	src   *source
	st    *state.State
	work  chan *part    // read → decode
	order chan *part    // read → load: the same parts, in order
	free  chan *part    // load → read
	giant chan struct{} // load → read: a giant part is in the state
	stop  chan struct{}
	err   error // of read, valid when order is closed; nil at the end of the file
}

// part is a chunk on its way into the state.
type part struct {
	chunk
	batch *state.Batch
	seen  uint64 // records in it
	err   error  // of its decoding; the batch has the records before
	ready chan struct{}
}

// isGiant: it is one record, or little more, whose memory is not kept.
func (p *part) isGiant() bool { return cap(p.data) > 4*blockMax }

// leastRecord is what the smallest record takes in a file, in bytes: an empty key with an
// empty value.
const leastRecord = 8

// expected is how many keys memory is taken for at once, by database: those that the
// head announces, but of all databases together no more than the file has room for.
func (h *head) expected(size int64) (keys [state.Databases]int) {
	room := uint64(size) / leastRecord
	for db, n := range h.counts {
		n = min(n, room)
		room -= n
		keys[db] = int(n)
	}
	return keys
}

// mostDecoders is how many are enough to keep the one goroutine busy that they all feed:
// a record costs it more than half of what it costs them.
const mostDecoders = 3

// newLoader makes a loader for the checkpoint that src reads.
func newLoader(src *source, st *state.State, parts int) *loader {
	l := &loader{src: src, st: st, stop: make(chan struct{}), giant: make(chan struct{}, 1),
		work: make(chan *part, parts), order: make(chan *part, parts), free: make(chan *part, parts)}
	for range parts {
		l.free <- &part{batch: st.NewBatch(), ready: make(chan struct{}, 1)}
	}
	return l
}

// run starts the other goroutines, builds the state, and waits until they have ended.
func (l *loader) run(decoders int, progress func(done, total int64)) error {
	var others sync.WaitGroup
	others.Go(l.read)
	for range decoders {
		others.Go(func() {
			for p := range l.work {
				p.decode(l.src)
				p.ready <- struct{}{}
			}
		})
	}
	err := l.load(progress)
	close(l.stop)
	others.Wait()
	return err
}

// read is the reading goroutine.
func (l *loader) read() {
	defer close(l.order)
	defer close(l.work)
	for {
		var p *part
		select {
		case p = <-l.free:
		case <-l.stop:
			return
		}
		var err error
		if p.chunk, err = l.src.next(p.data); err != nil {
			if !errors.Is(err, io.EOF) {
				l.err = err
			}
			return
		}
		giant := p.isGiant()
		l.order <- p
		l.work <- p
		if giant {
			select {
			case <-l.giant:
			case <-l.stop:
				return
			}
		}
	}
}

// decode makes a batch of a chunk's records, up to the first that cannot be read.
func (p *part) decode(src *source) {
	p.batch.Reset(src.head.shards[p.shard].db)
	p.seen, p.err = 0, nil
	var rec state.Record
	for u := (pack.Reader{Rest: p.data}); len(u.Rest) > 0; p.seen++ {
		if !readRecord(&u, &rec) {
			p.err = errUnreadable
			return
		}
		if p.err = p.batch.Add(rec); p.err != nil {
			return
		}
	}
}

var errUnreadable = errors.New("a record of the block cannot be read")

// load builds the state. What is wrong first in the file is what is reported, whoever
// found out first.
func (l *loader) load(progress func(done, total int64)) (err error) {
	defer state.CatchOutOfMemory(&err)
	for db, n := range l.src.head.expected(l.src.want.Size) {
		if n > 0 {
			l.st.Expect(db, n)
		}
	}
	seen := make([]uint64, len(l.src.head.shards))
	for p := range l.order {
		<-p.ready
		err := l.st.ImportBatch(p.batch)
		if err == nil {
			err = p.err
		}
		if err != nil {
			return l.src.refuse(p.pos, "%v", err)
		}
		seen[p.shard] += p.seen
		if progress != nil {
			progress(p.pos+int64(len(p.data)), l.src.want.Size)
		}
		if p.isGiant() {
			p.data, p.batch = nil, l.st.NewBatch()
			l.giant <- struct{}{}
		}
		l.free <- p
	}
	if l.err != nil {
		return l.err
	}
	for i, n := range seen {
		if err := l.src.countedShard(i, n); err != nil {
			return err
		}
	}
	return nil
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
		st, err := Load(dir, m.IDAt(c.Offset), m.RootID(), c, progress)
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
