package compaction

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Policy says how much history is kept. The zero value keeps all.
type Policy struct {
	Bytes int64         // of sealed segments and checkpoints; 0: no limit
	Age   time.Duration // 0: no limit
}

// ParsePolicy reads the retention setting: "all", a size ("2GB", "500MB"; powers
// of 1024, at least 1 MB) or an age ("24h", "7d"; at least a minute).
func ParsePolicy(s string) (Policy, error) {
	bad := fmt.Errorf(`retention %q: want "all", a size such as "500MB" or "2GB" (at least 1MB) or an age such as "24h" or "7d" (at least 1m)`, s)
	if s == "all" {
		return Policy{}, nil
	}
	text := strings.ToUpper(strings.TrimSpace(s))
	for _, unit := range []struct {
		suffix string
		bytes  int64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}} {
		if number, ok := strings.CutSuffix(text, unit.suffix); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n <= 0 || n > math.MaxInt64/unit.bytes || n*unit.bytes < 1<<20 {
				return Policy{}, bad
			}
			return Policy{Bytes: n * unit.bytes}, nil
		}
	}
	text = strings.ToLower(text)
	if number, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n <= 0 || n > 36500 {
			return Policy{}, bad
		}
		return Policy{Age: time.Duration(n) * 24 * time.Hour}, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < time.Minute {
		return Policy{}, bad
	}
	return Policy{Age: age}, nil
}

// String is the setting that ParsePolicy reads.
func (p Policy) String() string {
	switch {
	case p.Bytes > 0 && p.Bytes%(1<<30) == 0:
		return strconv.FormatInt(p.Bytes>>30, 10) + "GB"
	case p.Bytes > 0 && p.Bytes%(1<<20) == 0:
		return strconv.FormatInt(p.Bytes>>20, 10) + "MB"
	case p.Bytes > 0:
		return strconv.FormatInt(p.Bytes>>10, 10) + "KB"
	case p.Age > 0 && p.Age%(24*time.Hour) == 0:
		return strconv.FormatInt(int64(p.Age/(24*time.Hour)), 10) + "d"
	case p.Age > 0:
		return p.Age.String()
	}
	return "all"
}

// Drops is what retention lets go of. Its zero value is nothing.
type Drops struct {
	Base        uint64           // the first offset whose state stays reachable
	Segments    []log.Segment    // oldest first
	Checkpoints []log.Checkpoint // by offset
}

// Nothing reports whether there is nothing to do.
func (d *Drops) Nothing() bool { return len(d.Segments) == 0 && len(d.Checkpoints) == 0 }

// Plan says what goes under a policy at a time. needed are offsets that are in
// use (open views); refused are checkpoints found unusable, which count for
// nothing. It only computes; the rules stand in the package comment.
func Plan(m *log.Manifest, p Policy, now time.Time, needed, refused []uint64) Drops {
	good := slices.Clone(m.Checkpoints)
	good = slices.DeleteFunc(good, func(c log.Checkpoint) bool {
		return slices.Contains(refused, c.Offset) || c.Offset+1 < m.First
	})
	d := Drops{Base: Reach(m)}
	if i := chooseBase(m, good, p, now, needed); i >= 0 {
		d.Base = good[i].Offset
		for _, s := range m.Sealed {
			if s.Last() <= d.Base {
				d.Segments = append(d.Segments, s)
			}
		}
		if m.First == 1 && len(d.Segments) == 0 {
			d.Base = 0 // the whole log stays: everything does
		}
	}
	d.Checkpoints = thin(m, good, d.Base, needed)
	for _, c := range m.Checkpoints { // and those that are good for nothing
		if c.Offset < d.Base && !slices.ContainsFunc(good, func(g log.Checkpoint) bool { return g.Offset == c.Offset }) {
			d.Checkpoints = append(d.Checkpoints, c)
		}
	}
	slices.SortFunc(d.Checkpoints, func(a, b log.Checkpoint) int { return cmp.Compare(a.Offset, b.Offset) })
	return d
}

// chooseBase gives the index in good of the oldest state to keep; -1 where the
// oldest stays what it is.
func chooseBase(m *log.Manifest, good []log.Checkpoint, p Policy, now time.Time, needed []uint64) int {
	limit := uint64(math.MaxUint64)
	for _, at := range m.Tags {
		limit = min(limit, at)
	}
	for _, at := range needed {
		limit = min(limit, at)
	}
	allowed := -1 // the newest that may be the base
	for i := 0; i+1 < len(good) && good[i].Offset <= limit; i++ {
		allowed = i
	}
	switch {
	case allowed < 0, p == Policy{}:
		return -1
	case p.Age > 0:
		return newestBefore(good[:allowed+1], now.Add(-p.Age).UnixMicro())
	}
	if kept(m, good, Reach(m)) <= p.Bytes {
		return -1
	}
	for i := 0; i < allowed; i++ {
		if kept(m, good, good[i].Offset) <= p.Bytes {
			return i
		}
	}
	return allowed
}

// newestBefore gives the last of the checkpoints whose time is at or before
// micros; -1 for none.
func newestBefore(checkpoints []log.Checkpoint, micros int64) int {
	last := -1
	for i, c := range checkpoints {
		if c.Time <= micros {
			last = i
		}
	}
	return last
}

// kept is how many bytes of sealed segments and of checkpoints stay with a base.
// Thinning takes away more: the answer is on the safe side of the limit.
func kept(m *log.Manifest, good []log.Checkpoint, base uint64) int64 {
	var sum int64
	for _, s := range m.Sealed {
		if s.Last() > base {
			sum += s.Size
		}
	}
	gone := thin(m, good, base, nil)
	for _, c := range good {
		if !slices.ContainsFunc(gone, func(g log.Checkpoint) bool { return g.Offset == c.Offset }) {
			sum += c.Size
		}
	}
	return sum
}

// thin lists the checkpoints that go with a base: those before it, and those
// between it and the two newest that the log since the one before hardly
// outweighs. A checkpoint that a view or a tag lies on stays.
func thin(m *log.Manifest, good []log.Checkpoint, base uint64, needed []uint64) (gone []log.Checkpoint) {
	before := base // the checkpoint kept last, or the base
	for i, c := range good {
		switch {
		case c.Offset < base:
			gone = append(gone, c)
			continue
		case c.Offset == base, i >= len(good)-2, slices.Contains(needed, c.Offset), tagged(m, c.Offset):
		case logBytes(m, before, c.Offset) < c.Size:
			gone = append(gone, c)
			continue
		}
		before = c.Offset
	}
	return gone
}

func tagged(m *log.Manifest, offset uint64) bool {
	for _, at := range m.Tags {
		if at == offset {
			return true
		}
	}
	return false
}

// logBytes estimates the log after offset from up to offset to: entries of a
// segment count as equally large, those of segments not yet sealed as those of
// the last sealed one.
func logBytes(m *log.Manifest, from, to uint64) int64 {
	var sum, each float64
	counted := from
	for _, s := range m.Sealed {
		each = float64(s.Size) / float64(max(s.Count, 1))
		lo, hi := max(from, s.First-1), min(to, s.Last())
		if hi > lo {
			sum += float64(hi-lo) * each
			counted = hi
		}
	}
	return int64(sum + float64(to-min(to, counted))*each)
}

// Apply carries a plan out: the MANIFEST first, the files after. A crash at any
// moment leaves a directory that opens, at worst with files that it no longer
// names. Unregistered checkpoints before the newest, left by such a crash, go too.
//
// Where log goes, the checkpoint that will be its beginning and the newest one
// are read through and checked first; a *Refusal ends it with nothing changed.
func Apply(l Holder, d Drops) error {
	if d.Nothing() {
		return nil
	}
	if len(d.Segments) > 0 {
		m := l.Manifest()
		for _, c := range m.Checkpoints {
			if newest, _ := m.Newest(math.MaxUint64); c.Offset != d.Base && c.Offset != newest.Offset {
				continue
			}
			if err := Check(l.Dir(), m.IDAt(c.Offset), c); err != nil {
				return fmt.Errorf("retention drops no log: %w", err)
			}
		}
	}
	gone := func(c log.Checkpoint) bool {
		return slices.ContainsFunc(d.Checkpoints, func(g log.Checkpoint) bool { return g.Offset == c.Offset })
	}
	err := l.UpdateManifest(func(m *log.Manifest) error {
		left := slices.DeleteFunc(slices.Clone(m.Checkpoints), gone)
		if len(d.Segments) > 0 && !slices.ContainsFunc(left, func(c log.Checkpoint) bool { return c.Offset == d.Base }) {
			return fmt.Errorf("retention: the checkpoint @%d, which the log would begin from, is not there", d.Base)
		}
		m.Checkpoints = left
		return nil
	})
	if err != nil {
		return err
	}
	if len(d.Segments) > 0 {
		if _, err := l.DropBefore(d.Base + 1); err != nil {
			return err
		}
	}
	return sweep(l.Dir(), l.Manifest())
}

// sweep removes checkpoint files that lie before everything reachable or were
// dropped just now: files of this package's names that the manifest does not
// have, up to its newest checkpoint. A later one may be on its way to being
// registered.
func sweep(dir string, m *log.Manifest) error {
	files, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		number, ok := strings.CutSuffix(f.Name(), ".snap")
		offset, nerr := strconv.ParseUint(number, 10, 64)
		if !ok || nerr != nil || FileName(offset) != folder+"/"+f.Name() {
			continue
		}
		newest, any := m.Newest(math.MaxUint64)
		named := slices.ContainsFunc(m.Checkpoints, func(c log.Checkpoint) bool { return c.Offset == offset })
		if named || !any || offset >= newest.Offset {
			continue
		}
		if err := os.Remove(filepath.Join(dir, folder, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
