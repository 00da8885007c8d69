package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFollowTogether: what comes one by one and fast is posted together, all of it and in
// order; each post would cost the loop a turn.
func TestFollowTogether(t *testing.T) {
	const entries = 40
	post, after := make(chan func(), 1), uint64(7)
	h := newHarness(t, setup{change: func(o *Options) {
		o.Post = func(f func()) { post <- f }
		o.Past = func(PastRequest) PastAnswer { return PastAnswer{Follow: &after} }
		o.Follow = func(_ context.Context, after uint64, _ [][]byte, put func(uint64, []byte) error, idle func() error) error {
			for n := range uint64(entries) {
				if err := errors.Join(put(after+1+n, fmt.Appendf(nil, "entry %d", n)), idle()); err != nil {
					return err
				}
			}
			return errors.New("that is all")
		}
	}})
	c := h.connect()
	began, posts, got := time.Now(), 0, c.do("LOG SUBSCRIBE @7")
	for !strings.Contains(got, "that is all") {
		select {
		case f := <-post:
			f()
			posts++
		case <-time.After(30 * time.Second):
			t.Fatalf("after %d posts there is %q", posts, got)
		}
		h.e.Commit()
		got += c.take()
	}
	at := 0
	for n := range entries {
		next := strings.Index(got[at:], fmt.Sprintf("$3\r\nlog\r\n:%d\r\n", 8+n))
		if next < 0 {
			t.Fatalf("entry %d is not there after those before it: %q", n, got)
		}
		at += next
	}
	if most := int(time.Since(began)/followEvery) + 4; posts > most {
		t.Errorf("%d posts in %v, at most %d would do", posts, time.Since(began), most)
	}
}
