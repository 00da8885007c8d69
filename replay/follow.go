package replay

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay/keyindex"
)

// follower has the index of the segments that are not sealed, and feeds it. Any goroutine
// may use it.
type follower struct {
	dir  string
	live *log.Log // open in this process; nil: another process', or nobody's
	h    keyindex.Hasher
	tail *keyindex.Tail
	read log.ManifestReader // where it is not live

	asked atomic.Bool // somebody wanted what the tail has

	mu sync.Mutex
	r  *log.Reader // what feeds the tail; nil before the first entry is wanted
}

// newFollower makes one for the segments that the manifest does not know as sealed.
func newFollower(dir string, live *log.Log, m *log.Manifest) *follower {
	h := keyindex.NewHasher(compaction.Seed(m.RootID()))
	return &follower{dir: dir, live: live, h: h, tail: keyindex.NewTail(h, m.Active), read: log.ManifestReader{Dir: dir}}
}

// manifest is the log's, as it is now.
func (f *follower) manifest() (*log.Manifest, error) {
	if f.live != nil {
		return f.live.Manifest(), nil
	}
	return f.read.Read()
}

// upTo feeds the tail until it has an entry, or all that there are. What has been sealed by
// m it leaves out: that has files, or will have.
func (f *follower) upTo(m *log.Manifest, offset uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tail.Next() < m.Active {
		f.tail.Restart(m.Active)
		if err := f.forget(); err != nil {
			return err
		}
	}
	for f.tail.Next() <= offset {
		e, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f.tail.Add(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next reads the entry that the tail wants.
func (f *follower) next() (e log.Entry, err error) {
	if f.r == nil {
		if f.live != nil {
			f.r, err = f.live.Reader(f.tail.Next())
		} else {
			f.r, err = log.OpenReader(f.dir, f.tail.Next())
		}
		if err != nil {
			f.r = nil
			return e, err
		}
	}
	return f.r.Next()
}

func (f *follower) forget() error {
	if f.r == nil {
		return nil
	}
	err := f.r.Close()
	f.r = nil
	return err
}

func (f *follower) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forget()
}

// Indexer keeps what a server needs to look for single keys: the files of the sealed segments
// and, once somebody has asked for something that is younger, the index of the others, in
// memory. So a server that nobody asks of the past pays for each segment when it is sealed,
// and no more. One goroutine of its owner's runs it; any may ask it for a [Seeker].
type Indexer struct {
	f      *follower
	keep   *keyindex.Keep
	report func(error)
}

// NewIndexer makes the one of an open log. report is told of what could not be done; it is
// never a reason to stop. Nothing is read before Run.
func NewIndexer(l *log.Log, report func(error)) *Indexer {
	m := l.Manifest()
	f := newFollower(l.Dir(), l, m)
	return &Indexer{f: f, keep: keyindex.NewKeep(l.Dir(), m.IDAt, f.h), report: report}
}

// indexEvery is how often an Indexer looks for entries and segments that are new. A lookup
// that wants later entries than it has reads those itself.
const indexEvery = time.Second

// Run goes on until ctx ends. It reads what has been written, which is in the system's cache
// still, and takes about a third of a microsecond of a processor for an entry.
func (x *Indexer) Run(ctx context.Context) {
	tick := time.NewTicker(indexEvery)
	defer tick.Stop()
	for {
		x.step(ctx)
		select {
		case <-ctx.Done():
			x.complain(x.f.close())
			return
		case <-tick.C:
		}
	}
}

// step makes the files of segments that have been sealed, and indexes what is new.
func (x *Indexer) step(ctx context.Context) {
	m := x.f.live.Manifest()
	for _, s := range m.Sealed {
		_, err := x.f.tail.Sealed(x.f.dir, m.IDAt(s.First), s)
		x.complain(err)
	}
	_, err := x.keep.Do(m.Sealed, func() bool { return ctx.Err() != nil })
	x.complain(err)
	const stride = 10_000 // entries, between two looks at ctx
	for last := x.f.live.Last(); x.f.asked.Load() && x.f.tail.Next() <= last && ctx.Err() == nil; {
		if err := x.f.upTo(m, min(last, max(x.f.tail.Next(), m.Active)+stride)); err != nil {
			x.complain(err)
			break
		}
	}
	x.f.tail.Drop(m.Active)
}

func (x *Indexer) complain(err error) {
	if err != nil {
		x.report(err)
	}
}

// Seeker makes a Seeker that shares what the Indexer has. It serves one goroutine at a time,
// and there may be several.
func (x *Indexer) Seeker() *Seeker { return newSeeker(x.f, x.report) }
