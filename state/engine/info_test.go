package engine

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
)

// info returns the fields of INFO by name, and its section titles in order.
func (c *client) info(sections string) (fields map[string]string, titles []string) {
	c.h.t.Helper()
	text := c.do(strings.TrimSpace("INFO " + sections))
	if text == "$0\r\n\r\n" {
		return nil, nil
	}
	header, body, _ := strings.Cut(text, "\r\n")
	if !strings.HasPrefix(header, "$") {
		c.h.t.Fatalf("INFO %s answered %q", sections, text)
	}
	fields = map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		name, value, isField := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "# "):
			titles = append(titles, line[2:])
		case line == "":
		case !isField || name == "" || strings.ContainsAny(value, "\r\n"):
			c.h.t.Errorf("INFO has the line %q", line)
		default:
			if _, twice := fields[name]; twice {
				c.h.t.Errorf("INFO has %s twice", name)
			}
			fields[name] = value
		}
	}
	return fields, titles
}

func TestInfoSections(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	const usual = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Altilium Keyspace"
	const all = "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Cluster Altilium Keyspace"
	for _, test := range []struct{ asked, want string }{
		{"", usual}, {"default", usual}, {"DEFAULT", usual}, {"all", all}, {"everything", all},
		{"server", "Server"}, {"keyspace SERVER", "Server Keyspace"}, {"server server", "Server"},
		{"commandstats default", all}, {"nosuch", ""}, {"nosuch cluster", "Cluster"},
	} {
		_, titles := c.info(test.asked)
		if got := strings.Join(titles, " "); got != test.want {
			t.Errorf("INFO %s has %s, not %s", test.asked, got, test.want)
		}
	}
	c.do("HELLO 3")
	if got := c.do("INFO cluster"); got != "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n" {
		t.Errorf("RESP3: %q", got)
	}
}

// TestInfoFields: what clients and monitoring read is there and true.
func TestInfoFields(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.do("SET k v", "SET t v PX 100000", "GET k", "GET none", "SELECT 3", "SET x 1", "SELECT 0", "INCR k", "NOSUCH", "GET", "CONFIG SET maxclients 77")
	h.advance(90_000_000_000)
	h.connect()
	f, _ := c.info("everything")
	for name, want := range map[string]string{
		"redis_version": "7.2.4", "redis_mode": "standalone", "tcp_port": "6379", "uptime_in_seconds": "90",
		"connected_clients": "2", "maxclients": "77", "blocked_clients": "0", "loading": "0", "role": "master",
		"aof_enabled": "1", "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok", "rdb_changes_since_last_save": "3",
		"total_connections_received": "2", "keyspace_hits": "1", "keyspace_misses": "1", "total_error_replies": "3",
		"errorstat_ERR": "count=3", "cluster_enabled": "0", "maxmemory_policy": "noeviction",
		"db0": "keys=2,expires=1,avg_ttl=0", "db3": "keys=1,expires=0,avg_ttl=0",
		"mode": "ready", "log_first_offset": "1", "log_last_offset": "3", "log_first_reachable_offset": "0", "log_last_reachable_offset": "3",
		"log_fsync": "everysec", "log_segments": "1", "recording": "0", "checkpoints": "0", "failures": "0",
		"log_id": h.log.ID().String(), "log_dir": h.dir, "state_digest": hex16(h.e.state.Digest()),
	} {
		if f[name] != want {
			t.Errorf("%s is %q, not %q", name, f[name], want)
		}
	}
	for name, pattern := range map[string]string{
		"altilium_version": `.+`, "run_id": `[0-9a-f]{40}`, "process_id": `\d+`, "used_memory": `[1-9]\d+`, "used_memory_human": `[\d.]+[KMG]`,
		"used_memory_rss": `[1-9]\d+`, "used_cpu_user": `\d+\.\d{6}`, "mem_fragmentation_ratio": `\d+\.\d\d`, "log_written_bytes": `[1-9]\d+`,
		"cmdstat_set":  `calls=3,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0`,
		"cmdstat_get":  `calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0`,
		"cmdstat_incr": `calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=1`,
	} {
		if !regexp.MustCompile("^" + pattern + "$").MatchString(f[name]) {
			t.Errorf("%s is %q, not like %s", name, f[name], pattern)
		}
	}
	if again, _ := c.info("server"); again["run_id"] != f["run_id"] {
		t.Error("the run id changes")
	}
	c.do("CONFIG RESETSTAT")
	f, _ = c.info("stats commandstats errorstats")
	if f["keyspace_hits"] != "0" || f["cmdstat_set"] != "" || f["errorstat_ERR"] != "" {
		t.Errorf("after CONFIG RESETSTAT: %v", f)
	}
}

func TestInfoWhileLoading(t *testing.T) {
	clock := int64(startMS * 1000)
	e := New(Options{Clock: func() int64 { return clock }})
	h := &harness{t: t, e: e}
	c := &client{h: h, addr: "127.0.0.1:1"}
	c.s, _ = e.Open(c)
	if f, _ := c.info("persistence"); f["loading"] != "1" || f["loading_loaded_perc"] != "0.00" || f["loading_eta_seconds"] != "1" {
		t.Errorf("at the beginning: %v", f)
	}
	e.LoadProgress(250, 1000)
	clock += 10_000_000
	f, _ := c.info("everything")
	for name, want := range map[string]string{
		"loading": "1", "loading_start_time": "1767225600", "loading_total_bytes": "1000", "loading_loaded_bytes": "250",
		"loading_loaded_perc": "25.00", "loading_eta_seconds": "30", "mode": "loading",
	} {
		if f[name] != want {
			t.Errorf("%s is %q, not %q", name, f[name], want)
		}
	}
	if got := flat(c.do("LOG INFO")); got != "*2 $4 mode $7 loading" {
		t.Errorf("LOG INFO: %s", got)
	}
	if got := flat(c.do("LOG OFFSET")); !strings.HasPrefix(got, "-LOADING") {
		t.Errorf("LOG OFFSET: %s", got)
	}
}

func TestInfoOfAFailure(t *testing.T) {
	broken := false
	h := newHarness(t, setup{faults: &log.Faults{Write: func([]byte) (int, error) {
		if broken {
			return 0, errors.New("no space\r\nleft")
		}
		return 0, nil
	}}})
	c := h.connect()
	broken = true
	c.do("SET k v")
	f, _ := c.info("everything")
	if f["aof_last_write_status"] != "err" || f["failures"] != "1" || !strings.Contains(f["failure"], "no space  left") || f["mode"] == "ready" {
		t.Errorf("write status %q, %q failures, %q, mode %q", f["aof_last_write_status"], f["failures"], f["failure"], f["mode"])
	}
}

// TestFirstReachable is the earliest offset that time travel still has.
func TestFirstReachable(t *testing.T) {
	at := func(offsets ...uint64) (all []log.Checkpoint) {
		for _, o := range offsets {
			all = append(all, log.Checkpoint{Offset: o})
		}
		return all
	}
	for _, test := range []struct {
		m    log.Manifest
		want uint64
	}{
		{log.Manifest{First: 1}, 0},
		{log.Manifest{First: 1, Checkpoints: at(7)}, 0},
		{log.Manifest{First: 101, Checkpoints: at(100)}, 100},
		{log.Manifest{First: 101, Checkpoints: at(50, 150, 200)}, 150},
		{log.Manifest{First: 101, Checkpoints: at(50, 100, 200)}, 100},
	} {
		if got := firstReachable(&test.m); got != test.want {
			t.Errorf("first %d, checkpoints %v: %d, not %d", test.m.First, test.m.Checkpoints, got, test.want)
		}
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.00K", 1360728: "1.30M", 25276514304: "23.54G", 1 << 62: "4096.00P"} {
		if got := human(n); got != want {
			t.Errorf("%d is %s, not %s", n, got, want)
		}
	}
}

func TestInfoSafe(t *testing.T) {
	if got := infoSafe("A:B\r\n=C"); got != "A_B___C" {
		t.Errorf("%q", got)
	}
}
