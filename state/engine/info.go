package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// infoSection is one section of INFO.
type infoSection struct {
	name    string // as it is asked for, in lower case; its title is in capitals first
	always  bool   // part of the default answer
	write   func(e *Engine, t *infoText)
	asTitle string // where it is another word
}

func infoSections() []infoSection {
	return []infoSection{
		{name: "server", always: true, write: infoServer},
		{name: "clients", always: true, write: infoClients},
		{name: "memory", always: true, write: infoMemory},
		{name: "persistence", always: true, write: infoPersistence},
		{name: "stats", always: true, write: infoStats},
		{name: "replication", always: true, write: infoReplication},
		{name: "cpu", always: true, write: infoCPU, asTitle: "CPU"},
		{name: "modules", always: true, write: func(*Engine, *infoText) {}},
		{name: "commandstats", write: infoCommandstats},
		{name: "errorstats", always: true, write: infoErrorstats},
		{name: "cluster", always: true, write: func(_ *Engine, t *infoText) { t.put("cluster_enabled", 0) }},
		{name: "altilium", always: true, write: infoAltilium},
		{name: "keyspace", always: true, write: infoKeyspace},
	}
}

// infoText collects INFO's lines.
type infoText struct{ b strings.Builder }

func (t *infoText) put(name string, value any) { fmt.Fprintf(&t.b, "%s:%v\r\n", name, value) }

// ifso gives 1 or 0.
func ifso(b bool) int {
	if b {
		return 1
	}
	return 0
}

// infoCommand is INFO [section …]. A section that is not known is left out.
func infoCommand(e *Engine, _ *Session, c *command.Call) {
	wanted := map[string]bool{}
	for _, arg := range c.Args[1:] {
		wanted[strings.ToLower(string(arg))] = true
	}
	if len(wanted) == 0 {
		wanted["default"] = true
	}
	var t infoText
	for _, s := range infoSections() {
		if asked := wanted[s.name] || wanted["all"] || wanted["everything"]; !asked && (!s.always || !wanted["default"]) {
			continue
		}
		if t.b.Len() > 0 {
			t.b.WriteString("\r\n")
		}
		title := cmp.Or(s.asTitle, strings.ToUpper(s.name[:1])+s.name[1:])
		t.b.WriteString("# " + title + "\r\n")
		s.write(e, &t)
	}
	c.Out.Verbatim("txt", t.b.String())
}

func infoServer(e *Engine, t *infoText) {
	up := max(0, e.clock.wall-e.started) / 1e6
	t.put("redis_version", redisVersion)
	t.put("redis_git_sha1", "00000000")
	t.put("redis_git_dirty", 0)
	t.put("redis_build_id", "0")
	t.put("redis_mode", "standalone")
	t.put("altilium_version", cmp.Or(e.o.Version, version()))
	t.put("os", runtime.GOOS+" "+runtime.GOARCH)
	t.put("arch_bits", 32<<(^uint(0)>>63))
	t.put("go_version", runtime.Version())
	t.put("process_id", os.Getpid())
	t.put("run_id", e.runID())
	t.put("tcp_port", e.cfg.Port())
	t.put("server_time_usec", e.now)
	t.put("altilium_clock", e.clock.set)
	t.put("uptime_in_seconds", up)
	t.put("uptime_in_days", up/86400)
	t.put("hz", e.cfg.now.Load().hz)
	t.put("configured_hz", e.cfg.now.Load().hz)
	t.put("io_threads_active", 0)
}

func infoClients(e *Engine, t *infoText) {
	keys := 0
	for _, byKey := range e.block.queues {
		keys += len(byKey)
	}
	t.put("connected_clients", len(e.sessions))
	t.put("cluster_connections", 0)
	t.put("maxclients", e.cfg.maxClients())
	t.put("blocked_clients", e.block.count+e.pause.aside.Len())
	t.put("tracking_clients", len(e.tracking.sessions))
	t.put("watching_clients", e.watching)
	t.put("clients_in_timeout_table", len(e.block.deadlines))
	t.put("total_blocking_keys", keys)
}

func infoPersistence(e *Engine, t *infoText) {
	cp := &e.checkpoint
	t.put("loading", ifso(e.mode == modeLoading))
	t.put("async_loading", 0)
	if e.mode == modeLoading {
		e.infoLoading(t)
	}
	t.put("rdb_changes_since_last_save", e.last-min(e.last, e.lastCheckpoint()))
	t.put("rdb_bgsave_in_progress", ifso(cp.running && !cp.rewrite))
	t.put("rdb_last_save_time", cp.lastSave/1e6)
	t.put("rdb_last_bgsave_status", okOr(cp.lastErr == nil))
	t.put("rdb_last_bgsave_time_sec", lastTook(cp))
	t.put("rdb_current_bgsave_time_sec", -1)
	t.put("rdb_saves", cp.made)
	t.put("aof_enabled", 1)
	t.put("aof_rewrite_in_progress", ifso(cp.running && cp.rewrite))
	t.put("aof_rewrite_scheduled", ifso(cp.next || cp.want && cp.wantAOF))
	t.put("aof_last_rewrite_time_sec", lastTook(cp))
	t.put("aof_current_rewrite_time_sec", -1)
	t.put("aof_last_bgrewrite_status", okOr(cp.lastErr == nil))
	t.put("aof_last_write_status", okOr(e.failure.cause == nil))
	if e.log != nil {
		t.put("aof_current_size", e.log.Written())
		t.put("aof_pending_bio_fsync", ifso(e.log.Durable() < e.log.Last()))
	}
}

// lastCheckpoint is the offset of the newest checkpoint there is, this run's or
// one before it; 0 for none.
func (e *Engine) lastCheckpoint() uint64 {
	offset := e.checkpoint.result.Offset
	if e.log != nil {
		if newest, ok := e.log.Manifest().Newest(math.MaxUint64); ok {
			offset = max(offset, newest.Offset)
		}
	}
	return offset
}

func okOr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

// lastTook is how many seconds the last checkpoint took, -1 before the first.
func lastTook(cp *checkpointState) int64 {
	if cp.made == 0 {
		return -1
	}
	return cp.result.Micros / 1e6
}

func infoStats(e *Engine, t *infoText) {
	n := &e.counters
	t.put("total_connections_received", n.connections)
	t.put("total_commands_processed", n.commands)
	t.put("rejected_connections", n.rejectedConns)
	t.put("expired_keys", n.expired)
	t.put("evicted_keys", n.evicted)
	t.put("evicted_clients", 0)
	t.put("keyspace_hits", n.hits)
	t.put("keyspace_misses", n.misses)
	t.put("pubsub_channels", len(e.pubsub.topics[channels].byName))
	t.put("pubsub_patterns", len(e.pubsub.topics[patterns].byName))
	t.put("pubsubshard_channels", len(e.pubsub.topics[shards].byName))
	t.put("latest_fork_usec", 0)
	t.put("total_forks", 0)
	t.put("tracking_total_keys", len(e.tracking.table))
	t.put("tracking_total_items", e.tracking.items)
	t.put("tracking_total_prefixes", len(e.tracking.broadcasts))
	t.put("total_error_replies", n.errorReplies)
	t.put("client_output_buffer_limit_disconnections", n.limitDisconnects)
}

// infoReplication says what clients that look for a primary want to hear.
func infoReplication(e *Engine, t *infoText) {
	t.put("role", "master")
	t.put("connected_slaves", 0)
	t.put("master_failover_state", "no-failover")
	t.put("master_replid", e.runID())
	t.put("master_repl_offset", e.last)
	t.put("second_repl_offset", -1)
	t.put("repl_backlog_active", 0)
}

func infoCommandstats(e *Engine, t *infoText) {
	for i := range e.rows {
		s := &e.rows[i].stats
		if s.Calls == 0 && s.Rejected == 0 && s.Failed == 0 {
			continue
		}
		each := 0.0
		if s.Calls > 0 {
			each = float64(s.Micros) / float64(s.Calls)
		}
		t.put("cmdstat_"+e.rows[i].spec.FullName(), fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			s.Calls, s.Micros, each, s.Rejected, s.Failed))
	}
}

func infoErrorstats(e *Engine, t *infoText) {
	for _, code := range slices.Sorted(maps.Keys(e.counters.errors)) {
		t.put("errorstat_"+infoSafe(code), fmt.Sprintf("count=%d", e.counters.errors[code]))
	}
}

// infoSafe replaces what would break INFO's lines.
func infoSafe(code string) string {
	return strings.NewReplacer(":", "_", "\r", "_", "\n", "_", "=", "_").Replace(code)
}

func infoKeyspace(e *Engine, t *infoText) {
	for db := range state.Databases {
		if keys := e.state.Keys(db); keys > 0 {
			t.put(fmt.Sprintf("db%d", db), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", keys, e.state.Expires(db)))
		}
	}
}

// seconds prints µs as Redis prints processor time.
func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
