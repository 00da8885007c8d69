package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
)

// TestMemoryStats: the figures have redis-server's names and kinds, in its order, in both
// protocols; and they agree with one another and with INFO.
func TestMemoryStats(t *testing.T) {
	redis := startRedis(t)
	for _, protocol := range []string{"2", "3"} {
		t.Run("RESP"+protocol, func(t *testing.T) {
			ours := newOurs(t)()
			fill := func(s speaker) resp.Value {
				for _, line := range []string{"FLUSHALL", "HELLO " + protocol, "SELECT 3", "SET k v", "SELECT 0", "SET k v EX 1000", "MEMORY STATS"} {
					s.send(words(line))
					if line == "MEMORY STATS" {
						break
					}
					s.reply()
				}
				return valueOf(t, s.reply())
			}
			mine := fill(ours)
			if redis != "" {
				if theirs := fill(newTheirs(t, redis)()); shapeOf(mine) != shapeOf(theirs) {
					t.Errorf("ours:  %s\nredis: %s", shapeOf(mine), shapeOf(theirs))
				}
			}
			figure := func(name string) int64 { return valueNamed(t, mine, name).Int }
			if n := figure("keys.count"); n != 2 {
				t.Errorf("%d keys", n)
			}
			used := figure("total.allocated")
			if used < 50 || used > 5000 || figure("peak.allocated") < used || figure("overhead.total")+figure("dataset.bytes") != used {
				t.Errorf("the figures do not agree:\n%s", mine)
			}
			if a, b, c := figure("allocator.allocated"), figure("allocator.active"), figure("allocator.resident"); a < used || b < a || c < b {
				t.Errorf("in use %d, pages %d, kept %d", a, b, c)
			}
		})
	}
}

// shapeOf is the names of a map and the kinds of its values.
func shapeOf(v resp.Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%c", v.Kind)
	for i := 0; i+1 < len(v.Items); i += 2 {
		value := v.Items[i+1]
		fmt.Fprintf(&b, " %s=%c", v.Items[i].Text(), value.Kind)
		if value.Items != nil {
			b.WriteString("{" + shapeOf(value) + "}")
		}
	}
	return b.String()
}

func valueNamed(t *testing.T, v resp.Value, name string) resp.Value {
	t.Helper()
	for i := 0; i+1 < len(v.Items); i += 2 {
		if v.Items[i].Text() == name {
			return v.Items[i+1]
		}
	}
	t.Fatalf("there is no %s", name)
	return resp.Value{}
}

func valueOf(t *testing.T, wire string) resp.Value {
	t.Helper()
	v, err := resp.NewReader(strings.NewReader(wire)).Read()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMemoryPeak: what was once in use is remembered, and no more in use.
func TestMemoryPeak(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SETRANGE k 1000000 x")
	h.e.Tick()
	c.do("DEL k")
	if m := h.e.memoryFigures(); m.peak < 1e6 || m.used > 1000 {
		t.Errorf("%d bytes in use, %d at most", m.used, m.peak)
	}
	for range 20 { // at most one collection is under way
		if got := c.do("MEMORY PURGE"); got != "+OK\r\n" {
			t.Errorf("MEMORY PURGE: %q", got)
		}
	}
	c.do("MULTI")
	c.do("SET k " + strings.Repeat("v", 5000))
	if m := h.e.memoryFigures(); m.clients < 5000 {
		t.Errorf("a queued command of 5000 bytes is counted as %d", m.clients)
	}
	if got := h.connect().do("MEMORY MALLOC-STATS"); !strings.Contains(got, "pages in use:bytes") || !strings.Contains(got, "memory/classes/heap/objects:bytes") {
		t.Errorf("MEMORY MALLOC-STATS: %s", got)
	}
}

// TestPurgeIsBeside: MEMORY PURGE answers before the collector has run, and asked for again
// and again it has it run once more.
func TestPurgeIsBeside(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	for range 5 {
		if got := c.do("MEMORY PURGE"); got != "+OK\r\n" {
			t.Fatalf("MEMORY PURGE: %q", got)
		}
		if !h.e.purge.running {
			t.Fatal("nothing runs beside the server")
		}
	}
	h.post()
	if h.e.purge != (purgeState{running: true}) {
		t.Errorf("after the first: %+v", h.e.purge)
	}
	h.post()
	if h.e.purge != (purgeState{}) || len(h.posted) > 0 {
		t.Errorf("after the second: %+v", h.e.purge)
	}
	h = newHarness(t, setup{change: func(o *Options) { o.Rebuild, o.Post = nil, nil }})
	if got := h.connect().do("MEMORY PURGE"); got != "+OK\r\n" || h.e.purge.running {
		t.Errorf("without a loop: %q, %+v", got, h.e.purge)
	}
}

// TestDiagnosis: MEMORY DOCTOR names what is wrong, and nothing else.
func TestDiagnosis(t *testing.T) {
	const mega = 1 << 20
	sound := memoryFigures{used: 100 * mega, peak: 100 * mega, allocated: 110 * mega, active: 115 * mega, resident: 120 * mega, rss: 125 * mega}
	for _, c := range []struct {
		want   string // each line's first word
		change func(m *memoryFigures)
	}{
		{"No problem was found.", func(*memoryFigures) {}},
		{"less than 5 MiB", func(m *memoryFigures) { m.used = mega }},
		{"Peak:", func(m *memoryFigures) { m.peak = 151 * mega }},
		{"Fragmentation:", func(m *memoryFigures) { m.active = 130 * mega; m.resident = 130 * mega }},
		{"Free memory:", func(m *memoryFigures) { m.resident = 150 * mega; m.rss = 150 * mega }},
		{"The process", func(m *memoryFigures) { m.rss = 200 * mega }},
		{"Transactions:", func(m *memoryFigures) { m.clients = 11 * mega }},
	} {
		m := sound
		c.change(&m)
		got := m.diagnosis()
		if !strings.Contains(got, c.want) || strings.Count(got, " * ") > 1 {
			t.Errorf("%s is not all that is said:\n%s", c.want, got)
		}
	}
}
