package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// TestLatencyHistogram: the same calls are counted as redis-server counts them, in the same
// form; how long they took is each server's own.
func TestLatencyHistogram(t *testing.T) {
	redis := startRedis(t)
	for _, protocol := range []string{"2", "3"} {
		script := []string{
			"HELLO " + protocol, "CONFIG RESETSTAT", "SET k v", "SET k v", "GET", "LPUSH k wrong-type", "CLIENT ID", "MULTI", "GET k", "GET k", "EXEC",
		}
		for _, question := range []string{"LATENCY HISTOGRAM get set lpush nosuch", "LATENCY HISTOGRAM CLIENT|id", "LATENCY HISTOGRAM client exec", "LATENCY HISTOGRAM append"} {
			counted := func(s speaker) string {
				for _, line := range script {
					s.send(words(line))
					s.reply()
				}
				s.send(words(question))
				v := valueOf(t, s.reply())
				text := fmt.Sprintf("%c", v.Kind)
				for i := 0; i+1 < len(v.Items); i += 2 {
					calls, times := valueNamed(t, v.Items[i+1], "calls"), valueNamed(t, v.Items[i+1], "histogram_usec")
					last := times.Items[len(times.Items)-1].Int
					text += fmt.Sprintf(" %s %c%d %c%d", v.Items[i].Text(), v.Items[i+1].Kind, calls.Int, times.Kind, last)
				}
				return text
			}
			ours := counted(newOurs(t)())
			if redis == "" {
				continue
			}
			if theirs := counted(newTheirs(t, redis)()); strings.Join(sortedFields(ours), " ") != strings.Join(sortedFields(theirs), " ") {
				t.Errorf("%s in RESP%s\nours:  %s\nredis: %s", question, protocol, ours, theirs)
			}
		}
	}
}

// sortedFields are the commands of such a text with what is said of each, in order.
func sortedFields(text string) []string {
	fields := strings.Fields(text)
	all := map[string]string{}
	for i := 1; i+2 < len(fields); i += 3 {
		all[fields[i]] = strings.Join(fields[i:i+3], " ")
	}
	sorted := []string{fields[0]}
	for _, name := range []string{"client|id", "exec", "get", "lpush", "set", "append"} {
		if x, ok := all[name]; ok {
			sorted = append(sorted, x)
			delete(all, name)
		}
	}
	return append(sorted, fmt.Sprint(len(all)))
}

// TestDistribution: a time is in the first bucket that it does not exceed.
func TestDistribution(t *testing.T) {
	var d distribution
	for i, want := range []int64{1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227} { // Redis' documentation has them
		if got := d.bound(i); got != want {
			t.Errorf("bucket %d goes to %d µs, not %d", i, got, want)
		}
	}
	for micros := range int64(100_000) {
		i := d.bucket(micros)
		if micros > d.bound(i) || i > 0 && micros*1000 <= 1024<<(i-1) {
			t.Fatalf("%d µs are in bucket %d, which goes to %d", micros, i, d.bound(i))
		}
	}
	if i := d.bucket(math.MaxInt64 / 1000); i != len(d)-1 {
		t.Errorf("the longest time is in bucket %d", i)
	}
}

// TestLatencyEvents: commands that take as long as the threshold are samples, one for each
// second, and no more than are kept.
func TestLatencyEvents(t *testing.T) {
	step := int64(0)
	var now int64 = startMS * 1000
	h := newHarness(t, setup{change: func(o *Options) {
		o.Clock = func() int64 { now += step; return now }
	}})
	c := h.connect()
	slow := func(line string, took time.Duration) {
		step = took.Microseconds()
		c.do(line)
		step = 0
	}
	slow("LRANGE l 0 -1", 50*time.Millisecond)
	c.want("*0", "LATENCY LATEST") // there is no threshold yet
	c.want("+OK", "CONFIG SET latency-monitor-threshold 10")
	slow("LRANGE l 0 -1", 9*time.Millisecond)
	c.want("*0", "LATENCY LATEST")
	slow("LRANGE l 0 -1", 30*time.Millisecond)
	slow("LRANGE l 0 -1", 20*time.Millisecond)
	slow("GET k", 15*time.Millisecond)
	second := now / 1e6
	c.want(fmt.Sprintf("*2 *4 $7 command :%d :30 :30 *4 $12 fast-command :%[1]d :15 :15", second), "LATENCY LATEST")
	now += 1e6
	slow("LRANGE l 0 -1", 12*time.Millisecond)
	c.want(fmt.Sprintf("*2 *2 :%d :30 *2 :%d :12", second, second+1), "LATENCY HISTORY command")
	c.want(fmt.Sprintf("*2 *4 $7 command :%d :12 :30 *4 $12 fast-command :%d :15 :15", second+1, second), "LATENCY LATEST")
	c.want("*0", "LATENCY HISTORY nosuch")
	c.want(":1", "LATENCY RESET fast-command nosuch")
	c.want("*0", "LATENCY HISTORY fast-command")
	for range 200 {
		now += 1e6
		slow("LRANGE l 0 -1", 12*time.Millisecond)
	}
	if n := len(h.e.latency.events["command"].samples); n != maxSamples {
		t.Errorf("%d samples are kept", n)
	}
	c.want(":1", "LATENCY RESET")
	c.want("*0", "LATENCY LATEST")
	c.want("+OK", "CONFIG SET latency-tracking no")
	c.want("+OK", "CONFIG RESETSTAT")
	c.do("GET k")
	c.want("*0", "LATENCY HISTOGRAM")
}

// TestLatencyGraph: the samples as redis-server draws them, with how long ago they were.
func TestLatencyGraph(t *testing.T) {
	step := int64(0)
	var now int64 = startMS * 1000
	h := newHarness(t, setup{change: func(o *Options) {
		o.Clock = func() int64 { now += step; return now }
	}})
	c := h.connect()
	slow := func(line string, ms int64) {
		step = ms * 1000
		c.do(line)
		step = 0
	}
	c.do("CONFIG SET latency-monitor-threshold 10")
	slow("GET k", 10)
	alone := "fast-command - high 10 ms, low 10 ms (all time high 10 ms)\n" + strings.Repeat("-", 80) + "\n \n \n \n_\n \n0\ns\n"
	if got := c.do("LATENCY GRAPH fast-command"); got != fmt.Sprintf("$%d\r\n%s\r\n", len(alone), alone) {
		t.Errorf("a sample alone: %q", got)
	}
	now += (80_000 - 1) * 1e6
	for _, ms := range []int64{10, 40, 70, 100, 130} {
		slow("LRANGE l 0 -1", ms)
		now += 1e6
	}
	want := strings.Join([]string{
		"command - high 130 ms, low 10 ms (all time high 130 ms)", strings.Repeat("-", 80),
		"   _#", "  _||", " _|||", "_||||", "     ", "54321", "sssss", "",
	}, "\n")
	if got := c.do("LATENCY GRAPH command"); got != fmt.Sprintf("$%d\r\n%s\r\n", len(want), want) {
		t.Errorf("five samples: %q", got)
	}
	c.do("LATENCY RESET")
	for _, pause := range []int64{0, 3600 * 24 * 11, 3600 * 23, 60 * 45} {
		now += pause * 1e6
		slow("LRANGE l 0 -1", 20)
	}
	if got, want := c.do("LATENCY GRAPH command"), "\n1240\n135s\ndhm \n"; !strings.Contains(got, want) {
		t.Errorf("%q has no ages %q", got, want)
	}
	for range maxSamples {
		now += 1e6
		slow("LRANGE l 0 -1", 20)
	}
	if got := c.do("LATENCY GRAPH command"); !strings.Contains(got, "\n"+strings.Repeat("_", 80)+"\n") {
		t.Errorf("no 80 samples alike: %q", got)
	}
	if got := c.do("HELLO 3", "LATENCY GRAPH command"); !strings.Contains(got, "\r\ntxt:command - high") {
		t.Errorf("in RESP3 it is %q", got)
	}
}

// TestLatencyDoctor: it says of each kind of event what its samples say.
func TestLatencyDoctor(t *testing.T) {
	step := int64(0)
	var now int64 = startMS * 1000
	h := newHarness(t, setup{change: func(o *Options) {
		o.Clock = func() int64 { now += step; return now }
	}})
	c := h.connect()
	c.do("CONFIG SET latency-monitor-threshold 10 slowlog-log-slower-than 20000")
	for _, ms := range []int64{10, 20, 60} {
		step = ms * 1000
		c.do("LRANGE l 0 -1")
		step = 0
		now += 2e6
	}
	got := c.do("LATENCY DOCTOR")
	for _, want := range []string{"command: 3 seconds with slow ones, 30 ms on average (20 ms off it), 60 ms at most, one in 2.0 s.\n", "slowlog-log-slower-than 10000"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	c.do("CONFIG SET slowlog-log-slower-than 0")
	if got := c.do("LATENCY DOCTOR"); strings.Contains(got, "slowlog-log-slower-than") {
		t.Errorf("all are in the slow log: %q", got)
	}
}
