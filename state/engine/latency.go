package engine

import (
	"maps"
	"math/bits"
	"slices"

	"github.com/altilium-db/altilium/state/command"
)

// latencyState is what LATENCY tells of: samples of commands that took as long as
// latency-monitor-threshold, and, in each row, how the times of all its calls are
// distributed. Only those who wait are left out until they are decided again.
type latencyState struct {
	from   int64 // µs from which on there is a sample; math.MaxInt64 for none
	tracks bool  // the distributions are kept
	events map[string]*latencyEvent
}

// latencyEvent is the samples of one kind of event, the newest last.
type latencyEvent struct {
	samples []latencySample
	worst   int64 // ms, of all that there ever were
}

// latencySample is the longest time in one second.
type latencySample struct{ second, ms int64 }

// maxSamples is how many there are of an event at most, as in Redis.
const maxSamples = 160

// latencyHandlers are the subcommands of LATENCY.
func latencyHandlers() map[string]handler {
	return map[string]handler{
		"latency|doctor":    latencyDoctor,
		"latency|graph":     latencyGraph,
		"latency|help":      helpOfContainer,
		"latency|histogram": latencyHistogram,
		"latency|history":   latencyHistory,
		"latency|latest":    latencyLatest,
		"latency|reset":     latencyReset,
	}
}

// measured is told what each command that was executed took, in µs, and when it ended.
func (e *Engine) measured(s *Session, r *row, args [][]byte, micros, clock int64) {
	if e.latency.tracks {
		r.stats.times.note(micros)
	}
	if micros >= e.latency.from {
		e.sample(r, micros/1000, clock/1e6)
	}
	if micros >= e.slow.from {
		e.noteSlow(s, r, args, micros, clock)
	}
}

// sample keeps a command's time.
func (e *Engine) sample(r *row, ms, second int64) {
	name := "command"
	if r.spec.Flags&command.Fast != 0 {
		name = "fast-command"
	}
	ev := e.latency.events[name]
	if ev == nil {
		ev = &latencyEvent{}
		e.latency.events[name] = ev
	}
	ev.worst = max(ev.worst, ms)
	if n := len(ev.samples); n > 0 && ev.samples[n-1].second == second {
		ev.samples[n-1].ms = max(ev.samples[n-1].ms, ms)
		return
	}
	if len(ev.samples) == maxSamples {
		ev.samples = slices.Delete(ev.samples, 0, 1)
	}
	ev.samples = append(ev.samples, latencySample{second, ms})
}

// distribution counts times by powers of two, from 1.024 µs on; the last stands for all
// that is longer.
type distribution [32]int64

func (d *distribution) note(micros int64) { d[d.bucket(micros)]++ }

// bucket is the first power of two, of 1024 ns, that a time does not exceed.
func (d *distribution) bucket(micros int64) int {
	if micros <= 1 {
		return 0
	}
	return min(bits.Len64(uint64(micros*1000-1)>>10), len(d)-1)
}

// bound is up to how many µs a bucket goes, in the figures of Redis' histogram, which has
// seven binary digits: 1, 2, 4, 8, 16, 33, 66 …
func (d *distribution) bound(bucket int) int64 {
	ns := int64(1024) << bucket
	return (ns + ns/128 - 1) / 1000
}

// latencyHistogram is LATENCY HISTOGRAM [command …]: for each bucket that has some how many
// calls took so long at most.
func latencyHistogram(e *Engine, _ *Session, c *command.Call) {
	var rows []*row
	add := func(spec *command.Spec) {
		for _, s := range append([]*command.Spec{spec}, spec.Sub...) {
			if r := &e.rows[s.Ord]; r.stats.times != (distribution{}) {
				rows = append(rows, r)
			}
		}
	}
	for _, name := range c.Args[2:] {
		if spec := e.table.Named(name); spec != nil {
			add(spec)
		}
	}
	if len(c.Args) == 2 {
		for _, spec := range e.table.All() {
			add(spec)
		}
	}
	limit := command.NewLimit(c.Out)
	c.Out.Map(len(rows))
	for _, r := range rows {
		if limit.Exceeded() {
			limit.Refuse()
			return
		}
		c.Out.BulkString(r.spec.FullName())
		calls, used := int64(0), 0
		for _, n := range r.stats.times {
			calls += n
			used += ifso(n > 0)
		}
		c.Out.Map(2)
		pairInt(c.Out, "calls", calls)
		c.Out.BulkString("histogram_usec")
		c.Out.Map(used)
		calls = 0
		for i, n := range r.stats.times {
			if calls += n; n > 0 {
				c.Out.Int(r.stats.times.bound(i))
				c.Out.Int(calls)
			}
		}
	}
}

// latencyLatest is LATENCY LATEST: of each kind when it last happened, how long it took
// then, and at most.
func latencyLatest(e *Engine, _ *Session, c *command.Call) {
	names := slices.Sorted(maps.Keys(e.latency.events))
	c.Out.Array(len(names))
	for _, name := range names {
		ev := e.latency.events[name]
		last := ev.samples[len(ev.samples)-1]
		c.Out.Array(4)
		c.Out.BulkString(name)
		c.Out.Int(last.second)
		c.Out.Int(last.ms)
		c.Out.Int(ev.worst)
	}
}

func latencyHistory(e *Engine, _ *Session, c *command.Call) {
	ev := e.latency.events[string(c.Args[2])]
	if ev == nil {
		c.Out.Array(0)
		return
	}
	c.Out.Array(len(ev.samples))
	for _, x := range ev.samples {
		c.Out.Array(2)
		c.Out.Int(x.second)
		c.Out.Int(x.ms)
	}
}

// latencyReset is LATENCY RESET [event …]: how many had samples.
func latencyReset(e *Engine, _ *Session, c *command.Call) {
	before := len(e.latency.events)
	for _, name := range c.Args[2:] {
		delete(e.latency.events, string(name))
	}
	if len(c.Args) == 2 {
		clear(e.latency.events)
	}
	c.Out.Int(int64(before - len(e.latency.events)))
}
