package engine

import (
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/altilium-db/altilium/log"
)

// Config holds a server's settings. It is filled before the engine is made,
// with [Config.Set], and changed by CONFIG SET afterwards. Reading is safe from
// any goroutine: the values are one immutable snapshot, which a change replaces
// as a whole, so that several settings change together or not at all.
//
// What there is to set is told by [Config.Params], from one table: names,
// defaults, checks, documentation. Flags, environment, TOML and CONFIG are all
// made from it.
type Config struct {
	now    atomic.Pointer[settings]
	params []Param

	mu     sync.Mutex // one change at a time
	checks map[string]func(text string) error
	told   []func(name string)
}

// settings is one snapshot.
type settings struct {
	bind, dir, unixsocket string
	port                  int64
	requirepass           string
	protectedMode         bool
	maxclients            int64
	asofViews             int64
	timeout, tcpKeepalive int64 // seconds
	appendfsync           log.Policy
	save                  string
	queryBufferLimit      int64 // bytes
	outputBufferLimit     string
	pubsubLimits          limits // what of it is for subscribers
	hz                    int64
	loglevel              string
	retention             string
	growth, segmentSize   int64 // bytes
	activeExpire          bool
	enableDebug           string
	maxmemory             int64 // bytes; 0: no limit
	policy                string
	samples               int64
	lfuLogFactor          int64
	lfuDecayTime          int64 // minutes
	slowFrom, slowMost    int64 // µs; entries
	latencyFrom           int64 // ms; 0: none
	latencyTracking       bool
	trackedKeys           int64 // 0: any number
	notify                notifyClass
	clock                 clockSetting
}

// Param is one setting.
type Param struct {
	Name    string // as Redis calls it where Redis has it; flag, TOML key and ALTILIUM_NAME are the same
	Short   string // another name that flags and TOML take ("host" for bind), or ""
	Alias   string // an older name that CONFIG takes too, or ""
	Kind    string // what its text must be, for people: "integer 0..65535", "size", "yes|no", …
	Default string
	Doc     string // one sentence or two, for `altilium config` and the README
	Runtime bool   // CONFIG SET may change it
	Secret  bool   // shown to nobody but by CONFIG GET
	Fixed   bool   // there for clients that ask: it has one value, and setting another is an error that says why

	get   func(*settings) string
	redis func(*settings) string // what CONFIG GET answers where that is not get's; nil: it is
	set   func(*settings, string) error
}

// NewConfig gives the defaults.
func NewConfig() *Config {
	c := &Config{params: params(), checks: make(map[string]func(string) error)}
	s := &settings{}
	for i := range c.params {
		p := &c.params[i]
		if err := p.set(s, p.Default); err != nil {
			panic("engine: the default of " + p.Name + ": " + err.Error()) // a mistake in the table
		}
	}
	c.now.Store(s)
	return c
}

// Params yields every setting in the order of the documentation.
func (c *Config) Params() iter.Seq[Param] {
	return func(yield func(Param) bool) {
		for _, p := range c.params {
			if !yield(p) {
				return
			}
		}
	}
}

// Lookup finds a setting by any of its names, in whatever case.
func (c *Config) Lookup(name string) (Param, bool) {
	if p := c.param(name); p != nil {
		return *p, true
	}
	return Param{}, false
}

func (c *Config) param(name string) *Param {
	for i := range c.params {
		p := &c.params[i]
		for _, n := range [...]string{p.Name, p.Short, p.Alias} {
			if n != "" && strings.EqualFold(n, name) {
				return p
			}
		}
	}
	return nil
}

// Get returns the text of a setting: what Set would take to make it so.
func (c *Config) Get(name string) (string, bool) {
	if p := c.param(name); p != nil {
		return p.get(c.now.Load()), true
	}
	return "", false
}

// Set changes a setting before the server starts. The error names the setting
// and what it takes; for an unknown name also the nearest known one.
func (c *Config) Set(name, text string) error {
	p := c.param(name)
	if p == nil {
		return c.unknown(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.now.Load()
	if err := c.setOn(&next, p, text); err != nil {
		return fmt.Errorf("%s = %q: %w (it takes: %s)", name, shown(p, text), err, p.Kind)
	}
	c.now.Store(&next)
	return nil
}

// setOn changes one setting of a snapshot in the making.
func (c *Config) setOn(s *settings, p *Param, text string) error {
	if check := c.checks[p.Name]; check != nil {
		if err := check(text); err != nil {
			return err
		}
	}
	return p.set(s, text)
}

// Check adds a check of a setting whose meaning the engine does not know (it
// only keeps the text of retention and bind). It must be called before Set.
func (c *Config) Check(name string, check func(text string) error) { c.checks[name] = check }

// OnChange has f called with the name of each setting that CONFIG SET has
// changed, on the engine's loop. It must be called before the server starts.
func (c *Config) OnChange(f func(name string)) { c.told = append(c.told, f) }

// shown is text as an error may repeat it.
func shown(p *Param, text string) string {
	if p.Secret {
		return "…"
	}
	return text
}

// unknown is the error for a name that nothing has.
func (c *Config) unknown(name string) error {
	best, far := "", len(name)/2+1
	for i := range c.params {
		for _, n := range [...]string{c.params[i].Name, c.params[i].Short} {
			if d := distance(strings.ToLower(name), n); n != "" && d < far {
				best, far = n, d
			}
		}
	}
	if best == "" {
		return fmt.Errorf("unknown setting %q", name)
	}
	return fmt.Errorf("unknown setting %q; did you mean %q?", name, best)
}

// distance is how many letters must be changed, put in or taken out to make a
// into b (Levenshtein 1965).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// The accessors. Each reads one value of the present snapshot.

// Bind is the addresses to listen on, separated by blanks: "127.0.0.1 -::1". One
// with a leading minus may be missing on this machine.
func (c *Config) Bind() string { return c.now.Load().bind }

// Port is the TCP port; 0 for none.
func (c *Config) Port() int { return int(c.now.Load().port) }

// UnixSocket is the path of a socket to listen on too, or "".
func (c *Config) UnixSocket() string { return c.now.Load().unixsocket }

// Dir is the data directory.
func (c *Config) Dir() string { return c.now.Load().dir }

// Timeout is after how many seconds without a command a connection is closed;
// 0: never.
func (c *Config) Timeout() int { return int(c.now.Load().timeout) }

// TCPKeepAlive is the seconds between probes of a silent connection; 0: none.
func (c *Config) TCPKeepAlive() int { return int(c.now.Load().tcpKeepalive) }

// Fsync is when an acknowledged write is on the disk.
func (c *Config) Fsync() log.Policy { return c.now.Load().appendfsync }

// AsofViews is how many whole states of the past are kept at once.
func (c *Config) AsofViews() int { return int(c.now.Load().asofViews) }

// SegmentSize is when the log begins a new segment, in bytes.
func (c *Config) SegmentSize() int64 { return c.now.Load().segmentSize }

// Retention is how much history is kept: "all", a size or an age.
func (c *Config) Retention() string { return c.now.Load().retention }

// LogLevel is the least level that is logged: debug, verbose, notice, warning.
func (c *Config) LogLevel() string { return c.now.Load().loglevel }

// QueryBufferLimit is how many bytes one connection's unexecuted commands may
// have.
func (c *Config) QueryBufferLimit() int64 { return c.now.Load().queryBufferLimit }

// MaxClients is how many connections there may be at once.
func (c *Config) MaxClients() int { return c.maxClients() }

func (c *Config) password() string           { return c.now.Load().requirepass }
func (c *Config) checkpointGrowth() int64    { return c.now.Load().growth }
func (c *Config) queryBufferLimit() int64    { return c.now.Load().queryBufferLimit }
func (c *Config) maxClients() int            { return int(c.now.Load().maxclients) }
func (c *Config) protectedMode() bool        { return c.now.Load().protectedMode }
func (c *Config) pubsubLimits() limits       { return c.now.Load().pubsubLimits }
func (c *Config) notifyClasses() notifyClass { return c.now.Load().notify }
func (c *Config) activeExpire() bool         { return c.now.Load().activeExpire }
func (c *Config) debugAllowed() debugRight   { return debugRight(c.now.Load().enableDebug) }
