package replay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// wantView reads the view at an offset and compares its digest with what was live then.
func (w *world) wantView(v *Views, at uint64) {
	err := v.Read(context.Background(), at, func(b *compaction.Built) error {
		if got := b.State.Digest(); b.At != at || got != w.digests[at] {
			w.t.Errorf("the view at @%d is at @%d and has digest %016x, live it was %016x", at, b.At, got, w.digests[at])
		}
		return nil
	})
	if err != nil {
		w.t.Errorf("@%d: %v", at, err)
	}
}

// TestViews: whatever the order, from several goroutines and while the log grows, a view is
// the state that was live at its offset, whether it was built or moved forward.
func TestViews(t *testing.T) {
	w := newWorld(t, 4<<10)
	w.random(300)
	w.checkpoint(150)
	for _, most := range []int{1, 3} {
		v := NewViews(w.dir, most, 0)
		for at := range uint64(301) { // forward
			w.wantView(v, at)
		}
		rng := rand.New(rand.NewPCG(uint64(most), 1))
		for range 200 {
			w.wantView(v, rng.Uint64N(301))
		}
		if n := len(v.Offsets()); n > most {
			t.Errorf("there are %d views, at most %d may be", n, most)
		}
	}
	v := NewViews(w.dir, 4, 0)
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(i, 2))
			for range 60 {
				w.wantView(v, rng.Uint64N(301))
			}
		})
	}
	wg.Wait()
}

// TestViewsAreBounded: whoever is one too many is refused, and nobody once one is free.
func TestViewsAreBounded(t *testing.T) {
	w := newWorld(t, 4<<10)
	w.random(20)
	v := NewViews(w.dir, 2, 0)
	var wg sync.WaitGroup
	hold := make(chan struct{})
	for at := range uint64(2) {
		held := make(chan struct{})
		wg.Go(func() {
			err := v.Read(context.Background(), at, func(*compaction.Built) error {
				close(held)
				<-hold
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
	}
	err := v.Read(context.Background(), 7, func(*compaction.Built) error { return nil })
	if !errors.Is(err, ErrBusyView) {
		t.Errorf("a third view of two: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	close(hold)
	wg.Wait()
	w.wantView(v, 7)
	if err := v.Read(ctx, 9, func(*compaction.Built) error { return nil }); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestViewsAreForgotten: one that nobody uses goes by itself.
func TestViewsAreForgotten(t *testing.T) {
	w := newWorld(t, 4<<10)
	w.random(20)
	v := NewViews(w.dir, 2, time.Millisecond)
	for round := range 3 {
		w.wantView(v, uint64(5+round))
		for tries := 0; len(v.Offsets()) > 0; tries++ {
			if tries == 10_000 {
				t.Fatal("an unused view stays")
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// TestViewsFail: an error is told each time, and the next try begins anew.
func TestViewsFail(t *testing.T) {
	w := newWorld(t, 4<<10)
	w.random(20)
	v := NewViews(w.dir, 1, 0)
	for range 2 {
		err := v.Read(context.Background(), 21, func(*compaction.Built) error { return nil })
		if !errors.Is(err, log.ErrFuture) {
			t.Errorf("after the last entry: %v", err)
		}
	}
	w.wantView(v, 20)
	w.random(1)
	w.wantView(v, 21)
	mine := errors.New("mine")
	if err := v.Read(context.Background(), 21, func(*compaction.Built) error { return mine }); !errors.Is(err, mine) {
		t.Error(err)
	}
	w.wantView(v, 21)
}
