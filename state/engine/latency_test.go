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
