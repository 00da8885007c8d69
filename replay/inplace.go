package replay

import (
	"errors"
	"fmt"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// ErrTooLarge is returned where going back is more than one entry can hold.
var ErrTooLarge = errors.New("too much for one entry")

// InPlace says how RestoreInPlace goes about it. The zero value is valid.
type InPlace struct {
	Wanted
	Cause    []string                // what the entry says caused it. Default: the verb
	DryRun   bool                    // only look; no lock is taken
	Progress func(done, total int64) // bytes read. Default: nobody is told
	at       func(step) error        // for tests that stop it
	limit    int                     // for tests: bytes that an entry holds
}

// Undone says what a RestoreInPlace did, or would do.
type Undone struct {
	Resolved          // the point
	Stat              // what became of keys
	Entry      uint64 // the new entry; 0: there was no difference, or it was only looked
	Bytes      int    // of its body
	Keys       int    // in the state now
	Digest     uint64 // of it
	Checkpoint bool   // there is one of it
}

// stepAppended is after the entry is on the disk and before the checkpoint.
const stepAppended step = "the entry is written"

// RestoreInPlace makes the state of the log in dir what it was at a point by appending
// one entry: the difference, as ordinary events. What came after the point stays in the
// log, so this is undone by going back to just before the entry. It needs the lock, and
// makes a checkpoint.
//
// Before it is written, the entry is applied to the state in memory and the
// result held against that of the point.
func RestoreInPlace(dir string, p Point, o InPlace) (*Undone, error) {
	if o.DryRun {
		u, _, _, err := o.difference(dir, p)
		return u, err
	}
	d, err := log.OpenDir(dir, log.Options{Policy: log.Always})
	if err != nil {
		return nil, err
	}
	u, err := o.run(d, p)
	return u, errors.Join(err, d.Close())
}

// run does it in a directory that is locked.
func (o *InPlace) run(d *log.Dir, p Point) (*Undone, error) {
	from := d.Manifest.First - 1
	if n := len(d.Manifest.Sealed); n > 0 {
		from = d.Manifest.Sealed[n-1].Last() // what is before is read by Compare
	}
	if _, err := d.Scan(from, func(log.Entry) error { return nil }); err != nil {
		return nil, err
	}
	u, c, body, err := o.difference(d.Path, p)
	if err != nil || !u.Differ() {
		return u, err
	}
	if err := o.verify(c, body); err != nil {
		return nil, err
	}
	l, err := d.OpenAppend()
	if err != nil {
		return nil, err
	}
	l.Append(log.KindChange, time.Now().UnixMicro(), body)
	if err := l.Commit(); err != nil {
		return nil, errors.Join(err, l.Close(false))
	}
	u.Entry, u.Keys, u.Digest = l.Last(), c.From.State.TotalKeys(), c.From.State.Digest()
	if o.at != nil {
		err = o.at(stepAppended)
	}
	if err == nil {
		err = o.checkpoint(l, c)
	}
	if err != nil {
		return u, errors.Join(fmt.Errorf("the data is that of %s by entry @%d; its checkpoint could not be made: %w", u.Resolved, u.Entry, err), l.Close(true))
	}
	u.Checkpoint = true
	return u, l.Close(true)
}

func (o *InPlace) checkpoint(l *log.Log, c *Comparison) error {
	made, err := compaction.Write(l.Dir(), c.From.State, compaction.Meta{LogID: l.ID(), Offset: l.Last(), Time: l.LastTime()})
	if err != nil {
		return err
	}
	return compaction.Register(l, made)
}

// difference finds what leads from the last entry back to a point, as an entry's body.
func (o *InPlace) difference(dir string, p Point) (*Undone, *Comparison, []byte, error) {
	var c *Comparison
	err := withBoth(dir, Last(), p, func(s *Seeker, a, b Resolved) (err error) {
		c, err = s.compareWhole(a, b, o.Progress) // of the one a checkpoint is made, both digests are held against each other
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if err := c.want(&o.Wanted); err != nil {
		return nil, nil, nil, err
	}
	limit := o.limit
	if limit == 0 {
		limit = log.MaxBody
	}
	w := undoer{c: c}
	w.b.Header(event.Header{Argv: o.cause(c.To.Resolved)})
	u := &Undone{Resolved: c.To.Resolved, Keys: c.From.State.TotalKeys(), Digest: c.From.State.Digest()}
	u.Stat, err = c.Each(o.Keys, func(d Difference) error {
		w.key(&d)
		if w.b.Len() > limit {
			return fmt.Errorf("%w: going back to %s takes more than %d bytes; make a new directory with --out, or take fewer keys at a time with --keys",
				ErrTooLarge, c.To.Resolved, limit)
		}
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if u.Differ() {
		u.Bytes = w.b.Len()
	}
	return u, c, w.b.Bytes(), nil
}

func (o *InPlace) cause(at Resolved) (argv [][]byte) {
	words := o.Cause
	if words == nil {
		words = []string{"altilium", "restore", "--in-place", "--to", AtOffset(at.Offset).String()}
		if o.TTL != TTLAbsolute {
			words = append(words, "--ttl", o.TTL.String())
		}
	}
	for _, w := range words {
		argv = append(argv, []byte(w))
	}
	return argv
}

// verify applies the entry in memory. Nothing has been written yet: what is wrong here is
// a mistake of this program.
func (o *InPlace) verify(c *Comparison, body []byte) error {
	if err := c.From.State.ApplyEntry(body); err != nil {
		return err
	}
	left, err := c.Each(o.Keys, func(Difference) error { return nil })
	if err == nil && (left.Differ() || o.Keys == nil && c.From.State.Digest() != c.To.State.Digest()) {
		err = fmt.Errorf("the entry does not lead to %s (%s are left). Nothing was changed; make a new directory with --out", c.To.Resolved, left)
	}
	return err
}
