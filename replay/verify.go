package replay

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// Verified is what Verify found.
type Verified struct {
	From, Last  uint64   // the state after From was the first, that after Last the last one
	Digest      uint64   // of that
	Keys        int      // in it
	Checkpoints int      // were compared with the replay
	Findings    []string // what is wrong
	Wrong       []uint64 // offsets of checkpoints that hold another state than the log gives
}

// Verify holds everything that a data directory says of its data against the log, beside a
// running server or without one: it replays all of it from the first state that can be
// had, and compares
//
//   - every entry: its offset is the one after the entry before, its time is not before
//     that one's, and the state takes it
//   - every checkpoint: its digest is that of the replay at its offset, or where the replay
//     begins with it, that of what is in it
//   - every tag: it names a state that can be had
//   - the digest that was kept up entry by entry with one computed anew at the end
//
// [log.Check] looks at the files themselves; Verify stops at the first thing that cannot
// be read. The error is one of reading: what is wrong with the data is a finding.
func Verify(dir string, progress func(done, total int64)) (*Verified, error) {
	m, err := log.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	v := &verifier{Verified: &Verified{}, dir: dir, m: m, progress: progress}
	if v.b, err = compaction.Build(dir, compaction.Reach(m), nil); err == nil {
		v.From = v.b.At
		err = v.replay()
	}
	if errors.Is(err, log.ErrDamaged) {
		v.find("the replay ends after @%d: %v", v.Last, err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	v.tags()
	return v.Verified, nil
}

// verifier replays one directory.
type verifier struct {
	*Verified
	dir      string
	m        *log.Manifest
	b        *compaction.Built
	progress func(done, total int64)

	time        int64 // µs, of the entry before
	done, total int64
}

func (v *verifier) find(format string, args ...any) {
	v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
}

// replay reads all entries, and applies those after the first state.
func (v *verifier) replay() error {
	r, err := log.OpenReader(v.dir, v.m.First)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, s := range v.m.Sealed {
		v.total += s.Size
	}
	v.Last = v.m.First - 1
	v.compare()
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			v.Last = max(v.Last, v.From)
			v.end()
			return nil
		}
		if err != nil {
			return err
		}
		if err := v.entry(e); err != nil {
			return err
		}
	}
}

// entry looks at one entry.
func (v *verifier) entry(e log.Entry) error {
	if e.Offset != v.Last+1 {
		v.find("@%d comes after @%d", e.Offset, v.Last)
	}
	if e.Time < v.time {
		v.find("@%d is %d µs before the entry that it follows", e.Offset, v.time-e.Time)
	}
	if e.Offset > v.From {
		if err := v.b.State.ApplyEntry(e.Body); err != nil {
			return &compaction.Unapplicable{Offset: e.Offset, Err: err}
		}
	}
	v.Last, v.time = e.Offset, e.Time
	if v.done += int64(e.Size); v.progress != nil {
		v.progress(v.done, max(v.done, v.total))
	}
	if e.Offset > v.From {
		v.compare()
	}
	return nil
}

// compare holds the checkpoints at the present offset against the state.
func (v *verifier) compare() {
	for _, c := range v.m.Checkpoints {
		at := max(v.Last, v.From)
		if c.Offset != at {
			continue
		}
		v.Checkpoints++
		digest := v.b.State.Digest()
		if c.Offset == v.From {
			digest = v.b.State.RecomputeDigest() // it may be where the state is from
		}
		if keys := v.b.State.TotalKeys(); c.Digest != digest || c.Keys != keys {
			v.Wrong = append(v.Wrong, c.Offset)
			v.find("the checkpoint @%d, %s, has digest %016x of %d keys; the log gives %016x of %d", c.Offset, c.File, c.Digest, c.Keys, digest, keys)
		}
	}
}

// end looks at the last state as a whole.
func (v *verifier) end() {
	v.Digest, v.Keys = v.b.State.Digest(), v.b.State.TotalKeys()
	if anew := v.b.State.RecomputeDigest(); anew != v.Digest {
		v.find("the digest after @%d was kept up as %016x; computed anew it is %016x: please report this", v.Last, v.Digest, anew)
	}
}

// tags looks where the tags point to.
func (v *verifier) tags() {
	reach := compaction.Reach(v.m)
	for _, name := range slices.Sorted(maps.Keys(v.m.Tags)) {
		switch at := v.m.Tags[name]; {
		case at < reach:
			v.find("the tag %s is @%d, before the first state that can be had, @%d; altilium tag -d %s takes it away", name, at, reach, name)
		case at > v.Last:
			v.find("the tag %s is @%d, after the last entry that could be read, @%d", name, at, v.Last)
		}
	}
}
