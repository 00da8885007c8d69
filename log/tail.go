package log

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tail is how readers in this process follow the writer. The writer pays one
// atomic load for each turn while nobody waits.
type tail struct {
	// cut counts the times that Heal took bytes off the end. A reader that has
	// read beyond the last committed entry, as one does that reads 1 MiB at a
	// time, may hold a whole entry of a failed turn, which another has replaced.
	cut atomic.Uint64

	waiting atomic.Int32
	mu      sync.Mutex
	grown   chan struct{} // closed, and replaced, when there is more
}

// published wakes those who wait; the last offset has been stored before.
func (t *tail) published() {
	if t.waiting.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.grown)
	t.grown = make(chan struct{})
}

// pollEvery is how often a reader looks for more in a directory that another
// process is writing.
const pollEvery = 50 * time.Millisecond

// Wait returns nil when Next may have an entry, and the context's error when
// that ends first. Beside a log that is open in this process it is woken by the
// writer, and returns ErrClosed after the log's Close; in a directory of another
// process it polls.
func (r *Reader) Wait(ctx context.Context) error {
	r.seg.rest()
	if r.live == nil {
		return r.poll(ctx)
	}
	t := &r.live.tail
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	for {
		t.mu.Lock()
		grown := t.grown
		t.mu.Unlock()
		if r.want <= r.live.Last() {
			return nil
		}
		select {
		case <-r.live.stop:
			return ErrClosed
		default:
		}
		select {
		case <-grown:
		case <-r.live.stop:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Reader) poll(ctx context.Context) error {
	for {
		more, err := r.more()
		if more || err != nil {
			return err
		}
		timer := time.NewTimer(pollEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// more reports whether there are bytes that have not been looked at.
func (r *Reader) more() (bool, error) {
	info, err := r.f.Stat()
	if err != nil {
		return false, err
	}
	if size, at := info.Size(), info.ModTime(); size > r.seg.pos && (size != r.seenSize || !at.Equal(r.seenAt)) {
		r.seenSize, r.seenAt = size, at // half an entry is no reason to come back twice
		return true, nil
	}
	if r.seg.next == r.seg.base.first {
		return false, nil
	}
	_, err = os.Stat(segmentPath(r.dir, r.seg.next))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
