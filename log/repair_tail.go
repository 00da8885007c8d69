package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// checkpointAfter is the newest usable checkpoint of an offset after last; nil
// where there is none.
func (m *Manifest) checkpointAfter(dir string, last uint64, usable func(Checkpoint) bool) *Checkpoint {
	var best *Checkpoint
	for _, c := range m.Checkpoints {
		if c.Offset <= last || best != nil && c.Offset < best.Offset {
			continue
		}
		if c.there(dir, usable) {
			best = &c
		}
	}
	return best
}

// there reports whether a checkpoint's file has its size and is usable (nil: that
// is enough).
func (c Checkpoint) there(dir string, usable func(Checkpoint) bool) bool {
	info, err := os.Stat(filepath.Join(dir, c.File))
	return err == nil && info.Size() == c.Size && (usable == nil || usable(c))
}

// saveTail makes a log that begins after c, with every entry that follows.
func (rep *Repaired) saveTail(dir, out string, c Checkpoint, k *checker) error {
	n := k.m.upTo(0)
	n.First, n.Active = c.Offset+1, c.Offset+1
	n.endAncestors(c.Offset) // all entries are written anew, with the log's own id
	n.Sealed, n.Checkpoints = []Segment{}, []Checkpoint{c}
	for tag, at := range k.m.Tags {
		if at >= c.Offset {
			n.Tags[tag] = at
		}
	}
	if err := create(out, n); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(dir, c.File), filepath.Join(out, c.File)); err != nil {
		return err
	}
	d, err := OpenDir(out, Options{Policy: No})
	if err != nil {
		return err
	}
	_, err = d.Scan(c.Offset, func(Entry) error { return nil })
	var l *Log
	if err == nil {
		l, err = d.OpenAppend()
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	l.now = c.Time
	for _, first := range k.segments {
		if err = rep.appendTail(l, dir, k.m.seedAt(first), first); err != nil {
			break
		}
	}
	rep.From, rep.Last = c.Offset, l.Last()
	if err == nil {
		err = l.UpdateManifest(func(m *Manifest) error {
			for tag, at := range m.Tags {
				if at > rep.Last {
					delete(m.Tags, tag)
				}
			}
			return nil
		})
	}
	rep.After = k.c.Entries - min(k.c.Entries, k.c.Last+1-k.m.First+rep.Last-c.Offset)
	return errors.Join(err, l.Close(true))
}

// appendTail appends the entries of one old segment that come next, also those
// that lie behind damage in it, and keeps the segment aside where not all of it
// went over. A segment whose first entry is lost no longer tells the times of
// the others: they get that of the entry before.
func (rep *Repaired) appendTail(l *Log, dir string, seed uint32, first uint64) error {
	path := segmentPath(dir, first)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r := newSegmentReader(f, seed, first)
	r.reuse = true
	whole := true
	for {
		e, err := r.read()
		var bad *badFrame
		if errors.As(err, &bad) {
			whole = false
			s := searcher{f: f, size: info.Size(), seed: seed, base: r.base}
			next, ok, err := s.next(bad.pos+1, bad.offset)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			r.refresh()
			r.pos, r.next = next.Pos, next.Offset
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if e.Offset != l.Next() {
			whole = false
			continue
		}
		l.Append(e.Kind, e.Time, e.Body)
		if l.Pending() >= 1000 {
			if err := l.Commit(); err != nil {
				return err
			}
		}
	}
	if err := l.Commit(); err != nil || whole {
		return err
	}
	name := fmt.Sprintf("quarantine/%s.%d", segmentName(first), 0)
	n, err := copyTail(path, 0, filepath.Join(l.dir, name))
	if n > 0 {
		rep.Aside = append(rep.Aside, name)
	}
	return err
}
