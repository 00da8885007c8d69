package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/command"
)

// graphRows is how high a graph is, in lines, and graphColumns how many samples it shows.
const (
	graphRows    = 4
	graphColumns = 80
)

// latencyGraph is LATENCY GRAPH event: its last samples as columns of characters, in
// Redis' form, and below each how long ago it was.
func latencyGraph(e *Engine, _ *Session, c *command.Call) {
	name := string(c.Args[2])
	ev := e.latency.events[name]
	if ev == nil {
		c.Out.Error("ERR No samples available for event '" + name + "'")
		return
	}
	samples := ev.samples[max(0, len(ev.samples)-graphColumns):]
	least, most := samples[0].ms, samples[0].ms
	for _, x := range samples {
		least, most = min(least, x.ms), max(most, x.ms)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", name, most, least, ev.worst, strings.Repeat("-", graphColumns))
	for row := range graphRows {
		for _, x := range samples {
			b.WriteByte(graphMark(level(x.ms, least, most), graphRows-1-row))
		}
		b.WriteByte('\n')
	}
	writeAges(&b, samples, e.clock.wall/1e6)
	c.Out.Verbatim("txt", b.String())
}

// graphMarks are what the top of a column looks like: each is higher than the one before.
const graphMarks = "_o#"

// level is how high a sample's column is, in marks.
func level(ms, least, most int64) int {
	const levels = graphRows * len(graphMarks)
	if most == least {
		return 0
	}
	return min(int(float64(ms-least)*float64(levels)/float64(most-least)), levels-1)
}

// graphMark is what a column of a level shows in a row, counted from below.
func graphMark(level, row int) byte {
	switch above := level - row*len(graphMarks); {
	case above < 0:
		return ' '
	case above < len(graphMarks):
		return graphMarks[above]
	}
	return '|'
}

// writeAges writes below each sample how long ago it was, from top to bottom.
func writeAges(b *strings.Builder, samples []latencySample, now int64) {
	ages, longest := make([]string, len(samples)), 0
	for i, x := range samples {
		ages[i] = shortAge(max(0, now-x.second))
		longest = max(longest, len(ages[i]))
	}
	b.WriteString(strings.Repeat(" ", len(samples)) + "\n")
	for row := range longest {
		for _, age := range ages {
			if row < len(age) {
				b.WriteByte(age[row])
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
}

// shortAge is a number of seconds in the largest unit that it fills.
func shortAge(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 3600*24:
		return fmt.Sprintf("%dh", seconds/3600)
	}
	return fmt.Sprintf("%dd", seconds/(3600*24))
}

// latencyDoctor is LATENCY DOCTOR: what the samples say, and what can be done, in our own
// words.
func latencyDoctor(e *Engine, _ *Session, c *command.Call) {
	var b strings.Builder
	s := e.cfg.now.Load()
	switch {
	case len(e.latency.events) > 0:
		for _, name := range slices.Sorted(maps.Keys(e.latency.events)) {
			writeFindings(&b, name, e.latency.events[name])
		}
		b.WriteString("\n- SLOWLOG GET shows which commands were slow: bring down how many elements each of them names or returns.\n")
		if s.slowFrom < 0 || s.slowFrom > s.latencyFrom*1000 {
			fmt.Fprintf(&b, "- It leaves out some of these samples: CONFIG SET slowlog-log-slower-than %d keeps them all.\n", s.latencyFrom*1000)
		}
		if e.cfg.Fsync() == log.Always {
			b.WriteString("- With fsync always each turn waits for the disk after its commands: INFO's log section tells how long.\n")
		}
		b.WriteString("- LATENCY GRAPH shows how they are spread, and LATENCY HISTOGRAM how long all calls took.\n")
	case s.latencyFrom <= 0:
		b.WriteString("Nothing is sampled: CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n")
	default:
		fmt.Fprintf(&b, "No command has taken %d ms yet (latency-monitor-threshold).\n", s.latencyFrom)
	}
	c.Out.Verbatim("txt", b.String())
}

// writeFindings writes what the samples of one kind of event say.
func writeFindings(b *strings.Builder, name string, ev *latencyEvent) {
	n := int64(len(ev.samples))
	sum, apart := int64(0), int64(0)
	for _, x := range ev.samples {
		sum += x.ms
	}
	for _, x := range ev.samples {
		apart += max(x.ms-sum/n, sum/n-x.ms)
	}
	fmt.Fprintf(b, "%s: %d seconds with slow ones, %d ms on average (%d ms off it), %d ms at most", name, n, sum/n, apart/n, ev.worst)
	if n > 1 {
		fmt.Fprintf(b, ", one in %.1f s", float64(ev.samples[n-1].second-ev.samples[0].second)/float64(n-1))
	}
	b.WriteString(".\n")
}
