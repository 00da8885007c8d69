package replay

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// ErrBusyView is returned when all views are in use at other offsets.
var ErrBusyView = errors.New("all views of the past are in use")

// Views are whole states of the past of one log, kept for those who look at the same
// offset soon. There are at most so many; each is as large as the data was then. The one
// that was used longest ago goes first: it is moved forward where that is less work than
// to begin at a checkpoint, or forgotten. One is built at a time, so that whoever writes
// beside it keeps a core.
//
// All methods may be called from any goroutine.
type Views struct {
	dir  string
	most int
	idle time.Duration // after which an unused view is forgotten; 0: never

	building sync.Mutex // held while a state is built

	mu   sync.Mutex
	open map[uint64]*view // by offset
	uses uint64           // counts uses: who has the smallest was used longest ago
}

// view is one state. users, used and timer are Views.mu's.
type view struct {
	offset uint64
	users  int
	used   uint64
	timer  *time.Timer

	ready chan struct{} // closed once built or err is set
	built *compaction.Built
	err   error

	reading sync.Mutex // a state is read by one at a time: reading uses its scratch
}

// NewViews gives the views of the log in dir, at most so many, at least one. One that
// nobody has used for the time idle is forgotten; 0 keeps them.
func NewViews(dir string, most int, idle time.Duration) *Views {
	return &Views{dir: dir, most: max(most, 1), idle: idle, open: map[uint64]*view{}}
}

// Read calls f with the state after the entry at offset, building it where it is not
// there yet. f may only read, and keeps nothing of the state. The error is ErrBusyView,
// one of [compaction.Build], ctx's, or f's.
func (v *Views) Read(ctx context.Context, offset uint64, f func(*compaction.Built) error) (err error) {
	w, donor, err := v.take(offset)
	if err != nil {
		return err
	}
	defer v.release(w)
	if donor != nil {
		v.build(w, donor)
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.err != nil {
		return w.err
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	defer state.CatchOutOfMemory(&err)
	return f(w.built)
}

// Has reports whether there is a view at an offset, or one in the making.
func (v *Views) Has(offset uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open[offset] != nil
}

// Offsets are those of the views that there are: history that retention must keep.
func (v *Views) Offsets() (all []uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for offset := range v.open {
		all = append(all, offset)
	}
	return all
}

// from is what a new view is built of: the state of an older one, or nothing.
type from struct{ built *compaction.Built }

// take gives the view at offset, which the caller now uses. Where it is new the caller
// must build it, from what is returned with it.
func (v *Views) take(offset uint64) (*view, *from, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.uses++
	w, donor := v.open[offset], (*from)(nil)
	if w == nil {
		donor = &from{}
		if len(v.open) >= v.most {
			old := v.oldest()
			if old == nil {
				return nil, nil, fmt.Errorf("%w: %d of them, each at another offset; try again when one is free", ErrBusyView, v.most)
			}
			v.forget(old)
			if old.offset < offset {
				donor.built = old.built
			}
		}
		w = &view{offset: offset, ready: make(chan struct{})}
		v.open[offset] = w
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.users++
	w.used = v.uses
	return w, donor, nil
}

// oldest is the view that was used longest ago of those that nobody uses; nil for none.
func (v *Views) oldest() (old *view) {
	for _, w := range v.open {
		if w.users == 0 && (old == nil || w.used < old.used) {
			old = w
		}
	}
	return old
}

func (v *Views) forget(w *view) {
	delete(v.open, w.offset)
	if w.timer != nil {
		w.timer.Stop()
	}
}

// build makes w ready.
func (v *Views) build(w *view, donor *from) {
	v.building.Lock()
	defer v.building.Unlock()
	w.built, w.err = forward(v.dir, donor.built, w.offset)
	if w.built == nil && w.err == nil {
		w.built, w.err = compaction.Build(v.dir, w.offset, nil)
	}
	close(w.ready)
}

// forward moves a state of the log in dir to a later offset; nil where a checkpoint lies
// nearer to it.
func forward(dir string, b *compaction.Built, to uint64) (*compaction.Built, error) {
	if b == nil {
		return nil, nil
	}
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if c, ok := m.Newest(to); ok && c.Offset > b.At {
		return nil, nil
	}
	if b.Advance(dir, to) != nil {
		return nil, nil // what is wrong is found again on the way from a checkpoint, or is not there
	}
	return b, nil
}

// release ends a use of w. A view that could not be built is forgotten with the last use:
// what failed may succeed next time.
func (v *Views) release(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.users--
	if w.users > 0 || v.open[w.offset] != w {
		return
	}
	if w.err != nil {
		v.forget(w)
		return
	}
	if v.idle > 0 {
		use := w.used
		w.timer = time.AfterFunc(v.idle, func() { v.expire(w, use) })
	}
}

// expire forgets w if it has not been used since. Its memory is not Go's, and is given
// back when the collector finds that out.
func (v *Views) expire(w *view, use uint64) {
	v.mu.Lock()
	unused := v.open[w.offset] == w && w.users == 0 && w.used == use
	if unused {
		v.forget(w)
	}
	v.mu.Unlock()
	if unused {
		runtime.GC()
	}
}
