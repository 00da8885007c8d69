package engine

import (
	"bytes"
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

// TestFollowEndsBehindAll: what was read before there was no more to be had is sent.
func TestFollowEndsBehindAll(t *testing.T) {
	post, after := make(chan func(), 1), uint64(7)
	h := newHarness(t, setup{change: func(o *Options) {
		o.Post = func(f func()) { post <- f }
		o.Past = func(PastRequest) PastAnswer { return PastAnswer{Follow: &after} }
		o.Follow = func(_ context.Context, after uint64, _ [][]byte, put func(uint64, []byte) error, _ func() error) error {
			return errors.Join(put(after+1, []byte("one")), put(after+2, []byte("two")), errors.New("compacted away"))
		}
	}})
	c := h.connect()
	got := c.do("LOG SUBSCRIBE @7")
	for !strings.Contains(got, "logend") {
		select {
		case f := <-post:
			f()
		case <-time.After(30 * time.Second):
			t.Fatalf("there is %q and no end", got)
		}
		h.e.Commit()
		got += c.take()
	}
	one, two, end := strings.Index(got, ":8\r\n$3\r\none"), strings.Index(got, ":9\r\n$3\r\ntwo"), strings.Index(got, "logend")
	if one < 0 || two < one || end < two {
		t.Errorf("the client gets %q", got)
	}
}

// keeper is a client of which the front end keeps the frames, as they are, until it takes
// them.
type keeper struct {
	*client
	kept  [][]byte
	rooms map[*byte]bool // the memory that frames were in
	over  bool           // the last one has come
}

func (k *keeper) Send(frames [][]byte) int {
	k.kept = append(k.kept, frames...)
	k.over = bytes.Contains(k.kept[len(k.kept)-1], []byte("logend"))
	return k.Unsent()
}

func (k *keeper) Unsent() (n int) {
	for _, f := range k.kept {
		n += len(f)
	}
	return n
}

// takeKept takes the first frames.
func (k *keeper) takeKept(n int) {
	for _, f := range k.kept[:n] {
		k.out.Raw(f)
		k.rooms[&f[0]] = true
	}
	k.kept = k.kept[n:]
}

// TestFollowMemory: a batch is in memory of its own for as long as the client has not
// taken it, and in that of one that was taken where the client keeps up.
func TestFollowMemory(t *testing.T) {
	const batches = 40
	line := strings.Repeat("x", followBatch/7)
	for name, tc := range map[string]struct {
		behind int // batches that are not taken
		rooms  int // the most pieces of memory, where it matters
	}{"keeps up": {0, 2}, "is behind": {3, batches}} {
		post, after := make(chan func(), 1), uint64(0)
		h := newHarness(t, setup{change: func(o *Options) {
			o.Post = func(f func()) { post <- f }
			o.Past = func(PastRequest) PastAnswer { return PastAnswer{Follow: &after} }
			o.Follow = func(_ context.Context, _ uint64, _ [][]byte, put func(uint64, []byte) error, _ func() error) error {
				for n := range uint64(7 * batches) {
					if err := put(n+1, fmt.Appendf(nil, "entry %d %s", n+1, line)); err != nil {
						return err
					}
				}
				return errors.New("that is all")
			}
		}})
		k := &keeper{client: &client{h: h, addr: "127.0.0.1:1"}, rooms: map[*byte]bool{}}
		var err error
		if k.s, err = h.e.Open(k); err != nil {
			t.Fatal(err)
		}
		k.run("LOG SUBSCRIBE @0")
		for h.e.Commit(); !k.over; {
			select {
			case f := <-post:
				f()
			case <-time.After(30 * time.Second):
				t.Fatalf("%s: nothing comes after %d pieces of memory", name, len(k.rooms))
			}
			h.e.Commit()
			k.takeKept(max(0, len(k.kept)-tc.behind))
		}
		k.takeKept(len(k.kept))
		got := string(k.out.Bytes())
		for n := range 7 * batches {
			text := fmt.Sprintf("log\r\n:%d\r\n$%d\r\nentry %d %s\r\n", n+1, len(fmt.Sprintf("entry %d ", n+1))+len(line), n+1, line)
			at := strings.Index(got, text)
			if at < 0 {
				t.Fatalf("%s: entry %d is not what it was, or not in order", name, n+1)
			}
			got = got[at+len(text):]
		}
		if len(k.rooms) > tc.rooms+4 { // replies, what grew at first, and the end
			t.Errorf("%s: %d pieces of memory", name, len(k.rooms))
		}
	}
}
