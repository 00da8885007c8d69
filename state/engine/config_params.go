package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
)

// params is the table of settings. Texts of errors are Redis' where Redis has
// one, since CONFIG SET answers them.
func params() []Param {
	return slices.Concat(networkParams(), durabilityParams(), limitParams(), memoryParams(), fixedParams())
}

func networkParams() []Param {
	return []Param{
		text("bind", "127.0.0.1 -::1", "The addresses to listen on, separated by blanks; * for all. One with a leading minus may be missing.",
			func(s *settings) *string { return &s.bind }).short("host").kind("addresses"),
		integer("port", "6379", 0, 65535, "The TCP port to listen on; 0 takes any free one.", func(s *settings) *int64 { return &s.port }),
		text("unixsocket", "", "The path of a unix socket to listen on as well.", func(s *settings) *string { return &s.unixsocket }).kind("path"),
		text("requirepass", "", "The password that clients must give; empty for none.",
			func(s *settings) *string { return &s.requirepass }).kind("text").runtime().secret(),
		yesNo("protected-mode", "yes", "While there is no password, refuse clients of other machines.",
			func(s *settings) *bool { return &s.protectedMode }).runtime(),
		integer("maxclients", "10000", 1, math.MaxUint32, "How many connections there may be at once.",
			func(s *settings) *int64 { return &s.maxclients }).runtime(),
		integer("timeout", "0", 0, math.MaxInt32, "Seconds after which an idle connection is closed; 0 for never.",
			func(s *settings) *int64 { return &s.timeout }).runtime(),
		integer("tcp-keepalive", "300", 0, math.MaxInt32, "Seconds between probes of a silent connection; 0 for none.",
			func(s *settings) *int64 { return &s.tcpKeepalive }).runtime(),
	}
}

func durabilityParams() []Param {
	return []Param{
		text("dir", "altilium-data", "The data directory.", func(s *settings) *string { return &s.dir }).kind("path"),
		fsyncParam(),
		size("checkpoint-growth", "64mb", 0, math.MaxInt64, "A checkpoint is made when the log has grown by so much, or by so many entries that the past would be far to reach; 0 for only when asked.",
			func(s *settings) *int64 { return &s.growth }).runtime(),
		text("retention", "2GB", "How much history is kept: all, a size, or an age.",
			func(s *settings) *string { return &s.retention }).kind(`"all", a size such as "2GB" or an age such as "24h" or "7d"`).runtime(),
		size("segment-size", "16mb", 64<<10, 1<<30, "The log begins a new file when one has reached this size.",
			func(s *settings) *int64 { return &s.segmentSize }),
		integer("asof-views", "8", 1, 1000, "How many whole states of the past are kept for those who look at them, each as large as the data was.",
			func(s *settings) *int64 { return &s.asofViews }),
		yesNo("active-expire", "yes", "Remove keys when their time has come; otherwise when a command names them.",
			func(s *settings) *bool { return &s.activeExpire }).runtime(),
	}
}

func limitParams() []Param {
	return []Param{
		size("client-query-buffer-limit", "1gb", 1<<20, math.MaxInt64, "How much a client may send ahead of what is executed, and queue in MULTI.",
			func(s *settings) *int64 { return &s.queryBufferLimit }).runtime(),
		outputLimitParam(),
		choice("loglevel", "notice", []string{"debug", "verbose", "notice", "warning"}, "The least level that is logged.",
			func(s *settings) *string { return &s.loglevel }).runtime(),
		choice("enable-debug-command", "local", []string{"no", "yes", "local"}, "Who may use DEBUG and CLOCK: nobody, everybody, or clients of this machine.",
			func(s *settings) *string { return &s.enableDebug }),
		integer("slowlog-log-slower-than", "10000", -1, math.MaxInt64, "How many microseconds a command must take to be kept for SLOWLOG; -1 keeps none.",
			func(s *settings) *int64 { return &s.slowFrom }).runtime(),
		integer("slowlog-max-len", "128", 0, math.MaxInt64, "How many commands are kept for SLOWLOG.",
			func(s *settings) *int64 { return &s.slowMost }).runtime(),
		integer("latency-monitor-threshold", "0", 0, math.MaxInt64, "How many milliseconds a command must take to be a sample of LATENCY; 0 takes none.",
			func(s *settings) *int64 { return &s.latencyFrom }).runtime(),
		yesNo("latency-tracking", "yes", "Count how the times of each command are distributed, for LATENCY HISTOGRAM.",
			func(s *settings) *bool { return &s.latencyTracking }).runtime(),
		integer("tracking-table-max-keys", "1000000", 0, math.MaxInt64, "How many keys are kept in mind for CLIENT TRACKING; clients are told of the oldest as if they had changed. 0 for any number.",
			func(s *settings) *int64 { return &s.trackedKeys }).runtime(),
		clockParam(),
		notifyParam(),
		hzParam(),
		saveParam(),
	}
}

func memoryParams() []Param {
	policies := []string{
		"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction",
	}
	return []Param{
		size("maxmemory", "0", 0, math.MaxInt64, "How much the keys may take with what they hold, in bytes (INFO's used_memory); 0 for no limit.",
			func(s *settings) *int64 { return &s.maxmemory }).runtime(),
		choice("maxmemory-policy", "noeviction", policies, "Which keys are evicted when they take more: those with an expiry, or any; noeviction refuses writes instead.",
			func(s *settings) *string { return &s.policy }).runtime(),
		integer("maxmemory-samples", "5", 1, math.MaxInt32, "How many keys of each database an eviction looks at: the more, the better it chooses.",
			func(s *settings) *int64 { return &s.samples }).runtime(),
		integer("lfu-log-factor", "10", 0, math.MaxInt32, "How slowly the counter of accesses goes up, under an LFU policy.",
			func(s *settings) *int64 { return &s.lfuLogFactor }).runtime(),
		integer("lfu-decay-time", "1", 0, math.MaxInt32, "Minutes in which that counter goes down by one; 0 for never.",
			func(s *settings) *int64 { return &s.lfuDecayTime }).runtime(),
	}
}

func fixedParams() []Param {
	return append([]Param{
		fixed("databases", strconv.Itoa(state.Databases), "The number of databases.", "the number of databases is part of the data's format").startOnly(),
		fixed("appendonly", "yes", "Every write is logged.", "the log is the database: it cannot be turned off"),
		fixed("proto-max-bulk-len", strconv.Itoa(512<<20), "The largest argument, in bytes.",
			"a value that was once accepted must be accepted when it is replayed"),
	}, encodingParams()...)
}

// encodingParams are the limits between small values and large ones.
func encodingParams() []Param {
	limit := func(name string, n int, doc string) Param { return fixed(name, strconv.Itoa(n), doc, encodingReason) }
	return []Param{
		limit("hash-max-listpack-entries", state.MaxListpackEntries, "Hashes with more fields are hash tables.").alias("hash-max-ziplist-entries"),
		limit("hash-max-listpack-value", state.MaxListpackValue, "Hashes with a longer field or value, in bytes, are hash tables.").alias("hash-max-ziplist-value"),
		limit("set-max-intset-entries", state.MaxIntsetEntries, "Sets of more integers are no intsets."),
		limit("set-max-listpack-entries", state.MaxSetListpackEntries, "Sets with more members are hash tables."),
		limit("set-max-listpack-value", state.MaxListpackValue, "Sets with a longer member, in bytes, are hash tables."),
		limit("zset-max-listpack-entries", state.MaxSetListpackEntries, "Sorted sets with more members are skip lists.").alias("zset-max-ziplist-entries"),
		limit("zset-max-listpack-value", state.MaxListpackValue, "Sorted sets with a longer member, in bytes, are skip lists.").alias("zset-max-ziplist-value"),
		limit("list-max-listpack-size", redisListpackSize, "Lists that take more than 8 kB, which is what -2 stands for, are quicklists.").alias("list-max-ziplist-size"),
		limit("list-compress-depth", 0, "Lists are never compressed."),
		limit("stream-node-max-bytes", state.MaxChunkBytes, "How many bytes of entries lie together, which is what XTRIM ~ takes away at once."),
		limit("stream-node-max-entries", state.MaxChunkEntries, "How many entries lie together."),
		limit("hll-sparse-max-bytes", command.MaxSparseHLL, "HyperLogLogs that would take more bytes are dense."),
	}
}

// redisListpackSize is how Redis' settings say state.MaxListpackBytes.
const redisListpackSize = -2

const encodingReason = "encodings follow from the events of the log alone, so that every replay gives the same"

func (p Param) short(name string) Param { p.Short = name; return p }
func (p Param) alias(name string) Param { p.Alias = name; return p }
func (p Param) kind(kind string) Param  { p.Kind = kind; return p }
func (p Param) runtime() Param          { p.Runtime = true; return p }
func (p Param) startOnly() Param        { p.Runtime = false; return p }
func (p Param) secret() Param           { p.Secret = true; return p }

func text(name, def, doc string, at func(*settings) *string) Param {
	return Param{
		Name: name, Default: def, Doc: doc, Kind: "text",
		get: func(s *settings) string { return *at(s) },
		set: func(s *settings, v string) error { *at(s) = v; return nil },
	}
}

func yesNo(name, def, doc string, at func(*settings) *bool) Param {
	return Param{
		Name: name, Default: def, Doc: doc, Kind: "yes|no",
		get: func(s *settings) string {
			if *at(s) {
				return "yes"
			}
			return "no"
		},
		set: func(s *settings, v string) error {
			yes := strings.EqualFold(v, "yes")
			if !yes && !strings.EqualFold(v, "no") {
				return errors.New("argument must be 'yes' or 'no'")
			}
			*at(s) = yes
			return nil
		},
	}
}

func choice(name, def string, of []string, doc string, at func(*settings) *string) Param {
	p := text(name, def, doc, at)
	p.Kind = strings.Join(of, "|")
	p.set = func(s *settings, v string) error {
		v = strings.ToLower(v)
		if !slices.Contains(of, v) {
			return notOneOf(of)
		}
		*at(s) = v
		return nil
	}
	return p
}

func notOneOf(of []string) error {
	return errors.New("argument(s) must be one of the following: " + strings.Join(of, ", "))
}

func integer(name, def string, low, high int64, doc string, at func(*settings) *int64) Param {
	return Param{
		Name: name, Default: def, Doc: doc, Kind: fmt.Sprintf("integer %d..%d", low, high),
		get: func(s *settings) string { return strconv.FormatInt(*at(s), 10) },
		set: func(s *settings, v string) error {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return errors.New("argument couldn't be parsed into an integer")
			}
			return within(at(s), n, low, high)
		},
	}
}

// size is a number of bytes, with Redis' units: 1k is 1000, 1kb is 1024. CONFIG
// GET shows it in bytes.
func size(name, def string, low, high int64, doc string, at func(*settings) *int64) Param {
	p := integer(name, def, low, high, doc, at)
	p.Kind = "size, such as 64mb"
	p.set = func(s *settings, v string) error {
		n, ok := parseSize(v)
		if !ok {
			return errors.New("argument must be a memory value")
		}
		return within(at(s), n, low, high)
	}
	return p
}

func within(at *int64, n, low, high int64) error {
	if n < low || n > high {
		return fmt.Errorf("argument must be between %d and %d inclusive", low, high)
	}
	*at = n
	return nil
}

// parseSize reads a size as Redis' memtoull does.
func parseSize(text string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(text), "bkmg")
	var unit int64
	switch strings.ToLower(text)[len(digits):] {
	case "", "b":
		unit = 1
	case "k":
		unit = 1000
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1000 * 1000
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1000 * 1000 * 1000
	case "gb":
		unit = 1 << 30
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

// fixed is a setting with one value. It is not kept in settings.
func fixed(name, value, doc, why string) Param {
	return Param{
		Name: name, Default: value, Doc: doc, Kind: value, Fixed: true, Runtime: true,
		get: func(*settings) string { return value },
		set: func(_ *settings, v string) error {
			n, isSize := parseSize(v)
			_, wantsSize := parseSize(value)
			switch {
			case strings.EqualFold(v, value), isSize && strconv.FormatInt(n, 10) == value:
				return nil
			case wantsSize && !isSize:
				return errors.New("argument must be a memory value")
			}
			return errors.New(why)
		},
	}
}

func fsyncParam() Param {
	names := []string{"everysec", "always", "no"}
	return Param{
		Name: "appendfsync", Short: "fsync", Default: "everysec", Kind: strings.Join(names, "|"), Runtime: true,
		Doc: "When an acknowledged write is on the disk: always (before the reply), everysec (within 1.5 s), no (when the system likes). " +
			"It is in the log file before the reply in any case, so the end of the process loses nothing.",
		get: func(s *settings) string { return s.appendfsync.String() },
		set: func(s *settings, v string) error {
			p, err := log.ParsePolicy(strings.ToLower(v))
			if err != nil {
				return notOneOf(names)
			}
			s.appendfsync = p
			return nil
		},
	}
}

// clockParam is what the clock is when the server starts.
func clockParam() Param {
	return Param{
		Name: "clock", Default: "real", Kind: "real, frozen, or x and a speed",
		Doc: "The clock that the server starts with, for tests: frozen stands still at the time of the last entry until CLOCK moves it, x10 goes ten times as fast.",
		get: func(s *settings) string { return s.clock.String() },
		set: func(s *settings, v string) (err error) {
			set, err := parseClock(v)
			if err == nil {
				s.clock = set
			}
			return err
		},
	}
}

func hzParam() Param {
	p := integer("hz", "10", math.MinInt32, math.MaxInt32, "Taken for clients that set it, and without effect: expiry happens when it is due.",
		func(s *settings) *int64 { return &s.hz }).runtime()
	set := p.set
	p.set = func(s *settings, v string) error {
		if err := set(s, v); err != nil {
			return err
		}
		s.hz = min(500, max(1, s.hz)) // as Redis corrects it
		return nil
	}
	p.Kind = "integer 1..500"
	return p
}

// saveParam keeps Redis' snapshot rules, for clients that set them: "900 1 300
// 10". They have no effect, since nothing depends on snapshots here.
func saveParam() Param {
	p := text("save", "", "Taken for clients that set it, and without effect: every write is logged, and checkpoint-growth says when checkpoints are made.",
		func(s *settings) *string { return &s.save }).kind("pairs of seconds and changes, or nothing").runtime()
	p.set = func(s *settings, v string) error {
		fields := strings.Fields(v)
		if len(fields)%2 != 0 {
			return errors.New("Invalid save parameters")
		}
		for i, f := range fields {
			if n, err := strconv.ParseInt(f, 10, 64); err != nil || n < 0 || n == 0 && i%2 == 0 {
				return errors.New("Invalid save parameters")
			}
		}
		s.save = strings.Join(fields, " ")
		return nil
	}
	return p
}

// outputLimitParam keeps Redis' limits of unread replies. They have no effect: a
// client that does not read stops itself, and no other.
func outputLimitParam() Param {
	const def = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
	p := text("client-output-buffer-limit", def,
		"How much a subscriber (pubsub), or a connection that monitors, may leave unread before it is closed. The other classes are taken for clients that set them, and without effect: a client that does not read its replies is not read from, and a turn's replies are bounded.",
		func(s *settings) *string { return &s.outputBufferLimit }).kind("groups of class, hard limit, soft limit, seconds").runtime()
	p.set = func(s *settings, v string) error {
		merged, err := outputLimits(s.outputBufferLimit, v)
		if err == nil {
			s.outputBufferLimit = merged
			_, pubsub, _ := strings.Cut(merged, "pubsub ")
			_, err = fmt.Sscan(pubsub, &s.pubsubLimits.hard, &s.pubsubLimits.soft, &s.pubsubLimits.seconds)
		}
		return err
	}
	return p
}

// outputLimits puts groups of "class hard soft seconds" into those that there
// are, and gives all of them in their fixed order.
func outputLimits(old, change string) (string, error) {
	classes := []string{"normal", "slave", "pubsub"}
	groups := map[string]string{}
	for i, fields := range [][]string{strings.Fields(old), strings.Fields(change)} {
		if len(fields)%4 != 0 || i == 1 && len(fields) == 0 {
			return "", errors.New("Wrong number of arguments in buffer limit configuration.")
		}
		for g := range slices.Chunk(fields, 4) {
			class := strings.ToLower(g[0])
			if class == "replica" {
				class = "slave"
			}
			if !slices.Contains(classes, class) {
				return "", errors.New("Invalid client class specified in buffer limit configuration.")
			}
			hard, ok1 := parseSize(g[1])
			soft, ok2 := parseSize(g[2])
			seconds, err := strconv.ParseInt(g[3], 10, 32)
			if !ok1 || !ok2 || err != nil || seconds < 0 {
				return "", errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
			}
			groups[class] = fmt.Sprintf("%s %d %d %d", class, hard, soft, seconds)
		}
	}
	var all []string
	for _, class := range classes {
		all = append(all, groups[class])
	}
	return strings.TrimSpace(strings.Join(all, " ")), nil
}
