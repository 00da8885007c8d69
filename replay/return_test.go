package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/state/event"
)

// way is a Return in a world, to an entry.
func (w *world) way(to uint64, views *Views) *Return {
	return &Return{
		Log: w.Log, Views: views, To: Resolved{Offset: to}, Limit: 1 << 30,
		Seeker: func() (*Seeker, error) { return OpenSeeker(w.dir, nil) }, Done: func(s *Seeker) { _ = s.Close() },
	}
}

// led is the digest of the state after the last entry when a lead has been followed.
func (w *world) led(l *Lead) uint64 {
	w.t.Helper()
	b, err := compaction.Build(w.dir, l.UpTo, nil)
	if err == nil {
		_, err = b.State.Apply(0, l.Events)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	digest := b.State.Digest()
	if l.Digest != nil && *l.Digest != digest {
		w.t.Errorf("from @%d: digest %016x, promised was %016x", l.UpTo, digest, *l.Digest)
	}
	return digest
}

// TestReturnByAnyWay: single keys, a view, the entries' bodies at hand or read again, what was
// known before: all lead to the same state, from whatever entry they were found for.
func TestReturnByAnyWay(t *testing.T) {
	w := newWorld(t, 900)
	ctx := context.Background()
	var known *Known
	for round := range 30 {
		w.random(8)
		switch round {
		case 7, 20:
			w.do(event.Header{Name: "FLUSHALL"}, func(b *event.Buffer) { b.FlushAll() })
		case 12:
			w.do(event.Header{Name: "FLUSHDB"}, func(b *event.Buffer) { b.Flush(0) })
		case 15:
			w.do(event.Header{Name: "MOVE"}, func(b *event.Buffer) {
				b.String([]byte("moves"), []byte("1"), 0)
				b.Copy([]byte("moves"), []byte("copied"), 4)
				b.Move([]byte("moves"), 5)
			})
		}
		last := w.Log.Last()
		to := max(last, 20) - w.rng.Uint64N(20)
		if round%3 == 0 {
			to = w.rng.Uint64N(last + 1)
		}
		if to > last {
			to = last
		}
		seen := NewViews(w.dir, 1, 0)
		if err := seen.Read(ctx, to, func(*compaction.Built) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if known == nil || round%2 == 0 {
			known = NewKnown(to)
		}
		for name, r := range map[string]*Return{
			"keys": w.way(to, NewViews(w.dir, 1, 0)), "keys, known": w.way(to, NewViews(w.dir, 1, 0)), "view": w.way(to, seen),
			"keys, long": w.way(to, NewViews(w.dir, 1, 0)), "view, long": w.way(to, seen), "grows": w.way(to, NewViews(w.dir, 1, 0)),
		} {
			if strings.Contains(name, "known") {
				r.Known = known
			}
			if strings.Contains(name, "long") {
				r.t.size = mostBodies + 1
			}
			if name == "grows" {
				if _, err := r.Lead(ctx, (to+last)/2); err != nil {
					t.Fatal(err)
				}
			}
			l, err := r.Lead(ctx, last)
			if err != nil {
				t.Fatalf("%s, back to @%d from @%d: %v", name, to, last, err)
			}
			if got := w.led(l); got != w.digests[to] {
				t.Fatalf("%s, back to @%d from @%d: digest %016x, want %016x", name, to, last, got, w.digests[to])
			}
			if (len(l.Events) > 0) != l.Differ() {
				t.Errorf("%s: %d bytes of events, %v", name, len(l.Events), l.Stat)
			}
		}
	}
}

// TestReturnUndoByAnyWay: the same for some entries only, by their keys and by a view.
func TestReturnUndoByAnyWay(t *testing.T) {
	w := newWorld(t, 900)
	ctx := context.Background()
	conflicts := 0
	for range 60 {
		w.random(5)
		last := w.Log.Last()
		first := 1 + w.rng.Uint64N(last)
		until := min(last, first+w.rng.Uint64N(4))
		var leads []*Lead
		var texts []string
		for _, force := range []bool{false, true} {
			for _, viewed := range []bool{false, true} {
				r := w.way(first-1, NewViews(w.dir, 1, 0))
				r.Last, r.Force = until, force
				l, err := r.Lead(ctx, last)
				if viewed {
					r = w.way(first-1, r.Views)
					r.Last, r.Force = until, force
					r.t.next = first
					if err := r.read(last); err != nil {
						t.Fatal(err)
					}
					err = r.Views.Read(ctx, first-1, func(b *compaction.Built) (err error) {
						l, err = r.viewed(b, last)
						return err
					})
				}
				if errors.Is(err, ErrConflict) && !force {
					conflicts++
					texts = append(texts, err.Error())
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				leads = append(leads, l)
			}
		}
		for _, l := range leads[1:] {
			if a, b := w.led(leads[0]), w.led(l); a != b || l.Stat != leads[0].Stat {
				t.Fatalf("@%d to @%d undone at @%d: %016x %v and %016x %v", first, until, last, a, leads[0].Stat, b, l.Stat)
			}
		}
		if len(texts) == 1 || len(texts) == 2 && len(leads) != 2 || len(texts) == 2 && leads[0].Conflicts == 0 {
			t.Errorf("conflicts %q, %d when forced", texts, leads[0].Conflicts)
		}
	}
	if conflicts < 10 {
		t.Errorf("only %d conflicts", conflicts)
	}
}

// TestReturnOfManyKeys: more than are looked up one by one; what does not fit is told before
// much is made of it.
func TestReturnOfManyKeys(t *testing.T) {
	w := newWorld(t, 0)
	const n = 3 * fewReturned
	many := func(value string) {
		w.do(event.Header{Name: "MSET"}, func(b *event.Buffer) {
			for i := range n {
				b.String(fmt.Appendf(nil, "k%d", i), []byte(value), 0)
			}
		})
	}
	many("then")
	many("now")
	r := w.way(1, NewViews(w.dir, 1, 0))
	l, err := r.Lead(context.Background(), 2)
	if err != nil || l.Changed != n || w.led(l) != w.digests[1] {
		t.Fatalf("%+v, %v", l.Stat, err)
	}
	r = w.way(0, NewViews(w.dir, 1, 0))
	r.Last = 1
	var conflict *ConflictError
	if _, err := r.Lead(context.Background(), 2); !errors.As(err, &conflict) || conflict.Count != n || len(conflict.Keys) != mostConflicts {
		t.Errorf("%v", err)
	}
	r = w.way(1, NewViews(w.dir, 1, 0))
	r.Limit = len(l.Events) - 1
	if _, err := r.Lead(context.Background(), 2); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if _, err := w.way(1, NewViews(w.dir, 1, 0)).Lead(context.Background(), 9); err == nil {
		t.Error("it leads back from an entry that is not there")
	}
}
