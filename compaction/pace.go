package compaction

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Pace is how fast this machine comes to a state with this data.
type Pace struct {
	Entries float64 `json:"entries_per_second"`          // of log, applied
	Bytes   float64 `json:"checkpoint_bytes_per_second"` // of a checkpoint, loaded
}

// assumed is the pace where none has been measured: that of one core of a small machine.
func assumed() Pace { return Pace{Entries: 1e6, Bytes: 100e6} }

// What was too little to measure by: its time is that of opening files.
const (
	leastEntries = 20_000
	leastBytes   = 1 << 20
)

// Measured is the pace that a load of so many bytes and a replay of so many entries had; p's
// own where those were too few to tell.
func (p Pace) Measured(bytes int64, loading time.Duration, entries uint64, replaying time.Duration) Pace {
	if bytes >= leastBytes && loading > 0 {
		p.Bytes = float64(bytes) / loading.Seconds()
	}
	if entries >= leastEntries && replaying > 0 {
		p.Entries = float64(entries) / replaying.Seconds()
	}
	return p
}

func paceFile(dir string) string { return filepath.Join(dir, folder, "pace.json") }

// ReadPace is the pace that the log in dir had when a checkpoint was made last; an assumed one
// where that is not known.
func ReadPace(dir string) Pace {
	var p Pace
	raw, err := os.ReadFile(paceFile(dir))
	if err != nil || json.Unmarshal(raw, &p) != nil || !(p.Entries >= 1 && p.Bytes >= 1) {
		return assumed()
	}
	return p
}

// keep leaves the pace for ReadPace.
func (p Pace) keep(dir string) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return log.ReplaceFile(paceFile(dir), append(raw, '\n'))
}

// LeastSpacing is how many entries lie between two checkpoints at least, unless more is asked
// for: less is replayed sooner than noticed.
const LeastSpacing = 50_000

// Spacing is how many entries should lie between two checkpoints of so many keys, each of so
// many bytes: as many as there are keys, so that a checkpoint is no more work than what it
// saves, but no more than are replayed in what is left of a second once one is loaded. Where
// nothing, or little, is left, replaying adds a quarter to what loading takes.
func (p Pace) Spacing(keys int, bytes int64) uint64 {
	load := float64(bytes) / p.Bytes
	most := p.Entries * max(1-load, load/4)
	return max(LeastSpacing, min(uint64(keys), uint64(most)))
}

// Opening is an estimate of how long it takes to have a state of the past.
type Opening struct {
	Worst   time.Duration // of the point that takes longest
	At      uint64        // that point
	Typical time.Duration // of a point in the middle: half of them take longer
}

// Opening estimates how long the points of the log up to last take.
func (p Pace) Opening(m *log.Manifest, last uint64) Opening {
	var o Opening
	var runs []run
	add := func(load float64, from, to uint64) {
		r := run{load, load + float64(to-from)/p.Entries, to - from + 1}
		if d := seconds(r.longest); d >= o.Worst {
			o.Worst, o.At = d, to
		}
		runs = append(runs, r)
	}
	reach, load := Reach(m), 0.0
	from := reach
	for _, c := range m.Checkpoints { // in order of offset
		if c.Offset > from {
			add(load, from, c.Offset-1)
		}
		if c.Offset >= reach {
			from, load = c.Offset, float64(c.Size)/p.Bytes
		}
	}
	add(load, from, max(last, from))
	o.Typical = seconds(median(runs, o.Worst.Seconds()))
	return o
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// run is points in a row, of which each takes a little longer than the one before.
type run struct {
	shortest, longest float64 // seconds
	points            uint64
}

// within is how many of the points take no longer than d seconds.
func (r *run) within(d float64) float64 {
	switch {
	case d >= r.longest:
		return float64(r.points)
	case d <= r.shortest:
		return 0
	}
	return float64(r.points) * (d - r.shortest) / (r.longest - r.shortest)
}

// median is the time that half of all points take at most, none more than most.
func median(runs []run, most float64) float64 {
	lo, hi := 0.0, most
	for range 40 { // halvings: to a millionth of a millionth
		mid := (lo + hi) / 2
		in, all := 0.0, 0.0
		for i := range runs {
			in, all = in+runs[i].within(mid), all+float64(runs[i].points)
		}
		if 2*in < all {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
